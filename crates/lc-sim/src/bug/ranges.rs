//! What bugs do to records that travel by ranges: in messages, and in what a member keeps of a catch-up.

use std::collections::BTreeMap;

use bytes::Bytes;
use lc_core::VersionVector;
use lc_crdt::SpanRows;
use lc_member::Frame;
use lc_member::wire;
use lc_repl::JournalState;
use lc_repl::ranges::{RangeAnswer, RangeMessage, RangeRows};
use lc_store::Store;

use super::Bug;
use crate::store::SimStore;

/// What regions said to each other last about records.
#[derive(Default)]
pub(crate) struct Said {
    questions: BTreeMap<(usize, usize), Question>,
    records: BTreeMap<(usize, usize), Bytes>,
}

/// Its name, and what the asker has of what it asks for.
pub(crate) type Question = (u64, VersionVector);

impl Said {
    /// A frame on its way, as it goes on.
    pub(crate) fn pass(&mut self, bug: Bug, (from, to): (usize, usize), frame: Bytes) -> Bytes {
        match wire::decode(frame.clone()) {
            Ok(Frame::Ranges(RangeMessage::Ask(ask))) => {
                self.questions.insert((from, to), (ask.id, ask.at_least));
                frame
            }
            Ok(Frame::Ranges(RangeMessage::Answer { id, answer: RangeAnswer::Rows(mut rows) }))
                if bug == Bug::AnswerOfQuestionBefore =>
            {
                let before = self.records.insert((from, to), rows.rows.clone());
                rows.rows = before.unwrap_or(rows.rows);
                wire::encode_ranges(&RangeMessage::Answer { id, answer: RangeAnswer::Rows(rows) })
            }
            _ => frame,
        }
    }

    /// The last question that `from` asked `to`.
    pub(crate) fn question(&self, from: usize, to: usize) -> Option<Question> {
        self.questions.get(&(from, to)).cloned()
    }
}

impl Bug {
    /// Whether a frame comes back to who sent it, as from who should have got it.
    pub(crate) fn turns_back(self, frame: &Bytes) -> bool {
        self == Bug::SumsAlwaysEqual
            && matches!(
                wire::decode(frame.clone()),
                Ok(Frame::Ranges(RangeMessage::SumsAsk(_) | RangeMessage::Sums(_)))
            )
    }

    /// What a member says of its journal.
    pub(super) fn change_journal(self, journal: Option<JournalState>) -> Option<JournalState> {
        journal.map(|journal| match self {
            Bug::JournalClaimsAll => JournalState { begins_after: VersionVector::new(), ..journal },
            Bug::PauseNeverEnds => JournalState { paused: true, ..journal },
            _ => journal,
        })
    }

    /// A message about records as it leaves.
    pub(super) fn change_ranges(self, message: RangeMessage) -> RangeMessage {
        match message {
            RangeMessage::Answer { id, answer: RangeAnswer::Rows(rows) } => {
                RangeMessage::Answer { id, answer: RangeAnswer::Rows(self.change_range_rows(rows)) }
            }
            message => message,
        }
    }

    fn change_range_rows(self, mut answer: RangeRows) -> RangeRows {
        match self {
            Bug::RecordsClaimMore => answer.vector = more(&answer.vector),
            Bug::CutForgotten if !answer.cut.is_empty() => {
                (answer.whole, answer.cut) = (answer.whole + 1, Bytes::new())
            }
            Bug::RecordsLeftOut | Bug::KnownTakenForSame => {
                if let Ok(mut rows) = SpanRows::decode(answer.rows.clone()) {
                    self.change_span_rows(&mut rows);
                    let mut out = Vec::new();
                    rows.encode(&mut out);
                    answer.rows = out.into();
                }
            }
            _ => {}
        }
        answer
    }

    fn change_span_rows(self, rows: &mut SpanRows) {
        match self {
            Bug::RecordsLeftOut => drop(rows.keys.pop()),
            _ => rows.same.iter_mut().for_each(|bits| *bits = 0xff),
        }
    }

    /// A message about records as it arrives. `question` is the last that the receiver asked the sender, which has
    /// `applied` so much by now.
    pub(super) fn change_arrived_ranges(
        self,
        message: RangeMessage,
        question: Option<&Question>,
        applied: &VersionVector,
    ) -> RangeMessage {
        match message {
            RangeMessage::Answer { id, answer: RangeAnswer::Rows(mut rows) } if self == Bug::RecordsClaimLess => {
                if let Some((_, at_least)) = question.filter(|(last, _)| *last == id) {
                    rows.vector = less(&rows.vector, at_least);
                }
                RangeMessage::Answer { id, answer: RangeAnswer::Rows(rows) }
            }
            RangeMessage::Sums(mut sums) if matches!(self, Bug::SumsAlwaysEqual | Bug::SumsOfNow) => {
                if let Some(vector) = &mut sums.vector {
                    vector.merge(applied);
                }
                RangeMessage::Sums(sums)
            }
            message => message,
        }
    }
}

fn more(vector: &VersionVector) -> VersionVector {
    vector.iter().map(|(replica, seq)| (replica, seq + 3)).collect()
}

/// Less than `vector`, but not less than what was asked for.
fn less(vector: &VersionVector, at_least: &VersionVector) -> VersionVector {
    vector.iter().map(|(replica, seq)| (replica, at_least.get(replica).max(seq.saturating_sub(3)))).collect()
}

/// Takes out of the store what a start with this bug does not look for.
pub(crate) fn forget_rows(bug: Bug, store: &SimStore) {
    let prefix: &[u8] = match bug {
        Bug::LedgerForgotten => b"l",
        Bug::AdoptedForgotten => b"m\0adopted",
        _ => return,
    };
    let mut end = prefix.to_vec();
    *end.last_mut().expect("no prefix is empty") += 1;
    let rows = store.rows.scan(prefix, Some(&end));
    let rows: Vec<_> = rows.map(|row| row.expect("a memory store reads").0).collect();
    store.rows.commit(&mut rows.into_iter().map(|row| (row, None))).expect("a memory store commits");
}
