//! Stories of the ledger, each over a store that outlives it.

use std::ops::RangeInclusive;
use std::sync::Arc;

use bytes::Bytes;
use lc_core::{Dot, Hlc, ReplicaId};
use lc_crdt::{Address, Kind, Sibling};
use lc_store::{MemoryStore, RowTable, Store, TableOptions};

use super::{
    Bounds, Cursor, EVICTED_AT_ONCE, Filter, LISTED_MAX, Ledger, Loss, LossId, LossRecord, Noted, PREVIEW_BYTES_MAX,
    Totals,
};

const WIDE: Bounds = Bounds { bytes_max: 64 << 20, age_max_ms: 7 * DAY_MS };
const DAY_MS: u64 = 86_400_000;
const NOON_MS: u64 = 1_800_000_000_000;

/// A ledger with its rows, and the store under them.
struct House {
    store: MemoryStore,
    rows: RowTable<dyn Store>,
    ledger: Ledger,
}

impl House {
    fn new() -> House {
        House::over(MemoryStore::new())
    }

    fn over(store: MemoryStore) -> House {
        let shared: Arc<dyn Store> = Arc::new(store.clone());
        let rows = RowTable::new(shared, &TableOptions::default());
        let ledger = Ledger::open(&rows).unwrap();
        House { store, rows, ledger }
    }

    fn flush(&mut self) {
        if let Some(job) = self.rows.begin_flush(Vec::new()) {
            let done = job.run();
            drop(self.rows.finish_flush(done).unwrap());
        }
    }

    /// What was not flushed is gone.
    fn crash(self) -> House {
        House::over(self.store)
    }

    fn note(&mut self, table: &str, key: &str, loser: &Sibling, winner: &Sibling, bounds: Bounds) -> Noted {
        let at = Address::string(Bytes::copy_from_slice(key.as_bytes()));
        self.note_at(table, &at, loser, winner, bounds)
    }

    fn note_at(&mut self, table: &str, at: &Address, loser: &Sibling, winner: &Sibling, bounds: Bounds) -> Noted {
        let loss = Loss { table, at, loser, winner, rule: "lww" };
        let noted = self.ledger.note(&mut self.rows, &loss, bounds).unwrap();
        self.check();
        noted
    }

    /// The `n`th loss of a table: its value is 100 bytes, so each counts the same.
    fn note_nth(&mut self, table: &str, n: u64, bounds: Bounds) -> Noted {
        let loser = write(1, n, NOON_MS + n, &[b'x'; 100]);
        self.note(table, "k", &loser, &write(2, n, NOON_MS + n, b"new"), bounds)
    }

    fn note_each(&mut self, table: &str, numbers: RangeInclusive<u64>, bounds: Bounds) {
        for n in numbers {
            assert_eq!(self.note_nth(table, n, bounds), Noted::New);
        }
    }

    fn list(&self, table: Option<&str>, after: Option<Cursor>, limit: usize) -> super::Page {
        self.ledger.list(&self.rows, &Filter { table, after, limit }).unwrap()
    }

    /// Sequence numbers of the losers held, in order.
    fn held(&self, table: Option<&str>) -> Vec<u64> {
        self.list(table, None, LISTED_MAX).losses.iter().map(|loss| loss.loser.dot.seq).collect()
    }

    fn totals(&self, table: &str) -> Totals {
        self.ledger.totals().into_iter().find(|(name, _)| name == table).expect("the table lost something").1
    }

    /// What is counted in memory is what the rows say, every loss is found by its name, and no row is left behind.
    fn check(&self) {
        let reopened = Ledger::open(&self.rows).unwrap();
        assert_eq!(reopened.totals(), self.ledger.totals(), "a restart would count differently");
        for (table, tally) in self.ledger.tables.iter().filter(|(_, tally)| tally.losses > 0) {
            let again = &reopened.tables[table];
            assert_eq!((again.first, again.oldest), (tally.first, tally.oldest), "a restart would evict differently");
        }
        let losses = self.all();
        for loss in &losses {
            assert_eq!(self.ledger.get(&self.rows, loss.id).unwrap().as_ref(), Some(loss));
        }
        let held: u64 = self.ledger.totals().iter().map(|(_, totals)| totals.losses).sum();
        let rows = self.rows.scan(b"l", Some(b"m")).map(Result::unwrap).filter(|(key, _)| !key.starts_with(b"le"));
        assert_eq!((losses.len() as u64, rows.count() as u64), (held, 3 * held));
        assert_eq!(losses.iter().map(LossRecord::bytes).sum::<u64>(), self.bytes());
    }

    /// Page after page.
    fn all(&self) -> Vec<LossRecord> {
        let mut page = self.list(None, None, LISTED_MAX);
        let mut losses = std::mem::take(&mut page.losses);
        while page.more {
            page = self.list(None, Some(page.next), LISTED_MAX);
            losses.append(&mut page.losses);
        }
        losses
    }

    fn bytes(&self) -> u64 {
        self.ledger.totals().iter().map(|(_, totals)| totals.bytes).sum()
    }
}

fn write(replica: u16, seq: u64, ms: u64, value: &[u8]) -> Sibling {
    Sibling {
        dot: Dot::new(ReplicaId(replica), seq),
        hlc: Hlc::from_ms(ms),
        value: Bytes::copy_from_slice(value),
        expires_ms: None,
        expiry_replaced: false,
    }
}

#[test]
fn a_loss_is_kept_with_both_writes_and_what_stood_between_them() {
    let mut house = House::new();
    let mut loser = write(3, 1042, NOON_MS, b"blue");
    loser.expires_ms = Some(u64::MAX);
    let winner = write(1, 7, NOON_MS + 250, b"green");
    let at = Address { key: Bytes::from_static(b"users:42"), kind: Kind::Hash, field: Bytes::from_static(b"colour") };
    assert_eq!(house.note_at("users", &at, &loser, &winner, WIDE), Noted::New);
    let page = house.list(Some("users"), None, 10);
    let [loss] = page.losses.as_slice() else { panic!("one loss, not {}", page.losses.len()) };
    assert_eq!(
        (&loss.table[..], &loss.key[..], loss.kind, &loss.field[..]),
        ("users", &b"users:42"[..], Kind::Hash, &b"colour"[..])
    );
    assert_eq!((loss.loser.dot, loss.loser.hlc, &loss.loser.shown[..]), (loser.dot, loser.hlc, &b"blue"[..]));
    assert_eq!((loss.winner.dot, loss.winner.hlc, &loss.winner.shown[..]), (winner.dot, winner.hlc, &b"green"[..]));
    assert_eq!((loss.loser.expires_ms, loss.winner.expires_ms), (Some(u64::MAX), None));
    assert_eq!((&loss.rule[..], loss.clock_gap_ms, loss.noted_hlc), ("lww", 250, winner.hlc));
    assert!(!page.more);
}

#[test]
fn a_winner_by_rule_may_be_older_than_what_it_beat() {
    let mut house = House::new();
    house.note("bids", "bids:1", &write(1, 1, NOON_MS, b"10"), &write(2, 1, NOON_MS - 40, b"99"), WIDE);
    assert_eq!(house.list(None, None, 1).losses[0].clock_gap_ms, -40);
}

#[test]
fn the_same_loss_is_noted_once_even_if_another_write_wins_later() {
    let mut house = House::new();
    let loser = write(1, 5, NOON_MS, b"a");
    assert_eq!(house.note("t", "t:1", &loser, &write(2, 5, NOON_MS + 1, b"b"), WIDE), Noted::New);
    assert_eq!(house.note("t", "t:1", &loser, &write(3, 5, NOON_MS + 2, b"c"), WIDE), Noted::Known);
    assert_eq!(house.totals("t").noted_total, 1);
    // The same write lost another cell too: that is another loss.
    assert_eq!(house.note("t", "t:2", &loser, &write(2, 5, NOON_MS + 1, b"b"), WIDE), Noted::New);
    assert_eq!(house.totals("t").noted_total, 2);
}

#[test]
fn a_replay_after_a_crash_leaves_the_ledger_as_it_was() {
    let mut house = House::new();
    house.note_each("t", 1..=4, WIDE);
    house.flush();
    house.note_each("t", 5..=9, WIDE);
    let before = house.list(None, None, 100);
    let mut house = house.crash();
    assert_eq!(house.held(None), [1, 2, 3, 4], "the crash took what was not flushed");
    // The journal is replayed from before the flush.
    for n in 3..=9 {
        assert_eq!(house.note_nth("t", n, WIDE), if n <= 4 { Noted::Known } else { Noted::New });
    }
    assert_eq!(house.list(None, None, 100), before, "the same losses under the same cursors");
    house.flush();
    let mut house = house.crash();
    let (loser, winner) = (write(1, 99, NOON_MS - DAY_MS, b"late"), write(2, 99, NOON_MS - DAY_MS, b""));
    house.note("t", "k", &loser, &winner, WIDE);
    let losses = house.list(None, None, 100).losses;
    assert!(losses.is_sorted_by_key(|loss| loss.noted_hlc), "a restart does not turn the order of noting back");
}

#[test]
fn a_restart_counts_what_the_rows_hold_and_never_gives_a_number_twice() {
    let mut house = House::new();
    for n in 1..=6 {
        house.note_nth("a", n, WIDE);
        house.note_nth("b", n + 10, WIDE);
    }
    house.ledger.evict(&mut house.rows, NOON_MS + 8 * DAY_MS, &|_| WIDE).unwrap();
    house.note_nth("b", 30, WIDE);
    let (a, b) = (house.totals("a"), house.totals("b"));
    assert_eq!((a.losses, a.noted_total, a.evicted_total), (0, 6, 6));
    assert_eq!((b.losses, b.noted_total, b.evicted_total), (1, 7, 6));
    let newest = house.list(None, None, 10).next;
    house.ledger.evict(&mut house.rows, NOON_MS + 80 * DAY_MS, &|_| WIDE).unwrap();
    house.flush();
    let mut house = house.crash();
    assert_eq!((house.totals("a"), house.totals("b").evicted_total), (a, 7));
    house.note_nth("a", 40, WIDE);
    assert_eq!(house.list(None, Some(newest), 10).losses.len(), 1, "a follower sees what comes after a restart");
    assert!(house.list(None, None, 10).next > newest, "its number is new although no row of an older one is left");
}

#[test]
fn too_many_bytes_push_the_oldest_of_the_same_table_out() {
    let mut house = House::new();
    house.note_nth("other", 50, WIDE);
    house.note_nth("t", 1, WIDE);
    let each = house.totals("t").bytes;
    let bounds = Bounds { bytes_max: 3 * each, ..WIDE };
    house.note_each("t", 2..=5, bounds);
    assert_eq!(house.held(Some("t")), [3, 4, 5]);
    assert_eq!(house.held(Some("other")), [50]);
    let totals = house.totals("t");
    assert_eq!((totals.losses, totals.bytes, totals.noted_total, totals.evicted_total), (3, 3 * each, 5, 2));
    // What was evicted is new again if a replay brings it back.
    assert_eq!(house.note_nth("t", 1, bounds), Noted::New);
    assert_eq!(house.held(Some("t")), [4, 5, 1]);
}

#[test]
fn age_counts_from_the_noting_and_the_oldest_of_each_table_go_first() {
    let mut house = House::new();
    let bounds = |table: &str| Bounds { age_max_ms: if table == "short" { DAY_MS } else { 10 * DAY_MS }, ..WIDE };
    for (n, day) in [(1, 0), (2, 1), (3, 2)] {
        house.ledger.evict(&mut house.rows, NOON_MS + day * DAY_MS, &bounds).unwrap();
        for table in ["short", "long"] {
            // All of them were written on day 0, and came here days later.
            let loser = write(if table == "short" { 1 } else { 2 }, n, NOON_MS, b"v");
            house.note(table, "k", &loser, &write(3, n, NOON_MS, b"w"), WIDE);
        }
    }
    assert_eq!((house.held(Some("short")), house.held(Some("long"))), (vec![2, 3], vec![1, 2, 3]));
    assert_eq!(house.ledger.evict(&mut house.rows, NOON_MS + 2 * DAY_MS + 1, &bounds).unwrap(), 1);
    assert_eq!((house.held(Some("short")), house.held(Some("long"))), (vec![3], vec![1, 2, 3]));
    assert_eq!(house.ledger.evict(&mut house.rows, NOON_MS + 11 * DAY_MS + 1, &bounds).unwrap(), 3);
    assert_eq!((house.held(Some("short")), house.held(Some("long"))), (vec![], vec![3]));
    house.check();
}

#[test]
fn lowered_bounds_are_reached_a_bounded_number_at_a_time_and_no_table_waits_for_another() {
    let mut house = House::new();
    let many = 2 * EVICTED_AT_ONCE;
    for n in 1..=many {
        let at = Address::string(Bytes::from_static(b"k"));
        let (loser, winner) = (write(1, n, NOON_MS, b""), write(2, n, NOON_MS, b""));
        let loss = Loss { table: "large", at: &at, loser: &loser, winner: &winner, rule: "max" };
        house.ledger.note(&mut house.rows, &loss, WIDE).unwrap();
    }
    house.note_nth("small", many + 1, WIDE);
    let none = |_: &str| Bounds { bytes_max: 0, ..WIDE };
    let rounds: Vec<u64> = (0..4).map(|_| house.ledger.evict(&mut house.rows, NOON_MS, &none).unwrap()).collect();
    assert_eq!(rounds.iter().sum::<u64>(), many + 1);
    assert!(rounds.iter().all(|&evicted| evicted <= EVICTED_AT_ONCE), "{rounds:?}");
    assert_eq!(rounds[3], 0, "nothing is due any more");
    assert_eq!(house.held(None), [0; 0]);
    house.check();
}

#[test]
fn a_small_table_is_not_held_up_by_a_large_one() {
    let mut house = House::new();
    for n in 1..=3 * EVICTED_AT_ONCE {
        let at = Address::string(Bytes::from_static(b"k"));
        let (loser, winner) = (write(1, n, NOON_MS, b""), write(2, n, NOON_MS, b""));
        let loss = Loss { table: "large", at: &at, loser: &loser, winner: &winner, rule: "max" };
        house.ledger.note(&mut house.rows, &loss, WIDE).unwrap();
    }
    house.note_nth("small", 9_999, WIDE);
    for _ in 0..2 {
        house.ledger.evict(&mut house.rows, NOON_MS + 8 * DAY_MS, &|_| WIDE).unwrap();
    }
    assert_eq!(house.totals("small").losses, 0);
    assert!(house.totals("large").losses > 0);
}

#[test]
fn a_large_value_makes_room_for_itself_however_small_the_others_are() {
    let mut house = House::new();
    let bounds = Bounds { bytes_max: 1 << 20, ..WIDE };
    for n in 1..=3 * EVICTED_AT_ONCE {
        let at = Address::string(Bytes::from_static(b"k"));
        let (loser, winner) = (write(1, n, NOON_MS, b""), write(2, n, NOON_MS, b""));
        house
            .ledger
            .note(&mut house.rows, &Loss { table: "t", at: &at, loser: &loser, winner: &winner, rule: "max" }, bounds)
            .unwrap();
    }
    house.note("t", "k", &write(1, 9_999, NOON_MS, &vec![b'x'; 1_000_000]), &write(2, 9_999, NOON_MS, b""), bounds);
    assert!(house.totals("t").bytes <= bounds.bytes_max);
    let newest = house.list(Some("t"), None, LISTED_MAX).losses.pop().unwrap();
    assert_eq!(newest.loser.value.map(|value| value.len()), Some(1_000_000));
}

#[test]
fn the_losers_value_is_whole_and_the_winners_is_a_preview() {
    let mut house = House::new();
    let large = vec![b'x'; 300_000];
    house.note("t", "t:1", &write(1, 1, NOON_MS, &large), &write(2, 1, NOON_MS, &large), WIDE);
    let loss = house.list(None, None, 1).losses.remove(0);
    assert_eq!(loss.loser.value.as_deref(), Some(&large[..]));
    assert_eq!(
        (loss.winner.value, loss.winner.shown.len(), loss.winner.value_bytes),
        (None, PREVIEW_BYTES_MAX, 300_000)
    );
    assert_eq!(house.totals("t").too_large_total, 0);
}

#[test]
fn a_value_too_large_for_the_bound_leaves_its_record_and_is_counted() {
    let mut house = House::new();
    let bounds = Bounds { bytes_max: 20_000, ..WIDE };
    let large = vec![b'x'; 20_000];
    house.note("t", "t:1", &write(1, 1, NOON_MS, &large), &write(2, 1, NOON_MS, &large), bounds);
    let loss = house.list(None, None, 1).losses.remove(0);
    assert_eq!((loss.loser.value, loss.loser.shown.len(), loss.loser.value_bytes), (None, PREVIEW_BYTES_MAX, 20_000));
    assert_eq!(house.totals("t").too_large_total, 1);
    // One that fits only without the winner's value is kept whole: the loser's value is the promise.
    house.note("t", "t:1", &write(1, 2, NOON_MS, &large[..19_000]), &write(2, 2, NOON_MS, &large), bounds);
    let loss = house.list(None, None, 9).losses.remove(0);
    assert_eq!(loss.loser.value.as_deref(), Some(&large[..19_000]));
    assert_eq!((loss.winner.shown.len(), loss.winner.value_bytes), (0, 20_000));
    let totals = house.totals("t");
    assert_eq!((totals.losses, totals.evicted_total, totals.too_large_total), (1, 1, 1), "eviction keeps the count");
}

#[test]
fn a_bound_of_nothing_keeps_nothing_but_counts() {
    let mut house = House::new();
    let nothing = Bounds { bytes_max: 0, ..WIDE };
    for _ in 0..2 {
        assert_eq!(house.note_nth("t", 1, nothing), Noted::New);
    }
    let expected = Totals { losses: 0, bytes: 0, noted_total: 2, evicted_total: 2, too_large_total: 2 };
    assert_eq!(house.totals("t"), expected);
    house.flush();
    assert_eq!(house.crash().totals("t"), expected);
}

#[test]
fn a_follower_sees_each_loss_once_however_late_it_comes() {
    let mut house = House::new();
    let (mut seen, mut cursor) = (Vec::new(), None);
    let mut expected = Vec::new();
    for n in 1..=40u64 {
        // Every third pair of writes was made long before the others and comes late, as after a cut.
        let ms = if n % 3 == 0 { NOON_MS - DAY_MS } else { NOON_MS + n };
        let table = if n % 2 == 0 { "even" } else { "odd" };
        house.note(table, "k", &write(1, n, ms, b"a"), &write(2, n, ms, b"b"), WIDE);
        expected.push(n);
        if n % 4 == 0 {
            let page = house.list(None, cursor, 3);
            seen.extend(page.losses.iter().map(|loss| loss.loser.dot.seq));
            cursor = Some(page.next);
        }
    }
    while seen.len() < 40 {
        let page = house.list(None, cursor, 3);
        assert!(!page.losses.is_empty());
        seen.extend(page.losses.iter().map(|loss| loss.loser.dot.seq));
        cursor = Some(page.next);
    }
    assert_eq!(seen, expected);
    let idle = house.list(None, cursor, 3);
    assert_eq!((idle.losses.len(), Some(idle.next), idle.more), (0, cursor, false));
    assert!(house.list(None, None, LISTED_MAX).losses.is_sorted_by_key(|loss| loss.noted_hlc));
}

#[test]
fn pages_of_one_table_pass_over_the_others_and_survive_eviction_under_the_cursor() {
    let mut house = House::new();
    for n in 1..=12 {
        house.note_nth(if n % 2 == 0 { "even" } else { "odd" }, n, WIDE);
    }
    let page = house.list(Some("even"), None, 2);
    assert_eq!((page.losses.len(), page.more), (2, true));
    let each = house.totals("even").bytes / 6;
    house.note_nth("even", 14, Bounds { bytes_max: 3 * each, ..WIDE });
    let rest = house.list(Some("even"), Some(page.next), 10);
    assert_eq!(rest.losses.iter().map(|loss| loss.loser.dot.seq).collect::<Vec<_>>(), [10, 12, 14]);
    assert_eq!(house.list(Some("nobody"), None, 10).losses.len(), 0);
    let by_id = house.ledger.get(&house.rows, rest.losses[0].id).unwrap().unwrap();
    assert_eq!(house.list(Some("even"), Some(by_id.cursor), 10).losses.len(), 2, "a loss gives its own cursor");
    // Somebody else's cursor, or one of a data directory that was replaced.
    assert_eq!(house.list(Some("even"), Some(Cursor(1_000)), 10).losses.len(), 3);
}

#[test]
fn a_page_of_large_values_is_short() {
    let mut house = House::new();
    let large = vec![b'x'; 7 << 20];
    for n in 1..=3 {
        house.note("t", "k", &write(1, n, NOON_MS, &large), &write(2, n, NOON_MS, b""), WIDE);
    }
    let page = house.list(None, None, 10);
    assert_eq!((page.losses.len(), page.more), (2, true));
    assert_eq!(house.list(None, Some(page.next), 10).losses.len(), 1);
    assert_eq!(house.list(None, None, 0).losses.len(), 0);
}

#[test]
fn two_replicas_give_the_same_loss_the_same_name_in_any_order() {
    let (mut paris, mut tokyo) = (House::new(), House::new());
    paris.note_each("t", 1..=50, WIDE);
    for n in (1..=50).rev() {
        tokyo.note_nth("t", n, WIDE);
    }
    let ids = |house: &House| {
        let mut ids: Vec<LossId> = house.list(None, None, 100).losses.iter().map(|loss| loss.id).collect();
        ids.sort();
        ids
    };
    assert_eq!(ids(&paris), ids(&tokyo));
    assert_eq!(ids(&paris).len(), 50);
    // Pinned: a name that changed with a release would not be found by whoever wrote it down.
    assert_eq!(ids(&paris)[0].to_string(), "1-1-8149d6a0");
}

#[test]
fn two_cells_of_one_write_whose_hashes_agree_are_both_kept() {
    let mut house = House::new();
    let loser = write(1, 1, NOON_MS, b"a");
    house.note("t", "t:1", &loser, &write(2, 1, NOON_MS, b"b"), WIDE);
    let first = house.list(None, None, 1).losses.remove(0).id;
    // As if the first loss were of a cell that hashes to the same 32 bits.
    let other = super::format::Index { number: 1, digest: 77 }.encode();
    house.rows.put(super::format::id_row(first), Some(other));
    assert_eq!(house.note("t", "t:1", &loser, &write(2, 1, NOON_MS, b"b"), WIDE), Noted::New);
    let second = house.list(None, None, 9).losses.remove(1).id;
    assert_eq!((second.dot, second.address), (first.dot, first.address.wrapping_add(1)));
    assert_eq!(house.note("t", "t:1", &loser, &write(2, 1, NOON_MS, b"b"), WIDE), Noted::Known);
}

#[test]
fn names_and_cursors_are_read_as_they_are_written_and_nothing_else_is() {
    let id: LossId = "3-1042-9f3a77c1".parse().unwrap();
    assert_eq!((id.dot, id.address), (Dot::new(ReplicaId(3), 1042), 0x9f3a_77c1));
    assert_eq!(id.to_string(), "3-1042-9f3a77c1");
    let wrong = [
        "",
        "-",
        "3-1042",
        "3-1042-9f3a77c1-1",
        "3-1042-9F3A77C1",
        "03-1042-9f3a77c1",
        "+3-1042-9f3a77c1",
        "3-1042-c1",
        "65536-1-9f3a77c1",
        "3-1042-é",
    ];
    for text in wrong {
        assert!(text.parse::<LossId>().is_err(), "{text:?}");
    }
    assert_eq!("17".parse::<Cursor>().unwrap().to_string(), "17");
    for text in ["", "-1", "+1", "01", "x", "18446744073709551615", "18446744073709551616"] {
        assert!(text.parse::<Cursor>().is_err(), "{text:?}");
    }
    assert_eq!(House::new().list(None, Some("18446744073709551614".parse().unwrap()), 9).losses.len(), 0);
}

#[test]
fn what_a_loss_counts_is_never_less_than_its_rows_take() {
    for (key, value, seq) in [("", &b""[..], 1), ("users:42", &[b'v'; 500], u64::MAX), ("k", &[b'v'; 70_000], 1 << 40)]
    {
        let mut house = House::new();
        let mut loser = write(u16::MAX, seq, NOON_MS, value);
        loser.expires_ms = Some(u64::MAX);
        house.note("users", key, &loser, &write(2, 1, NOON_MS, value), WIDE);
        let taken: usize =
            house.rows.scan(b"l", Some(b"m")).map(|row| row.map(|(key, value)| key.len() + value.len()).unwrap()).sum();
        let counted = house.bytes() as usize;
        assert!(counted >= taken && counted < taken + 128, "{counted} counted, {taken} taken");
    }
}

/// Every row cut short at every place, and with every byte changed, is read without a panic; cut short it is an error.
#[test]
fn rows_that_are_not_what_was_written_are_an_error() {
    let mut house = House::new();
    house.note_nth("t", 1, WIDE);
    let each = house.totals("t").bytes;
    house.note_each("t", 2..=3, Bounds { bytes_max: 2 * each, ..WIDE });
    house.flush();
    let good: Vec<(Bytes, Bytes)> = house.store.scan(b"l", Some(b"m")).map(Result::unwrap).collect();
    assert_eq!(good.len(), 2 * 3 + 1);
    let id = house.list(None, None, 1).losses[0].id;
    for (key, value) in &good {
        for cut in 0..value.len() {
            assert!(read_all(&house, key, value.slice(..cut), id).is_err(), "{key:?} cut at {cut}");
        }
        let longer = Bytes::from([value, &b"x"[..]].concat());
        assert!(read_all(&house, key, longer, id).is_err(), "{key:?} with a byte too many");
        for at in 0..value.len() {
            for bit in 0..8 {
                let mut changed = value.to_vec();
                changed[at] ^= 1 << bit;
                let outcome = read_all(&house, key, Bytes::from(changed), id);
                assert!(at > 0 || outcome.is_err(), "a version that nobody knows");
            }
        }
    }
}

/// Opens the ledger with one row replaced, and reads and evicts all there is.
fn read_all(house: &House, key: &Bytes, value: Bytes, id: LossId) -> Result<(), crate::Error> {
    let shared: Arc<dyn Store> = Arc::new(house.store.clone());
    let mut rows = RowTable::new(shared, &TableOptions::default());
    rows.put(key.clone(), Some(value));
    let mut ledger = Ledger::open(&rows)?;
    for table in [None, Some("t")] {
        ledger.list(&rows, &Filter { table, after: None, limit: 10 })?;
    }
    let losses = ledger.list(&rows, &Filter { limit: 10, ..Filter::default() })?.losses;
    losses.iter().try_for_each(|loss| ledger.get(&rows, loss.id).map(drop))?;
    ledger.get(&rows, id)?;
    ledger.evict(&mut rows, u64::MAX, &|_| WIDE)?;
    Ok(())
}

#[test]
fn keys_of_rows_that_are_not_what_was_written_are_an_error() {
    let row = |key: &'static [u8]| {
        let house = House::new();
        let mut rows = house.rows;
        rows.put(Bytes::from_static(key), Some(Bytes::from_static(&[1, 0, 0, 0])));
        let opened =
            Ledger::open(&rows).and_then(|ledger| ledger.list(&rows, &Filter { limit: 9, ..Filter::default() }));
        opened.is_err()
    };
    for key in [&b"le"[..], b"le\x09t", b"le\x01\xff", b"lo", b"lo\x01t", b"lo\x01t12345678", b"ln1", b"ln123456789"] {
        assert!(row(key), "{key:?}");
    }
}

/// Random work beside a list that does the same the plain way.
#[test]
fn random_notes_evictions_flushes_and_crashes_end_as_in_a_plain_list() {
    for seed in 1..=20 {
        let mut random = seed;
        let mut next = |below: u64| {
            random = u64::wrapping_mul(random, 6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) % below
        };
        let mut house = House::new();
        // (table, loser's sequence, bytes, told time when it was noted)
        let (mut plain, mut flushed): (Vec<(usize, u64, u64, u64)>, Vec<_>) = (Vec::new(), Vec::new());
        let (tables, mut now_ms) = (["a", "b", "c"], NOON_MS);
        let bounds = Bounds { bytes_max: 5_000, age_max_ms: 400 };
        for _ in 0..300 {
            match next(12) {
                0 => {
                    now_ms += next(300);
                    house.ledger.evict(&mut house.rows, now_ms, &|_| bounds).unwrap();
                    plain.retain(|&(_, _, _, noted_ms)| now_ms - noted_ms <= bounds.age_max_ms);
                }
                1 => {
                    house.flush();
                    flushed.clone_from(&plain);
                }
                2 if next(3) == 0 => {
                    house = house.crash();
                    plain.clone_from(&flushed);
                    // The new life has not been told the time yet.
                    house.ledger.evict(&mut house.rows, now_ms, &|_| bounds).unwrap();
                    plain.retain(|&(_, _, _, noted_ms)| now_ms - noted_ms <= bounds.age_max_ms);
                }
                _ => {
                    let (table, seq, size) = (next(3) as usize, 1 + next(60), next(600));
                    let loser = write(1 + table as u16, seq, NOON_MS - 1, &vec![b'v'; size as usize]);
                    let noted = house.note(tables[table], "k", &loser, &write(9, seq, NOON_MS - 1, b"w"), bounds);
                    let known = plain.iter().any(|&(of, held, ..)| (of, held) == (table, seq));
                    assert_eq!(noted, if known { Noted::Known } else { Noted::New }, "seed {seed}");
                    if !known {
                        plain.push((table, seq, 240 + 2 + 1 + size + 1, now_ms_told(&house, now_ms)));
                    }
                    let mut over = plain
                        .iter()
                        .filter(|held| held.0 == table)
                        .map(|held| held.2)
                        .sum::<u64>()
                        .saturating_sub(bounds.bytes_max);
                    plain.retain(|held| {
                        let goes = held.0 == table && over > 0;
                        over = if goes { over.saturating_sub(held.2) } else { over };
                        !goes
                    });
                }
            }
            let expected: Vec<u64> = plain.iter().map(|held| held.1).collect();
            assert_eq!(house.held(None), expected, "seed {seed}");
            for (index, table) in tables.iter().enumerate() {
                let expected: Vec<u64> = plain.iter().filter(|held| held.0 == index).map(|held| held.1).collect();
                assert_eq!(house.held(Some(table)), expected, "seed {seed}");
            }
        }
        house.check();
    }
}

/// Age counts from the last time the ledger was told, or from the writes before it was told any.
fn now_ms_told(house: &House, now_ms: u64) -> u64 {
    if house.ledger.told_ms == 0 { NOON_MS - 1 } else { now_ms }
}
