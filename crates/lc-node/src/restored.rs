//! A data directory made from a backup, before the node's first start: all of it or nothing.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use lc_core::{Hlc, NodeId, ReplicaId};
use lc_env::RealDisk;
use lc_member::{BackupMoment, Restoring};
use lc_policy::{Placement, Policy, Table, Tables};
use lc_store::{FjallOptions, FjallStore, Store};
use serde_json::Value;

use crate::Error;

/// A directory beside the one to be, being filled. Dropped before [`Draft::finish`], it stays as a draft, which the next attempt removes.
pub struct Draft {
    place: PathBuf,
    draft: PathBuf,
    store: Arc<dyn Store>,
    restoring: Restoring,
    tables: Arc<Tables>,
}

/// What the node begins with.
#[derive(Clone, Debug)]
pub struct Restored {
    /// Keys.
    pub keys: u64,
    /// Digest of the records, hexadecimal.
    pub digest: String,
    /// The node's incarnation: above every one that wrote something.
    pub incarnation: u16,
    /// Tables that are not in it.
    pub left_out: Vec<String>,
}

impl Draft {
    /// Begins beside `place`, where nothing may be yet, with what a node of `region` had under these tables (as a backup lists them).
    pub fn begin(place: &Path, region: &str, tables: &Value) -> Result<Draft, Error> {
        refuse_taken(place)?;
        let draft = draft_of(place)?;
        let tables = Arc::new(tables_of(tables)?);
        clear(&draft)?;
        fs::create_dir_all(&draft).and_then(|()| fs::write(draft.join(MARK), MARK_TEXT)).map_err(on(&draft))?;
        let store: Arc<dyn Store> = Arc::new(FjallStore::open(&draft.join("records"), &FjallOptions::default())?);
        let restoring = Restoring::new(store.clone(), region, tables.clone())?;
        Ok(Draft { place: place.to_owned(), draft, store, restoring, tables })
    }

    /// Takes a row.
    pub fn row(&mut self, key: &Bytes, value: &Bytes) -> Result<(), Error> {
        Ok(self.restoring.row(key, value)?)
    }

    /// All rows came; they must be those of this moment.
    pub fn rows_end(&mut self, moment: &Value) -> Result<(), Error> {
        Ok(self.restoring.rows_end(&moment_of(moment)?)?)
    }

    /// Takes an entry.
    pub fn entry(&mut self, entry: Bytes) -> Result<(), Error> {
        Ok(self.restoring.entry(entry)?)
    }

    /// The entries of one backup came; the records must now be those of this moment.
    pub fn entries_end(&mut self, moment: &Value) -> Result<(), Error> {
        Ok(self.restoring.entries_end(&moment_of(moment)?)?)
    }

    /// Puts the directory at its place, for a node of this id that stands in for `region` of the backup. With `only`, nothing but these
    /// tables; and nothing that the region must not have by the backup's tables.
    pub fn finish(self, cluster: &str, node_id: u16, region: &str, only: &[String]) -> Result<Restored, Error> {
        let Draft { place, draft, store, restoring, tables } = self;
        let wanted = |table: &Table| table.is_held_in(region) && (only.is_empty() || only.contains(&table.name));
        let left_out: Vec<String> =
            tables.iter().filter(|table| !wanted(table)).map(|table| table.name.clone()).collect();
        let keep = |key: &[u8]| wanted(tables.of_key(key));
        let disk = RealDisk::open(&draft)?;
        let node = NodeId(node_id);
        let (identity, moment) = if left_out.is_empty() {
            restoring.finish(&disk, cluster, node, None)?
        } else {
            // Removed rows would stay on this disk until a compaction: what is not to be here is never in the store that stays.
            let kept: Arc<dyn Store> = Arc::new(FjallStore::open(&draft.join("kept"), &FjallOptions::default())?);
            restoring.finish(&disk, cluster, node, Some((kept, &keep)))?
        };
        drop((store, disk));
        if !left_out.is_empty() {
            fs::remove_dir_all(draft.join("records")).map_err(on(&draft))?;
            fs::rename(draft.join("kept"), draft.join("records")).map_err(on(&draft))?;
        }
        put_in_place(&draft, &place).map_err(on(&place))?;
        Ok(Restored {
            keys: moment.keys,
            digest: format!("{:032x}", moment.digest),
            incarnation: identity.incarnation,
            left_out,
        })
    }
}

/// Removes what a restore to `place` has left that did not end well.
pub fn discard_draft(place: &Path) -> Result<(), Error> {
    clear(&draft_of(place)?)
}

fn put_in_place(draft: &Path, place: &Path) -> io::Result<()> {
    fs::remove_file(draft.join(MARK))?;
    File::open(draft)?.sync_all()?;
    // Replaces an empty directory and nothing else, in one step.
    fs::rename(draft, place)?;
    File::open(parent_of(place))?.sync_all()
}

fn refuse_taken(place: &Path) -> Result<(), Error> {
    match fs::read_dir(place) {
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(Error::Restore(format!(
                "the data directory {} is not empty: a restore makes a new one; move it away first",
                place.display()
            ))),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(on(place)(error)),
    }
}

fn draft_of(place: &Path) -> Result<PathBuf, Error> {
    let name = place.file_name().ok_or_else(|| Error::Restore(format!("{} names no directory", place.display())))?;
    let mut name = name.to_owned();
    name.push(".draft");
    Ok(parent_of(place).join(name))
}

fn parent_of(place: &Path) -> &Path {
    place.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Removes what an interrupted restore left, and nothing else.
fn clear(draft: &Path) -> Result<(), Error> {
    if !draft.exists() {
        return Ok(());
    }
    if !draft.join(MARK).exists() {
        return Err(Error::Restore(format!("{} is in the way, and no restore made it", draft.display())));
    }
    fs::remove_dir_all(draft).map_err(on(draft))
}

fn on(path: &Path) -> impl Fn(io::Error) -> Error {
    let path = path.display().to_string();
    move |error| Error::Restore(format!("{path}: {error}"))
}

fn tables_of(listed: &Value) -> Result<Tables, Error> {
    let wrong = |what: &str| Error::Restore(format!("the backup's tables: {what}"));
    let mut tables = Vec::new();
    for listed in listed.as_array().ok_or_else(|| wrong("no list"))? {
        let name = listed["name"].as_str().ok_or_else(|| wrong("one without a name"))?.to_owned();
        let policy: Policy =
            serde_json::from_value(listed["policy"].clone()).map_err(|error| wrong(&format!("{name}: {error}")))?;
        let number = |member: &str| listed[member].as_u64().unwrap_or(0);
        let target: Option<Placement> =
            serde_json::from_value(listed["target"].clone()).map_err(|error| wrong(&format!("{name}: {error}")))?;
        let (version, placement_version) = (number("version"), number("placement_version"));
        tables.push(Table { name, version, policy, placement_version, target });
    }
    Ok(Tables::new(0, tables))
}

/// As a backup's manifest says it.
fn moment_of(told: &Value) -> Result<BackupMoment, Error> {
    let wrong = || Error::Restore("the backup's manifest does not say its moments as it should".to_owned());
    let mut moment = BackupMoment {
        digest: told["digest"].as_str().and_then(|hex| u128::from_str_radix(hex, 16).ok()).ok_or_else(wrong)?,
        keys: told["keys"].as_u64().ok_or_else(wrong)?,
        hlc: Hlc(told["hlc"].as_u64().ok_or_else(wrong)?),
        ..BackupMoment::default()
    };
    for (replica, seq) in told["vector"].as_object().ok_or_else(wrong)? {
        let replica = replica.parse().map_err(|_| wrong())?;
        moment.vector.raise(ReplicaId(replica), seq.as_u64().filter(|seq| *seq > 0).ok_or_else(wrong)?);
    }
    Ok(moment)
}

/// Marks a directory that a restore made and may remove.
const MARK: &str = "restore-draft";
const MARK_TEXT: &str = "Made by `lightcone restore`, which was interrupted if this is still here.\n";
