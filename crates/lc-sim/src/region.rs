//! One region: a member when it is alive, its disk always.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use lc_core::NodeId;
use lc_db::{Engine, Error, Host, Reply, Session, Txn, View, WatchStamp};
use lc_env::{Disk, DiskFile, MemoryDisk};
use lc_journal::{Position, SyncJob};
use lc_member::{Member, Settings};
use lc_store::{MemoryStore, Store};

use crate::Bug;

pub(crate) struct Region {
    pub node: NodeId,
    pub settings: Settings,
    pub member: Option<Member>,
    pub disk: MemoryDisk,
    pub store: MemoryStore,
    /// Grows at every restart: what was scheduled for an earlier life is void.
    pub life: u64,
    pub sync_job: Option<SyncJob>,
    /// How far its wall clock is off, ms; may be negative.
    pub skew_ms: i64,
    pub old_disk: Option<(MemoryDisk, MemoryStore)>,
}

impl Region {
    pub(crate) fn new(node: NodeId, settings: Settings, skew_ms: i64) -> Region {
        Region {
            node,
            settings,
            member: None,
            disk: MemoryDisk::new(),
            store: MemoryStore::new(),
            life: 0,
            sync_job: None,
            skew_ms,
            old_disk: None,
        }
    }

    /// Starts the member from what its disk has.
    pub(crate) fn start(&mut self, bug: Option<Bug>) -> Result<(), lc_member::Error> {
        self.life += 1;
        self.disk = self.disk.reopen();
        let disk: Arc<dyn Disk> = match bug {
            Some(Bug::SyncLies) => Arc::new(LyingDisk(self.disk.clone())),
            _ => Arc::new(self.disk.clone()),
        };
        let member = Member::open(self.settings.clone(), disk, Arc::new(self.store.clone()))?;
        self.member = Some(member);
        Ok(())
    }

    /// At the first crash keeps a copy of the disk, at the next puts it in place of the disk, as a restored backup would.
    pub(crate) fn swap_old_disk(&mut self) {
        match self.old_disk.take() {
            Some((disk, store)) => (self.disk, self.store) = (disk, store),
            None => self.old_disk = Some((copy_of_disk(&self.disk.reopen()), copy_of_store(&self.store))),
        }
    }

    pub(crate) fn wall_ms(&self, now: Duration) -> u64 {
        (EPOCH_MS + now.as_millis() as u64).saturating_add_signed(self.skew_ms)
    }
}

fn copy_of_disk(disk: &MemoryDisk) -> MemoryDisk {
    let copy = MemoryDisk::new();
    for name in disk.list().expect("a memory disk lists its files") {
        let bytes = disk.read(&name).expect("a memory disk reads what it lists");
        copy.write_atomic(&name, &bytes).expect("a memory disk has room");
    }
    copy
}

fn copy_of_store(store: &MemoryStore) -> MemoryStore {
    let copy = MemoryStore::new();
    let mut rows =
        store.scan(b"\0", None).map(|row| row.map(|(key, value)| (key, Some(value))).expect("a memory store reads"));
    copy.commit(&mut rows).expect("a memory store commits");
    copy
}

/// A client's engine on a simulated member.
pub(crate) struct Client<'a> {
    pub member: &'a mut Member,
    pub wall_ms: u64,
    pub seed: u64,
    pub wait: Option<Position>,
}

impl Client<'_> {
    pub(crate) fn run(&mut self, session: &mut Session, words: &[Vec<u8>]) -> Reply {
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        session.execute(&words, self)
    }
}

impl Engine for Client<'_> {
    fn host(&self) -> &dyn Host {
        &NoHost
    }

    fn read(&mut self, keys: &[&[u8]], run: &mut dyn FnMut(&View<'_>) -> Result<Reply, Error>) -> Result<Reply, Error> {
        let (outcome, wait) = self.member.read(self.wall_ms, self.seed, keys, run);
        self.wait = self.wait.max(wait);
        outcome
    }

    fn write(&mut self, run: &mut dyn FnMut(&mut Txn<'_>) -> Result<Reply, Error>) -> Result<Reply, Error> {
        let (outcome, wait) = self.member.write(self.wall_ms, self.seed, run);
        self.wait = self.wait.max(wait);
        outcome
    }

    fn write_if_unchanged(
        &mut self,
        watched: &[(Bytes, WatchStamp)],
        run: &mut dyn FnMut(&mut Txn<'_>) -> Result<Reply, Error>,
    ) -> Result<Option<Reply>, Error> {
        let (outcome, wait) = self.member.write_if_unchanged(self.wall_ms, self.seed, watched, run);
        self.wait = self.wait.max(wait);
        outcome
    }

    fn watch(&mut self, key: &[u8]) -> WatchStamp {
        self.member.watch(key)
    }

    fn unwatch(&mut self, keys: &[(Bytes, WatchStamp)]) {
        keys.iter().for_each(|(key, _)| self.member.unwatch(key));
    }
}

/// Simulated clients ask nothing about the node.
struct NoHost;

impl Host for NoHost {
    fn now_ms(&self) -> u64 {
        0
    }
    fn info(&self, _section: Option<&str>) -> String {
        String::new()
    }
    fn config(&self) -> Vec<(String, String)> {
        Vec::new()
    }
    fn set_config(&self, name: &str, _value: &str) -> Result<(), Error> {
        Err(Error::caller(format!("{name} cannot be changed in a simulation")))
    }
    fn reset_statistics(&self) {}
    fn password_required(&self) -> bool {
        false
    }
    fn authenticate(&self, _user: &[u8], _password: &[u8]) -> bool {
        false
    }
    fn clients(&self) -> Vec<(u64, String)> {
        Vec::new()
    }
    fn kill_client(&self, _id: u64) -> bool {
        false
    }
    fn key_count(&self) -> u64 {
        0
    }
}

/// When simulated worlds begin: 2026-01-01.
pub(crate) const EPOCH_MS: u64 = 1_767_225_600_000;

/// A disk that answers every sync at once and does nothing.
struct LyingDisk(MemoryDisk);

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
