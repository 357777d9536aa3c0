//! Rows as they were written once: this release reads them, and still writes them so. `UPDATE=1` writes what is missing, never
//! what is there.

#[path = "../../../../tests/golden_file.rs"]
mod golden_file;

use bytes::Bytes;
use lc_core::{Dot, Hlc, ReplicaId};
use lc_crdt::{Address, Kind};

use super::format::{Evictions, Held, Index, address_digest, evictions_row, order_row};
use super::loss::{Cursor, KeptValue, LossId, LossRecord};

use golden_file::golden;

fn kept(replica: u16, text: &'static [u8], whole: bool, expires_ms: Option<u64>) -> KeptValue {
    let shown = Bytes::from_static(text);
    KeptValue {
        dot: Dot::new(ReplicaId(replica), 4_194_305),
        hlc: Hlc((1_800_000_000_000 + u64::from(replica)) << 16 | 3),
        value: whole.then(|| shown.clone()),
        value_bytes: if whole { text.len() } else { 9000 },
        shown,
        expires_ms,
    }
}

fn loss() -> LossRecord {
    let loser = kept(2, b"the value that lost", true, Some(1_900_000_000_000));
    LossRecord {
        id: LossId { dot: loser.dot, address: 0x9f3a_77c1 },
        cursor: Cursor(300),
        table: "carts".to_owned(),
        key: Bytes::from_static(b"carts:1"),
        kind: Kind::Hash,
        field: Bytes::from_static(b"item"),
        loser,
        winner: kept(3, b"the beginning of what won", false, None),
        rule: "lww".to_owned(),
        clock_gap_ms: 1,
        noted_hlc: Hlc(1_800_000_009_000 << 16),
    }
}

#[test]
fn a_loss() {
    assert_eq!(LossRecord::decode(300, golden("ledger_1_loss", &loss().encode())), Ok(loss()));
}

#[test]
fn what_finds_a_loss() {
    let held = Held::of(&loss());
    let stored = golden("ledger_1_order", &held.encode());
    assert_eq!(Held::decode(order_row("carts", 300), stored), Ok(("carts".to_owned(), held)));
    let at = Address { key: Bytes::from_static(b"carts:1"), kind: Kind::Hash, field: Bytes::from_static(b"item") };
    let index = Index { number: 300, digest: address_digest(&at) };
    assert_eq!(Index::decode(golden("ledger_1_id", &index.encode())), Ok(index));
}

#[test]
fn what_is_gone() {
    let evictions = Evictions { losses: 1000, cut: 7, last: 299 };
    let stored = golden("ledger_1_evictions", &evictions.encode());
    assert_eq!(Evictions::decode(evictions_row("carts"), stored), Ok(("carts".to_owned(), evictions)));
}

#[test]
fn rows_of_a_later_release_are_called_by_their_version() {
    let mut bytes = loss().encode().to_vec();
    bytes[0] = 2;
    let said = LossRecord::decode(300, bytes.into()).expect_err("a later one").to_string();
    assert_eq!(said, "ledger row version 2; this release reads up to 1");
}
