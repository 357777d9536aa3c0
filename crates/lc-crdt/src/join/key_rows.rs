//! All rows of one key as a replica has them, to be carried to another.

use bytes::Bytes;
use lc_core::limits;
use lc_core::wire::{Malformed, Reader, put_bytes, put_varint};

use crate::row::{element_of, element_prefix, element_row, head_row};
use crate::{Cell, Head, Kind, RowError, Rows};

/// The rows of one key, index rows apart. No head: nothing is there.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct KeyRows {
    /// The head row.
    pub head: Option<Bytes>,
    /// Kind, field or member, cell; in the order of their rows.
    pub elements: Vec<(Kind, Bytes, Bytes)>,
}

/// The rows of a key could not be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ReadError {
    /// A collection that is too large to carry.
    #[error(
        "the key takes more than {bytes_max} bytes, the most that is merged from several regions for one read: read it with another consistency, or in parts"
    )]
    TooLarge {
        /// The bound, in bytes of fields and cells.
        bytes_max: usize,
    },
    /// The rows themselves are bad.
    #[error(transparent)]
    Rows(#[from] RowError),
}

impl KeyRows {
    /// Reads a key's rows, refusing those that take more than `bytes_max` together: nothing beyond that is held.
    pub fn read(rows: &dyn Rows, key: &[u8], bytes_max: usize) -> Result<KeyRows, ReadError> {
        let Some(bytes) = rows.get(&head_row(key))? else { return Ok(KeyRows::default()) };
        let head = Head::decode(bytes.clone()).map_err(RowError::from)?;
        let mut room = bytes_max.checked_sub(bytes.len());
        let mut elements = Vec::new();
        for kind in Kind::COLLECTIONS.into_iter().filter(|&kind| head.length(kind) > 0) {
            let prefix = element_prefix(key, kind);
            rows.scan(&prefix, &past(&prefix), &mut |row, cell| {
                let field = element_of(row, prefix.len()).1;
                room = room.and_then(|room| room.checked_sub(field.len() + cell.len() + ELEMENT_BYTES));
                if room.is_some() {
                    elements.push((kind, Bytes::copy_from_slice(field), cell.clone()));
                }
                room.is_some()
            })?;
        }
        match room {
            Some(_) => Ok(KeyRows { head: Some(bytes), elements }),
            None => Err(ReadError::TooLarge { bytes_max }),
        }
    }

    /// About how many bytes it has on the wire.
    pub fn bytes(&self) -> usize {
        let elements = self.elements.iter().map(|(_, field, cell)| field.len() + cell.len() + ELEMENT_BYTES);
        self.head.as_ref().map_or(0, |head| head.len()) + elements.sum::<usize>()
    }

    /// Appends its bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(KEY_ROWS_VERSION);
        let Some(head) = &self.head else {
            out.push(0);
            return;
        };
        out.push(1);
        put_bytes(out, head);
        put_varint(out, self.elements.len() as u64);
        for (kind, field, cell) in &self.elements {
            out.push(*kind as u8);
            put_bytes(out, field);
            put_bytes(out, cell);
        }
    }

    /// Reads what [`KeyRows::encode`] wrote, and checks every row, so that what is here can be joined: rows in order,
    /// lengths that are true, values that decode. Allocates as the bytes go, not ahead of them.
    pub fn decode(reader: &mut Reader) -> Result<KeyRows, Malformed> {
        reader.version(KEY_ROWS_VERSION, "key rows version")?;
        if reader.bounded(1, "head of key rows")? == 0 {
            return Ok(KeyRows::default());
        }
        let bytes = reader.bytes(ROW_BYTES_MAX, "head row")?;
        let head = checked_head(&bytes)?;
        let count = reader.bounded(ROW_BYTES_MAX as u64, "elements")?;
        let mut elements: Vec<(Kind, Bytes, Bytes)> = Vec::new();
        let (mut lengths, mut last) = ([0u64; 3], Vec::new());
        for _ in 0..count {
            let kind = Kind::from_tag(reader.byte("kind")?)?;
            let field = reader.bytes(limits::FIELD_BYTES_MAX, "field")?;
            let cell = reader.bytes(ROW_BYTES_MAX, "element row")?;
            check_cell(kind, &Cell::decode(cell.clone())?)?;
            let row = element_row(b"", kind, &field);
            if kind == Kind::String || row <= last {
                return Err(Malformed::OutOfBounds("order of elements"));
            }
            lengths[kind as usize - 1] += 1;
            last = row;
            elements.push((kind, field, cell));
        }
        if lengths != head.lengths {
            return Err(Malformed::OutOfBounds("length of a collection"));
        }
        Ok(KeyRows { head: Some(bytes), elements })
    }
}

fn checked_head(bytes: &Bytes) -> Result<Head, Malformed> {
    let head = Head::decode(bytes.clone())?;
    let in_order = head.expiry.is_sorted_by(|one, other| one.dot < other.dot);
    if head.is_empty() || !in_order {
        return Err(Malformed::OutOfBounds("head row"));
    }
    if !head.string.is_empty() {
        check_cell(Kind::String, &head.string)?;
    }
    Ok(head)
}

fn check_cell(kind: Kind, cell: &Cell) -> Result<(), Malformed> {
    let in_order = cell.siblings.is_sorted_by(|one, other| one.dot < other.dot)
        && cell.counts.is_sorted_by(|one, other| one.replica < other.replica);
    let fits = cell.siblings.iter().all(|sibling| {
        // One more is written when a row is encoded.
        sibling.expires_ms.is_none_or(|ms| ms < u64::MAX)
            && sibling.dot.seq > 0
            && (kind != Kind::Sorted || sibling.value.len() == 8)
    });
    if cell.is_empty() || !in_order || !fits { Err(Malformed::OutOfBounds("cell")) } else { Ok(()) }
}

/// The first row after all that begin with an element prefix, whose last byte is a kind and never 255.
fn past(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    *end.last_mut().expect("a prefix ends in its kind") += 1;
    end
}

const KEY_ROWS_VERSION: u8 = 1;
/// What an element takes beside its field and its cell.
const ELEMENT_BYTES: usize = 16;
/// Largest single row from a peer; frames are far smaller.
const ROW_BYTES_MAX: usize = 1 << 30;
