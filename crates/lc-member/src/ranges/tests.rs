//! Looks at all records, for a peer that compares.

use std::sync::Arc;

use bytes::Bytes;
use lc_core::{Dot, Hlc, NodeId, ReplicaId, Span, VersionVector};
use lc_crdt::{Address, Entry, Op, key_span};
use lc_policy::Tables;
use lc_repl::Time;
use lc_repl::ranges::{RangeMessage, SumsAsk};
use lc_store::{MemoryStore, RowTable, Store, TableOptions};

use super::{Do, Here, Ranges};
use crate::missing::Missing;
use crate::records::Records;

const KEYS: u64 = 200;
const BITS: u8 = 10;

/// A replica with some keys, and what one peer asks of it.
struct House {
    records: Records,
    ranges: Ranges,
    applied: VersionVector,
    now: Time,
}

impl House {
    fn new() -> House {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let (records, _) =
            Records::open(RowTable::new(store, &TableOptions::default()), "tokyo", Arc::new(Tables::default()))
                .unwrap();
        let ranges = Ranges::open(&records, NodeId(1), 0).unwrap();
        let mut house = House { records, ranges, applied: VersionVector::new(), now: Time::ZERO };
        (1..=KEYS).for_each(|seq| house.put(seq));
        house
    }

    fn put(&mut self, seq: u64) {
        let at = Address::string(key(seq));
        let op = Op::Put { at, value: Bytes::from_static(b"v"), expires_ms: None, resets: Vec::new() };
        let dot = Dot::new(ReplicaId(1), seq);
        let entry = Entry { dot, prev_seq: seq - 1, hlc: Hlc(seq), deps: VersionVector::new(), ops: vec![op] };
        lc_crdt::apply(&mut self.records, &entry).unwrap();
        self.applied.raise(dot.replica, seq);
        self.ranges.applied(&entry, 100);
    }

    fn lend(&mut self, run: impl FnOnce(&mut Ranges, Time, &mut Here<'_>, &mut Vec<Do>)) -> Vec<Do> {
        let House { records, ranges, applied, now } = self;
        *now += Time::from_millis(10);
        let missing = Missing::default();
        let mut here = Here {
            rows: records,
            applied,
            hlc: Hlc(0),
            shares: &|_, _, _| true,
            missing: &missing,
            strands: &|_| false,
        };
        let mut out = Vec::new();
        run(ranges, *now, &mut here, &mut out);
        out
    }

    fn ask(&mut self, salt: u64) -> Option<(VersionVector, Bytes)> {
        let ask = SumsAsk { table: Bytes::new(), salt, bits: BITS, depth: 0, fan: BITS, prefixes: vec![0] };
        let ask = RangeMessage::SumsAsk(ask);
        let said = self.lend(|ranges, now, here, out| ranges.hear(now, NodeId(2), ask, here, out).unwrap());
        said.into_iter().find_map(|what| match what {
            Do::Send { message: RangeMessage::Sums(sums), .. } => Some((sums.vector?, sums.sums)),
            _ => None,
        })
    }

    fn tick(&mut self) {
        self.lend(|ranges, now, here, out| ranges.tick(now, here, out).unwrap());
    }

    /// What a peer is told that compares all records, and which stretches it takes for different from the same records at
    /// a replica that has no contexts. `meanwhile` happens after the look has begun.
    fn compared(&mut self, salt: u64, meanwhile: impl FnOnce(&mut House)) -> (VersionVector, Vec<Span>) {
        assert!(self.ask(salt).is_none(), "nothing was looked at yet");
        meanwhile(self);
        (0..4).for_each(|_| self.tick());
        let (vector, sums) = self.ask(salt).expect("all was looked at");
        let mut plain = House::new();
        plain.ask(salt);
        (0..4).for_each(|_| plain.tick());
        let (_, of_plain) = plain.ask(salt).expect("all was looked at");
        let parts = sums.chunks(6).zip(of_plain.chunks(6)).enumerate();
        let differ = parts.filter(|(_, (mine, theirs))| mine != theirs);
        (vector, differ.map(|(at, _)| lc_repl::ranges::SumTree::span(BITS, at as u32)).collect())
    }
}

fn key(seq: u64) -> Bytes {
    format!("key{seq}").into()
}

fn beyond() -> VersionVector {
    [(ReplicaId(1), KEYS), (ReplicaId(3), 9)].into_iter().collect()
}

/// Left two regions unequal: one that had got a key as records, and had removed an increment from it that it could not
/// claim for all keys, told its sums with what it could claim for all. Another had the same of that key, so it took its
/// word; got the increment by journal; and not the removal, which was claimed.
#[test]
fn what_has_had_more_than_everything_else_is_not_called_equal() {
    let mut house = House::new();
    let span = key_span(&key(7));
    house.ranges.contexts.cover(&mut house.records, &span, &beyond()).unwrap();
    let (vector, differ) = house.compared(6, |_| {});
    assert_eq!(vector, house.applied);
    assert!(matches!(differ.as_slice(), [only] if only.meet(&span).is_some()), "{differ:?}");
}

#[test]
fn what_was_taken_over_while_all_was_looked_at_is_not_called_equal() {
    let mut house = House::new();
    let (_, differ) = house.compared(6, |house| {
        let span = Span::all();
        house.ranges.contexts.cover(&mut house.records, &span, &beyond()).unwrap();
        house.applied = beyond();
        let House { ranges, records, applied, .. } = house;
        ranges.settle(records, applied).unwrap();
        ranges.took_over();
    });
    assert_eq!(differ.len(), 1 << BITS);
}

#[test]
fn what_was_applied_while_all_was_looked_at_is_not_called_equal() {
    let mut house = House::new();
    let (_, differ) = house.compared(6, |house| house.put(KEYS + 1));
    let span = key_span(&key(KEYS + 1));
    assert!(matches!(differ.as_slice(), [only] if only.meet(&span).is_some()), "{differ:?}");
}

#[test]
fn a_look_that_was_interrupted_begins_anew() {
    let mut house = House::new();
    let (_, differ) = house.compared(6, |house| {
        house.ranges.interrupted(&house.records);
        assert!(house.ask(6).is_none());
    });
    assert!(differ.is_empty());
}
