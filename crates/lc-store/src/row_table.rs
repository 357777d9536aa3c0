//! A node's rows: what changed lately in memory, the rest in a store, one flush at a time between them.
//!
//! A row is looked up among the dirty rows, then among those being flushed, then in the cache of clean rows, then in the store. The first
//! that knows it is right, because rows only move downwards, and the cache takes over flushed rows before they leave the layer above it.

mod cache;
mod dirty;
mod merge;
mod order;
mod slots;

use std::sync::Arc;

use bytes::Bytes;
use foldhash::fast::FixedState;

use crate::{Error, RowChange, RowIter, Store};
use cache::Cache;
use dirty::{Dirty, key_hash};
use merge::{Layers, Order, merge};

/// Sizes and the like.
#[derive(Clone, Debug)]
pub struct TableOptions {
    /// Bound of the cache of clean rows, in bytes; nothing is reserved before it is used.
    pub cache_bytes: usize,
    /// Seed of the hash tables; random on a real node, so that clients cannot choose keys that collide.
    pub hash_seed: u64,
}

impl Default for TableOptions {
    fn default() -> TableOptions {
        TableOptions { cache_bytes: 64 << 20, hash_seed: 0 }
    }
}

/// Rows over a store. Readers share it; its owner excludes them while it changes rows, begins or finishes a flush, but not while the flush
/// runs.
pub struct RowTable<S: ?Sized> {
    store: Arc<S>,
    cache: Arc<Cache>,
    cache_bytes: usize,
    hasher: FixedState,
    active: Dirty,
    frozen: Option<Arc<Dirty>>,
    /// The frozen rows found no room and are to be flushed again.
    again: bool,
    failed: Option<Error>,
}

impl<S: Store + ?Sized> RowTable<S> {
    /// The rows in `store`, none of them changed yet.
    pub fn new(store: Arc<S>, options: &TableOptions) -> RowTable<S> {
        let hasher = FixedState::with_seed(options.hash_seed);
        let cache = Arc::new(Cache::new(options.cache_bytes));
        let (active, cache_bytes) = (Dirty::new(hasher.clone()), options.cache_bytes);
        RowTable { store, cache, cache_bytes, active, hasher, frozen: None, again: false, failed: None }
    }

    /// The bytes of a row.
    pub fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Error> {
        let hash = key_hash(&self.hasher, key);
        if let Some(known) = self.active.get(hash, key) {
            return Ok(known.clone());
        }
        if let Some(known) = self.frozen.as_ref().and_then(|frozen| frozen.get(hash, key)) {
            return Ok(known.clone());
        }
        if let Some(known) = self.cache.get(hash, key) {
            return Ok(known);
        }
        let stored = self.store.get(key)?;
        // Nothing can have changed this row meanwhile: a change needs the table to itself, and a flush that runs holds other rows.
        self.cache.put(hash, Bytes::copy_from_slice(key), stored.clone());
        Ok(stored)
    }

    /// Writes a row, or removes it. `key` and `value` are kept as they are, so they should not be slices of much larger buffers.
    pub fn put(&mut self, key: Bytes, value: Option<Bytes>) {
        let hash = key_hash(&self.hasher, &key);
        self.active.put(hash, key, value);
    }

    /// Rows from `from` on, up to but without `to`, first to last.
    pub fn scan<'a>(&'a self, from: &[u8], to: Option<&[u8]>) -> RowIter<'a> {
        merge(&self.layers(), Order::Up, from, to)
    }

    /// The same rows, last to first.
    pub fn scan_back<'a>(&'a self, from: &[u8], to: Option<&[u8]>) -> RowIter<'a> {
        merge(&self.layers(), Order::Down, from, to)
    }

    /// Bytes of rows changed since the last [`RowTable::begin_flush`], with what keeping them costs.
    pub fn dirty_bytes(&self) -> usize {
        self.active.bytes()
    }

    /// Bytes of rows that are being flushed.
    pub fn flushing_bytes(&self) -> usize {
        self.frozen.as_ref().map_or(0, |frozen| frozen.bytes())
    }

    /// Bytes of clean rows in memory.
    pub fn cached_bytes(&self) -> usize {
        self.cache.bytes()
    }

    /// The store underneath.
    pub fn store(&self) -> &Arc<S> {
        &self.store
    }

    /// Takes the changed rows and `extra`, which becomes part of the same atomic commit, to be written without holding the table. Nothing
    /// if a flush is under way or one failed, or if there is nothing to write. After a flush that found the disk full, gives the same rows
    /// again and leaves `extra` alone: see [`RowTable::flushes_again`].
    pub fn begin_flush(&mut self, extra: Vec<RowChange>) -> Option<FlushJob<S>> {
        if std::mem::take(&mut self.again) {
            return self.frozen.as_ref().map(|rows| self.job(rows));
        }
        if self.frozen.is_some() || self.failed.is_some() || (self.active.is_empty() && extra.is_empty()) {
            return None;
        }
        for (key, value) in extra {
            self.put(key, value);
        }
        let fresh = Dirty::new(self.hasher.clone());
        let rows = Arc::new(std::mem::replace(&mut self.active, fresh));
        let job = self.job(&rows);
        self.frozen = Some(rows);
        Some(job)
    }

    /// Something to be done with the store while nothing is flushed: run and finish it as a flush. It reads or writes about `bytes`. Nothing if
    /// a flush is under way or one failed. A job that is put off is not run, and that is no error.
    pub fn begin_work(&mut self, bytes: usize, work: Work<S>) -> Option<FlushJob<S>> {
        if self.frozen.is_some() || self.failed.is_some() || self.again {
            return None;
        }
        let rows = Arc::new(Dirty::new(self.hasher.clone()));
        let job = FlushJob { instead: Some((bytes, work)), ..self.job(&rows) };
        self.frozen = Some(rows);
        Some(job)
    }

    /// Forgets the clean rows in memory: the store was given other rows.
    pub fn forget_clean(&mut self) {
        self.cache = Arc::new(Cache::new(self.cache_bytes));
    }

    /// Whether the next [`RowTable::begin_flush`] gives the rows of the last one again.
    pub fn flushes_again(&self) -> bool {
        self.again
    }

    /// Takes note of how the flush ended. Gives what is to be freed: drop it when the table is no longer held, it takes tens of
    /// milliseconds for a large flush.
    ///
    /// # Errors
    /// Why the commit failed. The rows stay readable. After [`Error::Full`] they are flushed again; otherwise no flush begins any more:
    /// whether they are in the store is only known after opening it again.
    ///
    /// # Panics
    /// If `done` is not of the flush that is under way.
    pub fn finish_flush(&mut self, done: FlushDone) -> Result<Flushed, Error> {
        let ours = self.frozen.as_ref().is_some_and(|frozen| Arc::ptr_eq(frozen, &done.rows));
        assert!(ours, "this flush is not the one under way");
        match done.outcome {
            Ok(()) => self.frozen = None,
            Err(error @ Error::Full { .. }) => {
                self.again = true;
                return Err(error);
            }
            Err(error) => {
                self.failed = Some(error.clone());
                return Err(error);
            }
        }
        Ok(Flushed { _rows: done.rows })
    }

    fn job(&self, rows: &Arc<Dirty>) -> FlushJob<S> {
        FlushJob {
            store: Arc::clone(&self.store),
            cache: Arc::clone(&self.cache),
            rows: Arc::clone(rows),
            instead: None,
        }
    }

    fn layers(&self) -> Layers<'_, S> {
        Layers { active: &self.active, frozen: self.frozen.as_deref(), store: &self.store }
    }
}

/// What is done with a store instead of a flush.
pub type Work<S> = Box<dyn FnOnce(&S) + Send>;

/// A flush to run on any thread; bring [`FlushDone`] back. If it is dropped instead, no other can begin.
#[must_use = "nothing is written until it is run and finished"]
pub struct FlushJob<S: ?Sized> {
    store: Arc<S>,
    cache: Arc<Cache>,
    rows: Arc<Dirty>,
    /// What is done instead of a flush, and about how many bytes it takes.
    instead: Option<(usize, Work<S>)>,
}

impl<S: Store + ?Sized> FlushJob<S> {
    /// Bytes of rows it writes.
    pub fn bytes(&self) -> usize {
        self.instead.as_ref().map_or_else(|| self.rows.bytes(), |(bytes, _)| *bytes)
    }

    /// Does not even try: there is known to be no room for that much.
    pub fn put_off(self) -> FlushDone {
        if self.instead.is_some() {
            return FlushDone { rows: self.rows, outcome: Ok(()) };
        }
        FlushDone { rows: self.rows, outcome: Err(Error::Full { doing: "commit rows" }) }
    }

    /// Commits the rows, blocking; a second or so per 100 MB.
    pub fn run(self) -> FlushDone {
        if let Some((_, work)) = self.instead {
            work(&self.store);
            return FlushDone { rows: self.rows, outcome: Ok(()) };
        }
        let mut changes = self.rows.changes();
        let outcome = self.store.commit(&mut changes);
        drop(changes);
        if outcome.is_ok() {
            // While the rows are frozen nobody asks the cache about them; when they are not any more, it has them.
            self.rows.each(|hash, key, value| self.cache.put(hash, key.clone(), value.clone()));
        }
        FlushDone { rows: self.rows, outcome }
    }
}

/// How a [`FlushJob`] ended; for [`RowTable::finish_flush`].
#[must_use = "the rows stay in memory until the table knows"]
pub struct FlushDone {
    rows: Arc<Dirty>,
    outcome: Result<(), Error>,
}

/// Rows that are in the store now; dropping it frees their memory.
pub struct Flushed {
    _rows: Arc<Dirty>,
}
