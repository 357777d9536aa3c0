//! What is said when records travel, as it was written once: this release reads it, and still writes it so. `UPDATE=1` writes
//! what is missing, never what is there.

#[path = "../../../tests/golden_file.rs"]
mod golden_file;

use bytes::Bytes;
use lc_core::{Hlc, ReplicaId, Span, VersionVector};
use lc_repl::ranges::{RangeAnswer, RangeAsk, RangeMessage, RangeRows, Sums, SumsAsk};

fn vector() -> VersionVector {
    [(ReplicaId(1), 300), (ReplicaId(65), 4_194_305)].into_iter().collect()
}

fn is_golden(name: &str, message: RangeMessage) {
    let stored = golden_file::golden(name, &message.to_bytes());
    assert_eq!(RangeMessage::decode(stored), Ok(message));
}

fn text(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

#[test]
fn a_question_for_records() {
    let spans = vec![(Span::new("", "b"), text("sixsix")), (Span::new("c", ""), Bytes::new())];
    let ask =
        RangeAsk { id: 70_000, table: text("cart"), salt: 1 << 60, at_least: vector(), bytes_max: 1 << 18, spans };
    is_golden("range_ask_1", RangeMessage::Ask(ask));
}

#[test]
fn answers_with_records_and_without() {
    let hlc = Hlc(1_800_000_000_000 << 16 | 7);
    let rows = RangeRows { vector: vector(), hlc, whole: 1, cut: text("c1"), rows: text("rows of their own format") };
    let answer = |answer| RangeMessage::Answer { id: 7, answer };
    is_golden("range_answer_1_rows", answer(RangeAnswer::Rows(rows)));
    is_golden("range_answer_1_behind", answer(RangeAnswer::Behind { applied: vector(), catching_up: true }));
    is_golden("range_answer_1_busy", answer(RangeAnswer::Busy));
}

#[test]
fn sums_and_the_question_for_them() {
    let ask = SumsAsk { table: Bytes::new(), salt: 9, bits: 20, depth: 10, fan: 2, prefixes: vec![0, 3, 1000] };
    is_golden("sums_ask_1", RangeMessage::SumsAsk(ask));
    let sums = Sums { salt: 9, depth: 10, fan: 2, first: 3, vector: Some(vector()), sums: text("eight by") };
    is_golden("sums_1", RangeMessage::Sums(sums.clone()));
    is_golden("sums_1_not_looked", RangeMessage::Sums(Sums { vector: None, sums: Bytes::new(), ..sums }));
}
