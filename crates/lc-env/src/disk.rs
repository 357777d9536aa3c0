//! One directory of files, and what it promises about crashes.

use std::sync::Arc;

use crate::Result;

/// A directory. Names are plain file names, without separators.
///
/// Nothing survives a crash for certain before it is synced: a file's bytes by [`DiskFile::sync`], its name by [`Disk::sync_dir`].
pub trait Disk: Send + Sync + 'static {
    /// Names of the files in it, sorted.
    fn list(&self) -> Result<Vec<String>>;

    /// Opens a file for reading and writing; makes an empty one if there is none.
    fn open(&self, name: &str) -> Result<Arc<dyn DiskFile>>;

    /// Removes a name. Open handles keep reading what they opened.
    fn remove(&self, name: &str) -> Result<()>;

    /// Gives a file another name, replacing what had it; a crash leaves the old or the new, nothing between.
    fn rename(&self, from: &str, to: &str) -> Result<()>;

    /// Makes all names as they are now survive a crash.
    fn sync_dir(&self) -> Result<()>;

    /// Claims the directory for as long as this disk lives.
    ///
    /// # Errors
    /// [`crate::Error::InUse`] if somebody else has it.
    fn lock(&self) -> Result<()>;

    /// All bytes of a small file; an error if there is none.
    fn read(&self, name: &str) -> Result<Vec<u8>>;

    /// Tells a file from every copy of it; a file keeps it for as long as it is neither replaced nor copied. 0 where the
    /// file system tells nothing.
    fn mark(&self, name: &str) -> Result<u64> {
        let _ = name;
        Ok(0)
    }

    /// Bytes that may still be written here before the disk is full; `u64::MAX` where nobody knows a bound. Others may take them
    /// meanwhile.
    fn room(&self) -> Result<u64> {
        Ok(u64::MAX)
    }

    /// Replaces a small file so that a crash leaves all of the old or all of the new.
    fn write_atomic(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let draft = format!("{name}.draft");
        let file = self.open(&draft)?;
        file.truncate(0)?;
        file.write_at(0, bytes)?;
        file.sync()?;
        self.rename(&draft, name)?;
        self.sync_dir()
    }
}

/// An open file; all methods may be called from several threads.
pub trait DiskFile: Send + Sync + 'static {
    /// Length in bytes.
    fn len(&self) -> Result<u64>;

    /// Whether there is nothing in it.
    fn is_empty(&self) -> Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Writes all of `bytes` at `offset`; a gap before it reads as zeros.
    ///
    /// # Errors
    /// After [`crate::Error::Full`] any part of `bytes` may be there; writing the same again, once there is room, is right.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<()>;

    /// Fills `into` from `offset`; gives how many bytes there were, fewer only at the end of the file.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<usize>;

    /// Returns once everything written so far survives a crash. After an error nothing is known, and trying again proves nothing.
    fn sync(&self) -> Result<()>;

    /// Cuts the file, or lengthens it with zeros.
    fn truncate(&self, len: u64) -> Result<()>;

    /// Makes the file at least `len` bytes long with zeros really written, so that a later write inside it and its sync change no
    /// metadata.
    fn preallocate(&self, len: u64) -> Result<()>;
}
