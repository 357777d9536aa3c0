//! Stopped a node's writes for good: entries that waited for a missing one were applied all at once when it came, and
//! together they were more than the journal would take before a sync.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use lc_core::{Dot, Hlc, NodeId, ReplicaId, VersionVector};
use lc_crdt::{Address, Entry, Op};
use lc_env::MemoryDisk;
use lc_member::{Member, Peer, Settings, wire};
use lc_repl::Message;
use lc_store::MemoryStore;

fn entry(seq: u64) -> Entry {
    let at = Address::string(Bytes::from(format!("key{seq}")));
    let put = Op::Put { at, value: Bytes::from(vec![b'v'; 1000]), expires_ms: None, resets: Vec::new() };
    let dot = Dot::new(ReplicaId(2), seq);
    Entry { dot, prev_seq: seq - 1, hlc: Hlc::from_ms(1000), deps: VersionVector::new(), ops: vec![put] }
}

fn frame(seq: u64) -> Bytes {
    let mut bytes = Vec::new();
    entry(seq).encode(&mut bytes);
    wire::encode(&Message::Entries { entries: vec![Bytes::from(bytes)].into(), urgent: false })
}

#[test]
fn entries_that_waited_are_all_taken_when_the_missing_one_comes() {
    let settings = Settings {
        cluster: "test".to_owned(),
        node: NodeId(1),
        region: "here".to_owned(),
        peers: vec![Peer { node: NodeId(2), region: "there".to_owned() }],
        left: Vec::new(),
        tables: Arc::default(),
        max_offset_ms: 500,
        dirty_bytes_max: 1 << 20,
        disk: lc_member::DiskBounds::default(),
        table: lc_store::TableOptions::default(),
        journal: lc_journal::Options { pending_bytes_max: 4096, ..lc_journal::Options::default() },
        replication: lc_repl::Settings::default(),
    };
    let mut member = Member::open(settings, Arc::new(MemoryDisk::new()), Arc::new(MemoryStore::new())).unwrap();
    let mut out = Vec::new();
    for seq in (1..=100).rev() {
        member.frame(Duration::ZERO, 1000, NodeId(2), frame(seq), &mut out).unwrap();
    }
    assert_eq!(member.snapshot().applied.get(ReplicaId(2)), 100);
    assert_eq!(member.health().writable(), Ok(()));
}
