//! A disk in memory that can crash: what was not synced survives only as far as the test decides.
//!
//! Each file has two contents, the one that programs see and the one that is safe, and between them the changes not yet synced, in
//! order. The directory is kept the same way.

mod contents;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::{Disk, DiskFile, Error, Result};
use contents::{Change, Contents, Names};

/// A handle on a simulated disk; clones are the same handle. Deterministic: the same calls give the same bytes.
#[derive(Clone)]
pub struct MemoryDisk {
    owner: Arc<Owner>,
}

impl MemoryDisk {
    /// An empty disk.
    pub fn new() -> MemoryDisk {
        MemoryDisk::owner(Arc::new(Mutex::new(World::default())))
    }

    /// The machine loses power. `keep` is asked for each file with the number of unsynced bytes, in name order, and answers how many of
    /// them survive, oldest first, the last write possibly torn. The directory is asked about first, as the file `.`, and counts each
    /// unsynced creation, removal or renaming as one.
    ///
    /// All handles from before answer [`Error::Crashed`]; [`MemoryDisk::reopen`] gives a new one.
    pub fn crash(&self, mut keep: impl FnMut(&str, u64) -> u64) {
        self.owner.world.lock().crash(&mut keep, |contents, name, keep| {
            let unsynced = contents.unsynced_bytes();
            let kept = if unsynced == 0 { 0 } else { keep(name, unsynced) };
            contents.lose_after(kept);
        });
    }

    /// The machine loses power, and the parts of an unsynced write survive in no particular order. `survives` is asked for every changed
    /// 512-byte sector by file name and sector number; for the directory, `.`, by number of the operation, the first `false` ends it.
    pub fn crash_scattered(&self, mut survives: impl FnMut(&str, u64) -> bool) {
        let mut world = self.owner.world.lock();
        let operations = (0..world.names.unsynced()).take_while(|number| survives(".", *number)).count() as u64;
        world.crash(&mut |_, _| operations, |contents, name, _| contents.lose_sectors(|sector| survives(name, sector)));
    }

    /// A new handle on what is there now, as a restarted process would open it.
    pub fn reopen(&self) -> MemoryDisk {
        MemoryDisk::owner(Arc::clone(&self.owner.world))
    }

    /// The next sync, of a file or of the directory, fails, and what it should have made safe never will be, although it can be read until
    /// the crash. This is how Linux behaves.
    pub fn fail_next_sync(&self) {
        self.owner.world.lock().fail_sync = true;
    }

    /// Power fails during a later sync, after `syncs` more have succeeded: that one makes nothing safe, and from then on every handle answers
    /// [`Error::Crashed`]. What survives is decided by the [`MemoryDisk::crash`] or [`MemoryDisk::crash_scattered`] that must follow.
    pub fn fail_power_after(&self, syncs: u64) {
        self.owner.world.lock().power_fails_after = Some(syncs);
    }

    /// While `full`, every write fails with [`Error::Full`] and changes nothing.
    pub fn set_full(&self, full: bool) {
        self.owner.world.lock().full = full;
    }

    /// From now on the files may have so many bytes together; `None`: any number. What does not fit of a write is left out, and the write
    /// fails with [`Error::Full`]. A removed file takes no room.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.owner.world.lock().capacity = bytes;
    }

    /// Flips bits of a stored byte, synced or not: the medium rots.
    ///
    /// # Panics
    /// If there is no such file or it is shorter.
    pub fn rot(&self, name: &str, offset: u64, bits: u8) {
        let mut world = self.owner.world.lock();
        let id = world.names.find(name).expect("the file to rot exists");
        world.files.get_mut(&id).expect("a name leads to a file").rot(offset as usize, bits);
    }

    fn owner(world: Arc<Mutex<World>>) -> MemoryDisk {
        let mut locked = world.lock();
        locked.owners += 1;
        let (id, generation) = (locked.owners, locked.generation);
        drop(locked);
        MemoryDisk { owner: Arc::new(Owner { id, generation, world }) }
    }

    fn with<T>(&self, file: &str, act: impl FnOnce(&mut World) -> Result<T>) -> Result<T> {
        with(&self.owner.world, self.owner.generation, file, act)
    }
}

impl Default for MemoryDisk {
    fn default() -> MemoryDisk {
        MemoryDisk::new()
    }
}

impl Disk for MemoryDisk {
    fn list(&self) -> Result<Vec<String>> {
        self.with(".", |world| Ok(world.names.list()))
    }

    fn open(&self, name: &str) -> Result<Arc<dyn DiskFile>> {
        let id = self.with(name, |world| Ok(world.open(name)))?;
        let owner = &self.owner;
        Ok(Arc::new(MemoryFile {
            id,
            name: name.to_owned(),
            generation: owner.generation,
            world: Arc::clone(&owner.world),
        }))
    }

    fn remove(&self, name: &str) -> Result<()> {
        self.with(name, |world| if world.names.remove(name) { Ok(()) } else { Err(missing("remove", name)) })
    }

    fn rename(&self, from: &str, to: &str) -> Result<()> {
        self.with(from, |world| if world.names.rename(from, to) { Ok(()) } else { Err(missing("rename", from)) })
    }

    fn sync_dir(&self) -> Result<()> {
        self.with(".", |world| {
            let outcome = world.sync_outcome(".");
            match outcome {
                Ok(()) => world.names.sync(),
                Err(Error::Crashed { .. }) => {}
                Err(_) => world.names.doom(),
            }
            outcome
        })
    }

    fn read(&self, name: &str) -> Result<Vec<u8>> {
        self.with(name, |world| {
            let id = world.names.find(name).ok_or_else(|| missing("read", name))?;
            Ok(contents(world, id).seen().to_vec())
        })
    }

    fn room(&self) -> Result<u64> {
        self.with(".", |world| Ok(world.room()))
    }

    fn lock(&self) -> Result<()> {
        let id = self.owner.id;
        self.with("LOCK", |world| match world.locked_by {
            Some(holder) if holder != id => Err(Error::InUse { dir: "the simulated disk".to_owned() }),
            _ => {
                world.locked_by = Some(id);
                Ok(())
            }
        })
    }
}

/// One opening of the disk; gives up its claim when the last clone goes.
struct Owner {
    id: u64,
    generation: u64,
    world: Arc<Mutex<World>>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        let mut world = self.world.lock();
        if world.locked_by == Some(self.id) {
            world.locked_by = None;
        }
    }
}

#[derive(Default)]
struct World {
    generation: u64,
    owners: u64,
    locked_by: Option<u64>,
    names: Names,
    files: BTreeMap<u64, Contents>,
    fail_sync: bool,
    power_fails_after: Option<u64>,
    full: bool,
    capacity: Option<u64>,
}

impl World {
    fn open(&mut self, name: &str) -> u64 {
        if let Some(id) = self.names.find(name) {
            return id;
        }
        let id = self.names.create(name);
        self.files.insert(id, Contents::default());
        id
    }

    fn room(&self) -> u64 {
        match self.capacity {
            _ if self.full => 0,
            None => u64::MAX,
            Some(capacity) => {
                let used = self.names.entries().iter().map(|(_, id)| self.files[id].seen().len() as u64).sum();
                capacity.saturating_sub(used)
            }
        }
    }

    fn sync_outcome(&mut self, file: &str) -> Result<()> {
        if std::mem::take(&mut self.fail_sync) {
            return Err(Error::io("sync", file, io::Error::other("the device lost the data")));
        }
        if self.power_fails_after == Some(0) {
            self.generation += 1;
            return Err(Error::Crashed { file: file.to_owned() });
        }
        self.power_fails_after = self.power_fails_after.map(|left| left - 1);
        Ok(())
    }

    fn crash<K: FnMut(&str, u64) -> u64>(&mut self, keep: &mut K, mut lose: impl FnMut(&mut Contents, &str, &mut K)) {
        let operations = self.names.unsynced();
        let kept = if operations == 0 { 0 } else { keep(".", operations) };
        self.names.lose_after(kept);
        let mut survivors = BTreeMap::new();
        for (name, id) in self.names.entries() {
            let mut contents = self.files.remove(&id).expect("a name leads to a file");
            lose(&mut contents, &name, keep);
            survivors.insert(id, contents);
        }
        self.files = survivors;
        self.generation += 1;
        self.locked_by = None;
        (self.fail_sync, self.full, self.power_fails_after) = (false, false, None);
    }
}

struct MemoryFile {
    id: u64,
    name: String,
    generation: u64,
    world: Arc<Mutex<World>>,
}

impl MemoryFile {
    fn with<T>(&self, act: impl FnOnce(&mut World) -> Result<T>) -> Result<T> {
        with(&self.world, self.generation, &self.name, act)
    }

    fn change(&self, change: Change) -> Result<()> {
        self.with(|world| {
            if world.full {
                return Err(Error::Full { doing: "write", file: self.name.clone() });
            }
            let wanted = change.end().saturating_sub(contents(world, self.id).seen().len()) as u64;
            let lacking = wanted.saturating_sub(world.room()) as usize;
            contents(world, self.id).apply(change.shortened_by(lacking));
            if lacking == 0 { Ok(()) } else { Err(Error::Full { doing: "write", file: self.name.clone() }) }
        })
    }
}

impl DiskFile for MemoryFile {
    fn len(&self) -> Result<u64> {
        self.with(|world| Ok(contents(world, self.id).seen().len() as u64))
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<()> {
        self.change(Change::Write { offset: offset as usize, bytes: bytes.to_vec() })
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<usize> {
        self.with(|world| {
            let seen = contents(world, self.id).seen();
            let start = seen.len().min(offset as usize);
            let count = into.len().min(seen.len() - start);
            into[..count].copy_from_slice(&seen[start..start + count]);
            Ok(count)
        })
    }

    fn sync(&self) -> Result<()> {
        self.with(|world| {
            let outcome = world.sync_outcome(&self.name);
            let contents = contents(world, self.id);
            match outcome {
                Ok(()) => contents.sync(),
                Err(Error::Crashed { .. }) => {}
                Err(_) => contents.doom(),
            }
            outcome
        })
    }

    fn truncate(&self, len: u64) -> Result<()> {
        self.change(Change::Length(len as usize))
    }

    fn preallocate(&self, len: u64) -> Result<()> {
        if self.len()? < len { self.change(Change::Length(len as usize)) } else { Ok(()) }
    }
}

fn with<T>(world: &Mutex<World>, generation: u64, file: &str, act: impl FnOnce(&mut World) -> Result<T>) -> Result<T> {
    let mut world = world.lock();
    if world.generation != generation {
        return Err(Error::Crashed { file: file.to_owned() });
    }
    act(&mut world)
}

fn contents(world: &mut World, id: u64) -> &mut Contents {
    // A removed file stays until the crash, so that open handles go on reading it.
    world.files.get_mut(&id).expect("files of this generation stay until the crash")
}

fn missing(doing: &'static str, name: &str) -> Error {
    Error::io(doing, name, io::Error::from(io::ErrorKind::NotFound))
}
