//! Rows that the store does not have yet: by hash for reads and overwrites, by key for scans and the flush.

use std::hash::BuildHasher;

use bytes::Bytes;
use foldhash::fast::FixedState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::order::{self, Order};
use super::slots::Slots;
use crate::RowChange;

pub(crate) struct Dirty {
    hasher: FixedState,
    index: HashTable<Place>,
    slots: Slots,
    order: Order,
    bytes: usize,
}

/// Where a row is. With its hash beside it the index grows without looking at any row: 9 bytes for each are moved, where it was a whole row.
#[derive(Clone, Copy)]
struct Place {
    hash: u32,
    row: u32,
}

impl Place {
    /// The index takes a row's place from the low bits and its tag from the top seven.
    fn spread(hash: u32) -> u64 {
        u64::from(hash) << 32 | u64::from(hash)
    }
}

/// Hash of a row's key, the same in every layer so that a lookup hashes once.
pub(super) fn key_hash(hasher: &FixedState, key: &[u8]) -> u64 {
    hasher.hash_one(key)
}

impl Dirty {
    pub(super) fn new(hasher: FixedState) -> Dirty {
        Dirty { hasher, index: HashTable::new(), slots: Slots::default(), order: Order::default(), bytes: 0 }
    }

    pub(super) fn get(&self, hash: u64, key: &[u8]) -> Option<&Option<Bytes>> {
        let hash = hash as u32;
        let is_it = |place: &Place| place.hash == hash && self.slots.key(place.row) == key;
        self.index.find(Place::spread(hash), is_it).map(|place| &self.slots.row(place.row).1)
    }

    pub(super) fn put(&mut self, hash: u64, key: Bytes, value: Option<Bytes>) {
        let hash = hash as u32;
        let value_bytes = value.as_ref().map_or(0, Bytes::len);
        let slots = &mut self.slots;
        let is_it = |place: &Place| place.hash == hash && *slots.key(place.row) == key;
        match self.index.entry(Place::spread(hash), is_it, |place| Place::spread(place.hash)) {
            Entry::Occupied(found) => {
                let old = std::mem::replace(&mut slots.row_mut(found.get().row).1, value);
                self.bytes -= old.map_or(0, |old| old.len());
            }
            Entry::Vacant(vacant) => {
                self.bytes += key.len() + ROW_COST_BYTES;
                let row = slots.push((key, value));
                vacant.insert(Place { hash, row });
                self.order.insert(slots, row);
            }
        }
        self.bytes += value_bytes;
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// All rows in order, for a commit.
    pub(super) fn changes(&self) -> impl Iterator<Item = RowChange> + '_ {
        let mut rows = self.range(&[], None);
        std::iter::from_fn(move || rows.next())
    }

    pub(super) fn each(&self, mut visit: impl FnMut(u64, &Bytes, &Option<Bytes>)) {
        for (key, value) in self.slots.all() {
            visit(key_hash(&self.hasher, key), key, value);
        }
    }

    /// The rows from `from` on without `to`; the caller has checked that this is a span.
    pub(super) fn range(&self, from: &[u8], to: Option<&[u8]>) -> Range<'_> {
        Range { slots: &self.slots, rows: self.order.range(&self.slots, from, to) }
    }
}

pub(super) struct Range<'a> {
    slots: &'a Slots,
    rows: order::Range<'a>,
}

impl Range<'_> {
    pub(super) fn next(&mut self) -> Option<RowChange> {
        self.rows.next().map(|row| self.slots.row(row).clone())
    }

    pub(super) fn next_back(&mut self) -> Option<RowChange> {
        self.rows.next_back().map(|row| self.slots.row(row).clone())
    }
}

/// Two handles, the places in index and order, the shared counts and the allocator's share: it was measured at 200 bytes a row when places were
/// twice as large, so this is on the safe side.
const ROW_COST_BYTES: usize = 200;
