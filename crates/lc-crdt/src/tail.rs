//! The entries that were applied here last: what records that come as state may lack.

use std::collections::VecDeque;

use lc_core::VersionVector;

use crate::Entry;

/// Entries in the order in which they were applied, bounded in bytes. Whoever asks for records takes a mark first;
/// everything after it is applied once more over what comes.
#[derive(Debug)]
pub struct Tail {
    entries: VecDeque<(Entry, usize)>,
    first: u64,
    bytes: usize,
    bytes_max: usize,
}

impl Tail {
    /// Keeps up to so many bytes of entries. The oldest go first; a mark before them is void.
    pub fn new(bytes_max: usize) -> Tail {
        Tail { entries: VecDeque::new(), first: 0, bytes: 0, bytes_max }
    }

    /// Where the next entry will stand.
    pub fn mark(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    /// Keeps an entry that was applied just now; `bytes` is how much it occupies.
    pub fn push(&mut self, entry: Entry, bytes: usize) {
        self.bytes += bytes;
        self.entries.push_back((entry, bytes));
        while self.bytes > self.bytes_max {
            self.drop_first();
        }
    }

    /// The entries after a mark that `vector` does not cover. `None` if some of those after the mark are gone, or if they
    /// cannot follow upon `vector`: one was decided over records that came from another sender in between, and what it
    /// saw there would be applied after it.
    pub fn since(&self, mark: u64, vector: &VersionVector) -> Option<Vec<&Entry>> {
        let skip = mark.checked_sub(self.first)? as usize;
        let (mut covered, mut since) = (vector.clone(), Vec::new());
        for (entry, _) in self.entries.iter().skip(skip) {
            if covered.covers(entry.dot) {
                continue;
            }
            if !covered.covers_all(&entry.deps) {
                return None;
            }
            covered.raise(entry.dot.replica, entry.dot.seq);
            since.push(entry);
        }
        Some(since)
    }

    /// Forgets what stands before a mark, the oldest that anybody still has.
    pub fn release(&mut self, mark: u64) {
        while self.first < mark && !self.entries.is_empty() {
            self.drop_first();
        }
    }

    /// How many bytes are kept.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn drop_first(&mut self) {
        if let Some((_, bytes)) = self.entries.pop_front() {
            self.first += 1;
            self.bytes -= bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use lc_core::{Dot, Hlc, ReplicaId, VersionVector};

    use super::Tail;
    use crate::Entry;

    fn entry(seq: u64) -> Entry {
        let dot = Dot::new(ReplicaId(1), seq);
        Entry { dot, prev_seq: seq - 1, hlc: Hlc(seq), deps: VersionVector::new(), ops: Vec::new() }
    }

    #[test]
    fn a_mark_whose_entries_are_gone_is_void() {
        let mut tail = Tail::new(100);
        let begin = tail.mark();
        (1..=4).for_each(|seq| tail.push(entry(seq), 30));
        assert_eq!(tail.bytes(), 90);
        assert!(tail.since(begin, &VersionVector::new()).is_none());
        let covered: VersionVector = [(ReplicaId(1), 3)].into_iter().collect();
        assert_eq!(tail.since(begin + 1, &covered), Some(vec![&entry(4)]));
        tail.release(tail.mark());
        assert_eq!((tail.bytes(), tail.since(tail.mark(), &covered)), (0, Some(vec![])));
    }
}
