//! A disk behind code that makes a mistake: a seeded bug at the member's edge.

use std::sync::Arc;

use lc_env::{Disk, DiskFile, Error, Result};

use crate::Bug;
use crate::disk::SimDisk;

/// The disk as a member with this bug uses it; any other bug leaves it as it is.
pub(crate) struct MistakenDisk {
    pub disk: SimDisk,
    pub bug: Bug,
}

impl Disk for MistakenDisk {
    fn list(&self) -> Result<Vec<String>> {
        self.disk.list()
    }
    fn open(&self, name: &str) -> Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(MistakenFile { file: self.disk.open(name)?, bug: self.bug }))
    }
    fn remove(&self, name: &str) -> Result<()> {
        self.disk.remove(name)
    }
    fn rename(&self, from: &str, to: &str) -> Result<()> {
        self.disk.rename(from, to)
    }
    fn sync_dir(&self) -> Result<()> {
        if self.bug == Bug::DirectoryNotSynced { Ok(()) } else { self.disk.sync_dir() }
    }
    fn lock(&self) -> Result<()> {
        self.disk.lock()
    }
    fn read(&self, name: &str) -> Result<Vec<u8>> {
        self.disk.read(name)
    }
    fn room(&self) -> Result<u64> {
        if self.bug == Bug::FullTakenForWritten { Ok(u64::MAX) } else { self.disk.room() }
    }
}

struct MistakenFile {
    file: Arc<dyn DiskFile>,
    bug: Bug,
}

impl MistakenFile {
    fn written(&self, outcome: Result<()>) -> Result<()> {
        match outcome {
            Err(Error::Full { .. }) if self.bug == Bug::FullTakenForWritten => Ok(()),
            outcome => outcome,
        }
    }

    fn shows(&self, offset: u64, bytes: &[u8]) -> bool {
        let mut there = vec![0; bytes.len()];
        self.file.read_at(offset, &mut there).is_ok_and(|count| count == bytes.len()) && there == bytes
    }
}

impl DiskFile for MistakenFile {
    fn len(&self) -> Result<u64> {
        self.file.len()
    }
    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<()> {
        if self.bug == Bug::ShownTakenForStored && self.shows(offset, bytes) {
            return Ok(());
        }
        self.written(self.file.write_at(offset, bytes))
    }
    fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<usize> {
        match self.file.read_at(offset, into) {
            Err(Error::Io { .. }) if self.bug == Bug::UnreadableTakenForEnd => Ok(0),
            outcome => outcome,
        }
    }
    fn sync(&self) -> Result<()> {
        match self.bug {
            Bug::SyncLies => Ok(()),
            Bug::SyncRetried => self.file.sync().or_else(|_| self.file.sync()),
            _ => self.file.sync(),
        }
    }
    fn truncate(&self, len: u64) -> Result<()> {
        self.file.truncate(len)
    }
    fn preallocate(&self, len: u64) -> Result<()> {
        self.written(self.file.preallocate(len))
    }
}
