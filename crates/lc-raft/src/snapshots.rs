//! The newest snapshot of the machine, in memory and in a file.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use lc_core::wire::{Malformed, Reader};
use lc_env::Disk;
use tokio::sync::Mutex;

use crate::type_config::{Snapshot, SnapshotMeta};
use crate::{DiskWork, Error, codec};

/// A handle; clones share the snapshot.
#[derive(Clone)]
pub(crate) struct Snapshots {
    disk: Arc<dyn Disk>,
    work: DiskWork,
    newest: Arc<Mutex<Option<Snapshot>>>,
}

impl Snapshots {
    /// Reads what is there.
    pub(crate) async fn open(disk: Arc<dyn Disk>, work: DiskWork) -> Result<Snapshots, Error> {
        let from = Arc::clone(&disk);
        let read = work.run(move || read(from.as_ref())).await;
        let newest = read.map_err(|error| Error::Stopped { why: error.to_string() })??;
        Ok(Snapshots { disk, work, newest: Arc::new(Mutex::new(newest)) })
    }

    pub(crate) async fn newest(&self) -> Option<Snapshot> {
        self.newest.lock().await.clone()
    }

    /// Keeps `snapshot` unless a newer one, or this one, is kept already; durable when it returns.
    pub(crate) async fn keep(&self, snapshot: Snapshot) -> io::Result<()> {
        let mut newest = self.newest.lock().await;
        if newest.as_ref().is_some_and(|kept| kept.meta.last_log_id >= snapshot.meta.last_log_id) {
            return Ok(());
        }
        let bytes = encode(&snapshot);
        let disk = Arc::clone(&self.disk);
        self.work.run(move || disk.write_atomic(FILE, &bytes)).await?.map_err(io::Error::other)?;
        *newest = Some(snapshot);
        Ok(())
    }
}

fn read(disk: &dyn Disk) -> Result<Option<Snapshot>, Error> {
    if !disk.list()?.iter().any(|name| name == FILE) {
        return Ok(None);
    }
    let bytes = Bytes::from(disk.read(FILE)?);
    match decode(bytes) {
        Ok((meta, snapshot)) => Ok(Some(Snapshot { meta, snapshot })),
        Err(error) => Err(Error::Corrupt { what: format!("snapshot of the group: {error}") }),
    }
}

/// A file's content without its checksum, read and written again, for [`crate::fuzzing`].
#[cfg(feature = "fuzzing")]
pub(crate) fn again(content: &[u8]) -> Option<Vec<u8>> {
    let sum = crc32c::crc32c(content).to_le_bytes();
    let (meta, snapshot) = decode(Bytes::from([content, &sum].concat())).ok()?;
    let mut bytes = encode(&Snapshot { meta, snapshot });
    bytes.truncate(bytes.len() - sum.len());
    Some(bytes)
}

fn encode(snapshot: &Snapshot) -> Vec<u8> {
    let mut out = [&MAGIC[..], &[VERSION]].concat();
    codec::put_snapshot_meta(&mut out, &snapshot.meta);
    out.extend_from_slice(&snapshot.snapshot);
    let sum = crc32c::crc32c(&out);
    out.extend_from_slice(&sum.to_le_bytes());
    out
}

fn decode(bytes: Bytes) -> Result<(SnapshotMeta, Bytes), Malformed> {
    let end = bytes.len().checked_sub(4).ok_or(Malformed::Truncated("file"))?;
    let (body, sum) = (bytes.slice(..end), &bytes[end..]);
    if crc32c::crc32c(&body).to_le_bytes() != *sum {
        return Err(Malformed::OutOfBounds("checksum"));
    }
    let mut reader = Reader::new(body);
    if reader.take(MAGIC.len(), "magic")?.as_ref() != MAGIC {
        return Err(Malformed::Unknown("file"));
    }
    reader.version(VERSION, "format")?;
    let meta = codec::snapshot_meta(&mut reader)?;
    Ok((meta, reader.rest()))
}

const FILE: &str = "snapshot";
const MAGIC: &[u8; 7] = b"LCRAFTS";
const VERSION: u8 = 1;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use bytes::Bytes;
    use lc_env::{Disk, MemoryDisk};

    use super::{FILE, Snapshots, decode, encode};
    use crate::golden::golden;
    use crate::type_config::{LogId, Members, Snapshot, SnapshotMeta, StoredMembers};
    use crate::{DiskWork, Error};

    fn snapshot(index: u64) -> Snapshot {
        let meta = SnapshotMeta {
            last_log_id: Some(LogId::new_term_index(1, index)),
            last_membership: StoredMembers::default(),
        };
        Snapshot { meta, snapshot: Bytes::from(format!("state {index}")) }
    }

    #[tokio::test]
    async fn the_newest_survives_a_crash_and_an_older_one_does_not_replace_it() {
        let disk = MemoryDisk::new();
        let snapshots = Snapshots::open(Arc::new(disk.clone()), DiskWork::Inline).await.unwrap();
        assert!(snapshots.newest().await.is_none());
        snapshots.keep(snapshot(7)).await.unwrap();
        snapshots.keep(snapshot(5)).await.unwrap();
        disk.crash(|_, _| 0);
        let snapshots = Snapshots::open(Arc::new(disk.reopen()), DiskWork::Inline).await.unwrap();
        assert_eq!(snapshots.newest().await.unwrap().snapshot, "state 7");
    }

    #[test]
    fn files_of_earlier_releases_are_read_and_written_alike() {
        let (mut snapshot, members) = (snapshot(300), [BTreeSet::from([1, 2, 3])]);
        let members = Members::new_with_defaults(members.into(), [9]);
        snapshot.meta.last_membership = StoredMembers::new(Some(LogId::new_term_index(1, 7)), members);
        let (meta, state) = decode(golden("snapshot_1", &encode(&snapshot))).unwrap();
        assert_eq!((meta, state), (snapshot.meta, snapshot.snapshot));
    }

    #[tokio::test]
    async fn a_file_of_a_later_release_is_called_by_its_number() {
        let disk = MemoryDisk::new();
        let mut bytes = encode(&snapshot(7));
        bytes.truncate(bytes.len() - 4);
        bytes[7] = 2;
        let sum = crc32c::crc32c(&bytes).to_le_bytes();
        disk.write_atomic(FILE, &[&bytes[..], &sum].concat()).unwrap();
        let Err(error) = Snapshots::open(Arc::new(disk.clone()), DiskWork::Inline).await else { panic!("it was read") };
        assert_eq!(error.to_string(), "corrupt: snapshot of the group: format 2; this release reads up to 1");
    }

    #[tokio::test]
    async fn a_rotten_byte_anywhere_is_found() {
        let disk = MemoryDisk::new();
        let snapshots = Snapshots::open(Arc::new(disk.clone()), DiskWork::Inline).await.unwrap();
        snapshots.keep(snapshot(7)).await.unwrap();
        for offset in 0..disk.read(FILE).unwrap().len() as u64 {
            disk.rot(FILE, offset, 1);
            let opened = Snapshots::open(Arc::new(disk.clone()), DiskWork::Inline).await;
            assert!(matches!(opened, Err(Error::Corrupt { .. })), "byte {offset}");
            disk.rot(FILE, offset, 1);
        }
    }
}
