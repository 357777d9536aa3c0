//! Rows on disk, in fjall. This file is the only one that names it.
//!
//! A commit is one ingestion: the sorted rows become tables of their own, each synced, and then one manifest, synced and renamed into
//! place, makes all of them visible. Until that renaming the rows are not there, after it they are; fjall's own journal stays empty, since
//! the journal of a node already holds what is not yet in the store.

mod frozen;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use fjall::{Database, Guard, Keyspace, KeyspaceCreateOptions, LsmError, PersistMode};
use parking_lot::{Mutex, RwLock, RwLockReadGuard};

use crate::store::{Checked, is_span};
use crate::{Error, Frozen, Row, RowChange, RowIter, Store};
use frozen::FrozenRows;

/// Sizes.
#[derive(Clone, Debug)]
pub struct FjallOptions {
    /// Cache of blocks read from tables, in bytes; filters and indexes live in it too, about 2 bytes a row.
    pub cache_bytes: u64,
    /// Most table files held open.
    pub open_files_max: usize,
}

impl Default for FjallOptions {
    fn default() -> FjallOptions {
        FjallOptions { cache_bytes: 16 << 20, open_files_max: 256 }
    }
}

/// A fjall database with one keyspace.
///
/// A full disk ends fjall's compaction for good, and a commit that failed leaves files behind that only opening the database again removes.
/// So that is done, with the database closed in between, before the next commit or when [`Store::mend`] is called.
pub struct FjallStore {
    dir: PathBuf,
    options: FjallOptions,
    /// Nothing only if it could not be opened again.
    open: RwLock<Option<Open>>,
    /// A commit found no room.
    unwell: AtomicBool,
    corrupt_reads: AtomicU64,
    /// What was frozen and may still be read.
    frozen: Mutex<Vec<Weak<FrozenRows>>>,
}

struct Open {
    rows: Keyspace,
    /// Dropped last: it stops the compaction thread.
    database: Database,
}

impl FjallStore {
    /// Opens the store in `dir`, making it if missing. Starts one thread for compaction, which ends when the store is dropped.
    pub fn open(dir: &Path, options: &FjallOptions) -> Result<FjallStore, Error> {
        Ok(FjallStore {
            open: RwLock::new(Some(Open::new(dir, options).map_err(failed("open the record store"))?)),
            dir: dir.to_owned(),
            options: options.clone(),
            unwell: AtomicBool::new(false),
            corrupt_reads: AtomicU64::new(0),
            frozen: Mutex::default(),
        })
    }

    /// The database for as long as the guard lives. Recursive: whoever scans also reads rows, and one who waits to mend must not come
    /// between.
    fn now(&self, doing: &'static str) -> Result<RwLockReadGuard<'_, Option<Open>>, Error> {
        let open = self.open.read_recursive();
        if open.is_none() {
            return Err(Error::Engine {
                doing,
                why: "it could not be opened again after the disk was full".to_owned(),
            });
        }
        Ok(open)
    }

    fn is_unwell(&self) -> bool {
        let poisoned = |open: &Open| matches!(open.database.persist(PersistMode::Buffer), Err(fjall::Error::Poisoned));
        self.unwell.load(Ordering::Relaxed) || self.open.read_recursive().as_ref().is_none_or(poisoned)
    }

    fn counted(&self, error: Error) -> Error {
        if matches!(error, Error::Corrupt { .. }) {
            self.corrupt_reads.fetch_add(1, Ordering::Relaxed);
        }
        error
    }

    fn scan_from<'a>(
        &'a self,
        from: &[u8],
        to: Option<&[u8]>,
        next: impl Fn(&mut fjall::Iter) -> Option<Guard> + 'a,
    ) -> RowIter<'a> {
        if !is_span(from, to) {
            return Box::new(std::iter::empty());
        }
        let open = match self.now("scan rows") {
            Ok(open) => open,
            Err(error) => return Box::new(std::iter::once(Err(error))),
        };
        let mut scan = Scan { rows: range(rows_of(&open), from, to), _open: open };
        Box::new(std::iter::from_fn(move || {
            let guard = next(&mut scan.rows)?;
            Some(row(guard).map_err(|error| self.counted(error)))
        }))
    }

    fn commit_now(&self, rows: &mut dyn Iterator<Item = RowChange>) -> Result<(), Error> {
        let open = self.now("commit rows")?;
        let keyspace = rows_of(&open);
        wait_for_compaction(keyspace);
        let mut ingestion = keyspace.start_ingestion().map_err(failed("begin a commit"))?;
        let mut checked = Checked::new(rows);
        for (key, value) in checked.by_ref() {
            let written = match value {
                Some(value) => ingestion.write(key.as_ref(), value.as_ref()),
                None => ingestion.write_tombstone(key.as_ref()),
            };
            written.map_err(failed("write rows"))?;
        }
        checked.end()?;
        ingestion.finish().map_err(failed("commit rows"))
    }
}

impl Store for FjallStore {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Error> {
        if key.is_empty() || key.len() > crate::ROW_KEY_BYTES_MAX {
            return Ok(None);
        }
        let open = self.now("read a row")?;
        let found = rows_of(&open).get(key).map_err(failed("read a row")).map_err(|error| self.counted(error))?;
        // A copy, because fjall's value is a slice of its whole block, and rows are cached for long.
        Ok(found.map(|value| Bytes::copy_from_slice(&value)))
    }

    fn scan(&self, from: &[u8], to: Option<&[u8]>) -> RowIter<'_> {
        self.scan_from(from, to, Iterator::next)
    }

    fn scan_back(&self, from: &[u8], to: Option<&[u8]>) -> RowIter<'_> {
        self.scan_from(from, to, DoubleEndedIterator::next_back)
    }

    fn commit(&self, rows: &mut dyn Iterator<Item = RowChange>) -> Result<(), Error> {
        self.mend()?;
        let outcome = self.commit_now(rows);
        if matches!(outcome, Err(Error::Full { .. })) {
            self.unwell.store(true, Ordering::Relaxed);
        }
        outcome
    }

    fn approximate_bytes(&self) -> u64 {
        self.open.read_recursive().as_ref().map_or(0, |open| open.rows.disk_space())
    }

    fn mend(&self) -> Result<(), Error> {
        if !self.is_unwell() {
            return Ok(());
        }
        let mut open = self.open.write();
        self.frozen.lock().drain(..).filter_map(|frozen| frozen.upgrade()).for_each(|frozen| frozen.let_go());
        // Closed first: the directory belongs to one database at a time.
        drop(open.take());
        *open = Some(Open::again(&self.dir, &self.options).map_err(failed("open the record store again"))?);
        self.unwell.store(false, Ordering::Relaxed);
        Ok(())
    }

    fn freeze(&self) -> Result<Arc<dyn Frozen>, Error> {
        let open = self.now("freeze rows")?;
        let frozen = Arc::new(FrozenRows::of(open.as_ref().expect("now() has looked")));
        let mut held = self.frozen.lock();
        held.retain(|other| other.strong_count() > 0);
        held.push(Arc::downgrade(&frozen));
        Ok(frozen)
    }

    fn corrupt_reads(&self) -> u64 {
        self.corrupt_reads.load(Ordering::Relaxed)
    }
}

impl Open {
    fn new(dir: &Path, options: &FjallOptions) -> Result<Open, fjall::Error> {
        let database = Database::builder(dir)
            .cache_size(options.cache_bytes)
            .max_cached_files(Some(options.open_files_max))
            // One: with more, fjall's first keeps a core busy handing compactions to the others.
            .worker_threads(1)
            .open()?;
        Ok(Open { rows: database.keyspace("rows", KeyspaceCreateOptions::default)?, database })
    }

    /// The one before may still be letting go of its files.
    fn again(dir: &Path, options: &FjallOptions) -> Result<Open, fjall::Error> {
        let mut tries = 0;
        loop {
            match Open::new(dir, options) {
                Err(fjall::Error::Locked) if tries < REOPEN_TRIES_MAX => {
                    tries += 1;
                    lc_env::pause(REOPEN_WAIT);
                }
                outcome => return outcome,
            }
        }
    }
}

/// Rows on their way, and the promise that the database stays open meanwhile.
struct Scan<'a> {
    rows: fjall::Iter,
    _open: RwLockReadGuard<'a, Option<Open>>,
}

fn range(rows: &Keyspace, from: &[u8], to: Option<&[u8]>) -> fjall::Iter {
    match to {
        Some(to) => rows.range(from..to),
        None => rows.range(from..),
    }
}

fn rows_of(open: &Option<Open>) -> &Keyspace {
    &open.as_ref().expect("now() has looked").rows
}

/// Compaction may fall behind commits; beyond some tables every read would pay for it, so the next commit waits.
fn wait_for_compaction(rows: &Keyspace) {
    for _ in 0..COMPACTION_WAITS_MAX {
        if rows.l0_table_count() < UNCOMPACTED_TABLES_MAX {
            return;
        }
        lc_env::pause(COMPACTION_WAIT);
    }
}

fn row(guard: Guard) -> Result<Row, Error> {
    let (key, value) = guard.into_inner().map_err(failed("scan rows"))?;
    Ok((Bytes::copy_from_slice(&key), Bytes::copy_from_slice(&value)))
}

fn failed(doing: &'static str) -> impl Fn(fjall::Error) -> Error {
    move |error| match &error {
        fjall::Error::Io(source) | fjall::Error::Storage(LsmError::Io(source)) if is_full(source) => {
            Error::Full { doing }
        }
        fjall::Error::Storage(
            LsmError::ChecksumMismatch { .. }
            | LsmError::Decompress(_)
            | LsmError::InvalidTag(_)
            | LsmError::InvalidTrailer
            | LsmError::InvalidHeader(_),
        ) => Error::Corrupt { doing, why: error.to_string() },
        _ => Error::Engine { doing, why: error.to_string() },
    }
}

fn is_full(source: &io::Error) -> bool {
    matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// fjall compacts from four on; each more costs an absent row one filter lookup.
const UNCOMPACTED_TABLES_MAX: usize = 16;
const COMPACTION_WAIT: Duration = Duration::from_millis(5);
/// Ten seconds; then correctness goes before speed, and the commit goes ahead.
const COMPACTION_WAITS_MAX: u32 = 2000;
/// Five seconds.
const REOPEN_TRIES_MAX: u32 = 500;
const REOPEN_WAIT: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use bytes::Bytes;

    use super::{FjallOptions, FjallStore};
    use crate::{Error, RowChange, Store};

    fn row(number: u32) -> RowChange {
        (Bytes::copy_from_slice(&number.to_be_bytes()), Some(Bytes::from(vec![number as u8; 200])))
    }

    fn open(dir: &tempfile::TempDir) -> FjallStore {
        FjallStore::open(dir.path(), &FjallOptions { cache_bytes: 1 << 20, open_files_max: 16 }).unwrap()
    }

    #[test]
    fn after_a_full_disk_the_database_is_opened_again_while_others_read() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(&dir);
        store.commit(&mut (0..2000).map(row)).unwrap();
        let orphan = dir.path().join("keyspaces/1/tables/999999");
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for round in 0..200 {
                    assert_eq!(store.scan(b"", None).count(), 2000, "round {round}");
                    assert_eq!(store.get(&7u32.to_be_bytes()).unwrap(), row(7).1);
                }
            });
            for _ in 0..5 {
                // What a commit leaves behind that finds no room.
                std::fs::write(&orphan, b"half a table").unwrap();
                store.unwell.store(true, Ordering::Relaxed);
                store.mend().unwrap();
                assert!(!orphan.exists() && !store.is_unwell());
            }
        });
        store.commit(&mut (2000..2100).map(row)).unwrap();
        assert_eq!(store.scan(b"", None).count(), 2100);
    }

    #[test]
    fn a_row_whose_bytes_rotted_is_corrupt_and_counted_and_others_are_read() {
        let dir = tempfile::tempdir().unwrap();
        open(&dir).commit(&mut (0..2000).map(row)).unwrap();
        let tables = std::fs::read_dir(dir.path().join("keyspaces/1/tables")).unwrap();
        let table = tables.map(|entry| entry.unwrap().path()).next().expect("a commit makes a table");
        let mut bytes = std::fs::read(&table).unwrap();
        bytes[300] ^= 0x20;
        std::fs::write(&table, bytes).unwrap();
        let store = open(&dir);
        let refused = store.get(&0u32.to_be_bytes()).unwrap_err();
        assert!(matches!(refused, Error::Corrupt { .. }), "{refused}");
        assert_eq!((store.corrupt_reads(), store.get(&1999u32.to_be_bytes()).unwrap()), (1, row(1999).1));
        assert!(store.scan(b"", None).any(|row| matches!(row, Err(Error::Corrupt { .. }))));
    }
}
