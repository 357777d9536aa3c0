//! The journal as replication reads it: one origin's entries after a sequence.

use std::ops::ControlFlow;

use bytes::Bytes;
use lc_core::{NodeId, ReplicaId, VersionVector};
use lc_crdt::Entry;
use lc_journal::{Journal, Position};
use lc_policy::Tables;
use lc_repl::Log;
use parking_lot::Mutex;

use crate::placement;
use crate::settings::Peer;

/// Remembers where the last reads ended: the next one nearly always goes on there.
#[derive(Default)]
pub(crate) struct Cursors {
    ends: Mutex<Vec<(ReplicaId, u64, Position)>>,
    /// Why the last read failed and where it had begun, until somebody has taken note.
    trouble: Mutex<Option<(String, Position)>>,
}

impl Cursors {
    /// Why a read failed and where it had begun, once.
    pub(crate) fn take_trouble(&self) -> Option<(String, Position)> {
        self.trouble.lock().take()
    }

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

/// A journal and its cursors, and who may have what of it.
pub(crate) struct JournalLog<'a> {
    pub journal: &'a Journal,
    pub cursors: &'a Cursors,
    pub tables: &'a Tables,
    pub peers: &'a [Peer],
    /// Of each origin, entries up to here never were in the journal: they came as records.
    pub adopted: &'a VersionVector,
}

/// Of each origin, entries up to here are not in the journal: dropped, or taken over as records.
pub(crate) fn begins_after(journal: &Journal, adopted: &VersionVector) -> VersionVector {
    let mut begins_after = adopted.clone();
    journal.truncated().iter().for_each(|(&replica, &seq)| begins_after.raise(ReplicaId(replica), seq));
    begins_after
}

/// Of each origin, entries up to here may lie in the part of the journal that cannot be read from a place on: to the end of its
/// segment, behind which another begins that is whole for all that is known. `applied` is what all of the journal has.
pub(crate) fn unreadable_upto(journal: &Journal, from: Position, applied: &VersionVector) -> VersionVector {
    // A read goes on into the next segment, so what it had shown by then is not known to be what failed.
    let segment = journal.spans().find(|span| span.end > from && is_unreadable(journal, from, span.end));
    segment.map_or_else(
        || applied.clone(),
        |span| span.upto.iter().map(|(&replica, &seq)| (ReplicaId(replica), seq)).collect(),
    )
}

/// Whether reading from a place to another, where a segment ends, fails.
fn is_unreadable(journal: &Journal, from: Position, end: Position) -> bool {
    let mut at = from;
    while at < end {
        let start = at;
        let outcome = journal.read(at, READ_BYTES, |record| {
            at = record.next;
            if record.next < end { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        if outcome.is_err() {
            return at < end;
        }
        if at == start {
            break;
        }
    }
    false
}

impl JournalLog<'_> {
    /// Entries of `origin` up to this sequence are not in the journal, or not all of them: whoever lacks one of them cannot
    /// get it from here.
    pub(crate) fn missing_before(&self, origin: ReplicaId) -> u64 {
        self.adopted.get(origin).max(self.journal.truncated().get(&origin.0).copied().unwrap_or(0))
    }

    fn region_of(&self, node: NodeId) -> &str {
        // A node that nobody names stands nowhere, so that it gets nothing that is not for everybody.
        self.peers.iter().find(|peer| peer.node == node).map_or("", |peer| peer.region.as_str())
    }

    /// Entries as a peer may have them; they end before one of which the peer should have more than is here.
    fn stripped(&self, to: NodeId, found: Vec<(u64, Bytes)>) -> Vec<(u64, Bytes)> {
        let region = self.region_of(to);
        let strip = |(seq, bytes): (u64, Bytes)| {
            // What does not decode here is refused there as well; residency comes first.
            let entry = Entry::decode(bytes.clone()).ok()?;
            if placement::lacks_for(&entry, self.tables, region) {
                return None;
            }
            let stripped = placement::stripped(&entry, self.tables, region);
            Some((seq, stripped.map_or(bytes, |(_, bytes)| bytes)))
        };
        found.into_iter().map_while(strip).collect()
    }
}

impl Log for JournalLog<'_> {
    fn read(&self, to: NodeId, origin: ReplicaId, after: u64, max_bytes: usize) -> Vec<(u64, Bytes)> {
        // What comes later would leave a hole.
        if after < self.missing_before(origin) {
            return Vec::new();
        }
        let known = self.cursors.find(origin, after).unwrap_or_else(|| self.journal.seek(origin.0, after + 1));
        // Where the last read ended may be gone, with nothing of this origin behind it.
        let mut from = known.max(self.journal.first());
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
            // There is nothing to send beyond what cannot be read; the member alarms its operator.
            from = outcome.unwrap_or_else(|error| {
                *self.cursors.trouble.lock() = Some((error.to_string(), start));
                start
            });
            if from == start {
                break;
            }
        }
        if let Some(&(last, _)) = found.last() {
            self.cursors.keep(origin, last, from);
        }
        if self.tables.restricted().is_empty() { found } else { self.stripped(to, found) }
    }

    fn audience(&self, to: NodeId) -> u32 {
        // Whoever may not have everything is its own audience: regions that leave out the same tables are rare.
        let restricted = self.tables.withheld_from(self.region_of(to)).next().is_some();
        if restricted { u32::from(to.0) + 1 } else { 0 }
    }
}

/// A few peers times a few origins.
const CURSORS_MAX: usize = 32;
/// How much journal one look covers.
const READ_BYTES: usize = 1 << 20;
