//! A node whose data directory is put back from an old backup: it must not use a dot twice, and goes on as another
//! incarnation.

use std::sync::Arc;
use std::time::Duration;

use lc_core::{NodeId, ReplicaId};
use lc_env::{Disk, MemoryDisk};
use lc_member::{Member, Outgoing, Peer, Settings};
use town::Town;

/// Two members that hear each other at once.
mod town {
    use super::{Arc, Disk, Duration, Member, NodeId, Outgoing, Peer, Settings};
    use lc_store::MemoryStore;

    pub struct Town {
        pub members: Vec<Member>,
        now: Duration,
    }

    pub fn open(node: u16, disk: Arc<dyn Disk>) -> Member {
        let other = 3 - node;
        let settings = Settings {
            cluster: "test".to_owned(),
            node: NodeId(node),
            region: format!("region{node}"),
            peers: vec![Peer { node: NodeId(other), region: format!("region{other}") }],
            left: Vec::new(),
            tables: Arc::default(),
            max_offset_ms: 500,
            dirty_bytes_max: 1 << 20,
            disk: lc_member::DiskBounds::default(),
            table: lc_store::TableOptions::default(),
            journal: lc_journal::Options::default(),
            replication: lc_repl::Settings::default(),
        };
        Member::open(settings, disk, Arc::new(MemoryStore::new())).unwrap()
    }

    impl Town {
        pub fn new(members: Vec<Member>) -> Town {
            Town { members, now: Duration::ZERO }
        }

        pub fn link(&mut self) {
            for at in 0..2 {
                let (mut out, peer) = (Vec::new(), NodeId(2 - at as u16));
                self.members[at].link_up(self.now, peer, Duration::from_millis(1), &mut out);
                self.carry(at, out);
            }
            self.pass(600);
        }

        /// Lets time pass, syncing and carrying every frame.
        pub fn pass(&mut self, ms: u64) {
            for _ in 0..ms / 10 {
                self.now += Duration::from_millis(10);
                for at in 0..2 {
                    let mut out = Vec::new();
                    self.members[at].tick(self.now, 1000 + self.now.as_millis() as u64, &mut out);
                    if let Some(job) = self.members[at].begin_sync() {
                        let done = job.run();
                        self.members[at].finish_sync(self.now, done, &mut out).unwrap();
                    }
                    self.carry(at, out);
                }
            }
        }

        fn carry(&mut self, from: usize, frames: Vec<Outgoing>) {
            for Outgoing { to, frame } in frames {
                let (at, mut out) = (usize::from(to.0) - 1, Vec::new());
                let wall_ms = 1000 + self.now.as_millis() as u64;
                self.members[at].frame(self.now, wall_ms, NodeId(from as u16 + 1), frame, &mut out).unwrap();
                self.carry(at, out);
            }
        }

        pub fn set(&mut self, at: usize, key: &str) -> Result<(), lc_db::Error> {
            let wall_ms = 1000 + self.now.as_millis() as u64;
            let write = |txn: &mut lc_db::Txn<'_>| {
                txn.set_string(key.as_bytes(), b"value", lc_db::Expiry::Never).map(|()| lc_db::Reply::OK)
            };
            self.members[at].write(wall_ms, 0, &mut { write }).0.map(drop)
        }
    }
}

fn copy(disk: &MemoryDisk) -> MemoryDisk {
    let copy = MemoryDisk::new();
    for name in disk.list().unwrap() {
        copy.open(&name).unwrap().write_at(0, &disk.read(&name).unwrap()).unwrap();
        copy.open(&name).unwrap().sync().unwrap();
    }
    copy
}

#[test]
fn an_old_directory_is_noticed_and_goes_on_as_another_incarnation() {
    let (disk, other) = (MemoryDisk::new(), Arc::new(MemoryDisk::new()));
    let mut town = Town::new(vec![town::open(1, Arc::new(disk.reopen())), town::open(2, other)]);
    town.link();
    town.set(0, "kept").unwrap();
    town.pass(100);
    let backup = copy(&disk);
    town.set(0, "later").unwrap();
    town.pass(100);
    assert_eq!(town.members[1].snapshot().applied.get(ReplicaId(1)), 2);

    // The crashed node starts from the copy. Its sequence skips what it may have used, but its history is not theirs.
    town.members[0] = town::open(1, Arc::new(backup));
    town.members[1].link_down(Duration::ZERO, NodeId(1));
    town.link();
    let refused = town.set(0, "forked").unwrap_err().to_string();
    assert!(refused.contains("older than what was acknowledged"), "{refused}");

    town.members[0].begin_incarnation(1).unwrap();
    town.pass(3000);
    town.set(0, "new").unwrap();
    town.pass(300);
    let (one, two) = (town.members[0].snapshot(), town.members[1].snapshot());
    let anew = ReplicaId::new(NodeId(1), 1);
    assert_eq!((one.replica, one.applied.get(anew), one.applied.get(ReplicaId(1))), (anew, 1, 2));
    assert_eq!((one.applied, one.digest, one.keys), (two.applied, two.digest, 3));
    assert!(two.health.last_alarm().is_none(), "{:?}", two.health.last_alarm());
    // Asked again, nothing happens: an incarnation never goes back.
    town.members[0].begin_incarnation(1).unwrap();
    assert_eq!(town.members[0].snapshot().applied.get(anew), 1);
}
