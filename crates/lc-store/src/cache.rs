//! Clean rows in memory, bounded in bytes. Readers share it.
//!
//! Eviction is second chance: a row that was read since the hand passed it is passed over once.

use std::collections::VecDeque;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use parking_lot::RwLock;

pub(crate) struct Cache {
    shards: Vec<RwLock<Shard>>,
    shard_bytes_max: usize,
    hasher: FixedState,
}

#[derive(Default)]
struct Shard {
    rows: HashMap<Bytes, Cached, FixedState>,
    order: VecDeque<Bytes>,
    bytes: usize,
}

struct Cached {
    /// `None`: the store has no such row.
    value: Option<Bytes>,
    read: AtomicBool,
}

impl Cache {
    pub(crate) fn new(bytes_max: usize) -> Cache {
        Cache { shards: (0..SHARDS).map(|_| RwLock::default()).collect(), shard_bytes_max: bytes_max / SHARDS, hasher: FixedState::default() }
    }

    pub(crate) fn get(&self, key: &[u8]) -> Option<Option<Bytes>> {
        let shard = self.shard(key).read();
        let cached = shard.rows.get(key)?;
        if !cached.read.load(Ordering::Relaxed) {
            cached.read.store(true, Ordering::Relaxed);
        }
        Some(cached.value.clone())
    }

    /// Keeps what the store has.
    pub(crate) fn fill(&self, key: Bytes, value: Option<Bytes>) {
        let bytes = size(&key, &value);
        if bytes > self.shard_bytes_max {
            self.forget(&key);
            return;
        }
        let mut shard = self.shard(&key).write();
        shard.bytes += bytes;
        let cached = Cached { value, read: AtomicBool::new(false) };
        match shard.rows.insert(key.clone(), cached) {
            Some(before) => shard.bytes -= size(&key, &before.value),
            None => shard.order.push_back(key),
        }
        shard.evict(self.shard_bytes_max);
    }

    fn forget(&self, key: &[u8]) {
        let mut shard = self.shard(key).write();
        if let Some((key, cached)) = shard.rows.remove_entry(key) {
            shard.bytes -= size(&key, &cached.value);
        }
    }

    fn shard(&self, key: &[u8]) -> &RwLock<Shard> {
        &self.shards[self.hasher.hash_one(key) as usize % SHARDS]
    }
}

impl Shard {
    fn evict(&mut self, bytes_max: usize) {
        while self.bytes > bytes_max {
            let Some(key) = self.order.pop_front() else { return };
            match self.rows.get(&key) {
                Some(cached) if cached.read.swap(false, Ordering::Relaxed) => self.order.push_back(key),
                Some(cached) => {
                    self.bytes -= size(&key, &cached.value);
                    self.rows.remove(&key);
                }
                None => {}
            }
        }
    }
}

/// Key twice (in map and order), value, and what the containers need.
fn size(key: &Bytes, value: &Option<Bytes>) -> usize {
    key.len() + value.as_ref().map_or(0, Bytes::len) + ROW_OVERHEAD_BYTES
}

const SHARDS: usize = 32;
const ROW_OVERHEAD_BYTES: usize = 160;
