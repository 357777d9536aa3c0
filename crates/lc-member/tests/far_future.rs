//! A peer's clock runs hours ahead: what it stamps is refused at the edge, without a trace, until this node's clock is there.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use lc_core::{Dot, Hlc, NodeId, ReplicaId, VersionVector};
use lc_crdt::{Address, Entry, Op};
use lc_env::MemoryDisk;
use lc_member::{Member, Peer, Settings, wire};
use lc_repl::Message;
use lc_store::MemoryStore;

const NOON_MS: u64 = 1_800_000_000_000;
const HOUR_MS: u64 = 3_600_000;
const MAX_OFFSET_MS: u64 = 500;

fn member() -> Member {
    let settings = Settings {
        cluster: "test".to_owned(),
        node: NodeId(1),
        region: "here".to_owned(),
        peers: vec![Peer { node: NodeId(2), region: "there".to_owned() }],
        left: Vec::new(),
        tables: Arc::default(),
        max_offset_ms: MAX_OFFSET_MS,
        dirty_bytes_max: 1 << 20,
        disk: lc_member::DiskBounds::default(),
        table: lc_store::TableOptions::default(),
        journal: lc_journal::Options::default(),
        replication: lc_repl::Settings::default(),
    };
    Member::open(settings, Arc::new(MemoryDisk::new()), Arc::new(MemoryStore::new())).unwrap()
}

/// Writes of the peer, each with its stamp.
fn frame(stamps: &[(u64, u64)]) -> Bytes {
    let entry = |&(seq, ms): &(u64, u64)| {
        let at = Address::string(Bytes::from(format!("key{seq}")));
        let put = Op::Put { at, value: Bytes::from_static(b"v"), expires_ms: None, resets: Vec::new() };
        let dot = Dot::new(ReplicaId(2), seq);
        let (hlc, deps) = (Hlc::from_ms(ms), VersionVector::new());
        let mut bytes = Vec::new();
        Entry { dot, prev_seq: seq - 1, hlc, deps, ops: vec![put] }.encode(&mut bytes);
        Bytes::from(bytes)
    };
    wire::encode(&Message::Entries { entries: stamps.iter().map(entry).collect::<Vec<_>>().into(), urgent: false })
}

fn receive(member: &mut Member, wall_ms: u64, stamps: &[(u64, u64)]) -> u64 {
    member.frame(Duration::ZERO, wall_ms, NodeId(2), frame(stamps), &mut Vec::new()).unwrap();
    member.snapshot().applied.get(ReplicaId(2))
}

#[test]
fn what_is_stamped_too_far_ahead_is_refused_counted_and_taken_when_its_time_has_come() {
    let mut member = member();
    let before = member.snapshot().hlc;
    let stamps = [(1, NOON_MS + HOUR_MS)];
    assert_eq!(receive(&mut member, NOON_MS, &stamps), 0);
    let told = member.snapshot();
    assert_eq!((told.counters.entries_from_the_future, told.hlc, told.digest), (1, before, 0));
    assert_eq!(told.health.clock_is_ahead(), Some((ReplicaId(2), HOUR_MS)));
    assert_eq!(receive(&mut member, NOON_MS + HOUR_MS - MAX_OFFSET_MS - 1, &stamps), 0);
    assert_eq!(receive(&mut member, NOON_MS + HOUR_MS - MAX_OFFSET_MS, &stamps), 1);
}

#[test]
fn what_came_before_the_far_stamp_is_taken_and_nothing_behind_it() {
    let mut member = member();
    let stamps = [(1, NOON_MS), (2, NOON_MS + HOUR_MS), (3, NOON_MS)];
    assert_eq!(receive(&mut member, NOON_MS, &stamps), 1);
    assert_eq!(member.health().decides(), Ok(()), "a peer's clock is no reason to stop here");
}
