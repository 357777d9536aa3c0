//! What went wrong while records came as state, each as the shortest history that shows it.

use lc_core::{Dot, Hlc, ReplicaId, Span, VersionVector};
use lc_crdt::{
    Address, Contexts, Entry, Incoming, Kind, Known, Op, Room, SpanRows, Tail, apply_outside, fingerprints, install,
    key_span, merge, place_of,
};

use crate::world::{Intent, Replica};

const LIMA: ReplicaId = ReplicaId(1);
const TOKYO: ReplicaId = ReplicaId(2);
const SALT: u64 = 3;

fn set() -> Intent {
    Intent::Set { key: "a", value: "1", expires_ms: None }
}

fn delete() -> Intent {
    Intent::Delete { key: "a" }
}

fn decide(replica: &mut Replica, id: ReplicaId, intent: Intent) -> Entry {
    replica.decide(id, &[intent]).expect("an intent that always does something")
}

fn read(sender: &Replica, prints: &[u8]) -> SpanRows {
    let mut sent = SpanRows::default();
    let mut room = Room { bytes: usize::MAX, cells: usize::MAX };
    let known = Known::new(prints);
    sent.read(&sender.rows, &Span::all(), (&known, SALT, 0), &|_| true, &mut room).unwrap();
    sent
}

fn incoming<'a>(sent: &'a SpanRows, vector: &'a VersionVector, span: &'a Span) -> Incoming<'a> {
    Incoming { span, vector, rows: sent, same: &|_| false, settles: &|_| true }
}

/// Lima writes a key and deletes it; tokyo, who has not heard of either, writes it too, and lima hears of that.
fn undone() -> (Replica, Replica, Entry) {
    let (mut lima, mut tokyo) = (Replica::default(), Replica::default());
    let written = decide(&mut lima, LIMA, set());
    decide(&mut lima, LIMA, delete());
    lima.receive(&decide(&mut tokyo, TOKYO, set()));
    assert!(lima.rows.0 == tokyo.rows.0);
    (lima, tokyo, written)
}

/// Kept what was deleted: tokyo named its cell as known, then heard of lima's write by the stream; lima, who had deleted
/// that again, said that the cell was the same, which it had been when tokyo asked.
#[test]
fn a_cell_that_the_stream_touched_after_it_was_named_as_known_is_not_the_senders_any_more() {
    let (lima, mut tokyo, written) = undone();
    let mut tail = Tail::new(usize::MAX);
    let mark = tail.mark();
    let (prints, places) = fingerprints(&tokyo.rows, &Span::all(), SALT, 9).unwrap().unwrap();
    tokyo.receive(&written);
    tail.push(written, 1);
    let sent = read(&lima, &prints);
    assert!(sent.is_same(0) && sent.keys.is_empty() && tokyo.rows.0 != lima.rows.0);

    let touched = tail.touched(mark, &lima.applied).unwrap();
    assert!(touched.contains(&places[0]), "so it is asked for again");
    assert!(
        !touched.contains(&place_of(b"a", Kind::Hash, b"x")) && !touched.contains(&place_of(b"b", Kind::String, b""))
    );

    // As it stands now it is not the same.
    let (mark, (prints, places)) = (tail.mark(), fingerprints(&tokyo.rows, &Span::all(), SALT, 9).unwrap().unwrap());
    let sent = read(&lima, &prints);
    assert!(!sent.is_same(0) && !tail.touched(mark, &lima.applied).unwrap().contains(&places[0]));
    install(&mut tokyo.rows, &incoming(&sent, &lima.applied, &Span::all()), &[]).unwrap();
    assert!(tokyo.rows.0 == lima.rows.0);
}

/// The same with sums: a stretch was equal when both looked at it.
#[test]
fn a_stretch_that_the_stream_touched_after_it_was_looked_at_is_not_known_to_be_equal() {
    let (lima, mut tokyo, written) = undone();
    let mut tail = Tail::new(usize::MAX);
    let (looked, mark) = (read(&tokyo, &[]), tail.mark());
    assert_eq!(looked, read(&lima, &[]));
    tokyo.receive(&written);
    tail.push(written, 1);
    let touched = tail.touched(mark, &lima.applied).unwrap();
    assert!(touched.meets(&key_span(b"a")) && touched.meets(&Span::all()) && !touched.meets(&key_span(b"b")));
    // What lima has not applied is applied on either side after the look.
    assert!(!tail.touched(mark, &[(TOKYO, 1)].into_iter().collect()).unwrap().meets(&Span::all()));
}

/// Tokyo gets lima's value as a record, deletes it, and crashes before either is flushed. The journal has the deletion.
fn torn() -> (Replica, Replica, Contexts, Entry) {
    let (mut lima, mut tokyo) = (Replica::default(), Replica::default());
    decide(&mut lima, LIMA, set());
    let (mut contexts, store) = (Contexts::default(), tokyo.clone());
    contexts.begin(1);
    install(&mut tokyo.rows, &incoming(&read(&lima, &[]), &lima.applied, &Span::all()), &[]).unwrap();
    contexts.cover(&mut tokyo.rows, &Span::all(), &lima.applied).unwrap();
    let claim = contexts.least(&[key_span(b"a")], &tokyo.applied);
    let deletion = tokyo.decide_after(TOKYO, &[delete()], claim).unwrap();

    let mut tokyo = store;
    let mut contexts = Contexts::open(&tokyo.rows).unwrap();
    contexts.begin(1);
    apply_outside(&mut tokyo.rows, &deletion, &contexts).unwrap();
    contexts.tear(&mut tokyo.rows, &deletion, &tokyo.applied).unwrap();
    tokyo.applied.raise(TOKYO, 1);
    (lima, tokyo, contexts, deletion)
}

/// Brought back what was deleted: after the crash tokyo's rows, where nothing is, were sent as those of somebody who had
/// applied the deletion and not the value. Whoever took them put the value there when it came by the stream.
#[test]
fn what_a_crash_took_from_under_a_write_is_owed_until_it_is_installed_again() {
    let (mut lima, mut tokyo, mut contexts, deletion) = torn();
    assert!(contexts.is_torn(&Span::all()) && !contexts.is_torn(&key_span(b"b")));
    assert_eq!(contexts.owed(&key_span(b"a")), lima.applied);
    assert_eq!(contexts.left(&Span::all()), [Span::all()]);
    // Neither the stream nor another crash makes it whole.
    contexts.settle(&mut tokyo.rows, &[(LIMA, 9), (TOKYO, 9)].into_iter().collect()).unwrap();
    let mut again = Contexts::open(&tokyo.rows).unwrap();
    again.begin(1);
    assert_eq!(again, contexts);
    assert!(contexts.is_torn(&key_span(b"a")));

    lima.receive(&deletion);
    install(&mut tokyo.rows, &incoming(&read(&lima, &[]), &lima.applied, &Span::all()), &[]).unwrap();
    contexts.cover(&mut tokyo.rows, &Span::all(), &lima.applied).unwrap();
    assert!(!contexts.is_torn(&Span::all()) && contexts.left(&Span::all()).is_empty());
    contexts.settle(&mut tokyo.rows, &lima.applied).unwrap();
    assert!(contexts.is_empty() && tokyo.rows.0.is_empty(), "nothing is kept of the deletion");
}

/// Brought back what was deleted: after the crash tokyo's rows were called equal to those of one who had neither; or they
/// were merged with lima's, who had the value and not the deletion, and tokyo did not seem to know the value.
#[test]
fn a_merge_with_what_a_crash_took_replaces_it_as_the_write_did() {
    let (lima, mut tokyo, mut contexts, _) = torn();
    let (span, covered) = contexts.even(&key_span(b"a"), &tokyo.applied);
    assert_eq!((&span, &covered), (&key_span(b"a"), &tokyo.applied));
    let sent = read(&lima, &[]);
    let incoming = incoming(&sent, &lima.applied, &span);
    merge(&mut tokyo.rows, &incoming, &covered).unwrap();
    assert!(!read(&tokyo, &[]).keys.is_empty(), "the value stands where the deletion did not find it");
    contexts.mend(&mut tokyo.rows, &incoming).unwrap();
    assert!(read(&tokyo, &[]).keys.is_empty());
    contexts.cover(&mut tokyo.rows, &span, &lima.applied).unwrap();
    assert!(!contexts.is_torn(&Span::all()));
}

/// A sender without what is owed cannot mend it.
#[test]
fn a_torn_stretch_stays_torn_under_a_vector_that_lacks_what_it_is_owed() {
    let (lima, mut tokyo, mut contexts, _) = torn();
    contexts.cover(&mut tokyo.rows, &Span::all(), &[(ReplicaId(7), 7)].into_iter().collect()).unwrap();
    assert!(contexts.is_torn(&key_span(b"a")));
    assert_eq!(contexts.left(&Span::all()), [key_span(b"a")]);
    assert_eq!(contexts.owed(&Span::all()), lima.applied);
}

/// A write that saw no more than what is in the rows finds after a crash what it saw.
#[test]
fn a_write_over_what_was_flushed_tears_nothing() {
    let mut tokyo = Replica::default();
    let mut contexts = Contexts::default();
    contexts.begin(1);
    contexts.cover(&mut tokyo.rows, &key_span(b"a"), &[(LIMA, 4)].into_iter().collect()).unwrap();
    let before = contexts.clone();
    let seen: VersionVector = [(LIMA, 4), (ReplicaId(3), 2)].into_iter().collect();
    let write = tokyo.decide_after(TOKYO, &[set()], seen).unwrap();
    contexts.tear(&mut tokyo.rows, &write, &[(ReplicaId(3), 2)].into_iter().collect()).unwrap();
    assert_eq!(contexts, before);
    contexts.tear(&mut tokyo.rows, &write, &VersionVector::new()).unwrap();
    assert!(contexts.is_torn(&key_span(b"a")));
    assert_eq!(contexts.owed(&Span::all()), [(LIMA, 4), (ReplicaId(3), 2)].into_iter().collect());
    assert_eq!(contexts.left(&key_span(b"a")), [key_span(b"a")]);
}

/// More keys and bytes than are looked at or kept at a time, on both sides, of which most differ.
#[test]
fn a_stretch_with_many_large_rows_becomes_the_senders() {
    let (mut lima, mut tokyo) = (Replica::default(), Replica::default());
    for (replica, id, step, fill) in [(&mut lima, LIMA, 2, b'l'), (&mut tokyo, TOKYO, 3, b't')] {
        for number in (0..4500).step_by(step) {
            let key = format!("key {number}");
            let value = vec![fill; if number % 7 == 0 { 6000 } else { 20 }].into();
            let op = Op::Put { at: Address::string(key.into()), value, expires_ms: None, resets: Vec::new() };
            let seq = number as u64 + 1;
            let (dot, hlc) = (Dot::new(id, seq), Hlc(seq << 16));
            lc_crdt::apply(
                &mut replica.rows,
                &Entry { dot, prev_seq: 0, hlc, deps: VersionVector::new(), ops: vec![op] },
            )
            .unwrap();
        }
    }
    let (sent, vector, span) = (read(&lima, &[]), VersionVector::new(), Span::all());
    let mut bytes = Vec::new();
    sent.encode(&mut bytes);
    let sent = SpanRows::decode(bytes.into()).unwrap();
    install(&mut tokyo.rows, &incoming(&sent, &vector, &span), &[]).unwrap();
    assert!(tokyo.rows.0 == lima.rows.0);
}
