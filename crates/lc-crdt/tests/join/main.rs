//! What several replicas have of a key, joined, is what a replica would have that had applied all that any of them has.
//!
//! `PROPTEST_CASES=20000 cargo nextest run -p lc-crdt --test join` looks longer.

#[allow(dead_code, reason = "another test uses the rest of it")]
mod world;

use std::collections::BTreeMap;

use bytes::Bytes;
use lc_core::VersionVector;
use lc_crdt::{Address, Cell, Count, Head, JoinedKeys, KeyRows, Kind, Rows, element_row, head_row};
use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, any, proptest};

use world::{KEYS, Replica, entries_of, heard, heard_all, hearing, steps, union};

/// A failure is printed whole, shrunk; nothing is kept beside the tests.
fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

fn join_all(sides: &[Replica]) -> JoinedKeys {
    let mut joined = JoinedKeys::default();
    for key in KEYS {
        let rows: Vec<KeyRows> = sides.iter().map(|side| side.key_rows(key)).collect();
        let of_sides: Vec<_> = sides.iter().map(|side| &side.applied).zip(&rows).collect();
        joined.add(key.as_bytes(), &of_sides).expect("rows that decode");
    }
    joined
}

fn all_rows(rows: &dyn Rows) -> BTreeMap<Vec<u8>, Bytes> {
    let mut all = BTreeMap::new();
    let scanned = rows.scan(&[], &[255], &mut |row, bytes| {
        all.insert(row.to_vec(), bytes.clone());
        true
    });
    scanned.expect("rows in memory do not fail");
    all
}

/// The joined rows are the rows of the union, but that in cells which are named as doubtful less may be cut away.
fn check(joined: &JoinedKeys, union: &Replica) {
    let (mut joined_rows, mut right) = (all_rows(joined), union.rows.0.clone());
    for at in joined.doubtful() {
        let (have, want) = (take_cell(&mut joined_rows, at), take_cell(&mut right, at));
        assert_eq!(have.siblings, want.siblings, "{at:?}");
        assert_eq!(latest(&have), latest(&want), "{at:?}");
        for (have, want) in have.counts.iter().zip(&want.counts) {
            assert!(have.cut_seq <= want.cut_seq, "an increment that nobody reset is not counted: {at:?}");
        }
    }
    assert_eq!(joined_rows, right);
}

fn latest(cell: &Cell) -> Vec<(u16, u64)> {
    cell.counts.iter().map(|count: &Count| (count.replica.0, count.seq)).collect()
}

/// Takes a cell and what is derived from it out of the rows, leaving the rest to be compared.
fn take_cell(rows: &mut BTreeMap<Vec<u8>, Bytes>, at: &Address) -> Cell {
    if at.kind == Kind::String {
        let row = head_row(&at.key);
        let mut head = Head::decode(rows.remove(&row).expect("a doubtful cell exists")).expect("encoded here");
        let cell = std::mem::take(&mut head.string);
        let mut bytes = Vec::new();
        head.encode(&mut bytes);
        rows.insert(row, bytes.into());
        return cell;
    }
    let row = element_row(&at.key, at.kind, &at.field);
    let cell = Cell::decode(rows.remove(&row).expect("a doubtful cell exists")).expect("encoded here");
    if at.kind == Kind::Sorted {
        let score = cell.score().expect("it is not empty");
        assert!(rows.remove(&lc_crdt::score_row(&at.key, score, &at.field)).is_some());
    }
    cell
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn two_sides_joined_are_the_union_of_what_they_applied(steps in steps(), one in hearing(), other in hearing()) {
        let entries = entries_of(&steps);
        let sides = [heard(&entries, &one), heard(&entries, &other)];
        let joined = join_all(&sides);
        check(&joined, &union(&entries, &sides));
        let swapped = join_all(&[sides[1].clone(), sides[0].clone()]);
        assert_eq!(all_rows(&joined), all_rows(&swapped));
    }

    #[test]
    fn three_sides_joined_are_the_union_of_what_they_applied(steps in steps(), hearings in [hearing(), hearing(), hearing()]) {
        let entries = entries_of(&steps);
        let sides = hearings.map(|hearing| heard(&entries, &hearing));
        check(&join_all(&sides), &union(&entries, &sides));
    }

    #[test]
    fn a_side_that_knows_everything_is_not_changed_by_others(steps in steps(), hearing in hearing()) {
        let entries = entries_of(&steps);
        let all = heard_all(&entries);
        let joined = join_all(&[heard(&entries, &hearing), all.clone()]);
        assert!(joined.doubtful().is_empty());
        assert_eq!(all_rows(&joined), all.rows.0);
    }

    #[test]
    fn bytes_of_key_rows_are_never_a_reason_to_stop(bytes in vec(any::<u8>(), 0..200)) {
        let mut reader = lc_core::wire::Reader::new(bytes.into());
        drop(KeyRows::decode(&mut reader));
    }

    #[test]
    fn key_rows_that_were_damaged_are_refused_or_can_be_joined(steps in steps(), at in any::<usize>(), byte in any::<u8>()) {
        let entries = entries_of(&steps);
        let all = heard_all(&entries);
        let mut bytes = Vec::new();
        let own = all.key_rows("a");
        own.encode(&mut bytes);
        let at = at % bytes.len();
        bytes[at] = byte;
        if let Ok(rows) = KeyRows::decode(&mut lc_core::wire::Reader::new(bytes.into())) {
            let nothing = VersionVector::new();
            let joined = lc_crdt::join(b"a", &[(&all.applied, &own), (&nothing, &rows)]).expect("every row was checked");
            assert!(KeyRows::read(&joined, b"a", 1 << 20).is_ok());
        }
    }
}
