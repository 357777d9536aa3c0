//! Taking rows away that must not be here any more, without a write: other replicas keep theirs.

use bytes::Bytes;

use crate::row::{element_key_kind, element_of, element_prefix, expiry_row, head_of, score_row};
use crate::{Cell, Head, Kind, RowError, RowKind, Rows};

/// The key that a head or an element belongs to; `None` for any other row.
pub fn key_of_row(row: &[u8]) -> Option<&[u8]> {
    match RowKind::of(row) {
        RowKind::Head => Some(head_of(row)),
        RowKind::Element => element_key_kind(row).map(|(key, _)| key),
        RowKind::Index | RowKind::Other => None,
    }
}

/// Removes a head or an element, and the index row that leads to it. What else stands under the key stays as it is: call
/// it for each of its rows.
pub fn forget_row(rows: &mut dyn Rows, row: &[u8], value: &Bytes) -> Result<(), RowError> {
    match RowKind::of(row) {
        RowKind::Head => {
            if let Some(due) = Head::decode(value.clone())?.due_ms() {
                rows.replace(expiry_row(due, head_of(row)), Some(&Bytes::new()), None);
            }
        }
        RowKind::Element => {
            if let Some((key, kind)) = element_key_kind(row).filter(|(_, kind)| *kind == Some(Kind::Sorted))
                && let Some(score) = Cell::decode(value.clone())?.score()
            {
                let prefix = element_prefix(key, kind.unwrap_or(Kind::Sorted));
                rows.replace(score_row(key, score, element_of(row, prefix.len()).1), Some(&Bytes::new()), None);
            }
        }
        RowKind::Index | RowKind::Other => return Ok(()),
    }
    rows.replace(row.to_vec(), Some(value), None);
    Ok(())
}
