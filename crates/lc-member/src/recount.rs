//! All rows summed up anew, a stretch at a time, while they change: the sum that is kept up to date row by row does not
//! notice bytes that rot on the disk, this one does.

use bytes::Bytes;
use lc_crdt::{Digest, Head, RowKind};

/// The sum of the rows before a place, and how many of them are keys that exist.
pub(crate) struct Recount {
    place: Vec<u8>,
    sums: (Digest, u64),
}

impl Recount {
    /// From the first row on.
    pub(crate) fn begin() -> Recount {
        Recount { place: FIRST_ROW.to_vec(), sums: (Digest::default(), 0) }
    }

    /// From where to go on.
    pub(crate) fn place(&self) -> &[u8] {
        &self.place
    }

    /// Takes in the next row.
    pub(crate) fn add(&mut self, row: &[u8], value: &Bytes) {
        self.account(row, None, Some(value));
        self.place.clear();
        self.place.extend_from_slice(row);
        self.place.push(0);
    }

    /// A row changes. One that is still to come is taken as it is then.
    pub(crate) fn replace(&mut self, row: &[u8], old: Option<&Bytes>, new: Option<&Bytes>) {
        if row < self.place.as_slice() {
            self.account(row, old, new);
        }
    }

    fn account(&mut self, row: &[u8], old: Option<&Bytes>, new: Option<&Bytes>) {
        let kind = RowKind::of(row);
        if !matches!(kind, RowKind::Head | RowKind::Element) {
            return;
        }
        let (digest, keys) = &mut self.sums;
        digest.replace(row, old.map(AsRef::as_ref), new.map(AsRef::as_ref));
        if kind == RowKind::Head {
            *keys += u64::from(new.is_some_and(Head::row_exists));
            *keys = keys.saturating_sub(u64::from(old.is_some_and(Head::row_exists)));
        }
    }

    /// Digest and number of keys so far.
    pub(crate) fn sums(&self) -> (Digest, u64) {
        self.sums
    }

    /// Puts back what [`Recount::sums`] gave; no row may have been added since.
    pub(crate) fn put_back(&mut self, sums: (Digest, u64)) {
        self.sums = sums;
    }
}

/// Elements stand before heads, and nothing else counts.
const FIRST_ROW: &[u8] = b"e";
/// Behind the last head.
pub(crate) const LAST_ROW: &[u8] = b"i";
