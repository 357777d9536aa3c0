//! The head row of a key: its string cell, when it ends, and how many elements it has of each kind.

use bytes::Bytes;
use lc_core::wire::{Malformed, Reader, put_varint};
use lc_core::{Dot, Hlc, ReplicaId, limits};

use crate::cell::{GENERAL, PLAIN, decode_plain, encode_dot};
use crate::row::{expiry_row, head_row};
use crate::{Cell, Kind, Rows, Stamp};

/// One choice of when the key ends, made by `EXPIRE` or `PERSIST`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ExpirySibling {
    /// The write.
    pub dot: Dot,
    /// When it was decided.
    pub hlc: Hlc,
    /// Unix ms; `None`: never.
    pub at_ms: Option<u64>,
}

/// What is known of a key as a whole. Empty means that the row is not there.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Head {
    /// The string or counter.
    pub string: Cell,
    /// Concurrent choices of expiry, sorted by dot.
    pub expiry: Vec<ExpirySibling>,
    /// Elements of each of [`Kind::COLLECTIONS`].
    pub lengths: [u64; 3],
}

impl Head {
    /// Whether the row holds nothing at all.
    pub fn is_empty(&self) -> bool {
        !self.exists() && self.expiry.is_empty()
    }

    /// Whether the key has a value, expired or not.
    pub fn exists(&self) -> bool {
        !self.string.is_empty() || self.lengths != [0; 3]
    }

    /// What a reader sees when the key has several types at once: the first in the order of [`Kind`].
    pub fn kind(&self) -> Option<Kind> {
        if !self.string.is_empty() {
            return Some(Kind::String);
        }
        Kind::COLLECTIONS.into_iter().find(|&kind| self.length(kind) > 0)
    }

    /// Elements of a collection kind; 0 or 1 for a string.
    pub fn length(&self, kind: Kind) -> u64 {
        match kind {
            Kind::String => u64::from(!self.string.is_empty()),
            _ => self.lengths[kind as usize - 1],
        }
    }

    /// When the key ends, Unix ms: the latest of the concurrent choices, where "never" is latest of all.
    pub fn expires_ms(&self) -> Option<u64> {
        let of_values =
            self.string.siblings.iter().filter(|sibling| !sibling.expiry_replaced).map(|sibling| sibling.expires_ms);
        let choices = of_values.chain(self.expiry.iter().map(|choice| choice.at_ms));
        let latest = choices.map(|choice| choice.unwrap_or(u64::MAX)).max();
        latest.filter(|&ms| ms < u64::MAX)
    }

    /// Whether the key has ended at `now_ms`.
    pub fn expired(&self, now_ms: u64) -> bool {
        self.expires_ms().is_some_and(|ms| ms <= now_ms)
    }

    /// When somebody should look whether to remove this row: at its expiry, or, for a choice of expiry whose key
    /// was concurrently deleted and that would never end, a while after it was made.
    pub fn due_ms(&self) -> Option<u64> {
        let leftover = || self.expiry.iter().map(|choice| choice.hlc.ms() + LEFTOVER_MS).max();
        self.expires_ms().or_else(|| if self.exists() { None } else { leftover() })
    }

    pub(crate) fn expire(&mut self, stamp: &Stamp<'_>, at_ms: Option<u64>) {
        self.forget_expiry(stamp);
        for sibling in self.string.siblings.iter_mut().filter(|sibling| stamp.saw(sibling.dot)) {
            sibling.expiry_replaced = true;
            sibling.expires_ms = None;
        }
        let at = self.expiry.partition_point(|choice| choice.dot < stamp.dot);
        self.expiry.insert(at, ExpirySibling { dot: stamp.dot, hlc: stamp.hlc, at_ms });
    }

    pub(crate) fn forget_expiry(&mut self, stamp: &Stamp<'_>) {
        self.expiry.retain(|choice| !stamp.saw(choice.dot));
    }

    pub(crate) fn count(&mut self, kind: Kind, before: bool, after: bool) {
        let length = &mut self.lengths[kind as usize - 1];
        match (before, after) {
            (false, true) => *length += 1,
            // Rows and lengths change together. A disk that kept only one of the two must not end the process: the digests
            // tell, and records that come from another region are counted anew.
            (true, false) => *length = length.saturating_sub(1),
            _ => {}
        }
    }

    /// Appends its bytes; a plain string takes 15 to 20 bytes beside key and value.
    pub fn encode(&self, out: &mut Vec<u8>) {
        if let (Some(plain), [], [0, 0, 0]) = (self.string.plain(), self.expiry.as_slice(), self.lengths) {
            out.push(PLAIN);
            encode_dot(plain, out);
            out.extend_from_slice(&plain.value);
            return;
        }
        out.push(GENERAL);
        self.string.encode_general(out);
        put_varint(out, self.expiry.len() as u64);
        for choice in &self.expiry {
            put_varint(out, u64::from(choice.dot.replica.0));
            put_varint(out, choice.dot.seq);
            out.extend_from_slice(&choice.hlc.0.to_le_bytes());
            put_varint(out, choice.at_ms.map_or(0, |ms| ms + 1));
        }
        for length in self.lengths {
            put_varint(out, length);
        }
    }

    /// The value of a row that holds one plain string and nothing else, without decoding the rest. Such a key exists
    /// and does not end.
    pub fn plain_string(row: &Bytes) -> Option<Bytes> {
        if row.first() != Some(&PLAIN) {
            return None;
        }
        let mut at = 1;
        for _ in ["replica", "sequence"] {
            at += row.get(at..)?.iter().position(|byte| byte & 0x80 == 0)? + 1;
        }
        (at + HLC_BYTES <= row.len()).then(|| row.slice(at + HLC_BYTES..))
    }

    /// Whether a row holds one plain string and nothing else; an error if it seems to, and is broken.
    pub(crate) fn is_plain_string(row: &Bytes) -> Result<bool, Malformed> {
        if row.first() != Some(&PLAIN) {
            return Ok(false);
        }
        decode_plain(Reader::new(row.slice(1..))).map(|_| true)
    }

    /// Whether a row says that its key has a value, expired or not.
    pub fn row_exists(row: &Bytes) -> bool {
        row.first() == Some(&PLAIN) || Head::decode(row.clone()).is_ok_and(|head| head.exists())
    }

    /// Reads what [`Head::encode`] wrote.
    pub fn decode(bytes: Bytes) -> Result<Head, Malformed> {
        let mut reader = Reader::new(bytes);
        match reader.byte("head layout")? {
            PLAIN => {
                let string = Cell { siblings: vec![decode_plain(reader)?], counts: Vec::new() };
                Ok(Head { string, ..Head::default() })
            }
            GENERAL => Head::decode_general(reader),
            found => Err(Malformed::Version { what: "head layout", found, known: PLAIN }),
        }
    }

    fn decode_general(mut reader: Reader) -> Result<Head, Malformed> {
        let string = Cell::decode_general(&mut reader)?;
        let choices = reader.bounded(limits::REPLICAS_MAX as u64, "expiry")?;
        let mut expiry = Vec::with_capacity(choices as usize);
        for _ in 0..choices {
            let replica = ReplicaId(reader.bounded(u64::from(u16::MAX), "replica")? as u16);
            let dot = Dot::new(replica, reader.varint("sequence")?);
            let hlc = Hlc(reader.fixed_u64("hlc")?);
            expiry.push(ExpirySibling { dot, hlc, at_ms: reader.varint("expiry")?.checked_sub(1) });
        }
        let mut lengths = [0; 3];
        for length in &mut lengths {
            *length = reader.varint("length")?;
        }
        reader.end("head")?;
        Ok(Head { string, expiry, lengths })
    }
}

const HLC_BYTES: usize = 8;
/// How long a choice of expiry without a key is kept: a minute is far beyond a round trip, and it costs 20 bytes.
const LEFTOVER_MS: u64 = 60_000;

/// Puts a head in the place of `old`, and the index row of its due time in the place of the one at `due_before`. Gives
/// whether the head is another one.
pub(crate) fn write_head(
    rows: &mut dyn Rows,
    key: &[u8],
    old: Option<&Bytes>,
    due_before: Option<u64>,
    head: &Head,
) -> bool {
    let due = head.due_ms();
    if due != due_before {
        due_before.into_iter().for_each(|due| rows.replace(expiry_row(due, key), Some(&Bytes::new()), None));
        due.into_iter().for_each(|due| rows.replace(expiry_row(due, key), None, Some(Bytes::new())));
    }
    let mut bytes = Vec::new();
    head.encode(&mut bytes);
    let new = if head.is_empty() { None } else { Some(Bytes::from(bytes)) };
    let changed = old != new.as_ref();
    if changed {
        rows.replace(head_row(key), old, new);
    }
    changed
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use lc_core::{Dot, Hlc, ReplicaId, VersionVector};

    use super::Head;
    use crate::{Stamp, head_row};

    fn plain(seq: u64) -> Head {
        let deps = VersionVector::new();
        let stamp = Stamp { dot: Dot::new(ReplicaId(63), seq), hlc: Hlc::from_ms(1_800_000_000_000), deps: &deps };
        let mut head = Head::default();
        head.string.put(&stamp, Bytes::from_static(b"value"), None, &[]);
        head
    }

    #[test]
    fn a_plain_string_has_at_most_twenty_bytes_of_metadata_after_a_thousand_million_writes() {
        let mut row = Vec::new();
        plain(1 << 34).encode(&mut row);
        let metadata = row.len() - b"value".len() + head_row(b"key").len() - b"key".len();
        assert!(metadata <= 20, "{metadata}");
    }

    #[test]
    fn a_plain_string_is_read_without_decoding_the_rest() {
        for seq in [1, 127, 128, 1 << 34] {
            let mut row = Vec::new();
            plain(seq).encode(&mut row);
            let row = Bytes::from(row);
            assert_eq!(Head::plain_string(&row).as_deref(), Some(b"value".as_slice()));
            assert_eq!(Head::decode(row.clone()).unwrap(), plain(seq));
            // Cut short, it is refused rather than read beyond its end.
            (1..10).for_each(|length| assert_eq!(Head::plain_string(&row.slice(..length)), None));
        }
    }
}
