//! Where things stand: the keys of rows, and the door to whoever keeps them.
//!
//! Rows are ordered by a 32-bit hash of key or field, so that a scan's cursor is a number which any node understands.
//!
//! ```text
//! h  hash32(key)  key                         -> head       (one per key)
//! e  len key kind hash32(field) field         -> cell       (one per element)
//! z  len key score(8, ordered) member         -> empty      index, derived
//! x  due_ms(8, big-endian) key                -> empty      index, derived
//! ```

use bytes::Bytes;
use lc_core::wire::{put_varint, varint_of};
use xxhash_rust::xxh3::xxh3_64;

use crate::{Address, Kind, Sibling};

/// Rows could not be read or do not decode; the node must stop trusting its store.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("record rows: {0}")]
pub struct RowError(pub String);

impl From<lc_core::wire::Malformed> for RowError {
    fn from(malformed: lc_core::wire::Malformed) -> RowError {
        RowError(malformed.to_string())
    }
}

/// The rows of a replica, for reading and changing.
pub trait Rows {
    /// The bytes of a row.
    fn get(&self, row: &[u8]) -> Result<Option<Bytes>, RowError>;

    /// Visits rows in `from..to` in order until `visit` answers false.
    fn scan(&self, from: &[u8], to: &[u8], visit: &mut dyn FnMut(&[u8], &Bytes) -> bool) -> Result<(), RowError>;

    /// Like [`Rows::scan`], from the last row to the first. A store that can walk backwards should do so itself: what
    /// stands here collects the whole span first.
    fn scan_back(&self, from: &[u8], to: &[u8], visit: &mut dyn FnMut(&[u8], &Bytes) -> bool) -> Result<(), RowError> {
        let mut span = Vec::new();
        self.scan(from, to, &mut |row, bytes| {
            span.push((row.to_vec(), bytes.clone()));
            true
        })?;
        span.iter().rev().all(|(row, bytes)| visit(row, bytes));
        Ok(())
    }

    /// Replaces a row; `old` is what [`Rows::get`] gave, `None` removes.
    fn replace(&mut self, row: Vec<u8>, old: Option<&Bytes>, new: Option<Bytes>);

    /// Something of `key` changed or is about to; `None`: of every key. For watchers.
    fn touched(&mut self, key: Option<&[u8]>);

    /// Values met in one cell that were written without knowing of each other: they stand side by side now, or a write
    /// that saw them all has replaced them. For a ledger; called while rows change, so it must not change records.
    fn met(&mut self, _at: &Address, _meeting: Meeting<'_>) {}
}

/// Concurrent values of one cell.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Meeting<'a> {
    /// All that stand in the cell now, at least two.
    Standing(&'a [Sibling]),
    /// At least two that one op replaced or removed together.
    Replaced {
        /// What is gone.
        gone: &'a [Sibling],
        /// The op named them one by one, so whoever wrote it was shown them.
        named: bool,
    },
    /// At least two of which one value was made on purpose.
    Collapsed {
        /// What is gone.
        gone: &'a [Sibling],
        /// The value that stays.
        kept: &'a [u8],
    },
}

/// What a row is, by its first byte.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RowKind {
    /// A key's head.
    Head,
    /// A collection's element.
    Element,
    /// An index row, derived from others and not part of digests.
    Index,
    /// Anything else; the node's own notes.
    Other,
}

impl RowKind {
    /// The kind of a row key.
    pub fn of(row: &[u8]) -> RowKind {
        match row.first() {
            Some(b'h') => RowKind::Head,
            Some(b'e') => RowKind::Element,
            Some(b'z' | b'x') => RowKind::Index,
            _ => RowKind::Other,
        }
    }
}

/// The row of a key's head.
pub fn head_row(key: &[u8]) -> Vec<u8> {
    let mut row = Vec::with_capacity(5 + key.len());
    row.push(b'h');
    row.extend_from_slice(&hash32(key));
    row.extend_from_slice(key);
    row
}

/// The key of a head row.
pub fn head_of(row: &[u8]) -> &[u8] {
    row.get(5..).unwrap_or_default()
}

/// All heads whose hash is at least `cursor`.
pub fn head_span(cursor: u32) -> (Vec<u8>, Vec<u8>) {
    let mut from = vec![b'h'];
    from.extend_from_slice(&cursor.to_be_bytes());
    (from, vec![b'h' + 1])
}

/// The row of an element.
pub fn element_row(key: &[u8], kind: Kind, field: &[u8]) -> Vec<u8> {
    let mut row = element_prefix(key, kind);
    row.extend_from_slice(&hash32(field));
    row.extend_from_slice(field);
    row
}

/// What the rows of all elements of one kind begin with.
pub fn element_prefix(key: &[u8], kind: Kind) -> Vec<u8> {
    let mut row = keyed(b'e', key);
    row.push(kind as u8);
    row
}

/// (hash, field) of an element row, given the length of its [`element_prefix`].
pub fn element_of(row: &[u8], prefix: usize) -> (u32, &[u8]) {
    let hash = row.get(prefix..prefix + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_be_bytes);
    (hash, row.get(prefix + 4..).unwrap_or_default())
}

/// (key, kind) of an element row; the kind is `None` if it is of no known one.
pub(crate) fn element_key_kind(row: &[u8]) -> Option<(&[u8], Option<Kind>)> {
    let (length, used) = varint_of(row.get(1..)?, "key length").ok()?;
    let end = usize::try_from(length).ok()?.checked_add(1 + used)?;
    Some((row.get(1 + used..end)?, Kind::from_tag(*row.get(end)?).ok()))
}

/// The row of a sorted-set member in the index by score.
pub fn score_row(key: &[u8], score: f64, member: &[u8]) -> Vec<u8> {
    let mut row = score_prefix(key);
    row.extend_from_slice(&score_bytes(score));
    row.extend_from_slice(member);
    row
}

/// What the index rows of one sorted set begin with.
pub fn score_prefix(key: &[u8]) -> Vec<u8> {
    keyed(b'z', key)
}

/// (score, member) of an index row, given the length of its [`score_prefix`].
pub fn score_of(row: &[u8], prefix: usize) -> (f64, &[u8]) {
    let score = row.get(prefix..prefix + 8).and_then(|bytes| bytes.try_into().ok()).map_or(0.0, score_from_bytes);
    (score, row.get(prefix + 8..).unwrap_or_default())
}

/// Eight bytes that sort as the floats do.
pub fn score_bytes(score: f64) -> [u8; 8] {
    // Minus zero equals zero, so it must sort with it.
    let bits = if score == 0.0 { 0 } else { score.to_bits() };
    let ordered = if bits >> 63 == 1 { !bits } else { bits | 1 << 63 };
    ordered.to_be_bytes()
}

/// The float of [`score_bytes`].
pub fn score_from_bytes(bytes: [u8; 8]) -> f64 {
    let ordered = u64::from_be_bytes(bytes);
    f64::from_bits(if ordered >> 63 == 1 { ordered & !(1 << 63) } else { !ordered })
}

/// The row of a key in the index by due time.
pub fn expiry_row(due_ms: u64, key: &[u8]) -> Vec<u8> {
    let mut row = vec![b'x'];
    row.extend_from_slice(&due_ms.to_be_bytes());
    row.extend_from_slice(key);
    row
}

/// (due, key) of an expiry row.
pub fn expiry_of(row: &[u8]) -> (u64, &[u8]) {
    let due = row.get(1..9).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_be_bytes);
    (due, row.get(9..).unwrap_or_default())
}

/// All expiry rows due at `now_ms` or before.
pub fn expiry_span(now_ms: u64) -> (Vec<u8>, Vec<u8>) {
    (vec![b'x'], expiry_row(now_ms.saturating_add(1), b""))
}

fn keyed(tag: u8, key: &[u8]) -> Vec<u8> {
    let mut row = Vec::with_capacity(key.len() + 32);
    row.push(tag);
    put_varint(&mut row, key.len() as u64);
    row.extend_from_slice(key);
    row
}

pub(crate) fn hash32(bytes: &[u8]) -> [u8; 4] {
    ((xxh3_64(bytes) >> 32) as u32).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::{score_bytes, score_from_bytes};

    #[test]
    fn scores_sort_as_floats_do() {
        let scores = [f64::NEG_INFINITY, -1e300, -1.5, -0.0, 1e-300, 2.0, f64::INFINITY];
        for pair in scores.windows(2) {
            assert!(score_bytes(pair[0]) < score_bytes(pair[1]), "{pair:?}");
        }
        for score in scores {
            assert_eq!(score_from_bytes(score_bytes(score)), score);
        }
    }
}
