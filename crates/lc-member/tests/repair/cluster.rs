//! Members on one thread with stores whose rows can be altered behind their backs. Every way takes 20 ms.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use lc_core::NodeId;
use lc_db::{Expiry, Reply, Txn};
use lc_env::MemoryDisk;
use lc_member::{DiskBounds, Member, Outgoing, Peer, Settings};
use lc_policy::Tables;
use lc_store::{MemoryStore, Store};

const NOON_MS: u64 = 1_800_000_000_000;
const WAY_MS: u64 = 20;

pub struct Cluster {
    pub members: Vec<Member>,
    tables: Arc<Tables>,
    stores: Vec<MemoryStore>,
    disks: Vec<MemoryDisk>,
    cut: BTreeSet<(usize, usize)>,
    now_ms: u64,
    wire: VecDeque<(u64, usize, usize, Bytes)>,
}

impl Cluster {
    pub fn of(count: usize) -> Cluster {
        Cluster::under(count, Arc::default())
    }

    pub fn under(count: usize, tables: Arc<Tables>) -> Cluster {
        let (stores, disks): (Vec<_>, Vec<_>) = (0..count).map(|_| (MemoryStore::new(), MemoryDisk::new())).unzip();
        let members = (0..count).map(|at| member(at, count, &tables, (&disks[at], &stores[at]))).collect();
        let (cut, wire) = (BTreeSet::new(), VecDeque::new());
        let mut cluster = Cluster { tables, members, stores, disks, cut, now_ms: 0, wire };
        (0..count).for_each(|at| cluster.link(at));
        cluster
    }

    fn link(&mut self, from: usize) {
        for to in (0..self.members.len()).filter(|&to| to != from) {
            let (now, rtt) = (self.now(), Duration::from_millis(2 * WAY_MS));
            for (one, other) in [(from, to), (to, from)] {
                let mut out = Vec::new();
                self.members[one].link_up(now, node(other), rtt, &mut out);
                self.send(one, out);
            }
        }
    }

    /// Puts all rows into the store, ends the process in order, lets `alter` loose on the store, and starts again.
    pub fn restart(&mut self, at: usize, alter: impl FnOnce(&MemoryStore)) {
        self.sync(at);
        self.flush(at);
        self.members[at].close().unwrap();
        self.wire.retain(|(_, from, to, _)| *from != at && *to != at);
        alter(&self.stores[at]);
        let (disk, store) = (self.disks[at].reopen(), self.stores[at].clone());
        self.members[at] = member(at, self.members.len(), &self.tables, (&disk, &store));
        self.disks[at] = disk;
        let now = self.now();
        for other in (0..self.members.len()).filter(|&other| other != at) {
            self.members[other].link_down(now, node(at));
        }
        self.link(at);
    }

    /// Lets `alter` loose on the store of a member that goes on, once all of its rows are there.
    pub fn alter_alive(&mut self, at: usize, alter: impl FnOnce(&MemoryStore)) {
        self.sync(at);
        self.flush(at);
        alter(&self.stores[at]);
    }

    /// Lets time pass, 10 ms at a time.
    pub fn pass(&mut self, ms: u64) {
        self.pass_with(ms, |_| {});
    }

    /// The same, while something is done in between.
    pub fn pass_with(&mut self, ms: u64, mut between: impl FnMut(&mut Cluster)) {
        for _ in 0..ms / 10 {
            self.now_ms += 10;
            while self.wire.front().is_some_and(|(at, ..)| *at <= self.now_ms) {
                let (_, from, to, frame) = self.wire.pop_front().unwrap();
                let (now, wall_ms, mut out) = (self.now(), self.wall_ms(), Vec::new());
                self.members[to].frame(now, wall_ms, node(from), frame, &mut out).unwrap();
                self.send(to, out);
            }
            for at in 0..self.members.len() {
                let (now, wall_ms, mut out) = (self.now(), self.wall_ms(), Vec::new());
                self.members[at].tick(now, wall_ms, &mut out);
                self.send(at, out);
                self.sync(at);
                self.flush_if_wanted(at);
            }
            between(self);
        }
    }

    /// Lets time pass until it is so, for ten minutes at most.
    pub fn pass_until(&mut self, what: &str, is_so: impl Fn(&Cluster) -> bool) {
        for _ in 0..6000 {
            if is_so(self) {
                return;
            }
            self.pass(100);
        }
        panic!("it did not come to be that {what}");
    }

    /// Nothing goes through between the two any more; their links go down.
    pub fn cut(&mut self, one: usize, other: usize) {
        self.cut.extend([(one, other), (other, one)]);
        let now = self.now();
        self.members[one].link_down(now, node(other));
        self.members[other].link_down(now, node(one));
    }

    /// Nothing goes through from one to the other, and nobody is told.
    pub fn lose(&mut self, from: usize, to: usize) {
        self.cut.insert((from, to));
    }

    pub fn heal(&mut self) {
        self.cut.clear();
        (0..self.members.len()).for_each(|at| self.link(at));
    }

    pub fn write(&mut self, at: usize, run: &mut dyn FnMut(&mut Txn<'_>) -> Result<(), lc_db::Error>) {
        let wall_ms = self.wall_ms();
        self.members[at].write(wall_ms, 1, &mut |txn| run(txn).map(|()| Reply::OK)).0.unwrap();
    }

    pub fn set(&mut self, at: usize, key: &str, value: &str) {
        self.write(at, &mut |txn| txn.set_string(key.as_bytes(), value.as_bytes(), Expiry::Never));
    }

    pub fn set_for(&mut self, at: usize, key: &str, value: &str, ms: u64) {
        let end_ms = self.wall_ms() + ms;
        self.write(at, &mut |txn| txn.set_string(key.as_bytes(), value.as_bytes(), Expiry::At(end_ms)));
    }

    pub fn get(&self, at: usize, key: &str) -> Option<String> {
        let mut found = None;
        let outcome = self.members[at].read(self.wall_ms(), 1, &[key.as_bytes()], &mut |view| {
            found = view.string(key.as_bytes())?;
            Ok(Reply::OK)
        });
        outcome.0.unwrap();
        found.map(|value| String::from_utf8_lossy(&value).into_owned())
    }

    /// Everybody has everything, and all of it is the same.
    pub fn is_settled(&self) -> bool {
        let mut all = self.members.iter().map(Member::snapshot).map(|told| (told.applied, told.digest, told.keys));
        let first = all.next();
        all.all(|other| Some(other) == first)
    }

    pub fn now(&self) -> Duration {
        Duration::from_millis(self.now_ms)
    }

    fn wall_ms(&self) -> u64 {
        NOON_MS + self.now_ms
    }

    fn sync(&mut self, at: usize) {
        if let Some(job) = self.members[at].begin_sync() {
            let (now, mut out) = (self.now(), Vec::new());
            self.members[at].finish_sync(now, job.run(), &mut out).unwrap();
            self.send(at, out);
        }
    }

    fn flush(&mut self, at: usize) {
        if let Some((job, _)) = self.members[at].begin_flush(true) {
            drop(self.members[at].finish_flush(job.run()).unwrap());
        }
    }

    fn flush_if_wanted(&mut self, at: usize) {
        if let Some((job, _)) = self.members[at].begin_flush(false) {
            drop(self.members[at].finish_flush(job.run()).unwrap());
        }
    }

    fn send(&mut self, from: usize, out: Vec<Outgoing>) {
        for Outgoing { to, frame } in out {
            let to = usize::from(to.0) - 1;
            if !self.cut.contains(&(from, to)) {
                self.wire.push_back((self.now_ms + WAY_MS, from, to, frame));
            }
        }
    }
}

/// Puts `new` in the place of the row of a key, as if it had been so all the time.
pub fn alter(store: &MemoryStore, row: Vec<u8>, new: impl FnOnce(Vec<u8>) -> Option<Vec<u8>>) {
    let old = store.get(&row).unwrap().map_or_else(Vec::new, |bytes| bytes.to_vec());
    let change = (Bytes::from(row), new(old).map(Bytes::from));
    store.commit(&mut [change].into_iter()).unwrap();
}

/// Turns one bit of the last byte of the first place where `part` stands.
pub fn rotten(mut bytes: Vec<u8>, part: &str) -> Option<Vec<u8>> {
    let at = bytes.windows(part.len()).position(|found| found == part.as_bytes()).unwrap();
    bytes[at + part.len() - 1] ^= 4;
    Some(bytes)
}

pub fn node(at: usize) -> NodeId {
    NodeId(at as u16 + 1)
}

fn member(at: usize, count: usize, tables: &Arc<Tables>, (disk, store): (&MemoryDisk, &MemoryStore)) -> Member {
    let peer = |other: usize| Peer { node: node(other), region: format!("region-{other}") };
    let settings = Settings {
        cluster: "test".to_owned(),
        node: node(at),
        region: format!("region-{at}"),
        peers: (0..count).filter(|&other| other != at).map(peer).collect(),
        left: Vec::new(),
        tables: tables.clone(),
        max_offset_ms: 500,
        dirty_bytes_max: 1 << 20,
        disk: DiskBounds { recount_rows_per_second: 5_000, ..DiskBounds::default() },
        table: lc_store::TableOptions::default(),
        journal: lc_journal::Options::default(),
        replication: lc_repl::Settings::default(),
    };
    Member::open(settings, Arc::new(disk.clone()), Arc::new(store.clone())).unwrap()
}
