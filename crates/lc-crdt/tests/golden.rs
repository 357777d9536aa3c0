//! Bytes of each format as they were written once: this release reads them, and still writes them so. `UPDATE=1` writes what is
//! missing, never what is there.

#[path = "../../../tests/golden_file.rs"]
mod golden_file;

use bytes::Bytes;
use lc_core::wire::{Malformed, Reader};
use lc_core::{Dot, Hlc, ReplicaId, VersionVector};
use lc_crdt::{
    Added, Address, Cell, Count, ElementReset, Entry, ExpirySibling, Head, KeyRows, Kind, Number, Op, Reset, Sibling,
};

use golden_file::golden;

fn bytes(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

fn dot(replica: u16, seq: u64) -> Dot {
    Dot::new(ReplicaId(replica), seq)
}

fn hlc(later_ms: u64) -> Hlc {
    Hlc((1_800_000_000_000 + later_ms) << 16 | 7)
}

fn resets() -> Vec<Reset> {
    vec![
        Reset { replica: ReplicaId(1), seq: 300, total: Number::Int(-70_000) },
        Reset { replica: ReplicaId(65), seq: 4_194_305, total: Number::Float(2.5) },
    ]
}

fn element(kind: Kind, field: &'static str) -> Address {
    Address { key: bytes("cart:1"), kind, field: bytes(field) }
}

/// One op for each tag, and both forms of what has two.
fn ops() -> Vec<Op> {
    let string = Address::string(bytes("text:1"));
    let elements = vec![ElementReset { at: element(Kind::Sorted, "m"), reset: resets()[0] }];
    vec![
        Op::Put { at: string.clone(), value: bytes("plain"), expires_ms: None, resets: Vec::new() },
        Op::Put { at: string.clone(), value: bytes("mortal"), expires_ms: Some(1_800_000_000_123), resets: resets() },
        Op::Put { at: element(Kind::Hash, "f"), value: bytes("field"), expires_ms: None, resets: Vec::new() },
        Op::Put { at: element(Kind::Set, "m"), value: Bytes::new(), expires_ms: None, resets: Vec::new() },
        Op::Put {
            at: element(Kind::Sorted, "m"),
            value: Bytes::copy_from_slice(&1.25_f64.to_le_bytes()),
            expires_ms: None,
            resets: Vec::new(),
        },
        Op::Add {
            at: string.clone(),
            added: Added { before_seq: 12, before: Number::Int(5), after: Number::Float(-5.5) },
        },
        Op::Remove { at: element(Kind::Hash, "f"), resets: resets() },
        Op::Delete { key: bytes("cart:1"), resets: elements.clone() },
        Op::Expire { key: bytes("text:1"), at_ms: Some(1_800_000_000_456) },
        Op::Expire { key: bytes("text:1"), at_ms: None },
        Op::Clear { resets: elements },
        Op::PutOver {
            at: string.clone(),
            value: bytes("over"),
            expires_ms: None,
            over: vec![dot(1, 9), dot(65, 4_194_305)],
        },
        Op::Withheld { table: bytes("eu"), version: 300 },
        Op::Collapse { at: string, value: bytes("one"), expires_ms: Some(9), resets: resets() },
    ]
}

fn entry() -> Entry {
    let deps: VersionVector = [(ReplicaId(2), 77), (ReplicaId(65), 4_194_305)].into_iter().collect();
    Entry { dot: dot(3, 1042), prev_seq: 1000, hlc: hlc(0), deps, ops: ops() }
}

#[test]
fn an_entry_with_every_op() {
    let mut written = Vec::new();
    entry().encode(&mut written);
    assert_eq!(Entry::decode(golden("entry_1", &written)), Ok(entry()));
}

fn sibling(replica: u16, value: &'static str, expires_ms: Option<u64>, expiry_replaced: bool) -> Sibling {
    let hlc = hlc(u64::from(replica));
    Sibling { dot: dot(replica, 1000), hlc, value: bytes(value), expires_ms, expiry_replaced }
}

fn counts() -> Vec<Count> {
    let count = |replica, cut_seq, cut_total| Count {
        replica: ReplicaId(replica),
        seq: 50,
        total: Number::Int(1 << 40),
        cut_seq,
        cut_total,
    };
    vec![count(1, 0, Number::ZERO), count(2, 40, Number::Int(-3))]
}

fn cells() -> [(&'static str, Cell); 2] {
    let plain = Cell { siblings: vec![sibling(1, "alone", None, false)], counts: Vec::new() };
    let siblings = vec![sibling(1, "here", Some(1_800_000_000_999), false), sibling(2, "there", None, true)];
    [("cell_1_plain", plain), ("cell_1_general", Cell { siblings, counts: counts() })]
}

#[test]
fn cells_plain_and_general() {
    for (name, cell) in cells() {
        let mut written = Vec::new();
        cell.encode(&mut written);
        assert_eq!(Cell::decode(golden(name, &written)), Ok(cell), "{name}");
    }
}

fn heads() -> [(&'static str, Head); 2] {
    let [(_, plain), (_, general)] = cells();
    let choice = |replica, at_ms| ExpirySibling { dot: dot(replica, 7), hlc: hlc(0), at_ms };
    let expiry = vec![choice(1, Some(1_800_000_000_777)), choice(2, None)];
    [
        ("head_1_plain", Head { string: plain, ..Head::default() }),
        ("head_1_general", Head { string: general, expiry, lengths: [1, 300, 0] }),
    ]
}

#[test]
fn heads_plain_and_general() {
    for (name, head) in heads() {
        let mut written = Vec::new();
        head.encode(&mut written);
        assert_eq!(Head::decode(golden(name, &written)), Ok(head), "{name}");
    }
}

#[test]
fn the_rows_of_one_key() {
    let encoded = |cell: &Cell| {
        let mut out = Vec::new();
        cell.encode(&mut out);
        Bytes::from(out)
    };
    let [(_, plain), _] = cells();
    let mut head = Vec::new();
    Head { string: plain.clone(), lengths: [1, 0, 0], ..Head::default() }.encode(&mut head);
    let rows = KeyRows { head: Some(head.into()), elements: vec![(Kind::Hash, bytes("f"), encoded(&plain))] };
    for (name, rows) in [("key_rows_1", rows), ("key_rows_1_none", KeyRows::default())] {
        let mut written = Vec::new();
        rows.encode(&mut written);
        let mut reader = Reader::new(golden(name, &written));
        assert_eq!(KeyRows::decode(&mut reader), Ok(rows), "{name}");
        reader.end(name).expect("nothing is left over");
    }
}

#[test]
fn a_later_version_is_called_by_its_number() {
    let mut written = Vec::new();
    entry().encode(&mut written);
    written[0] = 7;
    let said = Entry::decode(written.into()).expect_err("a later one").to_string();
    assert_eq!(said, "entry version 7; this release reads up to 1");
    let said = KeyRows::decode(&mut Reader::new(Bytes::from_static(&[7]))).expect_err("a later one").to_string();
    assert_eq!(said, "key rows version 7; this release reads up to 1");
    let layout = |what, found| Err(Malformed::Version { what, found, known: 1 });
    assert_eq!(Cell::decode(Bytes::from_static(&[7])).map(drop), layout("cell layout", 7));
    assert_eq!(Head::decode(Bytes::from_static(&[9])).map(drop), layout("head layout", 9));
}

#[test]
fn a_later_op_is_called_by_its_tag() {
    let mut entry = Entry { ops: Vec::new(), ..entry() };
    entry.deps = VersionVector::new();
    let mut written = Vec::new();
    entry.encode(&mut written);
    *written.last_mut().expect("the number of ops") = 1;
    written.push(200);
    let said = Entry::decode(written.into()).expect_err("a later one").to_string();
    assert_eq!(said, "op tag 200; this release reads up to 10");
}
