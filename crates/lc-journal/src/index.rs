//! Where each replica's entries are, coarsely.

use std::collections::BTreeMap;
use std::collections::VecDeque;

use crate::format::Highest;

/// For each replica a mark about every [`MARK_EVERY_BYTES`] of journal in which it wrote.
#[derive(Default)]
pub(crate) struct Index {
    replicas: BTreeMap<u16, Replica>,
}

struct Replica {
    marks: VecDeque<Mark>,
    last_seq: u64,
}

/// "Before this position the replica's highest sequence is that": true whatever order its entries came in.
#[derive(Clone, Copy)]
struct Mark {
    position: u64,
    highest_before: Option<u64>,
}

impl Index {
    /// What was written by whom in the part that is gone.
    pub(crate) fn after(dropped: &Highest) -> Index {
        let replica = |(&replica, &last_seq)| (replica, Replica { marks: VecDeque::new(), last_seq });
        Index { replicas: dropped.iter().map(replica).collect() }
    }

    pub(crate) fn note(&mut self, replica: u16, seq: u64, position: u64) {
        let Some(known) = self.replicas.get_mut(&replica) else {
            let marks = VecDeque::from([Mark { position, highest_before: None }]);
            self.replicas.insert(replica, Replica { marks, last_seq: seq });
            return;
        };
        if known.marks.back().is_none_or(|mark| mark.position + MARK_EVERY_BYTES <= position) {
            known.marks.push_back(Mark { position, highest_before: Some(known.last_seq) });
        }
        known.last_seq = known.last_seq.max(seq);
    }

    pub(crate) fn last_seq(&self, replica: u16) -> Option<u64> {
        self.replicas.get(&replica).map(|known| known.last_seq)
    }

    /// At or before the replica's first record with at least `seq`; nothing if there is none.
    pub(crate) fn seek(&self, replica: u16, seq: u64) -> Option<u64> {
        let known = self.replicas.get(&replica).filter(|known| known.last_seq >= seq)?;
        let after = known.marks.partition_point(|mark| mark.highest_before.is_none_or(|highest| highest < seq));
        // A truncated journal may have lost the mark before; then the first one left is the best there is, and nothing older exists.
        known.marks.get(after.saturating_sub(1)).map(|mark| mark.position)
    }

    /// Forgets marks before `first`.
    pub(crate) fn truncate_before(&mut self, first: u64) {
        for known in self.replicas.values_mut() {
            // The last mark before `first` also speaks for what follows it, so it moves up instead of going.
            while known.marks.len() > 1 && known.marks[1].position <= first {
                known.marks.pop_front();
            }
            if let Some(oldest) = known.marks.front_mut() {
                oldest.position = oldest.position.max(first);
            }
        }
    }
}

/// A reader that seeks skips at most this much, and a 10 GB journal of one busy replica needs 4 MB of marks.
const MARK_EVERY_BYTES: u64 = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::{Index, MARK_EVERY_BYTES};

    #[test]
    fn a_seek_never_lands_after_what_it_looks_for() {
        let mut index = Index::default();
        let mut written = Vec::new();
        for number in 0..3000u64 {
            // Now and then an entry comes late.
            let seq = if number % 97 == 0 { number.saturating_sub(60) } else { number };
            let position = number * 700;
            index.note(7, seq, position);
            written.push((seq, position));
        }
        for seq in (0..3000).step_by(41) {
            let first = written.iter().find(|record| record.0 >= seq).unwrap().1;
            let found = index.seek(7, seq).unwrap();
            assert!(found <= first && first - found <= 2 * MARK_EVERY_BYTES, "seq {seq}: {found} {first}");
        }
        assert_eq!(index.seek(7, 3000), None);
        assert_eq!(index.seek(8, 0), None);
        assert_eq!(index.last_seq(7), Some(2999));
    }

    #[test]
    fn after_a_truncation_a_seek_begins_at_what_is_left() {
        let mut index = Index::default();
        for number in 0..1000 {
            index.note(7, number, number * 1000);
        }
        index.truncate_before(500_000);
        assert_eq!(index.seek(7, 3), Some(500_000));
        let found = index.seek(7, 505).unwrap();
        assert!((500_000..=505_000).contains(&found));
    }
}
