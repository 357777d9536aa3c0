//! Seeds of the consensus group's bytes, by hand: docs/formats/raft.md. Each is held against the decoder, so that a seed
//! which means nothing any more is noticed.

use bytes::Bytes;
use lc_fuzz::lots::put_piece;
use lc_raft::fuzzing;

use crate::Seed;

pub fn seeds() -> Vec<Seed> {
    let mut seeds: Vec<Seed> =
        frames().into_iter().map(|(name, frame)| ("raft_bytes", name, of_frame(&frame))).collect();
    seeds.push(("raft_bytes", "snapshot", of_snapshot()));
    seeds.push(("raft_bytes", "log", of_log()));
    seeds
}

fn of_frame(frame: &[u8]) -> Vec<u8> {
    assert!(fuzzing::frame_again(Bytes::copy_from_slice(frame)).is_some(), "{frame:?} is no frame");
    [&[0], frame].concat()
}

/// Tag, kind, name, body; a vote is term, node, committed, and a log id is term, index.
fn frames() -> Vec<(&'static str, Vec<u8>)> {
    let append = [9, 1, 5, 0, 4, 2, 1, 1, 3, 17, 0, 3, 4, 18, 0, 4, 19, 1, 1, b'x', 4, 20, 2];
    vec![
        ("append", [&append[..], &MEMBERS].concat()),
        ("vote", vec![9, 2, 5, 9, 1, 0, 1, 3, 17, 0]),
        ("transfer", vec![9, 5, 5, 4, 2, 1, 7, 1, 3, 17]),
        ("ask", vec![9, 6, 5, 100, 1, b's', b'e', b't']),
        ("appended", vec![9, 64, 5, 0, 1, 1, 3, 17]),
        ("voted", vec![9, 65, 5, 9, 1, 0, 1, 0]),
        ("verdict", vec![9, 68, 5, 6, b'n', b'o']),
    ]
}

fn of_snapshot() -> Vec<u8> {
    // Of the log's entry 3.17; members as of the same.
    let content = [b"LCRAFTS\x01", &[1, 3, 17, 1, 3, 17][..], &MEMBERS, b"state"].concat();
    assert!(fuzzing::snapshot_again(&content).is_some(), "no snapshot");
    [&[1], &content[..]].concat()
}

fn of_log() -> Vec<u8> {
    let mut out = vec![2];
    let records: [&[u8]; 6] =
        [&[1, 1, 1, 0], &[2, 1, 0, 0], &[2, 1, 1, 1, 1, b'x'], &[4, 1, 1], &[3, 1, 1, 0], &[5, 1, 0]];
    for record in records {
        assert!(fuzzing::record_again(record).is_some(), "{record:?} is no record");
        put_piece(&mut out, record);
    }
    out
}

/// Voters 1 and 2; 3 learns.
const MEMBERS: [u8; 8] = [1, 2, 1, 2, 3, 1, 2, 3];
