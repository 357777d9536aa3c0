//! The operating system's directory.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::{Disk, DiskFile, Error, Result};

/// A directory of the file system, made if missing.
pub struct RealDisk {
    dir: PathBuf,
    lock: Mutex<Option<File>>,
}

impl RealDisk {
    /// Opens `dir`, making it and its parents if missing.
    pub fn open(dir: impl Into<PathBuf>) -> Result<RealDisk> {
        let dir = dir.into();
        std::fs::create_dir_all(&dir)
            .map_err(|source| Error::io("make directory", dir.display().to_string(), source))?;
        Ok(RealDisk { dir, lock: Mutex::new(None) })
    }

    /// Where it is, for engines that keep their own files under it.
    pub fn path(&self) -> &Path {
        &self.dir
    }

    fn whole(&self, name: &str) -> PathBuf {
        debug_assert!(!name.contains('/'), "names are plain");
        self.dir.join(name)
    }

    fn error(&self, doing: &'static str, name: &str, source: io::Error) -> Error {
        Error::io(doing, self.whole(name).display().to_string(), source)
    }
}

impl Disk for RealDisk {
    fn list(&self) -> Result<Vec<String>> {
        let failed = |source| self.error("list", "", source);
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.dir).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if entry.file_type().map_err(failed)?.is_file() {
                names.extend(entry.file_name().into_string());
            }
        }
        names.sort();
        Ok(names)
    }

    fn open(&self, name: &str) -> Result<Arc<dyn DiskFile>> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(self.whole(name));
        let file = file.map_err(|source| self.error("open", name, source))?;
        Ok(Arc::new(RealFile { file, name: self.whole(name).display().to_string() }))
    }

    fn remove(&self, name: &str) -> Result<()> {
        std::fs::remove_file(self.whole(name)).map_err(|source| self.error("remove", name, source))
    }

    fn rename(&self, from: &str, to: &str) -> Result<()> {
        std::fs::rename(self.whole(from), self.whole(to)).map_err(|source| self.error("rename", from, source))
    }

    fn sync_dir(&self) -> Result<()> {
        let dir = File::open(&self.dir).and_then(|dir| dir.sync_all());
        dir.map_err(|source| self.error("sync directory", "", source))
    }

    fn read(&self, name: &str) -> Result<Vec<u8>> {
        std::fs::read(self.whole(name)).map_err(|source| self.error("read", name, source))
    }

    fn mark(&self, name: &str) -> Result<u64> {
        let found = std::fs::metadata(self.whole(name)).map_err(|source| self.error("look at", name, source))?;
        // A copy has another inode; on another file system the number may be the same by chance, the device is not.
        Ok(spread(found.dev()) ^ found.ino())
    }

    fn room(&self) -> Result<u64> {
        let found = rustix::fs::statvfs(&self.dir).map_err(|source| self.error("measure", "", source.into()))?;
        // What the system keeps for its administrator is not ours.
        Ok(found.f_bavail.saturating_mul(found.f_frsize))
    }

    fn lock(&self) -> Result<()> {
        let mut held = self.lock.lock();
        if held.is_some() {
            return Ok(());
        }
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(self.whole(LOCK_FILE));
        let file = file.map_err(|source| self.error("open", LOCK_FILE, source))?;
        match file.try_lock() {
            Ok(()) => *held = Some(file),
            Err(TryLockError::WouldBlock) => return Err(Error::InUse { dir: self.dir.display().to_string() }),
            Err(TryLockError::Error(source)) => return Err(self.error("lock", LOCK_FILE, source)),
        }
        Ok(())
    }
}

/// Spreads a device number over 64 bits, so that it does not meet an inode number.
fn spread(device: u64) -> u64 {
    device.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

struct RealFile {
    file: File,
    name: String,
}

impl RealFile {
    fn failed(&self, doing: &'static str) -> impl Fn(io::Error) -> Error + '_ {
        move |source| Error::io(doing, self.name.clone(), source)
    }
}

impl DiskFile for RealFile {
    fn len(&self) -> Result<u64> {
        self.file.metadata().map(|metadata| metadata.len()).map_err(self.failed("read length of"))
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<()> {
        self.file.write_all_at(bytes, offset).map_err(self.failed("write"))
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<usize> {
        let mut filled = 0;
        while filled < into.len() {
            match self.file.read_at(&mut into[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failed("read")(error)),
            }
        }
        Ok(filled)
    }

    fn sync(&self) -> Result<()> {
        self.file.sync_data().map_err(self.failed("sync"))
    }

    fn truncate(&self, len: u64) -> Result<()> {
        self.file.set_len(len).map_err(self.failed("truncate"))
    }

    fn preallocate(&self, len: u64) -> Result<()> {
        // Zeros are written, not only reserved: a reserved block still costs a metadata change at its first write.
        let mut offset = self.len()?;
        while offset < len {
            let count = (len - offset).min(ZEROS.len() as u64);
            self.write_at(offset, &ZEROS[..count as usize])?;
            offset += count;
        }
        Ok(())
    }
}

const LOCK_FILE: &str = "LOCK";
static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

#[cfg(test)]
mod tests {
    use super::{Disk, Error, RealDisk};

    #[test]
    fn a_second_process_is_refused_by_name_until_the_first_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let first = RealDisk::open(dir.path()).unwrap();
        first.lock().unwrap();
        let second = RealDisk::open(dir.path()).unwrap();
        let refused = second.lock().unwrap_err();
        assert!(matches!(refused, Error::InUse { .. }));
        assert!(refused.to_string().contains(dir.path().to_str().unwrap()));
        drop(first);
        second.lock().unwrap();
    }

    #[test]
    fn the_room_on_a_real_disk_is_known() {
        let dir = tempfile::tempdir().unwrap();
        let room = RealDisk::open(dir.path()).unwrap().room().unwrap();
        assert!(room > 0 && room < 1 << 60, "{room}");
    }

    #[test]
    fn a_file_keeps_what_was_written_and_reads_short_only_at_its_end() {
        let dir = tempfile::tempdir().unwrap();
        let disk = RealDisk::open(dir.path().join("made/for/us")).unwrap();
        let file = disk.open("a").unwrap();
        file.write_at(3, b"abc").unwrap();
        file.preallocate(100_000).unwrap();
        file.sync().unwrap();
        let mut bytes = [9; 8];
        assert_eq!(file.read_at(0, &mut bytes).unwrap(), 8);
        assert_eq!(&bytes, b"\0\0\0abc\0\0");
        assert_eq!(file.read_at(99_996, &mut bytes).unwrap(), 4);
        assert_eq!(file.len().unwrap(), 100_000);
        disk.write_atomic("b", b"whole").unwrap();
        disk.write_atomic("b", b"new").unwrap();
        assert_eq!(disk.read("b").unwrap(), b"new");
        assert_eq!(disk.list().unwrap(), ["a", "b"]);
        disk.remove("a").unwrap();
        assert_eq!(file.read_at(3, &mut bytes[..3]).unwrap(), 3);
        assert_eq!(disk.list().unwrap(), ["b"]);
    }
}
