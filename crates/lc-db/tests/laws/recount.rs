//! What is kept up to date step by step, counted again from nothing.

use std::collections::BTreeMap;

use bytes::Bytes;
use lc_crdt::{Cell, Digest, Head, Kind, RowKind, Rows, element_of, element_prefix, expiry_row, head_of, score_row};
use lc_db::testing::MapRows;

/// Every row, indexes too.
pub fn all_rows(rows: &MapRows) -> BTreeMap<Vec<u8>, Bytes> {
    let mut all = BTreeMap::new();
    rows.scan(&[], &[255], &mut |row, bytes| {
        all.insert(row.to_vec(), bytes.clone());
        true
    })
    .expect("map rows do not fail");
    all
}

/// Digest, lengths in heads, index of scores and index of expiry equal what heads and elements say.
pub fn check(rows: &MapRows) {
    let all = all_rows(rows);
    let (mut digest, mut indexes, mut elements) = (Digest::default(), BTreeMap::new(), 0);
    for (row, bytes) in &all {
        if matches!(RowKind::of(row), RowKind::Head | RowKind::Element) {
            digest.replace(row, None, Some(bytes));
        }
        if RowKind::of(row) == RowKind::Head {
            elements += check_key(&all, head_of(row), bytes, &mut indexes);
        }
    }
    assert_eq!(digest, rows.digest(), "the digest");
    assert_eq!(
        elements,
        all.keys().filter(|row| RowKind::of(row) == RowKind::Element).count(),
        "elements under a key without a head"
    );
    let stored: BTreeMap<Vec<u8>, Bytes> =
        all.into_iter().filter(|(row, _)| RowKind::of(row) == RowKind::Index).collect();
    assert_eq!(stored, indexes, "the indexes by score and by expiry");
}

/// Adds the index rows that a key should have; answers how many elements it has.
fn check_key(
    all: &BTreeMap<Vec<u8>, Bytes>,
    key: &[u8],
    bytes: &Bytes,
    indexes: &mut BTreeMap<Vec<u8>, Bytes>,
) -> usize {
    let head = Head::decode(bytes.clone()).expect("a head that was encoded here");
    assert!(!head.is_empty(), "an empty head has no row");
    if let Some(due_ms) = head.due_ms() {
        indexes.insert(expiry_row(due_ms, key), Bytes::new());
    }
    let mut elements = 0;
    for kind in Kind::COLLECTIONS {
        let prefix = element_prefix(key, kind);
        let mut length = 0;
        for (row, bytes) in all.range(prefix.clone()..).take_while(|(row, _)| row.starts_with(&prefix)) {
            let cell = Cell::decode(bytes.clone()).expect("a cell that was encoded here");
            assert!(!cell.is_empty(), "an empty cell has no row");
            if let (Kind::Sorted, Some(score)) = (kind, cell.score()) {
                indexes.insert(score_row(key, score, element_of(row, prefix.len()).1), Bytes::new());
            }
            length += 1;
        }
        assert_eq!(head.length(kind), length, "the length in the head");
        elements += length as usize;
    }
    elements
}
