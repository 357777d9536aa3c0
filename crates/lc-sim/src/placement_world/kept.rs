//! A record store, which by a seeded bug keeps rows that its region must not have.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use lc_store::{Error, MemoryStore, RowChange, RowIter, Store};

use super::plan::{RESTRICTED, tells};

/// Clones are the same store.
#[derive(Clone, Default)]
pub(super) struct KeptRows {
    rows: MemoryStore,
    keeps: Arc<AtomicBool>,
}

impl KeptRows {
    /// From now on heads of restricted tables are not removed any more.
    pub(super) fn keep(&self) {
        self.keeps.store(true, Ordering::Relaxed);
    }
}

impl Store for KeptRows {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Error> {
        self.rows.get(key)
    }

    fn scan(&self, from: &[u8], to: Option<&[u8]>) -> RowIter<'_> {
        self.rows.scan(from, to)
    }

    fn scan_back(&self, from: &[u8], to: Option<&[u8]>) -> RowIter<'_> {
        self.rows.scan_back(from, to)
    }

    fn commit(&self, rows: &mut dyn Iterator<Item = RowChange>) -> Result<(), Error> {
        let keeps = self.keeps.load(Ordering::Relaxed);
        let head = |row: &RowChange| row.0.first() == Some(&b'h') && row.1.is_none();
        let stays = |row: &RowChange| head(row) && RESTRICTED.iter().any(|table| tells(&row.0, table));
        self.rows.commit(&mut rows.filter(|row| !keeps || !stays(row)))
    }

    fn approximate_bytes(&self) -> u64 {
        self.rows.approximate_bytes()
    }
}
