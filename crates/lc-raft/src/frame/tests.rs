use std::collections::BTreeSet;

use bytes::Bytes;
use lc_env::{Random, SeededRandom};
use openraft::EntryPayload;
use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse, TransferLeaderRequest, VoteRequest, VoteResponse};

use super::{Answer, Ask, Frame, Request, Verdict};
use crate::golden::golden_list;
use crate::type_config::{Ballot, Command, LogEntry, LogId, Members, SnapshotMeta, StoredMembers};

fn frames() -> Vec<Frame> {
    let at = LogId::new_term_index(3, 17);
    let vote = Ballot::new_committed(4, 2);
    let members = Members::new_with_defaults(vec![BTreeSet::from([1, 2])], [3]);
    let entries = vec![
        LogEntry { log_id: LogId::new_term_index(4, 18), payload: EntryPayload::Blank },
        LogEntry {
            log_id: LogId::new_term_index(4, 19),
            payload: EntryPayload::Normal(Command(Bytes::from_static(b"x"))),
        },
        LogEntry { log_id: LogId::new_term_index(4, 20), payload: EntryPayload::Membership(members.clone()) },
    ];
    let append = AppendEntriesRequest { vote, prev_log_id: Some(at), entries, leader_commit: None };
    let meta = SnapshotMeta { last_log_id: Some(at), last_membership: StoredMembers::new(Some(at), members) };
    let requests = [
        Request::Append { seq: 5, append },
        Request::Vote(VoteRequest::new(Ballot::new(9, 1), Some(at))),
        Request::PreVote(VoteRequest::new(Ballot::new(9, 1), None)),
        Request::Snapshot { vote, meta, data: Bytes::from_static(b"state") },
        Request::Transfer(TransferLeaderRequest::new(vote, 7, Some(at))),
        Request::Ask { timeout_ms: 300, ask: Ask::Propose(Bytes::from_static(b"set")) },
        Request::Ask { timeout_ms: 300, ask: Ask::Read },
        Request::Ask { timeout_ms: 300, ask: Ask::Add(3) },
        Request::Ask { timeout_ms: 300, ask: Ask::Remove(3) },
    ];
    let verdicts = [
        Verdict::Done(Bytes::from_static(b"ok")),
        Verdict::NotLeader(Some(2)),
        Verdict::NotLeader(None),
        Verdict::NoQuorum,
        Verdict::Unknown,
        Verdict::Again,
        Verdict::Full,
        Verdict::Refused("no".to_owned()),
    ];
    let outcomes = [
        AppendEntriesResponse::Success,
        AppendEntriesResponse::PartialSuccess(Some(at)),
        AppendEntriesResponse::Conflict,
        AppendEntriesResponse::HigherVote(vote),
    ];
    let answers = outcomes.into_iter().map(|outcome| Answer::Append { seq: 5, outcome });
    let answers = answers.chain([
        Answer::Vote(VoteResponse::new(vote, Some(at), true)),
        Answer::Snapshot(vote),
        Answer::Transfer(true),
    ]);
    let answers = answers.chain(verdicts.into_iter().map(Answer::Verdict));
    requests
        .into_iter()
        .map(|request| Frame::Request(77, request))
        .chain(answers.map(|answer| Frame::Answer(78, answer)))
        .collect()
}

#[test]
fn frames_come_back_as_they_went() {
    for frame in frames() {
        let read = Frame::decode(frame.encode()).unwrap();
        assert_eq!(format!("{frame:?}"), format!("{read:?}"));
    }
}

#[test]
fn cut_frames_are_errors_unless_their_end_is_free_bytes() {
    for frame in frames() {
        let bytes = frame.encode();
        for length in 0..bytes.len() {
            // What matters is that it returns; a body that is "the rest" may well be shorter.
            let _ = Frame::decode(bytes.slice(..length));
        }
        assert!(Frame::decode(bytes.slice(..2)).is_err());
    }
}

#[test]
fn changed_and_random_bytes_never_panic() {
    let random = SeededRandom::new(5);
    for frame in frames() {
        for _ in 0..500 {
            let mut bytes = frame.encode().to_vec();
            let at = random.u64() as usize % (bytes.len() - 1) + 1;
            bytes[at] = random.u64() as u8;
            let _ = Frame::decode(Bytes::from(bytes));
        }
    }
    for _ in 0..5000 {
        let mut bytes = vec![0; (random.u64() % 64) as usize + 2];
        random.fill(&mut bytes);
        bytes[0] = super::RAFT_FRAME;
        let _ = Frame::decode(Bytes::from(bytes));
    }
}

#[test]
fn frames_of_earlier_releases_are_read_and_written_alike() {
    let frames = frames();
    let written: Vec<Vec<u8>> = frames.iter().map(|frame| frame.encode().to_vec()).collect();
    for (stored, frame) in golden_list("frames_1", &written).into_iter().zip(frames) {
        assert_eq!(format!("{:?}", Frame::decode(stored).unwrap()), format!("{frame:?}"));
    }
}
