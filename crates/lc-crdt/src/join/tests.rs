use bytes::Bytes;
use lc_core::wire::Reader;
use lc_core::{Dot, Hlc, ReplicaId, VersionVector};

use super::{JoinedKeys, KeyRows, ReadError, join};
use crate::{Added, Address, ElementReset, Entry, Head, Kind, Number, Op, Reset, Visible, apply, head_row};

const KEY: &[u8] = b"visits";
const PARIS: ReplicaId = ReplicaId(1);
const TOKYO: ReplicaId = ReplicaId(2);

/// A replica that has applied these entries, in this order.
fn after(entries: &[&Entry]) -> (VersionVector, KeyRows) {
    let (mut applied, mut rows) = (VersionVector::new(), JoinedKeys::default());
    for entry in entries {
        assert!(applied.covers_all(&entry.deps), "a dependency is missing");
        apply(&mut rows, entry).expect("rows in memory do not fail");
        applied.raise(entry.dot.replica, entry.dot.seq);
    }
    let key_rows = KeyRows::read(&rows, KEY, 1 << 20).expect("within the bound");
    (applied, key_rows)
}

fn joined(sides: &[(VersionVector, KeyRows)]) -> JoinedKeys {
    let sides: Vec<_> = sides.iter().map(|(applied, rows)| (applied, rows)).collect();
    join(KEY, &sides).expect("rows that decode")
}

fn entry(dot: Dot, deps: &[(ReplicaId, u64)], op: Op) -> Entry {
    let deps = deps.iter().copied().collect();
    Entry { dot, prev_seq: dot.seq - 1, hlc: Hlc(dot.seq), deps, ops: vec![op] }
}

/// Paris' visit number `seq`, each in a write of its own.
fn visit(seq: u64) -> Entry {
    let [before, after] = [seq - 1, seq].map(|total| Number::Int(total as i64));
    let added = Added { before_seq: seq - 1, before, after };
    entry(Dot::new(PARIS, seq), &[], Op::Add { at: Address::string(Bytes::from_static(KEY)), added })
}

/// Tokyo deletes what it has heard of: so many visits.
fn deleted(seen: u64) -> Entry {
    let reset = Reset { replica: PARIS, seq: seen, total: Number::Int(seen as i64) };
    let resets = vec![ElementReset { at: Address::string(Bytes::from_static(KEY)), reset }];
    entry(Dot::new(TOKYO, 1), &[(PARIS, seen)], Op::Delete { key: Bytes::from_static(KEY), resets })
}

fn visits(rows: &JoinedKeys) -> Option<Visible> {
    let head = rows.rows.get(&head_row(KEY))?;
    Head::decode(head.clone()).expect("encoded here").string.visible()
}

/// The smallest case in which rows do not say enough: paris counted two visits one by one, tokyo heard of the first and
/// deleted it. Right is 1. Paris' row says "2 since the beginning", tokyo has no row.
#[test]
fn increments_reset_where_later_ones_are_unknown_are_counted_again_and_named() {
    let (paris, tokyo) = (after(&[&visit(1), &visit(2)]), after(&[&visit(1), &deleted(1)]));
    let both = joined(&[paris, tokyo]);
    assert_eq!(visits(&both), Some(Visible::Number(Number::Int(2))));
    assert_eq!(both.doubtful(), [Address::string(Bytes::from_static(KEY))]);
    let right = after(&[&visit(1), &visit(2), &deleted(1)]);
    let head = Head::decode(right.1.head.expect("one visit is left")).expect("encoded here");
    assert_eq!(head.string.visible(), Some(Visible::Number(Number::Int(1))));
}

#[test]
fn a_side_that_stopped_where_the_reset_did_makes_it_exact() {
    let sides = [after(&[&visit(1), &visit(2)]), after(&[&visit(1), &deleted(1)]), after(&[&visit(1)])];
    let all = joined(&sides);
    assert_eq!(visits(&all), Some(Visible::Number(Number::Int(1))));
    assert_eq!(all.doubtful(), []);
}

/// Right is 1 again, but who stopped at the first visit does not say what the total was at the second.
#[test]
fn a_side_that_stopped_before_the_reset_only_comes_nearer() {
    let tokyo = after(&[&visit(1), &visit(2), &deleted(2)]);
    let sides = [after(&[&visit(1), &visit(2), &visit(3)]), tokyo, after(&[&visit(1)])];
    let all = joined(&sides);
    assert_eq!(visits(&all), Some(Visible::Number(Number::Int(2))));
    assert_eq!(all.doubtful().len(), 1);
}

#[test]
fn a_reset_of_all_that_anybody_knows_leaves_nothing() {
    let sides = [after(&[&visit(1), &visit(2)]), after(&[&visit(1), &visit(2), &deleted(2)])];
    let all = joined(&sides);
    assert_eq!((visits(&all), all.rows.len()), (None, 0));
    assert_eq!(all.doubtful(), []);
}

#[test]
fn without_sides_there_is_no_key() {
    assert_eq!(joined(&[]), JoinedKeys::default());
}

#[test]
fn a_key_beyond_the_bound_is_refused_and_one_within_is_read_whole() {
    let field = |name: &'static [u8]| {
        let at = Address { key: Bytes::from_static(KEY), kind: Kind::Hash, field: Bytes::from_static(name) };
        Op::Put { at, value: Bytes::from(vec![b'x'; 100]), expires_ms: None, resets: Vec::new() }
    };
    let mut written = entry(Dot::new(PARIS, 1), &[], field(b"one"));
    written.ops.push(field(b"two"));
    let mut rows = JoinedKeys::default();
    apply(&mut rows, &written).expect("rows in memory do not fail");
    let whole = KeyRows::read(&rows, KEY, 300).expect("two fields of some 130 bytes");
    assert_eq!(whole.elements.len(), 2);
    assert_eq!(KeyRows::read(&rows, KEY, 250), Err(ReadError::TooLarge { bytes_max: 250 }));
    assert_eq!(KeyRows::read(&rows, b"other", 0), Ok(KeyRows::default()));
}

#[test]
fn bytes_that_name_an_element_twice_or_count_wrongly_are_refused() {
    let at = Address { key: Bytes::from_static(KEY), kind: Kind::Set, field: Bytes::from_static(b"a") };
    let op = Op::Put { at, value: Bytes::new(), expires_ms: None, resets: Vec::new() };
    let (_, rows) = after(&[&entry(Dot::new(PARIS, 1), &[], op)]);
    let decoded = |rows: &KeyRows| {
        let mut bytes = Vec::new();
        rows.encode(&mut bytes);
        KeyRows::decode(&mut Reader::new(bytes.into()))
    };
    assert_eq!(decoded(&rows).as_ref(), Ok(&rows));
    let mut twice = rows.clone();
    twice.elements.push(twice.elements[0].clone());
    assert!(decoded(&twice).is_err());
    let none = KeyRows { elements: Vec::new(), ..rows.clone() };
    assert!(decoded(&none).is_err());
    let mut torn = rows;
    torn.elements[0].2 = Bytes::from_static(&[7]);
    assert!(decoded(&torn).is_err());
}
