use lc_core::{Dot, ReplicaId, Span, VersionVector};

use super::{Contexts, Piece};
use crate::JoinedKeys;

fn vector(seqs: &[u64]) -> VersionVector {
    seqs.iter().enumerate().map(|(at, &seq)| (ReplicaId(at as u16 + 1), seq)).collect()
}

fn covered(contexts: &Contexts, place: &str) -> u64 {
    (1..20).take_while(|&seq| contexts.covers(place.as_bytes(), Dot::new(ReplicaId(1), seq))).last().unwrap_or(0)
}

#[test]
fn a_later_context_raises_only_its_own_stretch() {
    let (mut contexts, mut rows) = (Contexts::default(), JoinedKeys::default());
    contexts.cover(&mut rows, &Span::new("b", "f"), &vector(&[5])).unwrap();
    contexts.cover(&mut rows, &Span::new("d", "h"), &vector(&[9])).unwrap();
    let seen: Vec<u64> = ["a", "b", "c", "d", "g", "h"].iter().map(|place| covered(&contexts, place)).collect();
    assert_eq!(seen, [0, 5, 5, 9, 9, 0]);
    let applied = vector(&[2]);
    assert_eq!(contexts.least(&[Span::new("b", "h")], &applied), vector(&[5]));
    assert_eq!(contexts.least(&[Span::all()], &applied), applied);
    assert_eq!(contexts.most(&Span::all(), &applied), vector(&[9]));
    assert_eq!(contexts.even(&Span::new("c", "h"), &applied), (Span::new("c", "d"), vector(&[5])));
    assert_eq!(Contexts::open(&rows).unwrap(), contexts);
}

#[test]
fn neighbours_with_one_context_are_one_and_none_are_left_when_all_is_applied() {
    let (mut contexts, mut rows) = (Contexts::default(), JoinedKeys::default());
    contexts.begin(1);
    for (from, to) in [("", "c"), ("f", ""), ("c", "f")] {
        assert!(!contexts.left(&Span::all()).is_empty());
        contexts.cover(&mut rows, &Span::new(from, to), &vector(&[7, 3])).unwrap();
    }
    assert_eq!((contexts.len(), contexts.left(&Span::all())), (1, vec![]));
    assert_eq!(contexts.least(&[Span::all()], &vector(&[1, 4])), vector(&[7, 4]));
    contexts.settle(&mut rows, &vector(&[7, 2])).unwrap();
    assert_eq!(contexts.len(), 1);
    contexts.settle(&mut rows, &vector(&[7, 4])).unwrap();
    assert!(contexts.is_empty());
    assert_eq!(rows, JoinedKeys::default());
}

#[test]
fn what_an_earlier_catch_up_did_is_not_done_for_the_next() {
    let (mut contexts, mut rows) = (Contexts::default(), JoinedKeys::default());
    contexts.begin(1);
    contexts.cover(&mut rows, &Span::new("", "m"), &vector(&[7])).unwrap();
    assert_eq!(contexts.left(&Span::all()), [Span::new("m", "")]);
    contexts.begin(2);
    assert_eq!(contexts.left(&Span::all()), [Span::all()]);
    contexts.cover(&mut rows, &Span::new("c", "d"), &vector(&[8])).unwrap();
    assert_eq!(contexts.left(&Span::all()), [Span::new("", "c"), Span::new("d", "")]);
    assert_eq!(contexts.round(), 2);
}

#[path = "../../../../tests/golden_file.rs"]
mod golden_file;

#[test]
fn a_context_as_it_was_written_once() {
    let vector: VersionVector = [(ReplicaId(1), 300), (ReplicaId(65), 4_194_305)].into_iter().collect();
    let piece = Piece { to: "end".into(), vector: vector.clone(), owed: VersionVector::new(), round: 70_000 };
    assert_eq!(Piece::decode(golden_file::golden("context_1", &piece.encode())), Ok(piece.clone()));
    let torn = Piece { owed: vector, round: 0, ..piece };
    assert_eq!(Piece::decode(golden_file::golden("context_1_torn", &torn.encode())), Ok(torn));
}
