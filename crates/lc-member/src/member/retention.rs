//! Which part of the journal may go: what the store has durably and every other node has durably too.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use lc_core::{NodeId, ReplicaId, VersionVector};
use lc_crdt::Entry;
use lc_journal::{Position, Span, TruncateDone, TruncateJob};
use lc_repl::Time;

use super::Member;
use crate::settings::DiskBounds;

/// What a member remembers about its journal's oldest part.
#[derive(Debug, Default)]
pub(super) struct Retention {
    /// The store has everything before this durably.
    flushed: Position,
    /// It will, once the flush under way has succeeded.
    flushing: Position,
    looked_at: Option<Time>,
    /// What can be dropped was found to end here.
    before: Position,
    kept: Option<Kept>,
    /// When the first entry of each segment was decided, Unix ms.
    begun_ms: BTreeMap<Position, u64>,
}

/// Why the oldest part of the journal is still there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kept {
    /// Nothing is to be dropped, so that regions may join.
    Newcomers,
    /// It is not in the record store yet.
    Unflushed,
    /// A node has not told that it has everything in it.
    Peer {
        /// The node.
        node: NodeId,
        /// Whose entries it lacks.
        origin: ReplicaId,
        /// Up to where it has them, as far as it told since this node started.
        has: u64,
        /// Up to where it must have them before anything can go.
        needs: u64,
    },
}

/// The journal as operators see it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JournalView {
    /// Bytes of records that are kept.
    pub bytes: u64,
    /// Bytes dropped since the data directory was made.
    pub dropped_bytes: u64,
    /// Bytes that the record store does not have yet; a restart reads them.
    pub unflushed_bytes: u64,
    /// When the oldest entry was decided, Unix ms; unknown for a moment after a start.
    pub oldest_ms: Option<u64>,
    /// Why it does not begin later; `None` while there is no whole segment that could go.
    pub kept: Option<Kept>,
}

impl Retention {
    /// A journal of which the store has everything before `flushed`.
    pub(super) fn new(flushed: Position) -> Retention {
        Retention { flushed, ..Retention::default() }
    }

    pub(super) fn flush_begins(&mut self, at: Position) {
        self.flushing = at;
    }

    /// What the store has once the flush that was begun last has succeeded.
    pub(super) fn flushing(&self) -> Position {
        self.flushing
    }

    pub(super) fn flush_succeeded(&mut self) {
        self.flushed = self.flushing;
    }

    /// Whether the journal has outgrown the store, although few rows changed: a restart would read all of that again.
    pub(super) fn wants_flush(&self, appended: Position) -> bool {
        appended.0.saturating_sub(self.flushed.0) > UNFLUSHED_BYTES_MAX
    }
}

impl Member {
    /// The journal as operators see it.
    pub fn journal_view(&self) -> JournalView {
        let (first, appended) = (self.journal.first(), self.journal.appended());
        JournalView {
            bytes: appended.0 - first.0,
            dropped_bytes: first.0,
            unflushed_bytes: appended.0.saturating_sub(self.retention.flushed.0),
            oldest_ms: self.retention.begun_ms.get(&first).copied(),
            kept: self.retention.kept,
        }
    }

    /// Journal segments that nobody needs any more, to be dropped without holding the member; usually `None`.
    pub fn begin_truncate(&mut self) -> Option<TruncateJob> {
        if self.retention.before <= self.journal.first() {
            return None;
        }
        self.journal.begin_truncate(self.retention.before)
    }

    /// What a truncation did. After an error everything is as before, and it is tried again.
    pub fn finish_truncate(&mut self, done: TruncateDone) -> Result<(), crate::Error> {
        let first = self.journal.finish_truncate(done)?;
        self.counters.truncations += 1;
        self.retention.begun_ms.retain(|position, _| *position >= first);
        self.tell_journal(Time::ZERO);
        Ok(())
    }

    /// Looks every few seconds what could go.
    pub(super) fn look_at_retention(&mut self, now: Time, wall_ms: u64) {
        if self.retention.looked_at.is_some_and(|at| now.saturating_sub(at) < LOOK_EVERY && now >= at) {
            return;
        }
        self.retention.looked_at = Some(now);
        if !self.settings.disk.journal_truncate {
            self.retention.kept = Some(Kept::Newcomers);
            return;
        }
        let spans: Vec<Span> = self.journal.spans().collect();
        self.note_ages(&spans, wall_ms);
        let heard: BTreeMap<NodeId, VersionVector> =
            self.replicator.peers().map(|(node, peer)| (node, peer.have)).collect();
        let peers = self.settings.peers.iter().map(|peer| PeerFacts {
            node: peer.node,
            have: heard.get(&peer.node),
            refillable: self.can_be_refilled(&peer.region),
        });
        let facts = Facts {
            flushed: self.retention.flushed,
            appended: self.journal.appended(),
            peers: peers.collect(),
            begun_ms: &self.retention.begun_ms,
            wall_ms,
            bounds: self.settings.disk,
        };
        (self.retention.before, self.retention.kept) = facts.decide(&spans);
    }

    /// Whether some other region holds every table of which this one gets anything, so that it can go on from records.
    fn can_be_refilled(&self, region: &str) -> bool {
        let here = &self.settings.region;
        let others = self.settings.peers.iter().map(|peer| &peer.region).chain([here]);
        let mut others = others.filter(|other| *other != region);
        let restricted = self.tables.restricted();
        others.any(|other| restricted.iter().all(|table| !table.receives(region) || table.is_held_in(other)))
    }

    /// Reads when the first entry of each segment was decided, once for each.
    fn note_ages(&mut self, spans: &[Span], wall_ms: u64) {
        let starts = std::iter::once(self.journal.first()).chain(spans.iter().map(|span| span.end));
        let unknown = starts.filter(|start| !self.retention.begun_ms.contains_key(start));
        for start in unknown.take(AGES_AT_ONCE).collect::<Vec<_>>() {
            let mut decided_ms = None;
            // What cannot be read has no age; reading it for a peer will tell why.
            let _ = self.journal.read(start, 1, |record| {
                decided_ms = Entry::decode(record.payload).ok().map(|entry| entry.hlc.ms());
                ControlFlow::Break(())
            });
            if let Some(decided_ms) = decided_ms {
                self.retention.begun_ms.insert(start, decided_ms.min(wall_ms));
            }
        }
    }
}

/// All that the decision depends on.
struct Facts<'a> {
    flushed: Position,
    appended: Position,
    /// Every other node of the cluster.
    peers: Vec<PeerFacts<'a>>,
    begun_ms: &'a BTreeMap<Position, u64>,
    wall_ms: u64,
    bounds: DiskBounds,
}

struct PeerFacts<'a> {
    node: NodeId,
    /// What it has told since this node started.
    have: Option<&'a VersionVector>,
    /// What it lacks it can get as records.
    refillable: bool,
}

impl Facts<'_> {
    /// Before which position everything may go, and why not more.
    fn decide(&self, spans: &[Span]) -> (Position, Option<Kept>) {
        let mut before = Position(0);
        for span in spans {
            if span.end > self.flushed {
                return (before, Some(Kept::Unflushed));
            }
            if let Some(kept) = self.lacking(span, self.is_past_retention(span)) {
                return (before, Some(kept));
            }
            before = span.end;
        }
        (before, None)
    }

    /// The node that lacks most of what came up to the end of a segment. Beyond the retention only those count that could
    /// not get it in another way.
    fn lacking(&self, span: &Span, past_retention: bool) -> Option<Kept> {
        let counted = self.peers.iter().filter(|peer| !(past_retention && peer.refillable));
        let lacks = counted.flat_map(|&PeerFacts { node, have, .. }| {
            span.upto.iter().filter_map(move |(&replica, &needs)| {
                let origin = ReplicaId(replica);
                let has = have.map_or(0, |have| have.get(origin));
                (has < needs).then(|| (needs - has, Kept::Peer { node, origin, has, needs }))
            })
        });
        lacks.max_by_key(|(count, _)| *count).map(|(_, kept)| kept)
    }

    fn is_past_retention(&self, span: &Span) -> bool {
        let bytes = self.appended.0 - span.first.0;
        // The next segment's first entry came after this one's last.
        let age_ms = self.begun_ms.get(&span.end).map_or(0, |begun| self.wall_ms.saturating_sub(*begun));
        bytes > self.bounds.journal_retain_bytes || age_ms > self.bounds.journal_retain_ms
    }
}

const LOOK_EVERY: Time = Time::from_secs(2);
/// A start finds many segments at once; a read of each takes a moment.
const AGES_AT_ONCE: usize = 64;
/// A restart reads all of it; a few seconds.
const UNFLUSHED_BYTES_MAX: u64 = 256 << 20;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use lc_core::{NodeId, ReplicaId, VersionVector};
    use lc_journal::{Position, Span};

    use super::{Facts, Kept, PeerFacts};
    use crate::settings::DiskBounds;

    /// Ten segments of 100 bytes; each ends with entry 10, 20, ... of replica 1 and half of that of replica 2.
    fn spans() -> Vec<Span> {
        let span = |number: u64| Span {
            first: Position(number * 100),
            end: Position(number * 100 + 100),
            upto: Arc::new(BTreeMap::from([(1, number * 10 + 10), (2, number * 5 + 5)])),
        };
        (0..10).map(span).collect()
    }

    fn vector(one: u64, two: u64) -> VersionVector {
        [(ReplicaId(1), one), (ReplicaId(2), two)].into_iter().collect()
    }

    fn facts<'a>(begun_ms: &'a BTreeMap<Position, u64>, peers: &[(u16, Option<&'a VersionVector>)]) -> Facts<'a> {
        Facts {
            flushed: Position(1000),
            appended: Position(1050),
            peers: peers
                .iter()
                .map(|&(node, have)| PeerFacts { node: NodeId(node), have, refillable: false })
                .collect(),
            begun_ms,
            wall_ms: 1_000_000,
            bounds: DiskBounds { journal_retain_bytes: 400, journal_retain_ms: 5_000, ..DiskBounds::default() },
        }
    }

    #[test]
    fn what_everybody_has_goes_and_the_slowest_for_each_origin_decides() {
        let (none, quick, slow) = (BTreeMap::new(), vector(100, 34), vector(57, 50));
        let facts = facts(&none, &[(2, Some(&quick)), (3, Some(&slow))]);
        let kept = Kept::Peer { node: NodeId(3), origin: ReplicaId(1), has: 57, needs: 60 };
        assert_eq!(facts.decide(&spans()), (Position(500), Some(kept)));
    }

    #[test]
    fn a_node_that_was_never_heard_has_nothing() {
        let (none, all) = (BTreeMap::new(), vector(1000, 1000));
        let facts = facts(&none, &[(2, Some(&all)), (9, None)]);
        let kept = Kept::Peer { node: NodeId(9), origin: ReplicaId(1), has: 0, needs: 10 };
        assert_eq!(facts.decide(&spans()), (Position(0), Some(kept)));
    }

    #[test]
    fn what_the_store_lacks_stays_whoever_has_it() {
        let (none, all) = (BTreeMap::new(), vector(1000, 1000));
        let facts = Facts { flushed: Position(399), ..facts(&none, &[(2, Some(&all))]) };
        assert_eq!(facts.decide(&spans()), (Position(300), Some(Kept::Unflushed)));
    }

    #[test]
    fn a_node_alone_keeps_only_the_newest_segment() {
        let none = BTreeMap::new();
        assert_eq!(facts(&none, &[]).decide(&spans()), (Position(1000), None));
        assert_eq!(facts(&none, &[]).decide(&[]), (Position(0), None));
    }

    #[test]
    fn beyond_the_retention_in_bytes_or_time_a_missing_node_loses_its_claim_if_it_can_get_records_instead() {
        let (none, some) = (BTreeMap::new(), vector(10, 5));
        let refillable = || PeerFacts { node: NodeId(2), have: Some(&some), refillable: true };
        let lax = |begun| Facts { peers: vec![refillable()], ..facts(begun, &[]) };
        assert_eq!(lax(&none).decide(&spans()).0, Position(700), "400 bytes and the segment around them stay");
        let begun = (0..10).map(|number| (Position(number * 100), 994_000 + number * 100)).collect();
        let bounds = DiskBounds { journal_retain_bytes: 1 << 30, ..lax(&begun).bounds };
        assert_eq!(
            Facts { bounds, ..lax(&begun) }.decide(&spans()).0,
            Position(900),
            "five seconds of 100 ms each stay"
        );
        assert_eq!(facts(&begun, &[(2, Some(&some))]).decide(&spans()).0, Position(100), "and otherwise it keeps it");
    }
}
