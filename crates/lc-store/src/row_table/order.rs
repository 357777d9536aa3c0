//! The changed rows, by number, in the order of their keys.
//!
//! Most rows of most workloads are key heads, whose row keys are a tag and then a hash. They are spread over buckets by
//! the upper bits of that hash and sorted within a bucket, with the hash beside the number: placing one touches two or three
//! places in memory, where a tree of a few hundred thousand keys touches twenty. All other keys are in a tree.

use std::collections::BTreeMap;
use std::collections::btree_map;
use std::ops::Bound;

use bytes::Bytes;

use super::slots::Slots;

#[derive(Default)]
pub(super) struct Order {
    /// Empty until the first hashed key, so that an idle table takes no room.
    buckets: Vec<Vec<(u32, u32)>>,
    others: BTreeMap<Bytes, u32>,
}

/// A place among the rows with hashed keys: bucket, and index in it.
type Place = (usize, usize);

pub(super) struct Range<'a> {
    below: Option<btree_map::Range<'a, Bytes, u32>>,
    buckets: &'a [Vec<(u32, u32)>],
    /// The next hashed key from the front, and the one after the next from the back.
    front: Place,
    back: Place,
    above: Option<btree_map::Range<'a, Bytes, u32>>,
}

impl Order {
    /// Places a row whose key is not there yet.
    pub(super) fn insert(&mut self, slots: &Slots, row: u32) {
        let key = slots.key(row);
        let Some(hash) = hash_of(key) else {
            self.others.insert(key.clone(), row);
            return;
        };
        if self.buckets.is_empty() {
            self.buckets.resize_with(BUCKETS, Vec::new);
        }
        let bucket = &mut self.buckets[bucket_of(hash)];
        let at = below(slots, bucket, hash, key);
        bucket.insert(at, (hash, row));
    }

    /// The rows from `from` on without `to`; the caller has checked that this is a span.
    pub(super) fn range(&self, slots: &Slots, from: &[u8], to: Option<&[u8]>) -> Range<'_> {
        let end = to.map_or(AFTER_HASHED, |to| to.min(AFTER_HASHED));
        let (front, back) = (self.place(slots, from), self.place(slots, end));
        Range {
            below: self.others_within(from, Some(to.map_or(HASHED, |to| to.min(HASHED)))),
            buckets: &self.buckets,
            front,
            back: back.max(front),
            above: self.others_within(from.max(AFTER_HASHED), to),
        }
    }

    fn others_within(&self, from: &[u8], to: Option<&[u8]>) -> Option<btree_map::Range<'_, Bytes, u32>> {
        let end = to.map_or(Bound::Unbounded, Bound::Excluded);
        let empty = to.is_some_and(|to| to <= from);
        (!empty).then(|| self.others.range::<[u8], _>((Bound::Included(from), end)))
    }

    /// The first hashed key at or after `key`.
    fn place(&self, slots: &Slots, key: &[u8]) -> Place {
        if key >= AFTER_HASHED {
            return (self.buckets.len(), 0);
        }
        let hash = if key < HASHED { 0 } else { hash_floor(key) };
        match self.buckets.get(bucket_of(hash)) {
            Some(bucket) => (bucket_of(hash), below(slots, bucket, hash, key)),
            None => (0, 0),
        }
    }
}

impl Range<'_> {
    pub(super) fn next(&mut self) -> Option<u32> {
        if let Some((_, row)) = self.below.as_mut().and_then(Iterator::next) {
            return Some(*row);
        }
        while self.front < self.back {
            let (bucket, index) = self.front;
            if let Some((_, row)) = self.buckets[bucket].get(index) {
                self.front = (bucket, index + 1);
                return Some(*row);
            }
            self.front = (bucket + 1, 0);
        }
        self.above.as_mut().and_then(Iterator::next).map(|(_, row)| *row)
    }

    pub(super) fn next_back(&mut self) -> Option<u32> {
        if let Some((_, row)) = self.above.as_mut().and_then(DoubleEndedIterator::next_back) {
            return Some(*row);
        }
        while self.front < self.back {
            let (bucket, index) = self.back;
            if index > 0 {
                self.back = (bucket, index - 1);
                return Some(self.buckets[bucket][index - 1].1);
            }
            let previous = bucket - 1;
            self.back = (previous, self.buckets[previous].len());
        }
        self.below.as_mut().and_then(DoubleEndedIterator::next_back).map(|(_, row)| *row)
    }
}

/// How many rows of a bucket sort before this key.
fn below(slots: &Slots, bucket: &[(u32, u32)], hash: u32, key: &[u8]) -> usize {
    let is_below = |&(other, row): &(u32, u32)| other < hash || other == hash && slots.key(row).as_ref() < key;
    bucket.partition_point(is_below)
}

fn hash_of(key: &[u8]) -> Option<u32> {
    (key.first() == HASHED.first()).then(|| hash_floor(key))
}

/// The hash in a hashed key. One too short counts as followed by zeros, which keeps the order.
fn hash_floor(key: &[u8]) -> u32 {
    if let [_, a, b, c, d, ..] = key {
        return u32::from_be_bytes([*a, *b, *c, *d]);
    }
    let mut bytes = [0; 4];
    for (to, byte) in bytes.iter_mut().zip(key.iter().skip(1)) {
        *to = *byte;
    }
    u32::from_be_bytes(bytes)
}

fn bucket_of(hash: u32) -> usize {
    (hash >> (32 - BUCKETS.trailing_zeros())) as usize
}

/// A few dozen keys in each at a few hundred thousand.
const BUCKETS: usize = 1 << 13;
/// What hashed keys begin with; four bytes that are spread evenly follow.
const HASHED: &[u8] = b"h";
const AFTER_HASHED: &[u8] = b"i";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use bytes::Bytes;
    use proptest::prelude::{any, prop_assert_eq, proptest};
    use proptest::test_runner::Config;

    use super::{Order, Slots};

    fn key(tag: u8, rest: &[u8]) -> Bytes {
        let mut key = vec![[b'e', b'h', b'h', b'h', b'x'][usize::from(tag % 5)]];
        key.extend(rest.iter().map(|byte| byte % 3 * 100));
        Bytes::from(key)
    }

    proptest! {
        #![proptest_config(Config { failure_persistence: None, ..Config::with_cases(512) })]
        #[test]
        fn it_is_the_order_of_a_set(
            keys in proptest::collection::vec((any::<u8>(), proptest::collection::vec(any::<u8>(), 0..7)), 0..60),
            from in (any::<u8>(), proptest::collection::vec(any::<u8>(), 0..7)),
            to in proptest::option::of((any::<u8>(), proptest::collection::vec(any::<u8>(), 0..7))),
            backwards in any::<bool>(),
        ) {
            let keys: BTreeSet<Bytes> = keys.iter().map(|(tag, rest)| key(*tag, rest)).collect();
            let (from, to) = (key(from.0, &from.1), to.map(|(tag, rest)| key(tag, &rest)));
            if to.as_ref().is_some_and(|to| *to <= from) {
                return Ok(());
            }
            let mut order = Order::default();
            let mut slots = Slots::default();
            for key in &keys {
                let row = slots.push((key.clone(), None));
                order.insert(&slots, row);
            }
            let mut expected: Vec<&Bytes> = keys.iter().filter(|key| **key >= from && to.as_ref().is_none_or(|to| *key < to)).collect();
            let mut range = order.range(&slots, &from, to.as_deref());
            let mut found = Vec::new();
            while let Some(row) = if backwards { range.next_back() } else { range.next() } {
                found.push(slots.key(row));
            }
            if backwards {
                expected.reverse();
            }
            prop_assert_eq!(found, expected);
        }
    }
}
