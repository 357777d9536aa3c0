//! The rows that a member works on: changes in memory over a store.
//!
//! Three layers, the newest first: `active` takes changes, `frozen` is being written to the store, then cache and
//! store. For a row in neither of the first two, the cache has nothing or what the store has. A flush refreshes the
//! cache before `frozen` is dropped, so that stays true.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;

use crate::cache::Cache;
use crate::store::{Row, Scan, Store};
use crate::Error;

type Changes = BTreeMap<Bytes, Option<Bytes>>;

/// Rows of a store, with changes that are not in it yet.
pub struct RowTable<S> {
    active: Changes,
    active_bytes: usize,
    frozen: Option<Arc<Changes>>,
    frozen_bytes: usize,
    cache: Arc<Cache>,
    store: S,
}

/// Changes on their way to the store; run it without holding the table.
pub struct FlushJob<S> {
    changes: Arc<Changes>,
    cache: Arc<Cache>,
    store: S,
}

/// How a flush ended.
pub struct FlushDone {
    outcome: Result<(), Error>,
}

impl<S: Store + Clone> RowTable<S> {
    /// The rows of `store`, with up to `cache_bytes` of clean ones kept in memory.
    pub fn new(store: S, cache_bytes: usize) -> RowTable<S> {
        RowTable { active: Changes::new(), active_bytes: 0, frozen: None, frozen_bytes: 0, cache: Arc::new(Cache::new(cache_bytes)), store }
    }

    /// The value of a row.
    pub fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Error> {
        if let Some(value) = self.active.get(key) {
            return Ok(value.clone());
        }
        if let Some(value) = self.frozen.as_ref().and_then(|frozen| frozen.get(key)) {
            return Ok(value.clone());
        }
        if let Some(value) = self.cache.get(key) {
            return Ok(value);
        }
        let value = self.store.get(key)?;
        self.cache.fill(Bytes::copy_from_slice(key), value.clone());
        Ok(value)
    }

    /// Changes a row; `None` removes it.
    pub fn put(&mut self, key: Bytes, value: Option<Bytes>) {
        let (key_bytes, value_bytes) = (key.len(), length(&value));
        match self.active.insert(key, value) {
            Some(before) => self.active_bytes = self.active_bytes - length(&before) + value_bytes,
            None => self.active_bytes += key_bytes + value_bytes + ROW_OVERHEAD_BYTES,
        }
    }

    /// Rows from `from` on, before `to` if there is one, ascending.
    pub fn scan<'a>(&'a self, from: &[u8], to: Option<&[u8]>) -> Scan<'a> {
        if to.is_some_and(|to| to <= from) {
            return Box::new(std::iter::empty());
        }
        let stored = self.store.scan(from, to);
        let lower: Scan<'a> = match &self.frozen {
            Some(frozen) => Box::new(Merged { upper: range(frozen, from, to).peekable(), lower: stored.peekable() }),
            None => stored,
        };
        Box::new(Merged { upper: range(&self.active, from, to).peekable(), lower: lower.peekable() })
    }

    /// Bytes of changes that are not in the store.
    pub fn dirty_bytes(&self) -> usize {
        self.active_bytes + self.frozen_bytes
    }

    /// Freezes the changes for a flush, with `extra` rows in the same commit. `None` if a flush is under way.
    pub fn begin_flush(&mut self, extra: Vec<(Bytes, Option<Bytes>)>) -> Option<FlushJob<S>> {
        if self.frozen.is_some() {
            return None;
        }
        for (key, value) in extra {
            self.put(key, value);
        }
        let changes = Arc::new(std::mem::take(&mut self.active));
        self.frozen_bytes = std::mem::take(&mut self.active_bytes);
        self.frozen = Some(changes.clone());
        Some(FlushJob { changes, cache: self.cache.clone(), store: self.store.clone() })
    }

    /// Drops what was frozen, now that the store has it. After an error it stays, and the table must not be used on.
    pub fn finish_flush(&mut self, done: FlushDone) -> Result<(), Error> {
        done.outcome?;
        self.frozen = None;
        self.frozen_bytes = 0;
        Ok(())
    }
}

impl<S: Store> FlushJob<S> {
    /// Writes the changes. Blocks for as long as the disk takes.
    pub fn run(self) -> FlushDone {
        let outcome = self.store.commit(&mut self.changes.iter().map(|(key, value)| (key.clone(), value.clone())));
        if outcome.is_ok() {
            for (key, value) in self.changes.iter() {
                self.cache.fill(key.clone(), value.clone());
            }
        }
        FlushDone { outcome }
    }
}

fn range<'a>(changes: &'a Changes, from: &[u8], to: Option<&[u8]>) -> impl Iterator<Item = (&'a Bytes, &'a Option<Bytes>)> + use<'a> {
    changes.range::<[u8], _>((Bound::Included(from), to.map_or(Bound::Unbounded, Bound::Excluded)))
}

fn length(value: &Option<Bytes>) -> usize {
    value.as_ref().map_or(0, Bytes::len)
}

/// Two ordered layers; the upper one wins, and its removals hide rows of the lower.
struct Merged<'a, U: Iterator<Item = (&'a Bytes, &'a Option<Bytes>)>> {
    upper: Peekable<U>,
    lower: Peekable<Scan<'a>>,
}

impl<'a, U: Iterator<Item = (&'a Bytes, &'a Option<Bytes>)>> Iterator for Merged<'a, U> {
    type Item = Result<Row, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some((upper, _)) = self.upper.peek() else { return self.lower.next() };
            match self.lower.peek() {
                Some(Err(_)) => return self.lower.next(),
                Some(Ok((lower, _))) if lower < *upper => return self.lower.next(),
                Some(Ok((lower, _))) if lower == *upper => drop(self.lower.next()),
                _ => {}
            }
            if let Some((key, Some(value))) = self.upper.next() {
                return Some(Ok((key.clone(), value.clone())));
            }
        }
    }
}

/// A map entry beside key and value.
const ROW_OVERHEAD_BYTES: usize = 96;
