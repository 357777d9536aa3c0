//! A snapshot of the database, taken away when the database has to be opened again.

use std::ops::Bound;

use bytes::Bytes;
use fjall::{Keyspace, Readable, Snapshot};
use parking_lot::RwLock;

use super::{Open, failed, row};
use crate::{Error, Frozen};

/// The rows as they were.
pub(super) struct FrozenRows {
    /// Nothing once the database was closed.
    held: RwLock<Option<Held>>,
}

struct Held {
    snapshot: Snapshot,
    rows: Keyspace,
}

impl FrozenRows {
    pub(super) fn of(open: &Open) -> FrozenRows {
        let held = Held { snapshot: open.database.snapshot(), rows: open.rows.clone() };
        FrozenRows { held: RwLock::new(Some(held)) }
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
        let found = held.snapshot.get(&held.rows, key).map_err(failed("read a row as it was"))?;
        Ok(found.map(|value| Bytes::copy_from_slice(&value)))
    }

    fn scan(&self, after: &[u8], visit: &mut dyn FnMut(Bytes, Bytes) -> bool) -> Result<(), Error> {
        let held = self.held.read();
        let held = held.as_ref().ok_or_else(gone)?;
        let span: (Bound<&[u8]>, Bound<&[u8]>) = (Bound::Excluded(after), Bound::Unbounded);
        for guard in held.snapshot.range::<&[u8], _>(&held.rows, span) {
            let (key, value) = row(guard)?;
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
        why: "the record store was opened again after a full disk; begin again".to_owned(),
    }
}
