//! Rows that the store does not have yet: by hash for reads and overwrites, by key for scans and the flush.

use std::hash::BuildHasher;

use bytes::Bytes;
use foldhash::fast::FixedState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::order::{self, Order};
use crate::RowChange;

pub(crate) struct Dirty {
    hasher: FixedState,
    rows: HashTable<RowChange>,
    order: Order,
    bytes: usize,
}

/// Hash of a row's key, the same in every layer so that a lookup hashes once.
pub(super) fn key_hash(hasher: &FixedState, key: &[u8]) -> u64 {
    hasher.hash_one(key)
}

impl Dirty {
    pub(super) fn new(hasher: FixedState) -> Dirty {
        Dirty { hasher, rows: HashTable::new(), order: Order::default(), bytes: 0 }
    }

    pub(super) fn get(&self, hash: u64, key: &[u8]) -> Option<&Option<Bytes>> {
        self.rows.find(hash, |row| row.0 == key).map(|row| &row.1)
    }

    pub(super) fn put(&mut self, hash: u64, key: Bytes, value: Option<Bytes>) {
        let hasher = &self.hasher;
        let value_bytes = value.as_ref().map_or(0, Bytes::len);
        match self.rows.entry(hash, |row| row.0 == key, |row| key_hash(hasher, &row.0)) {
            Entry::Occupied(mut found) => {
                let old = std::mem::replace(&mut found.get_mut().1, value);
                self.bytes -= old.map_or(0, |old| old.len());
            }
            Entry::Vacant(place) => {
                self.bytes += key.len() + ROW_COST_BYTES;
                self.order.insert(key.clone());
                place.insert((key, value));
            }
        }
        self.bytes += value_bytes;
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// All rows in order, for a commit.
    pub(super) fn changes(&self) -> impl Iterator<Item = RowChange> + '_ {
        let mut keys = self.order.all();
        std::iter::from_fn(move || keys.next().map(|key| (key.clone(), self.of(key).clone())))
    }

    pub(super) fn each(&self, mut visit: impl FnMut(u64, &Bytes, &Option<Bytes>)) {
        for (key, value) in &self.rows {
            visit(key_hash(&self.hasher, key), key, value);
        }
    }

    /// The rows from `from` on without `to`; the caller has checked that this is a span.
    pub(super) fn range(&self, from: &[u8], to: Option<&[u8]>) -> Range<'_> {
        Range { rows: self, keys: self.order.range(from, to) }
    }

    fn of(&self, key: &Bytes) -> &Option<Bytes> {
        self.get(key_hash(&self.hasher, key), key).expect("every key in order has its row")
    }
}

pub(super) struct Range<'a> {
    rows: &'a Dirty,
    keys: order::Range<'a>,
}

impl Range<'_> {
    pub(super) fn next(&mut self) -> Option<RowChange> {
        self.keys.next().map(|key| (key.clone(), self.rows.of(key).clone()))
    }

    pub(super) fn next_back(&mut self) -> Option<RowChange> {
        self.keys.next_back().map(|key| (key.clone(), self.rows.of(key).clone()))
    }
}

/// Two handles in the hash table, one in the order, the shared counts and the allocator's share, measured at 200 bytes a row.
const ROW_COST_BYTES: usize = 200;
