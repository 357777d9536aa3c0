//! The entries that were applied here last: what records that come as state may lack.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;

use bytes::Bytes;
use lc_core::{Span, VersionVector};

use crate::place::{key_of_place, key_span, place_at, place_of};
use crate::{Entry, Kind, Op};

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

    /// The cells to which entries were applied after a mark that `vector` covers. `None` if some of those after the mark
    /// are gone.
    ///
    /// If a sender with this vector says that such a cell stands there as it stood here at the mark, that does not make
    /// it the one that is here now: the sender's is the one after these entries, so what they did was undone there.
    pub fn touched(&self, mark: u64, vector: &VersionVector) -> Option<Touched> {
        let skip = mark.checked_sub(self.first)? as usize;
        let mut touched = Touched::default();
        let covered = self.entries.iter().skip(skip).filter(|(entry, _)| vector.covers(entry.dot));
        covered.flat_map(|(entry, _)| &entry.ops).for_each(|op| touched.add(op));
        Some(touched)
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

/// Cells that some entries were applied to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Touched {
    cells: BTreeSet<Bytes>,
    /// Keys that were touched as a whole: where each begins and ends.
    keys: BTreeMap<Bytes, Bytes>,
    all: bool,
}

impl Touched {
    /// Whether the cell at a place is among them.
    pub fn contains(&self, place: &[u8]) -> bool {
        let key = || self.keys.range::<[u8], _>((Bound::Unbounded, Bound::Included(place))).next_back();
        self.all || self.cells.contains(place) || key().is_some_and(|(_, to)| place < to.as_ref())
    }

    /// Whether any cell of a stretch is among them.
    pub fn meets(&self, span: &Span) -> bool {
        let begins = |place: Option<&Bytes>| place.is_some_and(|place| span.ends_after(place));
        self.contains(&span.from)
            || begins(self.cells.range(span.from.clone()..).next())
            || begins(self.keys.range(span.from.clone()..).next().map(|(from, _)| from))
    }

    /// The parts of a stretch that are keys with such cells, in order.
    pub fn parts(&self, span: &Span) -> Vec<Span> {
        if self.all {
            return vec![span.clone()];
        }
        let of_cells = self.cells.iter().map(|place| key_span(&key_of_place(place).1));
        let of_keys = self.keys.iter().map(|(from, to)| Span { from: from.clone(), to: to.clone() });
        let parts: BTreeMap<Bytes, Span> =
            of_cells.chain(of_keys).filter_map(|part| part.meet(span)).map(|part| (part.from.clone(), part)).collect();
        parts.into_values().collect()
    }

    fn add(&mut self, op: &Op) {
        match op {
            Op::Put { at, .. }
            | Op::PutOver { at, .. }
            | Op::Collapse { at, .. }
            | Op::Add { at, .. }
            | Op::Remove { at, .. } => {
                self.cells.insert(place_at(at).into());
            }
            Op::Expire { key, .. } => {
                self.cells.insert(place_of(key, Kind::String, b"").into());
            }
            Op::Delete { key, .. } => {
                let Span { from, to } = key_span(key);
                self.keys.insert(from, to);
            }
            Op::Clear { .. } => self.all = true,
            Op::Withheld { .. } => {}
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
