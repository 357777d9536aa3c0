//! A snapshot of the database, taken away when the database has to be opened again.

use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use fjall::{Keyspace, Readable, Snapshot};
use parking_lot::RwLock;

use super::{Open, row, unread};
use crate::{Error, Frozen};

/// The rows as they were.
pub(super) struct FrozenRows {
    /// Nothing once the database was closed.
    held: RwLock<Option<Held>>,
    corrupt_reads: Arc<AtomicU64>,
}

struct Held {
    snapshot: Snapshot,
    rows: Keyspace,
}

impl FrozenRows {
    pub(super) fn of(open: &Open, corrupt_reads: &Arc<AtomicU64>) -> FrozenRows {
        let held = Held { snapshot: open.database.snapshot(), rows: open.rows.clone() };
        FrozenRows { held: RwLock::new(Some(held)), corrupt_reads: Arc::clone(corrupt_reads) }
    }

    fn counted(&self, error: Error) -> Error {
        if matches!(error, Error::Corrupt { .. }) {
            self.corrupt_reads.fetch_add(1, Ordering::Relaxed);
        }
        error
    }

    /// Lets go of the database; waits for a scan that is under way.
    pub(super) fn let_go(&self) {
        drop(self.held.write().take());
    }
}

impl Frozen for FrozenRows {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Error> {
        let held = self.held.read();
        let held = held.as_ref().ok_or_else(gone)?;
        let found = held.snapshot.get(&held.rows, key).map_err(unread("read a row as it was"));
        let found = found.map_err(|error| self.counted(error))?;
        Ok(found.map(|value| Bytes::copy_from_slice(&value)))
    }

    fn scan(&self, after: &[u8], visit: &mut dyn FnMut(Bytes, Bytes) -> bool) -> Result<(), Error> {
        let held = self.held.read();
        let held = held.as_ref().ok_or_else(gone)?;
        let span: (Bound<&[u8]>, Bound<&[u8]>) = (Bound::Excluded(after), Bound::Unbounded);
        for guard in held.snapshot.range::<&[u8], _>(&held.rows, span) {
            let (key, value) = row(guard).map_err(|error| self.counted(error))?;
            if !visit(key, value) {
                break;
            }
        }
        Ok(())
    }
}

fn gone() -> Error {
    Error::Engine {
        doing: "read rows as they were",
        why: "the record store was opened again after a full disk, or rebuilt; begin again".to_owned(),
    }
}
