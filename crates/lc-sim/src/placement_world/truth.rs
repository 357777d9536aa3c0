//! What must be true once everything has settled.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use lc_core::Dot;
use lc_crdt::{Entry, Op, RowError, Rows, apply};
use lc_policy::Tables;

use super::PlacementWorld;
use super::place::{Place, holds};
use super::plan::{RESTRICTED, tells};

impl PlacementWorld {
    /// Looks at every region, at rest.
    pub(super) fn check_rest(&mut self) {
        let entries = self.standing_entries();
        let tables = self.plan.last().clone();
        let mut found = Vec::new();
        for place in &mut self.places {
            check_residency(place, &mut found);
            check_entries(place, &tables, &entries, &self.acknowledged, &mut found);
            check_rows(place, &tables, &entries, &mut found);
        }
        found.into_iter().for_each(|(checker, what)| self.violation(checker, what));
    }

    /// Every entry that its origin still has, as it was decided: a crash takes away what was not durable and nobody has.
    fn standing_entries(&mut self) -> Vec<Entry> {
        let mut standing = BTreeSet::new();
        for place in &mut self.places {
            standing.extend(place.dots());
        }
        let mut entries: Vec<Entry> =
            standing.into_iter().filter_map(|dot: Dot| self.decided.get(&dot).cloned()).collect();
        // Stamps keep to causality.
        entries.sort_by_key(|entry| (entry.hlc, entry.dot));
        entries
    }

    /// What a member has noticed by itself.
    pub(super) fn check_alarms(&mut self, index: usize) {
        let Some(member) = &self.places[index].member else { return };
        let health = member.health();
        let what = match (health.last_alarm(), health.writable()) {
            (Some(alarm), _) => format!("{index}: {alarm:?}").chars().take(400).collect(),
            (None, Err(why)) => format!("{index}: {why}"),
            (None, Ok(())) => return,
        };
        self.violation("alarms", what);
    }
}

type Found = Vec<(&'static str, String)>;

/// Nothing of a table is where it must not be: no row, nothing in the ledger, and no journal entry that came after it was
/// known that it must not.
fn check_residency(place: &Place, found: &mut Found) {
    let Some(member) = &place.member else { return };
    for table in RESTRICTED.into_iter().filter(|table| !place.holds(table)) {
        let mut left = None;
        let read = member.each_row(&mut |row, value| {
            if left.is_none() && (tells(row, table) || tells(value, table)) {
                let row = Bytes::copy_from_slice(row);
                left = Some(format!("{row:?} = {}", String::from_utf8_lossy(value)));
            }
        });
        left.into_iter().for_each(|row| found.push(("residency", format!("{} has {row}", place.name))));
        read.err().into_iter().for_each(|error| found.push(("rows", error.to_string())));
        let before = place.before.get(table).cloned().unwrap_or_default();
        let after = |entry: &&Entry| !before.covers(entry.dot) && tells(&encoded(entry), table);
        let entries = member.journal_entries().unwrap_or_default();
        let late = entries.iter().find(after);
        late.into_iter().for_each(|entry| found.push(("residency", format!("{} keeps {entry:?}", place.name))));
    }
}

/// Every entry is everywhere, with all that the region should have of it.
fn check_entries(place: &mut Place, tables: &Tables, entries: &[Entry], acknowledged: &[Dot], found: &mut Found) {
    let dots = place.dots();
    let Some(member) = &place.member else { return found.push(("progress", format!("{} is down", place.name))) };
    let applied = member.snapshot().applied;
    if let Some(dot) = acknowledged.iter().find(|dot| !applied.covers(**dot) || !dots.contains(dot)) {
        found.push(("acknowledged", format!("{} never got {dot}", place.name)));
    }
    let journal: BTreeMap<Dot, Entry> =
        member.journal_entries().unwrap_or_default().into_iter().map(|entry| (entry.dot, entry)).collect();
    for entry in entries {
        let had = journal.get(&entry.dot).map_or(&[][..], |entry| &entry.ops);
        let lacks = |op: &&Op| match op {
            Op::Clear { .. } => !had.iter().any(|op| matches!(op, Op::Clear { .. })),
            op => op.key().is_some_and(|key| tables.may_hold(&place.name, key)) && !had.contains(op),
        };
        if let Some(op) = entry.ops.iter().find(lacks) {
            return found.push(("acknowledged", format!("{} has {} without {op:?}", place.name, entry.dot)));
        }
    }
}

/// The rows of all tables that a region has are what all entries make, so they are equal in all regions that have them.
fn check_rows(place: &Place, tables: &Tables, entries: &[Entry], found: &mut Found) {
    let Some(member) = &place.member else { return };
    let mut expected = PlainRows::default();
    for entry in entries {
        if let Err(error) = apply(&mut expected, &as_held(entry, tables, &place.name)) {
            found.push(("rows", error.to_string()));
        }
    }
    let mut rows = BTreeMap::new();
    let read = member.each_row(&mut |row, value| {
        if matches!(row.first(), Some(b'h' | b'e' | b'z' | b'x')) {
            rows.insert(row.to_vec(), value.clone());
        }
    });
    read.err().into_iter().for_each(|error| found.push(("rows", error.to_string())));
    let differs = |row: &&Vec<u8>| rows.get(*row) != expected.0.get(*row);
    if let Some(row) = expected.0.keys().chain(rows.keys()).find(differs) {
        let (has, should) = (rows.get(row), expected.0.get(row));
        let key = String::from_utf8_lossy(row).into_owned();
        found.push(("rows", format!("{} has {has:?} in {key:?}, where all entries make {should:?}", place.name)));
    }
}

fn as_held(entry: &Entry, tables: &Tables, region: &str) -> Entry {
    let kept = |op: &&Op| op.key().is_none_or(|key| tables.may_hold(region, key));
    Entry { ops: entry.ops.iter().filter(kept).cloned().collect(), ..entry.clone() }
}

fn encoded(entry: &Entry) -> Vec<u8> {
    let mut bytes = Vec::new();
    entry.encode(&mut bytes);
    bytes
}

/// Whether an entry tells something of a table that its region must not have.
pub(super) fn decided_astray(entry: &Entry, tables: &Tables, region: &str) -> Option<&'static str> {
    let bytes = encoded(entry);
    RESTRICTED.into_iter().find(|table| !holds(tables, region, table) && tells(&bytes, table))
}

#[derive(Default)]
struct PlainRows(BTreeMap<Vec<u8>, Bytes>);

impl Rows for PlainRows {
    fn get(&self, row: &[u8]) -> Result<Option<Bytes>, RowError> {
        Ok(self.0.get(row).cloned())
    }

    fn scan(&self, from: &[u8], to: &[u8], visit: &mut dyn FnMut(&[u8], &Bytes) -> bool) -> Result<(), RowError> {
        self.0.range(from.to_vec()..to.to_vec()).all(|(row, value)| visit(row, value));
        Ok(())
    }

    fn replace(&mut self, row: Vec<u8>, _old: Option<&Bytes>, new: Option<Bytes>) {
        match new {
            Some(value) => drop(self.0.insert(row, value)),
            None => drop(self.0.remove(&row)),
        }
    }

    fn touched(&mut self, _key: Option<&[u8]>) {}
}
