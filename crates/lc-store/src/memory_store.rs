//! Rows in memory, for simulation: a commit is durable by definition, and clones share the rows, so they outlive a crash.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::RwLock;

use crate::store::{Scan, Store};
use crate::Error;

/// A store in memory; clones are the same store.
#[derive(Clone, Default)]
pub struct MemoryStore {
    rows: Arc<RwLock<BTreeMap<Bytes, Bytes>>>,
}

impl MemoryStore {
    /// A store without rows.
    pub fn new() -> MemoryStore {
        MemoryStore::default()
    }
}

impl Store for MemoryStore {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Error> {
        Ok(self.rows.read().get(key).cloned())
    }

    fn scan(&self, from: &[u8], to: Option<&[u8]>) -> Scan<'_> {
        let end = to.map_or(Bound::Unbounded, Bound::Excluded);
        if to.is_some_and(|to| to <= from) {
            return Box::new(std::iter::empty());
        }
        let rows: Vec<_> = self.rows.read().range::<[u8], _>((Bound::Included(from), end)).map(|(key, value)| Ok((key.clone(), value.clone()))).collect();
        Box::new(rows.into_iter())
    }

    fn commit(&self, rows: &mut dyn Iterator<Item = (Bytes, Option<Bytes>)>) -> Result<(), Error> {
        let mut stored = self.rows.write();
        for (key, value) in rows {
            match value {
                Some(value) => stored.insert(key, value),
                None => stored.remove(&key),
            };
        }
        Ok(())
    }

    fn approximate_bytes(&self) -> u64 {
        self.rows.read().iter().map(|(key, value)| (key.len() + value.len()) as u64).sum()
    }
}
