//! Digests of tables that not every region has, so that two regions can compare the rows that both may have; and the walk
//! over all rows that finds those sums and the rows that must not be here any more.

use std::sync::Arc;

use bytes::Bytes;
use lc_crdt::{Digest, key_of_row};
use lc_policy::{Table, Tables};

/// The sums of one node. Empty and idle where every table is everywhere.
pub(crate) struct Shares {
    region: String,
    sums: Vec<(Arc<Table>, Digest)>,
    walk: Walk,
}

/// How far the rows have been walked. Rows before the place are in the sums, rows behind it are not.
#[derive(PartialEq, Eq, Debug)]
enum Walk {
    Done,
    At(Vec<u8>),
}

impl Shares {
    /// For a node in this region that goes by these tables; where any is restricted, the walk begins.
    pub(crate) fn new(region: &str, tables: &Tables) -> Shares {
        let walk = if tables.restricted().is_empty() { Walk::Done } else { Walk::At(FIRST_ROW.to_vec()) };
        let sums = tables.restricted().iter().map(|table| (table.clone(), Digest::default())).collect();
        Shares { region: region.to_owned(), sums, walk }
    }

    /// Whether the sums are those of `tables`.
    pub(crate) fn are_of(&self, tables: &Tables) -> bool {
        let same = |(mine, _): &(Arc<Table>, Digest), table: &Arc<Table>| {
            mine.name == table.name && mine.policy.placement == table.policy.placement && mine.target == table.target
        };
        self.sums.len() == tables.restricted().len()
            && self.sums.iter().zip(tables.restricted()).all(|(mine, table)| same(mine, table))
    }

    /// Accounts for a row that changes.
    pub(crate) fn replace(&mut self, tables: &Tables, row: &[u8], old: Option<&[u8]>, new: Option<&[u8]>) {
        if self.sums.is_empty() || matches!(&self.walk, Walk::At(place) if row >= place.as_slice()) {
            return;
        }
        self.add(tables, row, old, new);
    }

    fn add(&mut self, tables: &Tables, row: &[u8], old: Option<&[u8]>, new: Option<&[u8]>) {
        let Some(key) = key_of_row(row) else { return };
        let table = tables.of_key(key);
        // What must not be here is on its way out and in nobody's sum.
        if !table.receives(&self.region) {
            return;
        }
        if let Some((_, sum)) = self.sums.iter_mut().find(|(other, _)| other.name == table.name) {
            sum.replace(row, old, new);
        }
    }

    /// From where to go on walking; `None`: every row was seen.
    pub(crate) fn walk_from(&self) -> Option<&[u8]> {
        match &self.walk {
            Walk::Done => None,
            Walk::At(place) => Some(place),
        }
    }

    /// Takes a stretch of rows into the sums, up to the last of them or, with `ends`, to the end. Gives those that must
    /// not be here.
    pub(crate) fn walked(&mut self, tables: &Tables, rows: Vec<(Bytes, Bytes)>, ends: bool) -> Vec<(Bytes, Bytes)> {
        self.walk = match rows.last() {
            Some((last, _)) if !ends => Walk::At([last.as_ref(), &[0]].concat()),
            _ => Walk::Done,
        };
        let (held, astray): (Vec<_>, Vec<_>) = rows
            .into_iter()
            .partition(|(row, _)| key_of_row(row).is_none_or(|key| tables.may_receive(&self.region, key)));
        for (row, value) in held {
            self.add(tables, &row, None, Some(&value));
        }
        astray
    }

    /// The digest of the rows that a region holds too, given that of all rows; `None`: not known yet. What only arrives in
    /// one of the two is not held there yet.
    pub(crate) fn with(&self, all: Digest, region: &str) -> Option<u128> {
        if self.walk != Walk::Done {
            return None;
        }
        let both_hold = |table: &Table| table.is_held_in(region) && table.is_held_in(&self.region);
        let apart = self.sums.iter().filter(|(table, _)| !both_hold(table)).map(|(_, sum)| sum.0);
        Some(apart.fold(all.0, u128::wrapping_sub))
    }

    /// The sums, to be put back when a write is undone.
    pub(crate) fn sums(&self) -> Vec<Digest> {
        self.sums.iter().map(|(_, sum)| *sum).collect()
    }

    /// Puts back what [`Shares::sums`] gave; nothing may have been walked since.
    pub(crate) fn put_back(&mut self, sums: &[Digest]) {
        for ((_, sum), before) in self.sums.iter_mut().zip(sums) {
            *sum = *before;
        }
    }
}

/// Elements stand before heads, and nothing else counts.
const FIRST_ROW: &[u8] = b"e";
/// Behind the last head.
pub(crate) const LAST_ROW: &[u8] = b"i";
