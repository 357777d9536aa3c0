//! A region's record store: in memory, whole after every crash, and sometimes out of order.

use std::sync::Arc;

use bytes::Bytes;
use lc_store::{Error, MemoryStore, Row, RowChange, RowIter, Store};
use parking_lot::Mutex;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Clones are the same store.
#[derive(Clone, Default)]
pub(crate) struct SimStore {
    pub rows: MemoryStore,
    state: Arc<Mutex<State>>,
}

#[derive(Clone, Copy, Default)]
struct State {
    /// How many rows of a hundred cannot be read, and which.
    unreadable: (u64, u64),
    commit: Commit,
    failures: u64,
}

/// What becomes of a commit.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Commit {
    /// It is made.
    #[default]
    Made,
    /// It fails; whether the rows are there is not known, and here they are or are not.
    Fails { made: bool },
    /// There is no room.
    Full,
    /// The power fails in the middle of it and half of the rows are there: a seeded bug.
    Half,
}

impl SimStore {
    /// From now on so many of a hundred rows cannot be read; `which` chooses them.
    pub(crate) fn spoil(&self, percent: u64, which: u64) {
        self.state.lock().unreadable = (percent, which);
    }

    pub(crate) fn set_commit(&self, commit: Commit) {
        self.state.lock().commit = commit;
    }

    /// Everything can be read and written.
    pub(crate) fn mend(&self) {
        let mut state = self.state.lock();
        (state.unreadable, state.commit) = ((0, 0), Commit::Made);
    }

    /// How often it failed somebody so far.
    pub(crate) fn failures(&self) -> u64 {
        self.state.lock().failures
    }

    /// Another store with the same rows.
    pub(crate) fn copy(&self) -> SimStore {
        let copy = SimStore::default();
        let rows = self.rows.scan(b"\0", None);
        let mut rows = rows.map(|row| row.map(|(key, value)| (key, Some(value))).expect("a memory store reads"));
        copy.rows.commit(&mut rows).expect("a memory store commits");
        copy
    }

    fn check(&self, key: &[u8]) -> Result<(), Error> {
        let mut state = self.state.lock();
        let (percent, which) = state.unreadable;
        if percent == 0 || xxh3_64_with_seed(key, which) % 100 >= percent {
            return Ok(());
        }
        state.failures += 1;
        Err(Error::Corrupt { doing: "read a row", why: "checksum does not match".to_owned() })
    }

    fn checked(&self, row: Result<Row, Error>) -> Result<Row, Error> {
        let row = row?;
        self.check(&row.0)?;
        Ok(row)
    }

    fn fail(&self, error: Error) -> Result<(), Error> {
        self.state.lock().failures += 1;
        Err(error)
    }
}

impl Store for SimStore {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Error> {
        self.check(key)?;
        self.rows.get(key)
    }

    fn scan(&self, from: &[u8], to: Option<&[u8]>) -> RowIter<'_> {
        Box::new(self.rows.scan(from, to).map(|row| self.checked(row)))
    }

    fn scan_back(&self, from: &[u8], to: Option<&[u8]>) -> RowIter<'_> {
        Box::new(self.rows.scan_back(from, to).map(|row| self.checked(row)))
    }

    fn commit(&self, rows: &mut dyn Iterator<Item = RowChange>) -> Result<(), Error> {
        let broken = Error::Engine { doing: "commit rows", why: "input/output error".to_owned() };
        let commit = self.state.lock().commit;
        match commit {
            Commit::Made => self.rows.commit(rows),
            Commit::Fails { made } => {
                if made {
                    self.rows.commit(rows)?;
                }
                self.fail(broken)
            }
            Commit::Full => self.fail(Error::Full { doing: "commit rows" }),
            Commit::Half => {
                let rows: Vec<RowChange> = rows.collect();
                let half = rows.len() / 2;
                // The later half: the row that tells how far the rows are is among it.
                self.rows.commit(&mut rows.into_iter().skip(half))?;
                self.fail(broken)
            }
        }
    }

    fn approximate_bytes(&self) -> u64 {
        self.rows.approximate_bytes()
    }
}
