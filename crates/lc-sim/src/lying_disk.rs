//! A disk that answers every sync at once and does nothing.

use std::sync::Arc;

use lc_env::{Disk, DiskFile, MemoryDisk};

pub(crate) struct LyingDisk(pub MemoryDisk);

impl Disk for LyingDisk {
    fn list(&self) -> lc_env::Result<Vec<String>> {
        self.0.list()
    }
    fn open(&self, name: &str) -> lc_env::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(LyingFile(self.0.open(name)?)))
    }
    fn remove(&self, name: &str) -> lc_env::Result<()> {
        self.0.remove(name)
    }
    fn rename(&self, from: &str, to: &str) -> lc_env::Result<()> {
        self.0.rename(from, to)
    }
    fn sync_dir(&self) -> lc_env::Result<()> {
        self.0.sync_dir()
    }
    fn lock(&self) -> lc_env::Result<()> {
        self.0.lock()
    }
    fn read(&self, name: &str) -> lc_env::Result<Vec<u8>> {
        self.0.read(name)
    }
}

struct LyingFile(Arc<dyn DiskFile>);

impl DiskFile for LyingFile {
    fn len(&self) -> lc_env::Result<u64> {
        self.0.len()
    }
    fn write_at(&self, offset: u64, bytes: &[u8]) -> lc_env::Result<()> {
        self.0.write_at(offset, bytes)
    }
    fn read_at(&self, offset: u64, into: &mut [u8]) -> lc_env::Result<usize> {
        self.0.read_at(offset, into)
    }
    fn sync(&self) -> lc_env::Result<()> {
        Ok(())
    }
    fn truncate(&self, len: u64) -> lc_env::Result<()> {
        self.0.truncate(len)
    }
    fn preallocate(&self, len: u64) -> lc_env::Result<()> {
        self.0.preallocate(len)
    }
}
