//! Clean rows in memory, bounded in bytes: rows read, rows found to be absent, rows just flushed. The clock hand passes over a row that was
//! read since it last came by.

use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use hashbrown::HashTable;
use parking_lot::RwLock;

/// Shards, so that two readers seldom meet; each has its own share of the bytes.
pub(super) struct Cache {
    shards: Box<[RwLock<Shard>]>,
    shard_bytes_max: usize,
}

impl Cache {
    pub(super) fn new(bytes_max: usize) -> Cache {
        let shards = (0..SHARDS).map(|_| RwLock::new(Shard::default())).collect();
        Cache { shards, shard_bytes_max: bytes_max / SHARDS }
    }

    /// What is known of the row: nothing, or its bytes, or that it is absent.
    pub(super) fn get(&self, hash: u64, key: &[u8]) -> Option<Option<Bytes>> {
        self.shard(hash).read().get(hash, key)
    }

    /// Remembers the row as it is in the store.
    pub(super) fn put(&self, hash: u64, key: Bytes, value: Option<Bytes>) {
        self.shard(hash).write().put(hash, key, value, self.shard_bytes_max);
    }

    pub(super) fn bytes(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().bytes).sum()
    }

    fn shard(&self, hash: u64) -> &RwLock<Shard> {
        // The table inside takes its place from the low bits and its tag from the top seven.
        &self.shards[(hash >> 40) as usize % SHARDS]
    }
}

#[derive(Default)]
struct Shard {
    index: HashTable<u32>,
    slots: Vec<Slot>,
    hand: usize,
    bytes: usize,
}

struct Slot {
    hash: u64,
    key: Bytes,
    value: Option<Bytes>,
    read: AtomicBool,
}

impl Slot {
    fn bytes(&self) -> usize {
        SLOT_COST_BYTES + self.key.len() + self.value.as_ref().map_or(0, Bytes::len)
    }
}

impl Shard {
    fn get(&self, hash: u64, key: &[u8]) -> Option<Option<Bytes>> {
        let slot = &self.slots[self.find(hash, key)?];
        // Written only when it changes, so that readers of a hot row do not take its cache line from each other.
        if !slot.read.load(Ordering::Relaxed) {
            slot.read.store(true, Ordering::Relaxed);
        }
        Some(slot.value.clone())
    }

    fn put(&mut self, hash: u64, key: Bytes, value: Option<Bytes>, bytes_max: usize) {
        if let Some(index) = self.find(hash, &key) {
            let slot = &mut self.slots[index];
            self.bytes -= slot.bytes();
            slot.value = value;
            self.bytes += slot.bytes();
        } else {
            let slot = Slot { hash, key, value, read: AtomicBool::new(false) };
            if slot.bytes() > bytes_max {
                return;
            }
            // Room first: the new row has not had its chance to be read yet.
            while self.bytes + slot.bytes() > bytes_max {
                self.evict();
            }
            self.insert(slot);
        }
        while self.bytes > bytes_max {
            self.evict();
        }
    }

    fn insert(&mut self, slot: Slot) {
        let (hash, index) = (slot.hash, self.slots.len() as u32);
        self.bytes += slot.bytes();
        self.slots.push(slot);
        let slots = &self.slots;
        self.index.insert_unique(hash, index, |&index| slots[index as usize].hash);
    }

    /// Removes the next row that was not read since the hand last passed.
    fn evict(&mut self) {
        loop {
            if self.hand >= self.slots.len() {
                self.hand = 0;
            }
            if !std::mem::take(self.slots[self.hand].read.get_mut()) {
                return self.remove(self.hand);
            }
            self.hand += 1;
        }
    }

    /// The last slot takes the place of the removed one, so there are no holes.
    fn remove(&mut self, index: usize) {
        let last = self.slots.len() - 1;
        self.entry(index).remove();
        if index != last {
            *self.entry(last).get_mut() = index as u32;
        }
        let slot = self.slots.swap_remove(index);
        self.bytes -= slot.bytes();
    }

    fn entry(&mut self, index: usize) -> hashbrown::hash_table::OccupiedEntry<'_, u32> {
        let hash = self.slots[index].hash;
        let entry = self.index.find_entry(hash, |found| *found as usize == index);
        entry.unwrap_or_else(|_| unreachable!("every slot is in the index"))
    }

    fn find(&self, hash: u64, key: &[u8]) -> Option<usize> {
        self.index.find(hash, |&index| self.slots[index as usize].key == key).map(|index| *index as usize)
    }
}

const SHARDS: usize = 32;
/// The slot, its place in the index, and the allocator's share for two buffers.
const SLOT_COST_BYTES: usize = 128;

#[cfg(test)]
mod tests {
    use std::hash::BuildHasher;

    use super::{Bytes, Cache, SHARDS};

    fn hash(key: &[u8]) -> u64 {
        foldhash::fast::FixedState::with_seed(1).hash_one(key)
    }

    fn key(number: u32) -> Bytes {
        Bytes::copy_from_slice(&number.to_be_bytes())
    }

    fn put(cache: &Cache, number: u32, value: Option<&'static [u8]>) {
        cache.put(hash(&key(number)), key(number), value.map(Bytes::from_static));
    }

    fn get(cache: &Cache, number: u32) -> Option<Option<Bytes>> {
        cache.get(hash(&key(number)), &key(number))
    }

    #[test]
    fn it_never_holds_more_than_its_bound_and_keeps_what_is_read() {
        let cache = Cache::new(SHARDS * 2000);
        put(&cache, 0, Some(b"hot"));
        for number in 1..20_000 {
            put(&cache, number, Some(b"0123456789"));
            assert!(get(&cache, 0).is_some(), "read all the time, yet gone after {number}");
        }
        assert!(get(&cache, 19_999).is_some(), "the newest is there");
        assert!(cache.bytes() <= SHARDS * 2000 && cache.bytes() > SHARDS * 1000, "{}", cache.bytes());
        let held = (0..20_000).filter(|number| get(&cache, *number).is_some()).count();
        assert!(held < 500, "{held}");
    }

    #[test]
    fn absence_is_remembered_and_a_later_value_replaces_it() {
        let cache = Cache::new(1 << 20);
        put(&cache, 1, None);
        assert_eq!(get(&cache, 1), Some(None));
        put(&cache, 1, Some(b"there"));
        assert_eq!(get(&cache, 1), Some(Some(Bytes::from_static(b"there"))));
        assert_eq!(get(&cache, 2), None);
    }

    #[test]
    fn a_row_larger_than_a_share_is_not_kept_and_pushes_nothing_out() {
        let cache = Cache::new(SHARDS * 1000);
        put(&cache, 1, Some(b"small"));
        cache.put(hash(&key(2)), key(2), Some(Bytes::from(vec![0; 5000])));
        assert_eq!((get(&cache, 2), get(&cache, 1).is_some()), (None, true));
    }

    #[test]
    fn a_row_that_grows_beyond_its_share_goes() {
        let cache = Cache::new(SHARDS * 1000);
        put(&cache, 1, Some(b"small"));
        cache.put(hash(&key(1)), key(1), Some(Bytes::from(vec![0; 5000])));
        assert_eq!((get(&cache, 1), cache.bytes()), (None, 0));
    }
}
