//! The conflict ledger: each write that lost to one it did not know of, until it is too old or there are too many.
//!
//! In:    losses, as merging meets them; the time, as somebody tells it; bounds per table.
//! Out:   rows beside the records, in the same batch as they, so a crash takes both or none; pages of losses.
//! Never: a clock; deciding who lost. Its rows are this node's own and not part of digests.
//! Proof: ledger/tests.rs; `docs/formats/ledger.md` draws the rows.
//! Start: [`Ledger::note`].

mod format;
#[cfg(test)]
mod golden;
mod loss;
mod tally;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use lc_core::{Dot, Hlc};
use lc_store::{RowTable, Store};

use crate::Error;
use format::{Evictions, Held, Index};
use tally::Tally;

pub use loss::{
    Cursor, KeptValue, Loss, LossId, LossRecord, NotACursor, NotALossId, PREVIEW_BYTES_MAX, RULE_BYTES_MAX,
};
pub use tally::Totals;

/// How much of a table's losses is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// Bytes of all its losses, as [`LossRecord::bytes`] counts them. 0 keeps none and counts them only.
    pub bytes_max: u64,
    /// Longest time since a loss was noted here, ms.
    pub age_max_ms: u64,
}

/// What became of a loss.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Noted {
    /// It was counted, and is in the ledger unless nothing of it fits the table's bounds.
    New,
    /// The ledger has it already.
    Known,
}

/// Which losses to list.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter<'a> {
    /// Only of this table.
    pub table: Option<&'a str>,
    /// Only those noted after the one this cursor came with.
    pub after: Option<Cursor>,
    /// Most losses to give; [`LISTED_MAX`] at most.
    pub limit: usize,
}

/// Some losses, those noted first leading.
#[derive(Clone, PartialEq, Debug)]
pub struct Page {
    /// The losses; fewer than asked for when their values are large, but one if there is any.
    pub losses: Vec<LossRecord>,
    /// To go on from here, now or when more has been noted.
    pub next: Cursor,
    /// More are there already.
    pub more: bool,
}

/// The ledger of one node. Its rows are in the record table that each call is given, which must be the one it was
/// opened on.
///
/// Any error means rows that cannot be read or are not what was written; nothing was changed then.
#[derive(Debug, Default)]
pub struct Ledger {
    tables: BTreeMap<String, Tally>,
    /// Number of the newest loss.
    last: u64,
    /// When it was noted.
    noted: Hlc,
    /// The time as [`Ledger::evict`] was last told.
    told_ms: u64,
    /// Evictions begin at another table each time, so that a large one does not hold up the others.
    turn: usize,
}

impl Ledger {
    /// The ledger in `rows`. Reads about 60 bytes per loss, no values.
    pub fn open(rows: &RowTable<dyn Store>) -> Result<Ledger, Error> {
        let mut ledger = Ledger::default();
        let (from, to) = format::evictions_span();
        for row in rows.scan(from, Some(to)) {
            let (key, value) = row?;
            let (table, evictions) = Evictions::decode(key, value).map_err(malformed)?;
            ledger.last = ledger.last.max(evictions.last);
            ledger.tables.entry(table).or_default().evicted = evictions;
        }
        let (from, to) = format::order_span();
        for row in rows.scan(from, Some(to)) {
            let (key, value) = row?;
            let (table, held) = Held::decode(key, value).map_err(malformed)?;
            ledger.last = ledger.last.max(held.number);
            ledger.noted = ledger.noted.max(held.noted);
            ledger.tables.entry(table).or_default().add(&held);
        }
        Ok(ledger)
    }

    /// Takes a loss in, once: the same write losing the same cell again is known, whoever beats it then, so a journal
    /// may be replayed over rows that have it. A loss that was evicted is new again. The oldest of the table go until
    /// the bytes fit.
    ///
    /// Rows change at once and cannot be undone with a refused write's: call it when the write is certain.
    pub fn note(&mut self, rows: &mut RowTable<dyn Store>, loss: &Loss<'_>, bounds: Bounds) -> Result<Noted, Error> {
        debug_assert_ne!(loss.loser.dot, loss.winner.dot, "a write does not lose to itself");
        let digest = format::address_digest(loss.at);
        let Some(id) = vacant_id(rows, loss.loser.dot, digest)? else { return Ok(Noted::Known) };
        let noted = self.noted.max(Hlc::from_ms(self.told_ms)).max(loss.loser.hlc).max(loss.winner.hlc);
        let record = LossRecord::new(id, Cursor(self.last + 1), noted, loss);
        match record.within(bounds.bytes_max) {
            Some(record) => self.keep(rows, &record, digest, bounds)?,
            None => self.pass_over(rows, loss.table),
        }
        Ok(Noted::New)
    }

    /// Forgets losses that are too old, or too many since bounds were lowered; at most [`EVICTED_AT_ONCE`], oldest
    /// first in each table. Gives how many. Also tells the ledger the time, from which the age of later losses counts:
    /// call it now and then even if nothing is old. It reads rows only when something is due.
    pub fn evict(
        &mut self,
        rows: &mut RowTable<dyn Store>,
        now_ms: u64,
        bounds_of: &dyn Fn(&str) -> Bounds,
    ) -> Result<u64, Error> {
        self.told_ms = now_ms;
        let with_bounds = self.tables.iter().map(|(table, tally)| (table, tally, bounds_of(table)));
        let mut due: Vec<(String, Bounds)> = with_bounds
            .filter(|(_, tally, bounds)| tally.is_due(*bounds, now_ms))
            .map(|(table, _, bounds)| (table.clone(), bounds))
            .collect();
        if due.is_empty() {
            return Ok(0);
        }
        self.turn = self.turn.wrapping_add(1);
        let first = self.turn % due.len();
        due.rotate_left(first);
        let mut evicted = 0;
        for (table, bounds) in due {
            evicted += self.evict_due(rows, &table, now_ms, bounds, EVICTED_AT_ONCE - evicted)?;
        }
        Ok(evicted)
    }

    /// Forgets losses of keys that must not be here any more. Reads every loss. Gives how many went.
    pub fn forget_keys(&mut self, rows: &mut RowTable<dyn Store>, goes: &dyn Fn(&[u8]) -> bool) -> Result<u64, Error> {
        let mut gone = Vec::new();
        for record in self.records(rows, None, Cursor(0)) {
            let record = record?;
            if goes(&record.key) {
                gone.push((Held::of(&record), record.table));
            }
        }
        let last = self.last;
        for (held, table) in &gone {
            rows.put(format::loss_row(held.number), None);
            rows.put(format::order_row(table, held.number), None);
            rows.put(format::id_row(held.id), None);
            let evicted = &mut self.tally(table).evicted;
            (evicted.losses, evicted.last) = (evicted.losses + 1, last);
            evicted.cut += u64::from(held.cut);
            rows.put(format::evictions_row(table), Some(evicted.encode()));
        }
        if !gone.is_empty() {
            // They may lie anywhere between those that stay: what is known of each table is read anew.
            self.tables = Ledger::open(rows)?.tables;
        }
        Ok(gone.len() as u64)
    }

    /// A page of losses in the order in which this node noted them. With [`Page::next`] as the next filter's `after`
    /// nothing that is still held is passed over or given twice, however late a loss comes to this node. A cursor that
    /// this ledger has not reached is another's, and lists from the start.
    ///
    /// What it gives may not be durable yet, as with any read; see that the journal is before answering, otherwise a
    /// crash can give the numbers of lost losses to others.
    pub fn list(&self, rows: &RowTable<dyn Store>, filter: &Filter<'_>) -> Result<Page, Error> {
        let after = filter.after.filter(|cursor| cursor.0 <= self.last).unwrap_or_default();
        let mut page = Page { losses: Vec::new(), next: after, more: false };
        let (limit, mut bytes) = (filter.limit.min(LISTED_MAX), 0);
        for record in self.records(rows, filter.table, after) {
            let record = record?;
            bytes += record.bytes();
            let full = bytes > LISTED_BYTES_MAX && !page.losses.is_empty();
            if full || page.losses.len() >= limit {
                page.more = true;
                break;
            }
            page.next = record.cursor;
            page.losses.push(record);
        }
        Ok(page)
    }

    /// The loss of this name, if it is still held.
    pub fn get(&self, rows: &RowTable<dyn Store>, id: LossId) -> Result<Option<LossRecord>, Error> {
        let Some(bytes) = rows.get(&format::id_row(id))? else { return Ok(None) };
        let record = record_at(rows, Index::decode(bytes).map_err(malformed)?.number)?;
        if record.id == id { Ok(Some(record)) } else { Err(malformed(format::ROWS_DISAGREE)) }
    }

    /// What is held of each table that ever lost something here, and what was, by name. A restart keeps it.
    pub fn totals(&self) -> Vec<(String, Totals)> {
        self.tables.iter().map(|(table, tally)| (table.clone(), tally.totals())).collect()
    }

    fn keep(
        &mut self,
        rows: &mut RowTable<dyn Store>,
        record: &LossRecord,
        digest: u128,
        bounds: Bounds,
    ) -> Result<(), Error> {
        let held = Held::of(record);
        let over = (self.tally(&record.table).bytes + held.bytes).saturating_sub(bounds.bytes_max);
        let (mut freed, mut count) = (0, 0);
        self.forget(rows, &record.table, &mut |old| {
            // A bound that was lowered by far is reached over many calls, but no call leaves more than it found.
            let goes = freed < over && (freed < held.bytes || count < EVICTED_AT_ONCE);
            if goes {
                (freed, count) = (freed + old.bytes, count + 1);
            }
            goes
        })?;
        rows.put(format::loss_row(held.number), Some(record.encode()));
        rows.put(format::order_row(&record.table, held.number), Some(held.encode()));
        rows.put(format::id_row(held.id), Some(Index { number: held.number, digest }.encode()));
        self.tally(&record.table).add(&held);
        (self.last, self.noted) = (held.number, held.noted);
        Ok(())
    }

    /// Counts a loss of which nothing fits the bounds, as noted and evicted.
    fn pass_over(&mut self, rows: &mut RowTable<dyn Store>, table: &str) {
        let last = self.last;
        let evicted = &mut self.tally(table).evicted;
        evicted.losses += 1;
        evicted.cut += 1;
        evicted.last = last;
        rows.put(format::evictions_row(table), Some(evicted.encode()));
    }

    fn evict_due(
        &mut self,
        rows: &mut RowTable<dyn Store>,
        table: &str,
        now_ms: u64,
        bounds: Bounds,
        at_most: u64,
    ) -> Result<u64, Error> {
        let (mut left_bytes, mut count) = (self.tally(table).bytes, 0);
        self.forget(rows, table, &mut |old| {
            let due = left_bytes > bounds.bytes_max || tally::is_too_old(old.noted, bounds, now_ms);
            let goes = due && count < at_most;
            if goes {
                (left_bytes, count) = (left_bytes - old.bytes, count + 1);
            }
            goes
        })?;
        Ok(count)
    }

    /// Forgets the oldest losses of a table as long as `goes` says so. All rows are read before the first is changed.
    fn forget(
        &mut self,
        rows: &mut RowTable<dyn Store>,
        table: &str,
        goes: &mut dyn FnMut(&Held) -> bool,
    ) -> Result<(), Error> {
        let last = self.last;
        let tally = self.tally(table);
        let mut count = 0;
        while count < tally.oldest_seen.len() || look_further(rows, table, tally)? {
            if !goes(&tally.oldest_seen[count]) {
                break;
            }
            count += 1;
        }
        if count == 0 {
            return Ok(());
        }
        for held in tally.forget(count) {
            rows.put(format::loss_row(held.number), None);
            rows.put(format::order_row(table, held.number), None);
            rows.put(format::id_row(held.id), None);
        }
        tally.evicted.last = last;
        rows.put(format::evictions_row(table), Some(tally.evicted.encode()));
        Ok(())
    }

    fn tally(&mut self, table: &str) -> &mut Tally {
        // Two lookups, because an entry would need the name as its own string each time.
        if !self.tables.contains_key(table) {
            self.tables.insert(table.to_owned(), Tally::default());
        }
        self.tables.get_mut(table).expect("it was there or has just been put there")
    }

    /// Losses above a number, decoded as they are asked for.
    fn records<'a>(
        &'a self,
        rows: &'a RowTable<dyn Store>,
        table: Option<&'a str>,
        after: Cursor,
    ) -> Box<dyn Iterator<Item = Result<LossRecord, Error>> + 'a> {
        let Some(table) = table else {
            let first = self.tables.values().filter(|tally| tally.losses > 0).map(|tally| tally.first).min();
            let from = format::loss_row(first.unwrap_or(self.last).max(after.0 + 1));
            let scan = rows.scan(&from, Some(format::loss_rows_end()));
            return Box::new(scan.map(|row| row.map_err(Error::from).and_then(|(key, value)| record_of(&key, value))));
        };
        let first = self.tables.get(table).map_or(0, |tally| tally.first);
        let from = format::order_row(table, first.max(after.0 + 1));
        let scan = rows.scan(&from, Some(&format::order_row(table, u64::MAX)));
        Box::new(scan.map(move |row| {
            let (key, value) = row?;
            record_at(rows, Held::decode(key, value).map_err(malformed)?.1.number)
        }))
    }
}

/// Looks at some more of a table's oldest losses; tells whether there are any.
fn look_further(rows: &RowTable<dyn Store>, table: &str, tally: &mut Tally) -> Result<bool, Error> {
    let seen = tally.oldest_seen.len();
    // Not from the start: the store may have to step over each row that was removed there.
    let from = format::order_row(table, tally.unseen());
    for row in rows.scan(&from, Some(&format::order_row(table, u64::MAX))).take(LOOKED_AT_ONCE) {
        let (key, value) = row?;
        tally.oldest_seen.push_back(Held::decode(key, value).map_err(malformed)?.1);
    }
    Ok(tally.oldest_seen.len() > seen)
}

/// The name for a loss, or `None` if the ledger has it. Two cells of one write whose hashes agree get names side by
/// side, in the order in which they are noted: otherwise one of them would be lost without a trace.
fn vacant_id(rows: &RowTable<dyn Store>, dot: Dot, digest: u128) -> Result<Option<LossId>, Error> {
    let mut id = LossId { dot, address: (digest >> 96) as u32 };
    while let Some(bytes) = rows.get(&format::id_row(id))? {
        if Index::decode(bytes).map_err(malformed)?.digest == digest {
            return Ok(None);
        }
        id.address = id.address.wrapping_add(1);
    }
    Ok(Some(id))
}

fn record_at(rows: &RowTable<dyn Store>, number: u64) -> Result<LossRecord, Error> {
    let key = format::loss_row(number);
    let value = rows.get(&key)?.ok_or(malformed(format::ROWS_DISAGREE))?;
    record_of(&key, value)
}

fn record_of(key: &[u8], value: bytes::Bytes) -> Result<LossRecord, Error> {
    let number = format::number_of(key).map_err(malformed)?;
    LossRecord::decode(number, value).map_err(malformed)
}

fn malformed(source: lc_core::wire::Malformed) -> Error {
    Error::Malformed { what: "conflict ledger", source }
}

/// Most losses on one page.
pub const LISTED_MAX: usize = 1_000;
/// Bytes of losses on one page, but for a single larger one: two of the largest values.
const LISTED_BYTES_MAX: u64 = 16 << 20;
/// Order rows read by one scan: enough that a full table seldom scans, and 20 KiB of memory per table.
const LOOKED_AT_ONCE: usize = 256;
/// Losses forgotten by one call, which holds the member up a few milliseconds.
pub const EVICTED_AT_ONCE: u64 = 2_048;
