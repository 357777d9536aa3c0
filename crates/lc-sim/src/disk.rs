//! A disk under an operating system: a page cache that programs see, and a medium that keeps less of it.
//!
//! What the medium has after the power failed: of every 512-byte block that was changed since the last sync of its file any
//! state that the block was in since then, each block apart from the others or all in the order of the writes; any length that
//! the file had; of the names made, given up and changed since the last sync of the directory any of them or some first ones.
//! A process that is killed leaves the page cache as it is. After a sync that failed the blocks that it covered count as
//! written and are not: they can be read until the power fails, and no later sync brings them to the medium.

mod file;
mod medium;
mod names;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use lc_env::{Disk, DiskFile, Error, Result};
use parking_lot::Mutex;

use medium::Medium;

/// A handle on a simulated disk; clones are the same handle. The same calls on a disk of the same seed give the same bytes.
#[derive(Clone)]
pub(crate) struct SimDisk {
    owner: Arc<Owner>,
}

/// One opening of the disk; gives up its claim when the last clone goes.
struct Owner {
    id: u64,
    generation: u64,
    medium: Arc<Mutex<Medium>>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.medium.lock().unlock(self.id);
    }
}

impl SimDisk {
    /// An empty disk.
    pub(crate) fn new(seed: u64) -> SimDisk {
        SimDisk::on(Arc::new(Mutex::new(Medium::new(seed))))
    }

    /// A new handle on what is there now, as a process that starts would open it.
    pub(crate) fn reopen(&self) -> SimDisk {
        SimDisk::on(self.owner.medium.clone())
    }

    /// Another disk with what would be on this one's medium if the power failed and nothing unsynced survived.
    pub(crate) fn copy(&self, seed: u64) -> SimDisk {
        SimDisk::on(Arc::new(Mutex::new(self.owner.medium.lock().copy(seed))))
    }

    /// The machine loses power: chance decides what of the unsynced is kept. All handles are void.
    pub(crate) fn power_loss(&self) {
        self.owner.medium.lock().power_loss();
    }

    /// The process ends, the machine does not: the page cache stays. All handles are void.
    pub(crate) fn kill(&self) {
        self.owner.medium.lock().kill();
    }

    /// After so many more changes and syncs every handle is void, in the middle of a write perhaps.
    pub(crate) fn stop_after(&self, operations: Option<u64>) {
        self.owner.medium.lock().stops_after = operations;
    }

    /// After so many more syncs that pass, one fails. One of the directory makes the disk read-only until the power has
    /// been off, as a journalling file system does that cannot write its journal.
    pub(crate) fn fail_sync_after(&self, syncs: u64) {
        self.owner.medium.lock().sync_fails_after = Some(syncs);
    }

    /// From now on files may grow by so many bytes together.
    pub(crate) fn leave_room(&self, bytes: u64) {
        self.owner.medium.lock().leave_room(bytes);
    }

    /// A block of some file can no longer be read.
    pub(crate) fn spoil_block(&self) {
        self.owner.medium.lock().spoil_block();
    }

    /// A bit of the journal is not what was written, in front of the last write that was synced.
    ///
    /// A last write that rots cannot be told from one that was torn, so it is left alone.
    pub(crate) fn rot_bit(&self) {
        self.owner.medium.lock().rot_bit();
    }

    /// What was unreadable or rotten is as it was, there is room, and syncs pass.
    pub(crate) fn mend(&self) {
        self.owner.medium.lock().mend();
    }

    /// Whether it takes no changes until the power was off.
    pub(crate) fn is_read_only(&self) -> bool {
        self.owner.medium.lock().read_only
    }

    /// How often it failed somebody so far.
    pub(crate) fn failures(&self) -> u64 {
        self.owner.medium.lock().failures
    }

    fn on(medium: Arc<Mutex<Medium>>) -> SimDisk {
        let (id, generation) = medium.lock().admit();
        SimDisk { owner: Arc::new(Owner { id, generation, medium }) }
    }

    fn with<T>(&self, file: &str, act: impl FnOnce(&mut Medium) -> Result<T>) -> Result<T> {
        with(&self.owner.medium, self.owner.generation, file, act)
    }
}

impl Disk for SimDisk {
    fn list(&self) -> Result<Vec<String>> {
        self.with(".", |medium| Ok(medium.names.list()))
    }

    fn open(&self, name: &str) -> Result<Arc<dyn DiskFile>> {
        let id = self.with(name, |medium| medium.open(name))?;
        let Owner { generation, medium, .. } = self.owner.as_ref();
        Ok(Arc::new(SimFile { id, name: name.to_owned(), generation: *generation, medium: medium.clone() }))
    }

    fn remove(&self, name: &str) -> Result<()> {
        self.with(name, |medium| medium.remove(name))
    }

    fn rename(&self, from: &str, to: &str) -> Result<()> {
        self.with(from, |medium| medium.rename(from, to))
    }

    fn sync_dir(&self) -> Result<()> {
        self.with(".", Medium::sync_names)
    }

    fn lock(&self) -> Result<()> {
        let id = self.owner.id;
        self.with("LOCK", |medium| medium.lock_for(id))
    }

    fn read(&self, name: &str) -> Result<Vec<u8>> {
        self.with(name, |medium| medium.read_all(name))
    }

    fn room(&self) -> Result<u64> {
        self.with(".", |medium| Ok(medium.room()))
    }
}

struct SimFile {
    id: u64,
    name: String,
    generation: u64,
    medium: Arc<Mutex<Medium>>,
}

impl SimFile {
    fn with<T>(&self, act: impl FnOnce(&mut Medium) -> Result<T>) -> Result<T> {
        with(&self.medium, self.generation, &self.name, act)
    }
}

impl DiskFile for SimFile {
    fn len(&self) -> Result<u64> {
        self.with(|medium| Ok(medium.file(self.id).len() as u64))
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<()> {
        self.with(|medium| medium.write(self.id, &self.name, offset as usize, bytes))
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<usize> {
        self.with(|medium| medium.read(self.id, &self.name, offset as usize, into))
    }

    fn sync(&self) -> Result<()> {
        self.with(|medium| medium.sync(self.id, &self.name))
    }

    fn truncate(&self, len: u64) -> Result<()> {
        self.with(|medium| medium.set_len(self.id, &self.name, len as usize))
    }

    fn preallocate(&self, len: u64) -> Result<()> {
        self.with(|medium| medium.write_zeros(self.id, &self.name, len as usize))
    }
}

fn with<T>(
    medium: &Mutex<Medium>,
    generation: u64,
    file: &str,
    act: impl FnOnce(&mut Medium) -> Result<T>,
) -> Result<T> {
    let mut medium = medium.lock();
    if medium.generation != generation {
        return Err(Error::Crashed { file: file.to_owned() });
    }
    act(&mut medium)
}
