//! A data directory made from a backup: rows as they were, the entries after them, and then a life under a name that nobody had.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use lc_core::{NodeId, VersionVector};
use lc_crdt::{RowKind, Rows};
use lc_env::Disk;
use lc_policy::Tables;
use lc_store::{RowTable, Store, TableOptions};

use super::backup::{BackupMoment, is_copied, is_ledger};
use super::opening::replay_one;
use crate::ledger::Ledger;
use crate::missing::key_of_any;
use crate::ranges::Ranges;
use crate::records::{Records, Standing};
use crate::{Error, Identity};

/// Another store, and which keys go there.
pub type Elsewhere<'a> = (Arc<dyn Store>, &'a dyn Fn(&[u8]) -> bool);

/// Takes a backup in, in its order: rows, [`Restoring::rows_end`], entries, [`Restoring::entries_end`]; then [`Restoring::finish`]. What it
/// leaves behind after an error is of no use.
pub struct Restoring {
    records: Records,
    ledger: Ledger,
    standing: Standing,
    /// Of the backup.
    region: String,
    entries: u64,
    /// Nothing came as records.
    ranges: Ranges,
}

impl Restoring {
    /// Fills an empty store with what a node of `region` had under these tables.
    pub fn new(store: Arc<dyn Store>, region: &str, tables: Arc<Tables>) -> Result<Restoring, Error> {
        let (records, standing) = Records::open(RowTable::new(store, &table_options()), region, tables)?;
        let ranges = Ranges::open(&records, NodeId(0), 0)?;
        Ok(Restoring { records, ledger: Ledger::default(), standing, region: region.to_owned(), entries: 0, ranges })
    }

    /// Takes a row. Writes to the store now and then.
    pub fn row(&mut self, key: &Bytes, value: &Bytes) -> Result<(), Error> {
        if !is_copied(key) {
            return Err(wrong("the backup holds a row that no backup holds"));
        }
        put(&mut self.records, key, value);
        flush_if_large(&mut self.records)
    }

    /// All rows came. They must be those of this moment.
    pub fn rows_end(&mut self, moment: &BackupMoment) -> Result<(), Error> {
        check(&self.records, moment, "the rows")?;
        self.standing.applied = moment.vector.clone();
        self.standing.hlc = moment.hlc;
        self.ledger = Ledger::open(&self.records.table)?;
        Ok(())
    }

    /// Takes an entry; one that the rows have already is passed over.
    pub fn entry(&mut self, entry: Bytes) -> Result<(), Error> {
        let Restoring { region, records, ledger, standing, entries, ranges } = self;
        replay_one(region, records, ledger, standing, entry, entries, ranges)?;
        flush_if_large(&mut self.records)
    }

    /// All entries of a backup came. The state must now be that of this moment; an increment's entries may follow.
    pub fn entries_end(&mut self, moment: &BackupMoment) -> Result<(), Error> {
        if self.standing.applied != moment.vector {
            return Err(wrong(&format!(
                "the entries end at {}, and the backup was made at {}",
                self.standing.applied, moment.vector
            )));
        }
        self.standing.hlc = self.standing.hlc.max(moment.hlc);
        check(&self.records, moment, "the rows with all entries")
    }

    /// Makes a node's data directory of it: `store` gets the rows of the keys that are kept, all of them without `keep`, and then must be
    /// the one that was filled. `disk` gets an identity that no earlier write has, and an empty journal. Gives what the node begins with.
    pub fn finish(
        mut self,
        disk: &dyn Disk,
        cluster: &str,
        node: NodeId,
        elsewhere: Option<Elsewhere<'_>>,
    ) -> Result<(Identity, BackupMoment), Error> {
        if let Some((store, keep)) = elsewhere {
            flush(&mut self.records, None)?;
            self.records = copied(&self.records, &self.region, store, keep)?;
        }
        let standing = Standing { digest: self.records.digest, keys: self.records.keys, ..self.standing };
        flush(&mut self.records, Some(&standing))?;
        let incarnation = unused_incarnation(&standing.applied, node)?;
        let identity = Identity { cluster: cluster.to_owned(), node, incarnation, first_seq: 1 };
        identity.write(disk)?;
        let before: BTreeMap<u16, u64> = standing.applied.iter().map(|(replica, seq)| (replica.0, seq)).collect();
        lc_journal::begin_after(disk, &before)?;
        let moment = BackupMoment {
            vector: standing.applied,
            position: standing.position,
            digest: standing.digest.0,
            keys: standing.keys,
            hlc: standing.hlc,
        };
        Ok((identity, moment))
    }
}

/// One above every incarnation of the node that wrote something: a dot is never used twice.
fn unused_incarnation(vector: &VersionVector, node: NodeId) -> Result<u16, Error> {
    let used = vector.iter().filter(|(replica, _)| replica.node() == node).map(|(replica, _)| replica.0 / 64);
    let incarnation = used.max().map_or(0, |last| last + 1);
    if incarnation > INCARNATION_MAX {
        return Err(wrong(&format!("node id {} has been used {incarnation} times: give the node another one", node.0)));
    }
    Ok(incarnation)
}

/// The records of the keys that are kept, in another store. The conflict ledger stays behind: it tells of other keys as well.
fn copied(from: &Records, region: &str, store: Arc<dyn Store>, keep: &dyn Fn(&[u8]) -> bool) -> Result<Records, Error> {
    let (mut to, _) = Records::open(RowTable::new(store, &table_options()), region, from.tables.clone())?;
    for row in from.table.scan(&[FIRST_ROW], None) {
        let (key, value) = row?;
        if is_copied(&key) && !is_ledger(&key) && key_of_any(&key).is_some_and(keep) {
            put(&mut to, &key, &value);
            flush_if_large(&mut to)?;
        }
    }
    Ok(to)
}

fn put(records: &mut Records, key: &Bytes, value: &Bytes) {
    // Copied, because what was read is a slice of a whole file.
    let value = Bytes::copy_from_slice(value);
    match RowKind::of(key) {
        RowKind::Other => records.table.put(Bytes::copy_from_slice(key), Some(value)),
        _ => records.replace(key.to_vec(), None, Some(value)),
    }
}

fn check(records: &Records, moment: &BackupMoment, what: &str) -> Result<(), Error> {
    let found = (records.digest.0, records.keys);
    if found != (moment.digest, moment.keys) {
        return Err(wrong(&format!(
            "{what} have digest {:032x} and {} keys, and the node had {:032x} and {} keys",
            found.0, found.1, moment.digest, moment.keys
        )));
    }
    Ok(())
}

fn flush_if_large(records: &mut Records) -> Result<(), Error> {
    if records.table.dirty_bytes() < DIRTY_BYTES_MAX { Ok(()) } else { flush(records, None) }
}

fn flush(records: &mut Records, standing: Option<&Standing>) -> Result<(), Error> {
    if let Some(job) = records.table.begin_flush(standing.map(Records::standing_row).into_iter().collect()) {
        records.table.finish_flush(job.run())?;
    }
    Ok(())
}

fn wrong(why: &str) -> Error {
    Error::Backup { why: why.to_owned() }
}

/// Every row is read or written about once, so nothing is gained by keeping many.
fn table_options() -> TableOptions {
    TableOptions { cache_bytes: 16 << 20, hash_seed: 0 }
}

const FIRST_ROW: u8 = 0;
const DIRTY_BYTES_MAX: usize = 64 << 20;
const INCARNATION_MAX: u16 = 1023;
