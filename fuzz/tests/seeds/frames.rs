//! Seeds of links: every kind of frame, and members that exchange them.

use bytes::Bytes;
use lc_core::{Hlc, ReplicaId, Span, VersionVector};
use lc_crdt::KeyRows;
use lc_db::Reply;
use lc_db::testing::Replica;
use lc_fuzz::lots::put_piece;
use lc_member::wire::{Answer, Ask, encode, encode_answer, encode_ask, encode_ranges};
use lc_repl::ranges::{RangeAnswer, RangeAsk, RangeMessage, RangeRows, Sums, SumsAsk};
use lc_repl::{JournalState, Known, Message, Pulse, Shared};

use crate::Seed;
use crate::entries::{encoded, strings, two_replicas};

pub fn seeds() -> Vec<Seed> {
    let frames = frames().into_iter().map(|(name, frame)| ("link_frames", name, frame.to_vec()));
    frames.chain([("member_frames", "exchange", exchange()), ("member_frames", "gap", gap())]).collect()
}

fn frames() -> Vec<(&'static str, Bytes)> {
    let vector: VersionVector = [(ReplicaId(1), 7), (ReplicaId(67), 1 << 40)].into_iter().collect();
    let covers = vector.clone();
    let rows = vec![key_rows("h"), key_rows("z"), KeyRows::default()];
    let reply = Reply::Array(vec![Reply::Int(-3), Reply::Nil, Reply::Double(1.5), Reply::bulk("x"), Reply::OK]);
    let words = vec![Bytes::from_static(b"GET"), Bytes::from_static(b"a")];
    let of_ranges = ranges(&vector).map(|(name, message)| (name, encode_ranges(&message)));
    let mut frames = vec![
        ("hello", encode(&hello(&vector, Some(journal(&vector))))),
        ("have", encode(&have(&vector))),
        ("want", encode(&Message::Want { origin: ReplicaId(3), after: 9 })),
        ("entries", entries(&encoded(&two_replicas()), true)),
        ("ask_rows", encode_ask(7, &Ask::Rows { keys: words.clone() })),
        ("ask_read", encode_ask(8, &Ask::Read { words, covers, fresh_ms: Some(500) })),
        ("rows", encode_answer(7, &Answer::Rows { applied: vector.clone(), rows })),
        ("reply", encode_answer(8, &Answer::Reply { reply, applied: vector, staleness_ms: Some(4) })),
        ("refused", encode_answer(9, &Answer::Refused { why: "behind".to_owned() })),
    ];
    frames.extend(of_ranges);
    frames
}

fn have(vector: &VersionVector) -> Message {
    Message::Have {
        replica: ReplicaId(2),
        durable: vector.clone(),
        applied: Some(Shared { at: vector.clone(), digest: 1 << 100, placement: 7 }),
        hlc: Hlc::from_ms(lc_fuzz::member_frames::WALL_MS),
        pulse: Pulse { sent_ns: 5, echo: Some((3, 7)), wall_ms: 1_800_000_000_000 },
        known: vec![Known { origin: ReplicaId(3), seq: 9, age_ms: 300 }],
        placement: 0,
        journal: Some(journal(vector)),
    }
}

fn hello(vector: &VersionVector, journal: Option<JournalState>) -> Message {
    Message::Hello { replica: ReplicaId(2), durable: vector.clone(), placement: 0, journal }
}

fn journal(vector: &VersionVector) -> JournalState {
    JournalState { begins_after: vector.clone(), paused: false }
}

/// Everything that is said when records travel.
fn ranges(vector: &VersionVector) -> [(&'static str, RangeMessage); 5] {
    let (table, salt) = (Bytes::from_static(b"cart"), 1 << 60);
    let spans = vec![(Span::new("", "b"), Bytes::from_static(b"sixsix")), (Span::new("c", ""), Bytes::new())];
    let ask = RangeAsk { id: 7, table: table.clone(), salt, at_least: vector.clone(), bytes_max: 1 << 18, spans };
    let hlc = Hlc::from_ms(lc_fuzz::member_frames::WALL_MS);
    let rows = RangeRows { vector: vector.clone(), hlc, whole: 1, cut: "c1".into(), rows: Bytes::new() };
    let answer = |answer| RangeMessage::Answer { id: 7, answer };
    let behind = RangeAnswer::Behind { applied: vector.clone(), catching_up: true };
    let sums = Sums { salt, depth: 10, fan: 2, first: 3, vector: Some(vector.clone()), sums: Bytes::from(vec![7; 32]) };
    [
        ("range_ask", RangeMessage::Ask(ask)),
        ("range_rows", answer(RangeAnswer::Rows(rows))),
        ("range_behind", answer(behind)),
        ("sums_ask", RangeMessage::SumsAsk(SumsAsk { table, salt, bits: 20, depth: 10, fan: 2, prefixes: vec![0, 3] })),
        ("sums", RangeMessage::Sums(sums)),
    ]
}

fn entries(entries: &[Bytes], urgent: bool) -> Bytes {
    encode(&Message::Entries { entries: entries.to_vec().into(), urgent })
}

fn key_rows(key: &str) -> KeyRows {
    let mut replica = Replica::new(2);
    for line in ["HSET h f 1", "HINCRBY h f 2", "ZADD z 1 a 2 b"] {
        replica.run(line);
    }
    KeyRows::read(&replica.rows, key.as_bytes(), usize::MAX).expect("rows in a map")
}

/// Steps of the target: a frame from node 2 is 7, from node 3 it is 0x87.
fn exchange() -> Vec<u8> {
    let all = encoded(&two_replicas());
    let of = |frame: Bytes, out: &mut Vec<u8>| put_piece(out, &frame);
    let mut out = vec![7];
    of(encode(&hello(&VersionVector::new(), None)), &mut out);
    out.push(4);
    put_piece(&mut out, b"a own value");
    out.push(7);
    of(entries(&all, true), &mut out);
    out.extend([5, 2, 0x87]);
    of(entries(&all, false), &mut out);
    out.extend([5, 6, 3, 7]);
    of(encode_ask(7, &Ask::Rows { keys: vec![Bytes::from_static(b"a"), Bytes::from_static(b"h")] }), &mut out);
    out.push(7);
    let words = vec![Bytes::from_static(b"GET"), Bytes::from_static(b"a")];
    of(encode_ask(8, &Ask::Read { words, covers: VersionVector::new(), fresh_ms: Some(500) }), &mut out);
    out.push(0x87);
    let vector: VersionVector = [(ReplicaId(2), 4)].into_iter().collect();
    of(encode(&have(&vector)), &mut out);
    out.extend([2, 3, 5]);
    out
}

/// The second of three entries comes last, after a restart of the link.
fn gap() -> Vec<u8> {
    let all = encoded(&strings());
    let mut out = Vec::new();
    for at in [0, 2, 1] {
        out.push(7);
        put_piece(&mut out, &entries(&all[at..=at], false));
        out.extend([2, 0, 1]);
    }
    out.push(5);
    out
}
