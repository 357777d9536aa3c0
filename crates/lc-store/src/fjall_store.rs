//! Rows on disk, in fjall. This file is the only one that names it.
//!
//! A commit is one ingestion: the sorted rows become tables of their own, each synced, and then one manifest, synced and renamed into
//! place, makes all of them visible. Until that renaming the rows are not there, after it they are; fjall's own journal stays empty, since
//! the journal of a node already holds what is not yet in the store.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use fjall::{Database, Guard, Keyspace, KeyspaceCreateOptions};

use crate::store::{Checked, is_span};
use crate::{Error, Row, RowChange, RowIter, Store};

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
pub struct FjallStore {
    rows: Keyspace,
    /// Dropped last: it stops the compaction thread.
    _database: Database,
}

impl FjallStore {
    /// Opens the store in `dir`, making it if missing. Starts one thread for compaction, which ends when the store is dropped.
    pub fn open(dir: &Path, options: &FjallOptions) -> Result<FjallStore, Error> {
        let database = Database::builder(dir)
            .cache_size(options.cache_bytes)
            .max_cached_files(Some(options.open_files_max))
            // One: with more, fjall's first keeps a core busy handing compactions to the others.
            .worker_threads(1)
            .open()
            .map_err(failed("open the record store"))?;
        let rows =
            database.keyspace("rows", KeyspaceCreateOptions::default).map_err(failed("open the record store"))?;
        Ok(FjallStore { rows, _database: database })
    }

    /// Compaction may fall behind commits; beyond some tables every read would pay for it, so the next commit waits.
    fn wait_for_compaction(&self) {
        for _ in 0..COMPACTION_WAITS_MAX {
            if self.rows.l0_table_count() < UNCOMPACTED_TABLES_MAX {
                return;
            }
            lc_env::pause(COMPACTION_WAIT);
        }
    }
}

impl Store for FjallStore {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Error> {
        if key.is_empty() || key.len() > crate::ROW_KEY_BYTES_MAX {
            return Ok(None);
        }
        let found = self.rows.get(key).map_err(failed("read a row"))?;
        // A copy, because fjall's value is a slice of its whole block, and rows are cached for long.
        Ok(found.map(|value| Bytes::copy_from_slice(&value)))
    }

    fn scan(&self, from: &[u8], to: Option<&[u8]>) -> RowIter<'_> {
        match span(&self.rows, from, to) {
            Some(rows) => Box::new(rows.map(row)),
            None => Box::new(std::iter::empty()),
        }
    }

    fn scan_back(&self, from: &[u8], to: Option<&[u8]>) -> RowIter<'_> {
        match span(&self.rows, from, to) {
            Some(rows) => Box::new(rows.rev().map(row)),
            None => Box::new(std::iter::empty()),
        }
    }

    fn commit(&self, rows: &mut dyn Iterator<Item = RowChange>) -> Result<(), Error> {
        self.wait_for_compaction();
        let mut ingestion = self.rows.start_ingestion().map_err(failed("begin a commit"))?;
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

    fn approximate_bytes(&self) -> u64 {
        self.rows.disk_space()
    }
}

/// The rows of a span; nothing if it cannot hold any, which the engine does not expect to be asked.
fn span(rows: &Keyspace, from: &[u8], to: Option<&[u8]>) -> Option<fjall::Iter> {
    is_span(from, to).then(|| match to {
        Some(to) => rows.range(from..to),
        None => rows.range(from..),
    })
}

fn row(guard: Guard) -> Result<Row, Error> {
    let (key, value) = guard.into_inner().map_err(failed("scan rows"))?;
    Ok((Bytes::copy_from_slice(&key), Bytes::copy_from_slice(&value)))
}

fn failed(doing: &'static str) -> impl Fn(fjall::Error) -> Error {
    move |error| Error::Engine { doing, why: error.to_string() }
}

/// fjall compacts from four on; each more costs an absent row one filter lookup.
const UNCOMPACTED_TABLES_MAX: usize = 16;
const COMPACTION_WAIT: Duration = Duration::from_millis(5);
/// Ten seconds; then correctness goes before speed, and the commit goes ahead.
const COMPACTION_WAITS_MAX: u32 = 2000;
