//! A part of a directory that looks like a directory of its own.

use std::sync::Arc;

use lc_env::{Disk, DiskFile, Result};

/// The files of a disk whose names begin with a prefix, seen without it. Others can neither be seen nor harmed.
pub struct PrefixedDisk {
    disk: Arc<dyn Disk>,
    prefix: String,
}

impl PrefixedDisk {
    /// Two prefixes on one disk must not begin with each other.
    pub fn new(disk: Arc<dyn Disk>, prefix: impl Into<String>) -> PrefixedDisk {
        PrefixedDisk { disk, prefix: prefix.into() }
    }

    fn whole(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
}

impl Disk for PrefixedDisk {
    fn list(&self) -> Result<Vec<String>> {
        let names = self.disk.list()?;
        Ok(names.iter().filter_map(|name| name.strip_prefix(&self.prefix)).map(str::to_owned).collect())
    }

    fn open(&self, name: &str) -> Result<Arc<dyn DiskFile>> {
        self.disk.open(&self.whole(name))
    }

    fn remove(&self, name: &str) -> Result<()> {
        self.disk.remove(&self.whole(name))
    }

    fn rename(&self, from: &str, to: &str) -> Result<()> {
        self.disk.rename(&self.whole(from), &self.whole(to))
    }

    fn sync_dir(&self) -> Result<()> {
        self.disk.sync_dir()
    }

    /// Claims the whole directory: it belongs to one process.
    fn lock(&self) -> Result<()> {
        self.disk.lock()
    }

    fn read(&self, name: &str) -> Result<Vec<u8>> {
        self.disk.read(&self.whole(name))
    }

    fn room(&self) -> Result<u64> {
        self.disk.room()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lc_env::{Disk, MemoryDisk};

    use super::PrefixedDisk;

    #[test]
    fn files_of_others_are_neither_seen_nor_shadowed() {
        let whole: Arc<dyn Disk> = Arc::new(MemoryDisk::new());
        whole.write_atomic("a", b"theirs").unwrap();
        let part = PrefixedDisk::new(Arc::clone(&whole), "raft-");
        part.write_atomic("a", b"ours").unwrap();
        assert_eq!(part.list().unwrap(), ["a"]);
        assert_eq!(whole.list().unwrap(), ["a", "raft-a"]);
        assert_eq!((whole.read("a").unwrap(), part.read("a").unwrap()), (b"theirs".to_vec(), b"ours".to_vec()));
    }
}
