//! Members on one thread, whose wall clocks can be set. Every way takes 20 ms.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use lc_core::NodeId;
use lc_crdt::{Address, Kind};
use lc_db::{Expiry, Reply, Txn};
use lc_env::MemoryDisk;
use lc_member::{Frame, Member, Outgoing, Peer, Settings, wire};
use lc_repl::Message;
use lc_store::MemoryStore;

const NOON_MS: u64 = 1_800_000_000_000;
const WAY_MS: u64 = 20;
pub const HOUR_MS: u64 = 3_600_000;
pub const MAX_OFFSET_MS: u64 = 500;

pub struct Cluster {
    pub members: Vec<Member>,
    /// How far each wall clock is off.
    pub skew_ms: Vec<i64>,
    /// Whether heartbeats carry the time.
    pub tells_time: bool,
    /// One that neither sends nor hears.
    pub cut_off: Option<usize>,
    frozen: Vec<Option<u64>>,
    now_ms: u64,
    wire: VecDeque<(u64, usize, usize, Bytes)>,
}

impl Cluster {
    pub fn of(count: usize) -> Cluster {
        Cluster::with_offset(count, MAX_OFFSET_MS)
    }

    pub fn with_offset(count: usize, max_offset_ms: u64) -> Cluster {
        let mut cluster = Cluster {
            members: (0..count).map(|index| member(index, count, max_offset_ms)).collect(),
            skew_ms: vec![0; count],
            tells_time: true,
            cut_off: None,
            frozen: vec![None; count],
            now_ms: 0,
            wire: VecDeque::new(),
        };
        for from in 0..count {
            for to in (0..count).filter(|&to| to != from) {
                let (mut out, rtt) = (Vec::new(), Duration::from_millis(2 * WAY_MS));
                cluster.members[from].link_up(Duration::ZERO, node(to), rtt, &mut out);
                cluster.send(from, out);
            }
        }
        cluster
    }

    pub fn true_ms(&self) -> u64 {
        NOON_MS + self.now_ms
    }

    pub fn freeze(&mut self, index: usize) {
        self.frozen[index] = Some(self.wall_ms(index));
    }

    pub fn thaw(&mut self, index: usize) {
        self.frozen[index] = None;
    }

    /// Lets time pass, 10 ms at a time.
    pub fn pass(&mut self, ms: u64) {
        for _ in 0..ms / 10 {
            self.now_ms += 10;
            while self.wire.front().is_some_and(|(at, ..)| *at <= self.now_ms) {
                let (_, from, to, frame) = self.wire.pop_front().unwrap();
                let (now, wall_ms, mut out) = (self.now(to), self.wall_ms(to), Vec::new());
                self.members[to].frame(now, wall_ms, node(from), frame, &mut out).unwrap();
                self.send(to, out);
            }
            for index in 0..self.members.len() {
                let (now, wall_ms, mut out) = (self.now(index), self.wall_ms(index), Vec::new());
                self.members[index].tick(now, wall_ms, &mut out);
                self.send(index, out);
                self.sync(index);
            }
        }
    }

    pub fn set(&mut self, index: usize, key: &str, value: &str) -> Result<(), String> {
        self.write(index, &mut |txn| txn.set_string(key.as_bytes(), value.as_bytes(), Expiry::Never))
    }

    pub fn set_until(&mut self, index: usize, key: &str, value: &str, end_ms: u64) -> Result<(), String> {
        self.write(index, &mut |txn| txn.set_string(key.as_bytes(), value.as_bytes(), Expiry::At(end_ms)))
    }

    pub fn add(&mut self, index: usize, key: &str, member: &str) -> Result<(), String> {
        self.write(index, &mut |txn| txn.put_element(key.as_bytes(), Kind::Set, member.as_bytes(), b"").map(drop))
    }

    pub fn rewrite(&mut self, index: usize, at: &[Address]) -> Result<i64, String> {
        let wall_ms = self.wall_ms(index);
        let outcome = self.members[index].rewrite_stamps(wall_ms, 1, at).0;
        self.sync(index);
        match outcome.map_err(|error| error.to_string())? {
            Reply::Int(count) => Ok(count),
            other => Err(format!("{other:?}")),
        }
    }

    pub fn get(&self, index: usize, key: &str) -> Option<String> {
        let mut found = None;
        let outcome = self.members[index].read(self.wall_ms(index), 1, &[key.as_bytes()], &mut |view| {
            found = view.string(key.as_bytes())?;
            Ok(Reply::OK)
        });
        outcome.0.unwrap();
        found.map(|value| String::from_utf8(value.to_vec()).unwrap())
    }

    /// Everybody has everything, and all of it is the same.
    pub fn is_settled(&self) -> bool {
        let mut all = self.members.iter().map(Member::snapshot).map(|snapshot| (snapshot.applied, snapshot.digest));
        let first = all.next();
        all.all(|other| Some(other) == first)
    }

    /// The latest stamp of any entry that any member has.
    pub fn latest_stamp_ms(&self) -> u64 {
        self.members.iter().map(|member| member.hlc().ms()).max().unwrap()
    }

    fn write(
        &mut self,
        index: usize,
        run: &mut dyn FnMut(&mut Txn<'_>) -> Result<(), lc_db::Error>,
    ) -> Result<(), String> {
        let wall_ms = self.wall_ms(index);
        let outcome = self.members[index].write(wall_ms, 1, &mut |txn| run(txn).map(|()| Reply::OK)).0;
        self.sync(index);
        outcome.map(drop).map_err(|error| error.to_string())
    }

    fn sync(&mut self, index: usize) {
        if let Some(job) = self.members[index].begin_sync() {
            let (now, mut out) = (self.now(index), Vec::new());
            self.members[index].finish_sync(now, job.run(), &mut out).unwrap();
            self.send(index, out);
        }
    }

    fn send(&mut self, from: usize, out: Vec<Outgoing>) {
        for Outgoing { to, frame } in out {
            let to = usize::from(to.0) - 1;
            if self.cut_off.is_none_or(|index| index != from && index != to) {
                let frame = if self.tells_time { frame } else { without_time(frame) };
                self.wire.push_back((self.now_ms + WAY_MS, from, to, frame));
            }
        }
    }

    /// Monotonic, and nobody else's.
    fn now(&self, index: usize) -> Duration {
        Duration::from_millis(self.now_ms + 1_000_000 * (index as u64 + 1))
    }

    fn wall_ms(&self, index: usize) -> u64 {
        self.frozen[index].unwrap_or_else(|| self.true_ms().saturating_add_signed(self.skew_ms[index]))
    }
}

/// As a version says it that knows of no clocks.
fn without_time(frame: Bytes) -> Bytes {
    match wire::decode(frame.clone()) {
        Ok(Frame::Control(mut message)) => {
            if let Message::Have { pulse, .. } = &mut message {
                pulse.wall_ms = 0;
            }
            wire::encode(&message)
        }
        _ => frame,
    }
}

fn node(index: usize) -> NodeId {
    NodeId(index as u16 + 1)
}

fn member(index: usize, count: usize, max_offset_ms: u64) -> Member {
    let peer = |other: usize| Peer { node: node(other), region: format!("region-{other}") };
    let settings = Settings {
        cluster: "test".to_owned(),
        node: node(index),
        region: format!("region-{index}"),
        peers: (0..count).filter(|&other| other != index).map(peer).collect(),
        left: Vec::new(),
        tables: Arc::default(),
        max_offset_ms,
        dirty_bytes_max: 1 << 20,
        disk: lc_member::DiskBounds::default(),
        table: lc_store::TableOptions::default(),
        journal: lc_journal::Options::default(),
        replication: lc_repl::Settings::default(),
    };
    Member::open(settings, Arc::new(MemoryDisk::new()), Arc::new(MemoryStore::new())).unwrap()
}
