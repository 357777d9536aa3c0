//! Frames between nodes as earlier releases wrote them: this release reads them to what they meant then. What is new is added to
//! them by releases of its own time, with files of its own.

use std::path::PathBuf;

use bytes::Bytes;
use lc_core::{Hlc, ReplicaId, VersionVector};
use lc_crdt::KeyRows;
use lc_db::Reply;
use lc_member::wire::{Answer, Ask};
use lc_member::{Frame, wire};
use lc_repl::{Known, Message, Shared};

fn golden(name: &str) -> Frame {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    wire::decode(Bytes::from(std::fs::read(&path).expect(name))).expect("this release reads it")
}

fn vector() -> VersionVector {
    [(ReplicaId(1), 300), (ReplicaId(65), 4_194_305)].into_iter().collect()
}

#[test]
fn a_hello_and_a_want() {
    let Frame::Control(Message::Hello { replica, durable, placement, .. }) = golden("control_1_hello") else {
        panic!("another message")
    };
    assert_eq!((replica, durable, placement), (ReplicaId(3), vector(), 8));
    let Frame::Control(want) = golden("control_1_want") else { panic!("another message") };
    assert_eq!(want, Message::Want { origin: ReplicaId(2), after: 70 });
}

#[test]
fn what_a_peer_has() {
    let Frame::Control(Message::Have { replica, durable, placement, applied, hlc, pulse, known, .. }) =
        golden("control_1_have")
    else {
        panic!("another message")
    };
    assert_eq!((replica, durable, placement, hlc), (ReplicaId(1), vector(), 9, Hlc(99)));
    assert_eq!(applied, Some(Shared { at: vector(), digest: 1 << 100, placement: 7 }));
    assert_eq!((pulse.sent_ns, pulse.echo), (5, Some((1 << 60, 7))));
    assert_eq!(known, [Known { origin: ReplicaId(4), seq: 9, age_ms: 300 }]);
}

#[test]
fn entries_with_and_without_hurry() {
    for (name, hurry) in [("entries_1", false), ("entries_1_urgent", true)] {
        let Frame::Entries { entries, urgent } = golden(name) else { panic!("another frame") };
        assert_eq!((entries, urgent), (vec![Bytes::from_static(b"a"), Bytes::from_static(b"bc")], hurry));
    }
}

#[test]
fn questions_for_rows_and_replies() {
    let Frame::Ask { id: 7, ask: Ask::Rows { keys } } = golden("ask_1_rows") else { panic!("another question") };
    assert_eq!(keys, [Bytes::from_static(b"cart:1")]);
    let Frame::Ask { id: 8, ask: Ask::Read { words, covers, fresh_ms } } = golden("ask_1_read") else {
        panic!("another question")
    };
    assert_eq!((words.len(), covers, fresh_ms), (2, vector(), Some(500)));
}

#[test]
fn answers_of_every_kind() {
    let Frame::Answer { id: 7, answer: Answer::Rows { applied, rows } } = golden("answer_1_rows") else {
        panic!("another answer")
    };
    assert_eq!((applied, rows), (vector(), vec![KeyRows::default()]));
    let Frame::Answer { id: 8, answer: Answer::Reply { reply, applied, staleness_ms } } = golden("answer_1_reply")
    else {
        panic!("another answer")
    };
    assert_eq!((reply, applied, staleness_ms), (Reply::Int(42), vector(), Some(120)));
    let Frame::Answer { id: 9, answer: Answer::Refused { why } } = golden("answer_1_refused") else {
        panic!("another answer")
    };
    assert_eq!(why, "not now");
}
