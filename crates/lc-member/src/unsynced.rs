//! What is applied but not yet durable: which entries, and which keys they changed.
//!
//! A reader that saw a value which a crash could still take away must not be answered before the value is durable.

use std::collections::VecDeque;

use hashbrown::HashMap;
use lc_core::{Dot, VersionVector};
use lc_journal::Position;

use foldhash::fast::FixedState;
use std::hash::BuildHasher;

#[derive(Default)]
pub(crate) struct Unsynced {
    entries: VecDeque<(Position, Dot)>,
    keys: HashMap<u64, Position, FixedState>,
    /// The newest local entry that is not durable.
    newest: Option<Position>,
    /// The newest of them that changed every key.
    everything: Option<Position>,
}

impl Unsynced {
    /// An entry was appended; it is durable once the journal is durable up to `end`.
    pub(crate) fn appended(&mut self, end: Position, dot: Dot) {
        self.entries.push_back((end, dot));
    }

    /// A local entry that ends at `end` changed these keys.
    pub(crate) fn changed(&mut self, end: Position, keys: &[Option<u64>]) {
        self.newest = Some(end);
        for key in keys {
            match key {
                Some(hash) => {
                    self.keys.insert(*hash, end);
                }
                None => self.everything = Some(end),
            }
        }
    }

    /// What must be durable before a reader of these keys is answered; no keys: a reader of everything.
    pub(crate) fn wait_for(&self, keys: &[&[u8]]) -> Option<Position> {
        if self.newest.is_none() || keys.is_empty() {
            return self.newest;
        }
        let of_keys = keys.iter().filter_map(|key| self.keys.get(&key_hash(key)).copied()).max();
        of_keys.max(self.everything)
    }

    /// The journal is durable up to `durable`; gives what that makes durable.
    pub(crate) fn synced(&mut self, durable: Position) -> VersionVector {
        let mut vector = VersionVector::new();
        while let Some(&(end, dot)) = self.entries.front() {
            if end > durable {
                break;
            }
            vector.raise(dot.replica, dot.seq);
            self.entries.pop_front();
        }
        self.keys.retain(|_, end| *end > durable);
        self.newest = self.newest.filter(|end| *end > durable);
        self.everything = self.everything.filter(|end| *end > durable);
        vector
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}

/// A collision only makes a reader wait for somebody else's write.
pub(crate) fn key_hash(key: &[u8]) -> u64 {
    FixedState::default().hash_one(key)
}
