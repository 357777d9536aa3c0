//! The journal as replication reads it: one origin's entries after a sequence.

use std::ops::ControlFlow;

use bytes::Bytes;
use lc_core::ReplicaId;
use lc_journal::{Journal, Position};
use lc_repl::Log;
use parking_lot::Mutex;

/// Remembers where the last reads ended: the next one nearly always goes on there.
#[derive(Default)]
pub(crate) struct Cursors {
    ends: Mutex<Vec<(ReplicaId, u64, Position)>>,
}

impl Cursors {
    fn find(&self, origin: ReplicaId, after: u64) -> Option<Position> {
        self.ends.lock().iter().find(|end| end.0 == origin && end.1 == after).map(|end| end.2)
    }

    fn keep(&self, origin: ReplicaId, last: u64, next: Position) {
        let mut ends = self.ends.lock();
        if ends.len() >= CURSORS_MAX {
            ends.remove(0);
        }
        ends.push((origin, last, next));
    }
}

/// A journal and its cursors.
pub(crate) struct JournalLog<'a> {
    pub journal: &'a Journal,
    pub cursors: &'a Cursors,
}

impl Log for JournalLog<'_> {
    fn read(&self, origin: ReplicaId, after: u64, max_bytes: usize) -> Vec<(u64, Bytes)> {
        let mut from = self.cursors.find(origin, after).unwrap_or_else(|| self.journal.seek(origin.0, after + 1));
        let (mut found, mut bytes) = (Vec::new(), 0);
        // A stretch of the journal may hold only other origins' entries: go on until something is found or it ends.
        while found.is_empty() && from < self.journal.durable() {
            let start = from;
            let outcome = self.journal.read(from, READ_BYTES, |record| {
                if record.replica == origin.0 && record.seq > after {
                    bytes += record.payload.len();
                    found.push((record.seq, record.payload));
                }
                if bytes >= max_bytes { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            // An unreadable journal shows at the next restart; replication has nothing to send until then.
            from = outcome.unwrap_or(start);
            if from == start {
                break;
            }
        }
        if let Some(&(last, _)) = found.last() {
            self.cursors.keep(origin, last, from);
        }
        found
    }
}

/// A few peers times a few origins.
const CURSORS_MAX: usize = 32;
/// How much journal one look covers.
const READ_BYTES: usize = 1 << 20;
