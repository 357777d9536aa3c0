//! What the `SCAN` family shares: its cursor, `MATCH`, `COUNT` and `TYPE`, and where a page ends.
//!
//! A cursor is a place in the order of hashes, so any node of any region understands it, also after a restart.

use bytes::Bytes;

use crate::arguments::{Args, int, is};
use crate::{Error, Reply, View, glob};

/// The options of one call.
pub(super) struct ScanOptions<'a> {
    pattern: Option<&'a [u8]>,
    /// How many keys or elements to look at, at least 1.
    count: usize,
    /// `TYPE`: only keys whose type has this name.
    kind: Option<&'a [u8]>,
}

impl<'a> ScanOptions<'a> {
    /// Reads what follows the cursor of `SCAN`.
    pub(super) fn for_keys(words: Args<'a>) -> Result<ScanOptions<'a>, Error> {
        ScanOptions::parse(words, true)
    }

    /// Reads what follows the cursor of `HSCAN`, `SSCAN` or `ZSCAN`: no `TYPE`.
    pub(super) fn for_elements(words: Args<'a>) -> Result<ScanOptions<'a>, Error> {
        ScanOptions::parse(words, false)
    }

    fn parse(words: Args<'a>, of_keys: bool) -> Result<ScanOptions<'a>, Error> {
        let mut options = ScanOptions { pattern: None, count: COUNT_DEFAULT, kind: None };
        for pair in words.chunks(2) {
            let &[word, value] = pair else { return Err(Error::Syntax) };
            match word {
                _ if is(word, "match") => options.pattern = Some(value),
                _ if is(word, "count") => options.count = count(value)?,
                _ if is(word, "type") && of_keys => options.kind = Some(value),
                _ => return Err(Error::Syntax),
            }
        }
        Ok(options)
    }

    /// Whether a key, field or member passes `MATCH`.
    pub(super) fn accepts(&self, name: &[u8]) -> bool {
        self.pattern.is_none_or(|pattern| glob::matches(pattern, name))
    }

    /// Whether a key's type passes `TYPE`. A type that nobody has passes nothing.
    pub(super) fn accepts_kind(&self, name: &str) -> bool {
        self.kind.is_none_or(|kind| is(kind, name))
    }

    /// A page without an end, for a collection so small that a client expects it at once.
    pub(super) fn whole_page(&self, view: &View<'_>) -> Page {
        Page::of(usize::MAX, view)
    }

    /// An empty page of `COUNT`.
    pub(super) fn page(&self, view: &View<'_>) -> Page {
        Page::of(self.count, view)
    }
}

/// Reads a cursor. One beyond every hash finds nothing: `None`.
pub(super) fn cursor(text: &[u8]) -> Result<Option<u32>, Error> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let number = if digits { std::str::from_utf8(text).ok().and_then(|text| text.parse::<u64>().ok()) } else { None };
    let number = number.ok_or(Error::caller("invalid cursor"))?;
    Ok(u32::try_from(number).ok())
}

/// Decides where a page ends: once `COUNT` was looked at, or a page's bytes were found, but never between names that share a hash, because the next
/// page starts at a hash.
pub(super) struct Page {
    left: usize,
    left_bytes: usize,
    last: Option<u32>,
    more: bool,
}

impl Page {
    fn of(count: usize, view: &View<'_>) -> Page {
        let (elements, bytes) = view.page_room();
        Page { left: count.min(elements), left_bytes: bytes.min(PAGE_BYTES), last: None, more: false }
    }

    /// Whether what comes next in the order of hashes is still of this page; if not, visiting ends.
    pub(super) fn takes(&mut self, hash: u32) -> bool {
        if (self.left == 0 || self.left_bytes == 0) && self.last != Some(hash) {
            self.more = true;
            return false;
        }
        self.left = self.left.saturating_sub(1);
        self.last = Some(hash);
        true
    }

    /// Takes note of what was found.
    pub(super) fn found(&mut self, bytes: usize) {
        self.left_bytes = self.left_bytes.saturating_sub(bytes);
    }

    /// Where the next page starts; 0 when this was the last one.
    pub(super) fn next_cursor(&self) -> u32 {
        match self.last {
            // Something with a higher hash was refused, so this one is not the highest.
            Some(last) if self.more => last.saturating_add(1),
            _ => 0,
        }
    }

    /// The reply of every scan: the next cursor, then what was found.
    pub(super) fn reply(&self, found: Vec<Reply>) -> Reply {
        let cursor = Reply::Bulk(Bytes::from(self.next_cursor().to_string()));
        Reply::Array(vec![cursor, Reply::Array(found)])
    }
}

fn count(text: &[u8]) -> Result<usize, Error> {
    match int(text)? {
        count if count < 1 => Err(Error::Syntax),
        count => Ok(usize::try_from(count).unwrap_or(usize::MAX)),
    }
}

/// A page that has this much is full whatever `COUNT` says; the last name or value of it may go beyond.
const PAGE_BYTES: usize = 1024 * 1024;
/// As Redis.
const COUNT_DEFAULT: usize = 10;

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::{ScanOptions, cursor};
    use crate::testing::MapRows;
    use crate::{Error, View};

    fn nothing() -> View<'static> {
        static ROWS: LazyLock<MapRows> = LazyLock::new(MapRows::default);
        View::new(&*ROWS, 0, 0)
    }

    #[test]
    fn a_page_never_ends_between_equal_hashes() {
        let mut page = ScanOptions::for_keys(&[b"COUNT", b"2"]).expect("valid").page(&nothing());
        let taken: Vec<u32> = [3, 5, 5, 5, 9].into_iter().take_while(|&hash| page.takes(hash)).collect();
        assert_eq!(taken, [3, 5, 5, 5]);
        assert_eq!(page.next_cursor(), 6);
    }

    #[test]
    fn the_last_page_says_zero_even_at_the_highest_hash() {
        let mut page = ScanOptions::for_elements(&[b"count", b"1"]).expect("valid").page(&nothing());
        assert!(page.takes(u32::MAX) && page.takes(u32::MAX));
        assert_eq!(page.next_cursor(), 0);
    }

    #[test]
    fn options_and_cursors_are_checked() {
        assert_eq!(ScanOptions::for_elements(&[b"TYPE", b"hash"]).err(), Some(Error::Syntax));
        assert_eq!(ScanOptions::for_keys(&[b"COUNT", b"0"]).err(), Some(Error::Syntax));
        assert_eq!(ScanOptions::for_keys(&[b"COUNT", b"x"]).err(), Some(Error::NotInteger));
        assert_eq!(ScanOptions::for_keys(&[b"MATCH"]).err(), Some(Error::Syntax));
        assert_eq!(cursor(b"4294967295"), Ok(Some(u32::MAX)));
        assert_eq!(cursor(b"4294967296"), Ok(None));
        assert_eq!(cursor(b"-1"), Err(Error::caller("invalid cursor")));
        assert_eq!(cursor(b""), Err(Error::caller("invalid cursor")));
    }
}
