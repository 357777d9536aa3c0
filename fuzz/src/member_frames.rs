//! A whole member among peers that send anything: no frame panics it, what it took survives a restart, and rows do not
//! depend on whether they were applied before or after it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use lc_core::NodeId;
use lc_db::{Expiry, Reply};
use lc_env::MemoryDisk;
use lc_member::{DiskBounds, Member, Peer, Settings};
use lc_store::{MemoryStore, TableOptions};

use crate::lots::Lots;

/// A story of steps: a frame from a peer, a link up or down, time, a write of its own, a sync, a flush.
///
/// # Panics
/// If the member does, or has other rows after a restart.
pub fn run(data: &[u8]) {
    let mut world = World::new();
    let mut lots = Lots::new(data);
    for _ in 0..STEPS_MAX {
        if lots.is_empty() {
            break;
        }
        world.step(&mut lots);
    }
    world.restart();
}

struct World {
    disk: MemoryDisk,
    store: Arc<MemoryStore>,
    member: Member,
    now: Duration,
}

impl World {
    fn new() -> World {
        let disk = MemoryDisk::new();
        let store = Arc::new(MemoryStore::new());
        let member = Member::open(settings(), Arc::new(disk.clone()), store.clone()).expect("an empty disk");
        let mut world = World { disk, store, member, now: Duration::ZERO };
        let mut out = Vec::new();
        for peer in PEERS {
            world.member.link_up(world.now, NodeId(peer), Duration::from_millis(50), &mut out);
        }
        world
    }

    fn step(&mut self, lots: &mut Lots<'_>) {
        let choice = lots.byte();
        let peer = NodeId(PEERS[usize::from(choice >> 7)]);
        let mut out = Vec::new();
        match choice & 0x0f {
            0 => self.member.link_down(self.now, peer),
            1 => self.member.link_up(self.now, peer, Duration::from_millis(50), &mut out),
            2 => self.pass(Duration::from_millis(10)),
            3 => self.pass(Duration::from_secs(2)),
            4 => self.write(lots.piece()),
            5 => self.sync(),
            6 => self.flush(),
            _ => {
                let frame = Bytes::copy_from_slice(lots.piece());
                // An error closes the link, and the peer connects again.
                if self.member.frame(self.now, self.wall_ms(), peer, frame, &mut out).is_err() {
                    self.member.link_down(self.now, peer);
                    self.member.link_up(self.now, peer, Duration::from_millis(50), &mut out);
                }
            }
        }
        let _ = self.member.take_settled();
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.member.tick(self.now, self.wall_ms(), &mut Vec::new());
    }

    fn wall_ms(&self) -> u64 {
        WALL_MS + self.now.as_millis() as u64
    }

    fn write(&mut self, piece: &[u8]) {
        let (key, value) = piece.split_at(piece.len().min(2));
        let (outcome, _) = self.member.write(self.wall_ms(), 1, &mut |txn| {
            txn.set_string(key, value, Expiry::Never)?;
            Ok(Reply::OK)
        });
        // A member that was told of writes of its own which it does not have takes no more; that is no mistake.
        let _ = outcome;
    }

    fn sync(&mut self) {
        if let Some(job) = self.member.begin_sync() {
            self.member.finish_sync(self.now, job.run(), &mut Vec::new()).expect("a disk in memory");
        }
    }

    fn flush(&mut self) {
        self.sync();
        if let Some((job, _)) = self.member.begin_flush(true) {
            self.member.finish_flush(job.run()).expect("a store in memory");
        }
    }

    fn restart(mut self) {
        self.sync();
        let before = self.member.snapshot();
        drop(self.member);
        let disk = Arc::new(self.disk.reopen());
        let after = Member::open(settings(), disk, self.store).expect("it starts from what it wrote").snapshot();
        assert_eq!((before.applied, before.digest, before.keys), (after.applied, after.digest, after.keys));
    }
}

fn settings() -> Settings {
    Settings {
        cluster: "fuzz".to_owned(),
        node: NodeId(1),
        region: "oslo".to_owned(),
        peers: PEERS.map(|node| Peer { node: NodeId(node), region: format!("region {node}") }).to_vec(),
        left: vec![NodeId(4)],
        tables: Arc::default(),
        max_offset_ms: 500,
        dirty_bytes_max: 1 << 20,
        disk: DiskBounds::default(),
        table: TableOptions { cache_bytes: 1 << 20, ..TableOptions::default() },
        journal: lc_journal::Options { segment_bytes: 4096, tail_bytes: 4096, pending_bytes_max: 1 << 20 },
        replication: lc_repl::Settings::default(),
    }
}

const PEERS: [u16; 2] = [2, 3];
/// In stamps of seeds, too.
pub const WALL_MS: u64 = 1_000_000;
const STEPS_MAX: usize = 128;
