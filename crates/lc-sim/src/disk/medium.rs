//! The disk itself: files, names, and what is wrong with it.

use std::collections::BTreeMap;
use std::io;

use lc_env::{Error, Random, Result, SeededRandom};

use super::file::{File, Kept};
use super::names::Names;

pub(super) struct Medium {
    pub names: Names,
    /// Handles of another generation are void.
    pub generation: u64,
    pub stops_after: Option<u64>,
    pub sync_fails_after: Option<u64>,
    pub read_only: bool,
    pub failures: u64,
    files: BTreeMap<u64, File>,
    random: SeededRandom,
    /// Bytes that all files together may have.
    capacity: Option<u64>,
    owners: u64,
    locked_by: Option<u64>,
}

impl Medium {
    pub(super) fn new(seed: u64) -> Medium {
        Medium {
            names: Names::default(),
            generation: 0,
            stops_after: None,
            sync_fails_after: None,
            read_only: false,
            failures: 0,
            files: BTreeMap::new(),
            random: SeededRandom::new(seed),
            capacity: None,
            owners: 0,
            locked_by: None,
        }
    }

    pub(super) fn copy(&self, seed: u64) -> Medium {
        let files = self.files.iter().map(|(id, file)| (*id, file.safe_only())).collect();
        Medium { names: self.names.safe_only(), files, ..Medium::new(seed) }
    }

    pub(super) fn admit(&mut self) -> (u64, u64) {
        self.owners += 1;
        (self.owners, self.generation)
    }

    pub(super) fn lock_for(&mut self, owner: u64) -> Result<()> {
        match self.locked_by {
            Some(holder) if holder != owner => Err(Error::InUse { dir: "the simulated disk".to_owned() }),
            _ => {
                self.locked_by = Some(owner);
                Ok(())
            }
        }
    }

    pub(super) fn unlock(&mut self, owner: u64) {
        self.locked_by.take_if(|holder| *holder == owner);
    }

    pub(super) fn power_loss(&mut self) {
        let kept = self.kept();
        self.names.power_loss(kept, &self.random);
        let mut lost = std::mem::take(&mut self.files);
        for (_, id) in self.names.entries() {
            // Half of the time all files fare alike, as with one queue of writes.
            let kept = if self.random.u64().is_multiple_of(2) { kept } else { one_of(&self.random) };
            let mut file = lost.remove(&id).expect("a name leads to a file");
            file.power_loss(kept, &self.random);
            self.files.insert(id, file);
        }
        self.read_only = false;
        self.kill();
    }

    pub(super) fn kill(&mut self) {
        self.generation += 1;
        self.locked_by = None;
        self.stops_after = None;
    }

    pub(super) fn mend(&mut self) {
        self.files.values_mut().for_each(File::mend);
        (self.capacity, self.sync_fails_after) = (None, None);
    }

    pub(super) fn leave_room(&mut self, bytes: u64) {
        self.capacity = Some(self.used() + bytes);
    }

    pub(super) fn room(&self) -> u64 {
        self.capacity.map_or(u64::MAX, |capacity| capacity.saturating_sub(self.used()))
    }

    pub(super) fn spoil_block(&mut self) {
        let files: Vec<(u64, usize)> = self.lengths(|_, file| file.len());
        if let Some((id, at)) = self.somewhere(&files) {
            self.file(id).spoil(at);
        }
    }

    pub(super) fn rot_bit(&mut self) {
        let newest = self.names.list().into_iter().rfind(|name| name.ends_with(JOURNAL));
        let files = self.lengths(|name, file| match () {
            () if !name.ends_with(JOURNAL) => 0,
            () if newest.as_ref() == Some(name) => file.vouched_for(),
            () => file.len(),
        });
        let bits = 1 << (self.random.u64() % 8);
        if let Some((id, at)) = self.somewhere(&files) {
            self.file(id).rot(at, bits);
        }
    }

    pub(super) fn open(&mut self, name: &str) -> Result<u64> {
        if let Some(id) = self.names.find(name) {
            return Ok(id);
        }
        self.change(name)?;
        let id = self.names.create(name);
        self.files.insert(id, File::default());
        Ok(id)
    }

    pub(super) fn remove(&mut self, name: &str) -> Result<()> {
        self.named("remove", name)?;
        self.change(name)?;
        self.names.remove(name);
        Ok(())
    }

    pub(super) fn rename(&mut self, from: &str, to: &str) -> Result<()> {
        let id = self.named("rename", from)?;
        self.change(from)?;
        self.names.rename(from, to, id);
        Ok(())
    }

    pub(super) fn sync_names(&mut self) -> Result<()> {
        self.change(".")?;
        if self.sync_passes() {
            self.names.sync();
            return Ok(());
        }
        self.read_only = true;
        Err(self.broken("sync", ".", "the device failed"))
    }

    pub(super) fn read_all(&mut self, name: &str) -> Result<Vec<u8>> {
        let id = self.named("read", name)?;
        let mut bytes = vec![0; self.file(id).len()];
        self.read(id, name, 0, &mut bytes)?;
        Ok(bytes)
    }

    pub(super) fn read(&mut self, id: u64, name: &str, offset: usize, into: &mut [u8]) -> Result<usize> {
        match self.file(id).read(offset, into) {
            Some(count) => {
                let rotten = self.file(id).is_rotten(offset, count);
                self.failures += u64::from(rotten);
                Ok(count)
            }
            None => Err(self.broken("read", name, "unreadable block")),
        }
    }

    pub(super) fn write(&mut self, id: u64, name: &str, offset: usize, bytes: &[u8]) -> Result<()> {
        let stopped = self.change(name);
        let wanted = match stopped {
            Ok(()) => bytes.len(),
            // The process ends in the middle of it.
            Err(Error::Crashed { .. }) => (self.random.u64() % (bytes.len() as u64 + 1)) as usize,
            Err(error) => return Err(error),
        };
        let grows = (offset + wanted).saturating_sub(self.file(id).len()) as u64;
        let lacking = grows.saturating_sub(self.room()) as usize;
        self.file(id).write(offset, &bytes[..wanted.saturating_sub(lacking)]);
        stopped?;
        self.fits(lacking, name)
    }

    pub(super) fn write_zeros(&mut self, id: u64, name: &str, len: usize) -> Result<()> {
        let before = self.file(id).len();
        if len <= before {
            return Ok(());
        }
        self.change(name)?;
        let lacking = ((len - before) as u64).saturating_sub(self.room()) as usize;
        self.file(id).write_zeros(len - lacking);
        self.fits(lacking, name)
    }

    pub(super) fn set_len(&mut self, id: u64, name: &str, len: usize) -> Result<()> {
        self.change(name)?;
        self.file(id).set_len(len);
        Ok(())
    }

    pub(super) fn sync(&mut self, id: u64, name: &str) -> Result<()> {
        self.change(name)?;
        if self.sync_passes() {
            self.file(id).sync();
            return Ok(());
        }
        self.file(id).fail_sync();
        Err(self.broken("sync", name, "the device lost the data"))
    }

    /// A file that somebody has open; a removed one stays until the power fails.
    pub(super) fn file(&mut self, id: u64) -> &mut File {
        self.files.get_mut(&id).expect("files of this generation stay until the power fails")
    }

    fn used(&self) -> u64 {
        self.names.entries().map(|(_, id)| self.files[&id].len() as u64).sum()
    }

    fn fits(&mut self, lacking: usize, name: &str) -> Result<()> {
        if lacking == 0 {
            return Ok(());
        }
        self.failures += 1;
        Err(Error::Full { doing: "write", file: name.to_owned() })
    }

    /// To be asked before every change and sync.
    fn change(&mut self, name: &str) -> Result<()> {
        if self.read_only {
            return Err(self.broken("change", name, "the file system is read-only"));
        }
        match &mut self.stops_after {
            Some(0) => {
                self.generation += 1;
                self.failures += 1;
                Err(Error::Crashed { file: name.to_owned() })
            }
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn sync_passes(&mut self) -> bool {
        match self.sync_fails_after.take() {
            Some(0) => false,
            left => {
                self.sync_fails_after = left.map(|left| left - 1);
                true
            }
        }
    }

    fn named(&self, doing: &'static str, name: &str) -> Result<u64> {
        let missing = || Error::Io { doing, file: name.to_owned(), source: io::ErrorKind::NotFound.into() };
        self.names.find(name).ok_or_else(missing)
    }

    fn broken(&mut self, doing: &'static str, name: &str, why: &'static str) -> Error {
        self.failures += 1;
        Error::Io { doing, file: name.to_owned(), source: io::Error::other(why) }
    }

    fn kept(&self) -> Kept {
        one_of(&self.random)
    }

    fn lengths(&self, of: impl Fn(&String, &File) -> usize) -> Vec<(u64, usize)> {
        self.names.entries().map(|(name, id)| (id, of(name, &self.files[&id]))).collect()
    }

    /// A byte of any of these files.
    fn somewhere(&self, files: &[(u64, usize)]) -> Option<(u64, usize)> {
        let all: usize = files.iter().map(|(_, len)| len).sum();
        let mut at = (self.random.u64().checked_rem(all as u64)?) as usize;
        files.iter().find_map(|&(id, len)| match at < len {
            true => Some((id, at)),
            false => {
                at -= len;
                None
            }
        })
    }
}

fn one_of(random: &dyn Random) -> Kept {
    match random.u64() % 8 {
        0 | 1 => Kept::Nothing,
        2 => Kept::Everything,
        3 | 4 => Kept::Prefix,
        _ => Kept::Scattered,
    }
}

const JOURNAL: &str = ".journal";
