//! Seeds of entries: what replicas decide when commands are run.

use bytes::Bytes;
use lc_core::{Dot, Hlc, ReplicaId, VersionVector};
use lc_crdt::{Entry, Op};
use lc_db::testing::{Replica, merging};
use lc_fuzz::lots::put_piece;

use crate::Seed;

pub fn seeds() -> Vec<Seed> {
    vec![("entries", "two_replicas", pieces(&two_replicas())), ("entries", "strings", pieces(&strings()))]
}

fn pieces(entries: &[Entry]) -> Vec<u8> {
    let mut out = Vec::new();
    encoded(entries).iter().for_each(|entry| put_piece(&mut out, entry));
    out
}

pub fn encoded(entries: &[Entry]) -> Vec<Bytes> {
    let encode = |entry: &Entry| {
        let mut out = Vec::new();
        entry.encode(&mut out);
        Bytes::from(out)
    };
    entries.iter().map(encode).collect()
}

/// Every kind of op, concurrent in part, in an order that can be applied.
pub fn two_replicas() -> Vec<Entry> {
    let mut one = Replica::new(2).under(merging(&[("s", "siblings")]));
    let mut other = Replica::new(3).under(merging(&[("s", "siblings")]));
    for line in ["SET a 1", "INCR a", "HSET h f 1 g 2", "ZADD z 1 a", "SADD s a", "SET s:k 1"] {
        one.run(line);
    }
    for line in ["SET a 2", "INCRBYFLOAT a 1.5", "HINCRBY h f 4", "ZINCRBY z 2 a", "EXPIRE a 100", "SET s:k 2"] {
        other.run(line);
    }
    let mut entries = [one.journal.clone(), other.journal.clone()].concat();
    let seen = (one.journal.len(), other.journal.len());
    one.pull(&other);
    other.pull(&one);
    for line in ["DEL z", "HDEL h f", "SREM s a", "SET s:k 3", "FLUSHALL"] {
        one.run(line);
    }
    other.run("SET a 7 EX 10");
    entries.extend_from_slice(&one.journal[seen.0..]);
    entries.extend_from_slice(&other.journal[seen.1..]);
    entries
}

/// Plain strings of the first replica of node 2, one after the other.
pub fn strings() -> Vec<Entry> {
    let at = |key: &'static str| lc_crdt::Address::string(Bytes::from_static(key.as_bytes()));
    let entry = |seq: u64| Entry {
        dot: Dot::new(ReplicaId(2), seq),
        prev_seq: seq - 1,
        hlc: Hlc::from_ms(lc_fuzz::member_frames::WALL_MS),
        deps: VersionVector::new(),
        ops: vec![Op::Put { at: at("k"), value: Bytes::from(format!("{seq}")), expires_ms: None, resets: Vec::new() }],
    };
    (1..4).map(entry).collect()
}
