//! A member on a disk that is small: what it refuses, what it goes on with, and which part of its journal it lets go of.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use lc_core::{Dot, Fault, Hlc, NodeId, ReplicaId, VersionVector};
use lc_crdt::{Address, Entry, Op};
use lc_db::{Error, Expiry, Reply};
use lc_env::{Disk, MemoryDisk};
use lc_member::{DiskBounds, Frame, Kept, Member, Outgoing, Peer, Settings, wire};
use lc_repl::Message;
use lc_store::MemoryStore;

const WALL_MS: u64 = 1_800_000_000_000;

struct Scene {
    disk: MemoryDisk,
    store: MemoryStore,
    member: Member,
    now: Duration,
}

fn settings() -> Settings {
    let peer = |node, region: &str| Peer { node: NodeId(node), region: region.to_owned() };
    Settings {
        cluster: "test".to_owned(),
        node: NodeId(1),
        region: "here".to_owned(),
        peers: vec![peer(2, "there"), peer(3, "yonder")],
        left: Vec::new(),
        tables: Arc::default(),
        max_offset_ms: 60_000,
        dirty_bytes_max: 1,
        table: lc_store::TableOptions::default(),
        disk: DiskBounds { reserve_bytes: 10_000, ..DiskBounds::default() },
        journal: lc_journal::Options { segment_bytes: 4096, tail_bytes: 1024, ..lc_journal::Options::default() },
        replication: lc_repl::Settings::default(),
    }
}

impl Scene {
    fn new() -> Scene {
        let (disk, store) = (MemoryDisk::new(), MemoryStore::new());
        let member = Member::open(settings(), Arc::new(disk.clone()), Arc::new(store.clone())).unwrap();
        Scene { disk, store, member, now: Duration::ZERO }
    }

    fn restart(&mut self) {
        self.disk.crash(|_, _| 0);
        self.disk = self.disk.reopen();
        self.member = Member::open(settings(), Arc::new(self.disk.clone()), Arc::new(self.store.clone())).unwrap();
    }

    fn set(&mut self, key: &str) -> Result<Reply, Error> {
        let write = self.member.write(WALL_MS, 1, &mut |txn| {
            txn.set_string(key.as_bytes(), &[b'v'; 500], Expiry::Never)?;
            Ok(Reply::OK)
        });
        write.0
    }

    fn delete(&mut self, key: &str) -> Result<Reply, Error> {
        let write = self.member.write(WALL_MS, 1, &mut |txn| {
            txn.delete(key.as_bytes())?;
            Ok(Reply::OK)
        });
        write.0
    }

    fn sync(&mut self) -> Result<(), lc_member::Error> {
        let Some(job) = self.member.begin_sync() else { return Ok(()) };
        self.member.finish_sync(self.now, job.run(), &mut Vec::new()).map(|_| ())
    }

    fn flush(&mut self) -> Result<(), lc_member::Error> {
        let Some((job, _)) = self.member.begin_flush(true) else { return Ok(()) };
        self.member.finish_flush(job.run()).map(|_| ())
    }

    /// A few seconds.
    fn pass_time(&mut self) -> Vec<Outgoing> {
        let mut out = Vec::new();
        for _ in 0..5 {
            self.now += Duration::from_secs(1);
            self.member.tick(self.now, WALL_MS, &mut out);
        }
        out
    }

    fn truncate(&mut self) -> bool {
        let Some(job) = self.member.begin_truncate() else { return false };
        self.member.finish_truncate(job.run()).unwrap();
        true
    }

    /// The node says that it has so many of this member's entries.
    fn hello(&mut self, node: u16, has: u64) -> Vec<Outgoing> {
        let mut out = Vec::new();
        self.member.link_up(self.now, NodeId(node), Duration::from_millis(10), &mut out);
        let durable = [(ReplicaId(1), has)].into_iter().collect();
        let frame = wire::encode(&Message::Hello { replica: ReplicaId(node), durable, placement: 0, journal: None });
        self.member.frame(self.now, WALL_MS, NodeId(node), frame, &mut out).unwrap();
        out
    }

    fn last_seq(&self) -> u64 {
        self.member.last_dot().seq
    }
}

fn used(disk: &MemoryDisk) -> u64 {
    disk.list().unwrap().iter().map(|name| disk.read(name).unwrap().len() as u64).sum()
}

fn entries_to(node: u16, out: &[Outgoing]) -> Vec<u64> {
    let frames = out.iter().filter(|outgoing| outgoing.to == NodeId(node));
    let entries = frames.flat_map(|outgoing| match wire::decode(outgoing.frame.clone()).unwrap() {
        Frame::Entries { entries, .. } => entries,
        _ => Vec::new(),
    });
    entries.map(|bytes| Entry::decode(bytes).unwrap().dot.seq).collect()
}

fn is_disk_full(outcome: &Result<Reply, Error>) -> bool {
    matches!(outcome, Err(error @ Error::DiskFull(_)) if error.code() == "DISKFULL" && error.fault() == Fault::Unavailable)
}

#[test]
fn below_the_reserve_clients_may_only_remove_and_peers_are_still_heard() {
    let mut scene = Scene::new();
    scene.set("a").unwrap();
    scene.sync().unwrap();
    scene.disk.set_capacity(Some(used(&scene.disk) + 9_000));
    scene.pass_time();
    assert!(is_disk_full(&scene.set("b")) && is_disk_full(&scene.set("a")));
    assert_eq!(scene.member.snapshot().counters.writes_without_room, 2);
    scene.delete("a").unwrap();
    let put = Op::Put {
        at: Address::string(Bytes::from_static(b"theirs")),
        value: Bytes::from_static(b"v"),
        expires_ms: None,
        resets: Vec::new(),
    };
    let dot = Dot::new(ReplicaId(2), 1);
    let entry = Entry { dot, prev_seq: 0, hlc: Hlc::from_ms(WALL_MS), deps: VersionVector::new(), ops: vec![put] };
    let mut bytes = Vec::new();
    entry.encode(&mut bytes);
    let frame = wire::encode(&Message::Entries { entries: vec![Bytes::from(bytes)].into(), urgent: false });
    scene.hello(2, 0);
    scene.member.frame(scene.now, WALL_MS, NodeId(2), frame, &mut Vec::new()).unwrap();
    assert_eq!(scene.member.snapshot().applied.get(ReplicaId(2)), 1);
    assert_eq!(scene.member.key_count(), 1, "theirs came and ours went");
    scene.sync().unwrap();
    scene.disk.set_capacity(None);
    scene.pass_time();
    scene.set("b").unwrap();
}

#[test]
fn a_full_disk_stops_writes_until_what_waits_has_found_room() {
    let mut scene = Scene::new();
    scene.set("a").unwrap();
    scene.sync().unwrap();
    scene.disk.set_full(true);
    scene.set("b").unwrap();
    assert_eq!(scene.sync().unwrap_err().fault(), Fault::Unavailable);
    assert!(is_disk_full(&scene.set("c")) && is_disk_full(&scene.delete("a")));
    assert!(scene.sync().is_err());
    assert_eq!(scene.member.health().writable(), Ok(()), "this is not final");
    scene.disk.set_full(false);
    scene.sync().unwrap();
    scene.set("c").unwrap();
    scene.sync().unwrap();
    scene.restart();
    assert_eq!(scene.member.key_count(), 3);
}

#[test]
fn a_flush_without_room_keeps_the_rows_and_the_same_is_flushed_later() {
    let mut scene = Scene::new();
    scene.set("a").unwrap();
    scene.sync().unwrap();
    scene.store.set_full(true);
    assert_eq!(scene.flush().unwrap_err().fault(), Fault::Unavailable);
    assert!(is_disk_full(&scene.set("b")));
    assert_eq!(scene.member.key_count(), 1);
    scene.store.set_full(false);
    scene.flush().unwrap();
    scene.set("b").unwrap();
    scene.sync().unwrap();
    scene.flush().unwrap();
    assert_eq!(scene.member.journal_view().unflushed_bytes, 0);
    scene.restart();
    assert_eq!((scene.member.key_count(), scene.member.snapshot().counters.entries_replayed), (2, 0));
}

#[test]
fn the_journal_goes_as_far_as_everybody_has_it_and_never_leaves_a_hole() {
    let mut scene = Scene::new();
    for number in 0..60 {
        scene.set(&format!("key{number}")).unwrap();
        scene.sync().unwrap();
    }
    scene.pass_time();
    assert_eq!(scene.member.journal_view().kept, Some(Kept::Unflushed));
    scene.flush().unwrap();
    let last = scene.last_seq();
    scene.hello(2, last);
    scene.pass_time();
    let kept = scene.member.journal_view().kept;
    assert!(matches!(kept, Some(Kept::Peer { node: NodeId(3), has: 0, .. })), "{kept:?}");
    assert!(!scene.truncate());
    let half = last - 30;
    scene.hello(3, half);
    scene.pass_time();
    assert!(scene.truncate());
    let view = scene.member.journal_view();
    assert!(view.dropped_bytes > 10_000 && view.bytes > 15_000, "{view:?}");
    assert!(matches!(view.kept, Some(Kept::Peer { node: NodeId(3), .. })));

    scene.restart();
    assert_eq!(scene.member.key_count(), 60);
    let mut out = scene.hello(3, half);
    out.extend(scene.pass_time());
    assert_eq!(entries_to(3, &out).into_iter().min(), Some(half + 1), "who is not far behind gets what it lacks");
    let mut out = scene.hello(2, 3);
    out.extend(scene.pass_time());
    assert_eq!(entries_to(2, &out), [] as [u64; 0], "who lacks what is gone gets nothing that would leave a hole");
}

#[test]
fn a_journal_that_cannot_be_read_for_a_peer_is_told_and_counted() {
    let mut scene = Scene::new();
    for number in 0..40 {
        scene.set(&format!("key{number}")).unwrap();
        scene.sync().unwrap();
    }
    let oldest = scene.disk.list().unwrap()[0].clone();
    scene.disk.rot(&oldest, 600, 1);
    scene.hello(2, 0);
    scene.pass_time();
    let snapshot = scene.member.snapshot();
    assert!(snapshot.counters.journal_read_errors > 0 && snapshot.counters.alarms == 1);
    assert!(snapshot.health.journal_damage().unwrap().contains(&oldest));
    scene.set("on it goes").unwrap();
}
