//! Rows on disk, in fjall. This file and those beside it are the only ones that name it.
//!
//! A commit is one ingestion: the sorted rows become tables of their own, each synced, and then one manifest, synced and renamed into
//! place, makes all of them visible. Until that renaming the rows are not there, after it they are; fjall's own journal stays empty, since
//! the journal of a node already holds what is not yet in the store.
//!
//! A block that rotted stays where it is: fjall can neither rewrite nor drop it. So what can be read is put into a keyspace of its own, in
//! one commit, and of several keyspaces the newest that holds rows counts.

mod aside;
mod frozen;
mod opening;
mod table_file;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use fjall::{Database, Guard, Keyspace, KeyspaceCreateOptions, LsmError, PersistMode};
use parking_lot::{Mutex, RwLock, RwLockReadGuard};

use crate::store::{Checked, is_span};
use crate::{Aside, Error, Frozen, Row, RowChange, RowIter, Store};
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

/// A fjall database with one keyspace; two only while it is rebuilt.
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
    corrupt_reads: Arc<AtomicU64>,
    suspicions: AtomicU64,
    /// What was frozen and may still be read.
    frozen: Mutex<Vec<Weak<FrozenRows>>>,
    /// Rows with such keys are copied.
    noted: Option<&'static [u8]>,
    aside: Mutex<Aside>,
}

struct Open {
    rows: Keyspace,
    /// Which keyspace that is.
    number: u64,
    /// Dropped last: it stops the compaction thread.
    database: Database,
}

impl FjallStore {
    /// Opens the store in `dir`, making it if missing. Starts one thread for compaction, which ends when the store is dropped.
    pub fn open(dir: &Path, options: &FjallOptions) -> Result<FjallStore, Error> {
        Ok(FjallStore::with(dir, options, Open::checked(dir, options)?))
    }

    fn with(dir: &Path, options: &FjallOptions, open: Open) -> FjallStore {
        FjallStore {
            open: RwLock::new(Some(open)),
            dir: dir.to_owned(),
            options: options.clone(),
            unwell: AtomicBool::new(false),
            corrupt_reads: Arc::default(),
            suspicions: AtomicU64::new(0),
            frozen: Mutex::default(),
            noted: None,
            aside: Mutex::default(),
        }
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
        if self.unwell.load(Ordering::Relaxed) {
            return true;
        }
        let poisoned = self.open.read_recursive().as_ref().is_none_or(Open::is_poisoned);
        if poisoned {
            // No commit found the disk full, so compaction found that, or rot.
            self.suspicions.fetch_add(1, Ordering::Relaxed);
        }
        poisoned
    }

    /// Writes rows into a keyspace of their own, and makes it the one that counts.
    fn rebuild_now(&self, rows: RowIter<'_>) -> Result<(), Error> {
        let next = {
            let open = self.now("rebuild the record store")?;
            let open = open.as_ref().expect("now() has looked");
            let number = open.number + 1;
            let keyspace = open.keyspace(number).map_err(failed("begin a new record store"))?;
            write_all(&keyspace, rows).inspect_err(|_| drop(open.database.delete_keyspace(keyspace.clone())))?;
            (number, keyspace)
        };
        let mut open = self.open.write();
        self.frozen.lock().drain(..).filter_map(|frozen| frozen.upgrade()).for_each(|frozen| frozen.let_go());
        let Some(open) = open.as_mut() else { return Ok(()) };
        open.number = next.0;
        let old = std::mem::replace(&mut open.rows, next.1);
        // What stays of it goes at the next start.
        drop(open.database.delete_keyspace(old));
        Ok(())
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
        counts: bool,
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
            Some(row(guard).map_err(|error| if counts { self.counted(error) } else { error }))
        }))
    }

    fn commit_now(&self, rows: &mut dyn Iterator<Item = RowChange>) -> Result<(), Error> {
        let open = self.now("commit rows")?;
        let keyspace = rows_of(&open);
        wait_for_compaction(open.as_ref().expect("now() has looked"));
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
        let found = rows_of(&open).get(key).map_err(unread("read a row")).map_err(|error| self.counted(error))?;
        // A copy, because fjall's value is a slice of its whole block, and rows are cached for long.
        Ok(found.map(|value| Bytes::copy_from_slice(&value)))
    }

    fn scan(&self, from: &[u8], to: Option<&[u8]>) -> RowIter<'_> {
        self.scan_from(from, to, Iterator::next, true)
    }

    fn scan_back(&self, from: &[u8], to: Option<&[u8]>) -> RowIter<'_> {
        self.scan_from(from, to, DoubleEndedIterator::next_back, true)
    }

    fn look(&self, from: &[u8], to: Option<&[u8]>, down: bool) -> RowIter<'_> {
        match down {
            false => self.scan_from(from, to, Iterator::next, false),
            true => self.scan_from(from, to, DoubleEndedIterator::next_back, false),
        }
    }

    fn rebuild(&self, rows: RowIter<'_>) -> Result<(), Error> {
        self.rebuild_now(rows)?;
        self.copy_notes();
        Ok(())
    }

    fn commit(&self, rows: &mut dyn Iterator<Item = RowChange>) -> Result<(), Error> {
        self.mend()?;
        let outcome = self.commit_now(rows);
        if matches!(outcome, Err(Error::Full { .. })) {
            self.unwell.store(true, Ordering::Relaxed);
        }
        if outcome.is_ok() {
            self.copy_notes();
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
        let frozen = Arc::new(FrozenRows::of(open.as_ref().expect("now() has looked"), &self.corrupt_reads));
        let mut held = self.frozen.lock();
        held.retain(|other| other.strong_count() > 0);
        held.push(Arc::downgrade(&frozen));
        Ok(frozen)
    }

    fn corrupt_reads(&self) -> u64 {
        self.corrupt_reads.load(Ordering::Relaxed)
    }

    fn suspicions(&self) -> u64 {
        self.suspicions.load(Ordering::Relaxed)
    }

    fn aside(&self) -> Aside {
        self.aside_now()
    }

    fn drop_aside(&self) -> Result<(), Error> {
        self.drop_aside_now()
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
        let mut numbers: Vec<u64> = database.list_keyspace_names().iter().filter_map(|name| number_of(name)).collect();
        numbers.sort_unstable();
        // One without rows was begun, and never finished: its rows come all at once.
        let holds_rows =
            |number: &u64| Ok::<_, fjall::Error>(of_number(&database, *number)?.first_key_value().is_some());
        let mut current = FIRST_NUMBER;
        for number in numbers.iter().rev() {
            if holds_rows(number)? {
                current = *number;
                break;
            }
        }
        let rows = of_number(&database, current)?;
        for other in numbers.into_iter().filter(|number| *number != current) {
            database.delete_keyspace(of_number(&database, other)?)?;
        }
        Ok(Open { rows, number: current, database })
    }

    /// Whether its work in the background has stopped.
    fn is_poisoned(&self) -> bool {
        matches!(self.database.persist(PersistMode::Buffer), Err(fjall::Error::Poisoned))
    }

    fn keyspace(&self, number: u64) -> Result<Keyspace, fjall::Error> {
        of_number(&self.database, number)
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

fn of_number(database: &Database, number: u64) -> Result<Keyspace, fjall::Error> {
    let name = if number == FIRST_NUMBER { FIRST_NAME.to_owned() } else { format!("{FIRST_NAME}-{number}") };
    database.keyspace(&name, KeyspaceCreateOptions::default)
}

fn number_of(name: &str) -> Option<u64> {
    if name == FIRST_NAME { Some(FIRST_NUMBER) } else { name.strip_prefix(FIRST_NAME)?.strip_prefix('-')?.parse().ok() }
}

/// All rows in one commit; the first that could not be read ends it.
fn write_all(keyspace: &Keyspace, rows: RowIter<'_>) -> Result<(), Error> {
    let mut ingestion = keyspace.start_ingestion().map_err(failed("begin to write a new record store"))?;
    for row in rows {
        let (key, value) = row?;
        ingestion.write(key.as_ref(), value.as_ref()).map_err(failed("write a new record store"))?;
    }
    ingestion.finish().map_err(failed("commit a new record store"))
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
fn wait_for_compaction(open: &Open) {
    for _ in 0..COMPACTION_WAITS_MAX {
        // Compaction that met rot stops for good, until the store is rebuilt.
        if open.rows.l0_table_count() < UNCOMPACTED_TABLES_MAX || open.is_poisoned() {
            return;
        }
        lc_env::pause(COMPACTION_WAIT);
    }
}

fn row(guard: Guard) -> Result<Row, Error> {
    let (key, value) = guard.into_inner().map_err(unread("scan rows"))?;
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

/// As [`failed`], of a read: a block that the medium does not give back, or a file that ends too early, has rotted too.
fn unread(doing: &'static str) -> impl Fn(fjall::Error) -> Error {
    move |error| match &error {
        fjall::Error::Io(source) | fjall::Error::Storage(LsmError::Io(source)) if is_unreadable(source) => {
            Error::Corrupt { doing, why: error.to_string() }
        }
        _ => failed(doing)(error),
    }
}

fn is_unreadable(source: &io::Error) -> bool {
    let of_medium = source.raw_os_error() == Some(EIO);
    of_medium || matches!(source.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData)
}

fn is_full(source: &io::Error) -> bool {
    matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// What Linux says when the medium does not give a block back.
const EIO: i32 = 5;
/// The keyspace of a store that was never rebuilt.
const FIRST_NAME: &str = "rows";
const FIRST_NUMBER: u64 = 1;
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
    use crate::{Error, Gap, RowChange, Store, survey};

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

    fn rot(dir: &tempfile::TempDir, places: impl Fn(usize) -> Vec<usize>) {
        let tables = std::fs::read_dir(dir.path().join("keyspaces/1/tables")).unwrap();
        let table = tables.map(|entry| entry.unwrap().path()).next().expect("a commit makes a table");
        let mut bytes = std::fs::read(&table).unwrap();
        places(bytes.len()).into_iter().for_each(|place| bytes[place] ^= 0x20);
        std::fs::write(&table, bytes).unwrap();
    }

    /// What can be read, in the place of all.
    fn rebuild(store: &FjallStore, gaps: &[Gap]) {
        let rows = Gap::between(gaps)
            .into_iter()
            .flat_map(|(from, to)| store.look(&from, to.as_deref(), false).collect::<Vec<_>>());
        store.rebuild(Box::new(rows)).unwrap();
    }

    /// Rows that differ in all their bytes, so that they are not one block when packed.
    fn random_row(number: u32) -> RowChange {
        let value =
            (0..200).map(|at: u32| ((number * 200 + at).wrapping_mul(2_654_435_761) >> 13) as u8).collect::<Vec<u8>>();
        (Bytes::copy_from_slice(&number.to_be_bytes()), Some(Bytes::from(value)))
    }

    fn numbers(store: &FjallStore) -> Vec<u32> {
        let number = |row: Result<crate::Row, Error>| u32::from_be_bytes(row.unwrap().0.as_ref().try_into().unwrap());
        store.scan(b"", None).map(number).collect()
    }

    #[test]
    fn a_store_is_rebuilt_from_what_can_be_read_and_scans_commits_and_opening_it_work_again() {
        let dir = tempfile::tempdir().unwrap();
        open(&dir).commit(&mut (0..20_000).map(random_row)).unwrap();
        rot(&dir, |bytes| vec![300, bytes / 3, bytes / 2]);
        let store = open(&dir);
        let gaps = survey(&store).unwrap();
        assert_eq!((gaps.len(), store.corrupt_reads()), (3, 0), "{gaps:?}");
        let frozen = store.freeze().unwrap();
        rebuild(&store, &gaps);
        assert!(frozen.get(&7u32.to_be_bytes()).is_err(), "what was frozen is let go of");
        let kept = numbers(&store);
        let lost = (0..20_000u32).filter(|number| kept.binary_search(number).is_err());
        let lost: Vec<u32> = lost.collect();
        assert!(!lost.is_empty() && lost.len() < 200, "{} rows of three blocks are gone", lost.len());
        assert!(lost.iter().all(|number| {
            gaps.iter().any(|gap| gap.touches(&number.to_be_bytes(), Some(&(number + 1).to_be_bytes())))
        }));
        store.commit(&mut lost.iter().map(|number| random_row(*number))).unwrap();
        drop(store);
        let store = open(&dir);
        assert_eq!(numbers(&store), (0..20_000).collect::<Vec<_>>());
        assert_eq!(store.get(&lost[0].to_be_bytes()).unwrap(), random_row(lost[0]).1);
        (store.open.read().as_ref().unwrap()).rows.major_compact().expect("nothing rotten is left to compact");
        let others = std::fs::read_dir(dir.path().join("keyspaces")).unwrap().count();
        assert!(others <= 2, "the old rows are gone but for the engine's own keyspace: {others}");
    }

    #[test]
    fn a_rebuild_that_a_crash_cut_short_never_was_and_one_that_was_finished_counts() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(&dir);
        store.commit(&mut (0..10).map(row)).unwrap();
        // The new place was made, and nothing was written to it.
        store.open.read().as_ref().unwrap().keyspace(2).unwrap();
        drop(store);
        let store = open(&dir);
        assert_eq!(numbers(&store), (0..10).collect::<Vec<_>>());
        // It was written, and the old place is still there.
        let next = store.open.read().as_ref().unwrap().keyspace(2).unwrap();
        super::write_all(&next, Box::new((3..6).map(|number| Ok((row(number).0, row(number).1.unwrap()))))).unwrap();
        drop((next, store));
        let store = open(&dir);
        assert_eq!(numbers(&store), [3, 4, 5]);
        store.commit(&mut std::iter::once(row(7))).unwrap();
        drop(store);
        assert_eq!(numbers(&open(&dir)), [3, 4, 5, 7]);
    }

    #[test]
    fn a_rebuild_that_fails_leaves_the_rows_as_they_were() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(&dir);
        store.commit(&mut (0..10).map(row)).unwrap();
        let rows =
            [Ok((row(1).0, row(1).1.unwrap())), Err(Error::Corrupt { doing: "scan rows", why: "told to".to_owned() })];
        assert!(matches!(store.rebuild(Box::new(rows.into_iter())), Err(Error::Corrupt { .. })));
        assert_eq!(numbers(&store), (0..10).collect::<Vec<_>>());
        store.commit(&mut std::iter::once(row(10))).unwrap();
        rebuild(&store, &[]);
        assert_eq!(numbers(&store), (0..11).collect::<Vec<_>>());
    }

    #[test]
    fn compaction_that_meets_rot_is_suspicious_and_commits_go_on() {
        let dir = tempfile::tempdir().unwrap();
        open(&dir).commit(&mut (0..20_000).map(random_row)).unwrap();
        rot(&dir, |bytes| vec![bytes / 2]);
        let store = open(&dir);
        for round in 1..40 {
            store.commit(&mut (0..20_000).step_by(50).map(|number| random_row(number + round))).unwrap();
        }
        assert!(store.suspicions() > 0, "compaction has read what rotted");
        assert_eq!(survey(&store).unwrap().len(), 1);
    }
}
