//! Entries, as they come over a link or out of a journal: what decodes is written the same again, and applying it leaves
//! rows that can be read, sent, and joined with another replica's.

use bytes::Bytes;
use lc_core::wire::Reader;
use lc_core::{ReplicaId, VersionVector};
use lc_crdt::{Entry, KeyRows, apply, join};
use lc_db::View;
use lc_db::testing::MapRows;

use crate::lots::Lots;

/// Pieces, each an entry. One is applied if what it depends on is, as replication does it.
///
/// # Panics
/// If an entry changes when it is written and read, or leaves rows that others cannot take.
pub fn run(data: &[u8]) {
    let mut lots = Lots::new(data);
    let mut one = Applied::default();
    // The same again without every third entry, for joining.
    let mut other = Applied::default();
    for number in 0..ENTRIES_MAX {
        if lots.is_empty() {
            break;
        }
        let Some(entry) = decoded(lots.piece()) else { continue };
        one.take(&entry);
        if number % 3 != 2 {
            other.take(&entry);
        }
    }
    one.check();
    for key in one.keys() {
        let sides = [&one, &other].map(|applied| applied.rows_of(&key));
        join(&key, &[(&one.vector, &sides[0]), (&other.vector, &sides[1])]).expect("rows of ours join");
    }
}

/// Reads an entry and holds it against itself, written and read again.
pub(crate) fn decoded(bytes: &[u8]) -> Option<Entry> {
    let entry = Entry::decode(Bytes::copy_from_slice(bytes)).ok()?;
    let mut out = Vec::new();
    entry.encode(&mut out);
    let back = Entry::decode(Bytes::from(out.clone())).expect("an entry that was written is read");
    let mut again = Vec::new();
    back.encode(&mut again);
    // Bytes rather than values: a NaN in a counter does not equal itself.
    assert_eq!(out, again, "an entry survives being written");
    Some(entry)
}

/// A replica that only applies.
#[derive(Default)]
pub(crate) struct Applied {
    rows: MapRows,
    vector: VersionVector,
}

impl Applied {
    /// Applies an entry that is next and whose dependencies are here; others are left out.
    pub(crate) fn take(&mut self, entry: &Entry) {
        let before = self.vector.get(entry.dot.replica);
        let next = entry.dot.seq > before && entry.prev_seq <= before;
        if !next || !self.vector.covers_all(&without(&entry.deps, entry.dot.replica)) {
            return;
        }
        apply(&mut self.rows, entry).expect("rows that were written by applying can be read");
        self.vector.raise(entry.dot.replica, entry.dot.seq);
    }

    /// Every key can be read and sent.
    pub(crate) fn check(&self) {
        for key in self.keys() {
            let rows = self.rows_of(&key);
            let mut out = Vec::new();
            rows.encode(&mut out);
            let mut reader = Reader::new(Bytes::from(out));
            let back = KeyRows::decode(&mut reader).expect("rows of ours are taken by others");
            assert!(reader.remaining() == 0 && back == rows, "rows cross between nodes unchanged");
        }
    }

    fn keys(&self) -> Vec<Vec<u8>> {
        let mut keys = Vec::new();
        let view = View::new(&self.rows, 0, 1);
        view.each_key(0, &mut |_, key, _| {
            keys.push(key.to_vec());
            true
        })
        .expect("heads can be read");
        keys
    }

    fn rows_of(&self, key: &[u8]) -> KeyRows {
        KeyRows::read(&self.rows, key, usize::MAX).expect("rows can be read")
    }
}

fn without(vector: &VersionVector, replica: ReplicaId) -> VersionVector {
    vector.iter().filter(|(other, _)| *other != replica).collect()
}

const ENTRIES_MAX: usize = 64;
