//! Rows on disk, in one keyspace of fjall.
//!
//! Commits go in as sorted tables ("ingestion"), past fjall's own log: the member's journal is the log.

use std::path::Path;

use bytes::Bytes;
use fjall::{CompressionType, Database, Keyspace, KeyspaceCreateOptions, PersistMode, config::CompressionPolicy};

use crate::store::{Scan, Store};
use crate::Error;

/// A store in a directory.
pub struct FjallStore {
    database: Database,
    rows: Keyspace,
}

impl FjallStore {
    /// Opens or makes a store. `cache_bytes` bounds fjall's block cache.
    pub fn open(directory: &Path, cache_bytes: u64) -> Result<FjallStore, Error> {
        let database = Database::builder(directory)
            .cache_size(cache_bytes)
            .worker_threads(WORKERS)
            .max_cached_files(Some(FILES_MAX))
            .open()
            .map_err(engine("open the record store"))?;
        let options = || KeyspaceCreateOptions::default().data_block_compression_policy(CompressionPolicy::all(CompressionType::Lz4));
        let rows = database.keyspace("rows", options).map_err(engine("open the rows"))?;
        Ok(FjallStore { database, rows })
    }
}

impl Store for FjallStore {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Error> {
        let value = self.rows.get(key).map_err(engine("read a row"))?;
        Ok(value.map(|value| Bytes::copy_from_slice(&value)))
    }

    fn scan(&self, from: &[u8], to: Option<&[u8]>) -> Scan<'_> {
        let rows = match to {
            Some(to) if to <= from => return Box::new(std::iter::empty()),
            Some(to) => self.rows.range(from..to),
            None => self.rows.range(from..),
        };
        Box::new(rows.map(|guard| {
            let (key, value) = guard.into_inner().map_err(engine("scan rows"))?;
            Ok((Bytes::copy_from_slice(&key), Bytes::copy_from_slice(&value)))
        }))
    }

    fn commit(&self, rows: &mut dyn Iterator<Item = (Bytes, Option<Bytes>)>) -> Result<(), Error> {
        let mut ingestion = self.rows.start_ingestion().map_err(engine("begin a commit"))?;
        let mut last: Option<Bytes> = None;
        for (key, value) in rows {
            if last.as_ref().is_some_and(|last| *last >= key) {
                return Err(Error::Unordered);
            }
            match value {
                Some(value) => ingestion.write(key.as_ref(), value.as_ref()),
                None => ingestion.write_tombstone(key.as_ref()),
            }.map_err(engine("write a row"))?;
            last = Some(key);
        }
        ingestion.finish().map_err(engine("finish a commit"))?;
        self.database.persist(PersistMode::SyncAll).map_err(engine("sync a commit"))
    }

    fn approximate_bytes(&self) -> u64 {
        self.rows.disk_space()
    }
}

fn engine(doing: &'static str) -> impl Fn(fjall::Error) -> Error {
    move |source| Error::Engine { doing, source }
}

/// Compaction is in the background of a node that has few cores to spare.
const WORKERS: usize = 1;
const FILES_MAX: usize = 256;
