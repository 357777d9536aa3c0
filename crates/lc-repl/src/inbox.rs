//! Entries that arrived, until what they depend on has been applied.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use lc_core::{Dot, ReplicaId, VersionVector};

/// An entry as it came from a peer.
#[derive(Clone, PartialEq, Debug)]
pub struct Arrival<P> {
    /// Its identity.
    pub dot: Dot,
    /// The origin's sequence before it.
    pub prev_seq: u64,
    /// What must be applied first, beside the origin's earlier entries.
    pub deps: VersionVector,
    /// How many bytes it occupies while it waits.
    pub bytes: usize,
    /// The entry.
    pub payload: P,
}

/// Two different histories under one replica's name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Forked {
    pub dot: Dot,
    pub prev_seq: u64,
    pub applied_seq: u64,
}

#[derive(Debug)]
pub(crate) struct Inbox<P> {
    waiting: BTreeMap<ReplicaId, BTreeMap<u64, Arrival<P>>>,
    bytes: usize,
    bytes_max: usize,
}

impl<P> Inbox<P> {
    pub(crate) fn new(bytes_max: usize) -> Inbox<P> {
        Inbox { waiting: BTreeMap::new(), bytes: 0, bytes_max }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Keeps an arrival that is new. One that does not fit is dropped: the sender keeps it until we acknowledge.
    pub(crate) fn offer(&mut self, arrival: Arrival<P>, applied: &VersionVector) -> Result<(), Forked> {
        let applied_seq = applied.get(arrival.dot.replica);
        if arrival.dot.seq <= applied_seq {
            return Ok(());
        }
        if arrival.prev_seq < applied_seq {
            return Err(Forked { dot: arrival.dot, prev_seq: arrival.prev_seq, applied_seq });
        }
        // What can be applied at once is always taken, or a full inbox could never drain.
        let next = arrival.prev_seq == applied_seq && applied.covers_all(&arrival.deps);
        if !next && self.bytes + arrival.bytes > self.bytes_max {
            return Ok(());
        }
        let of_origin = self.waiting.entry(arrival.dot.replica).or_default();
        if let Entry::Vacant(place) = of_origin.entry(arrival.dot.seq) {
            self.bytes += arrival.bytes;
            place.insert(arrival);
        }
        Ok(())
    }

    /// Drops what is not to be kept.
    pub(crate) fn retain(&mut self, keep: impl Fn(&P) -> bool) {
        let bytes = &mut self.bytes;
        for of_origin in self.waiting.values_mut() {
            of_origin.retain(|_, arrival| {
                let keeps = keep(&arrival.payload);
                *bytes -= if keeps { 0 } else { arrival.bytes };
                keeps
            });
        }
        self.waiting.retain(|_, of_origin| !of_origin.is_empty());
    }

    /// Takes out everything that can be applied now, in causal order, raising `applied` as it goes.
    pub(crate) fn deliver(&mut self, applied: &mut VersionVector, out: &mut Vec<Arrival<P>>) {
        loop {
            let before = out.len();
            for of_origin in self.waiting.values_mut() {
                deliver_origin(of_origin, &mut self.bytes, applied, out);
            }
            if out.len() == before {
                break;
            }
        }
        self.waiting.retain(|_, of_origin| !of_origin.is_empty());
    }
}

fn deliver_origin<P>(
    of_origin: &mut BTreeMap<u64, Arrival<P>>,
    bytes: &mut usize,
    applied: &mut VersionVector,
    out: &mut Vec<Arrival<P>>,
) {
    while let Some(first) = of_origin.first_entry() {
        let arrival = first.get();
        let applied_seq = applied.get(arrival.dot.replica);
        let stale = arrival.dot.seq <= applied_seq;
        if !stale && (arrival.prev_seq != applied_seq || !applied.covers_all(&arrival.deps)) {
            return;
        }
        let arrival = first.remove();
        *bytes -= arrival.bytes;
        if !stale {
            applied.raise(arrival.dot.replica, arrival.dot.seq);
            out.push(arrival);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Arrival, Inbox};
    use lc_core::{Dot, ReplicaId, VersionVector};

    fn arrival(replica: u16, seq: u64, prev_seq: u64, deps: &[(u16, u64)]) -> Arrival<u64> {
        let deps = deps.iter().map(|&(replica, seq)| (ReplicaId(replica), seq)).collect();
        Arrival { dot: Dot::new(ReplicaId(replica), seq), prev_seq, deps, bytes: 10, payload: seq }
    }

    fn deliver(inbox: &mut Inbox<u64>, applied: &mut VersionVector) -> Vec<String> {
        let mut out = Vec::new();
        inbox.deliver(applied, &mut out);
        out.iter().map(|arrival| arrival.dot.to_string()).collect()
    }

    #[test]
    fn an_entry_waits_for_what_it_depends_on_and_a_double_is_dropped() {
        let (mut inbox, mut applied) = (Inbox::new(100), VersionVector::new());
        inbox.offer(arrival(2, 1, 0, &[(1, 1)]), &applied).unwrap();
        inbox.offer(arrival(2, 1, 0, &[(1, 1)]), &applied).unwrap();
        assert!(deliver(&mut inbox, &mut applied).is_empty());
        inbox.offer(arrival(1, 1, 0, &[]), &applied).unwrap();
        assert_eq!(deliver(&mut inbox, &mut applied), ["r1:1", "r2:1"]);
        inbox.offer(arrival(1, 1, 0, &[]), &applied).unwrap();
        assert!(deliver(&mut inbox, &mut applied).is_empty());
        assert_eq!(inbox.bytes(), 0);
    }

    #[test]
    fn a_gap_that_a_crash_left_is_crossed_only_from_its_edge() {
        let (mut inbox, mut applied) = (Inbox::new(100), VersionVector::new());
        inbox.offer(arrival(1, 100, 1, &[]), &applied).unwrap();
        assert!(deliver(&mut inbox, &mut applied).is_empty());
        inbox.offer(arrival(1, 1, 0, &[]), &applied).unwrap();
        assert_eq!(deliver(&mut inbox, &mut applied), ["r1:1", "r1:100"]);
    }

    #[test]
    fn two_histories_under_one_name_are_noticed() {
        let (mut inbox, mut applied) = (Inbox::new(100), VersionVector::new());
        applied.raise(ReplicaId(1), 5);
        assert!(inbox.offer(arrival(1, 100, 3, &[]), &applied).is_err());
    }

    #[test]
    fn a_full_inbox_still_takes_what_can_be_applied() {
        let (mut inbox, mut applied) = (Inbox::new(10), VersionVector::new());
        inbox.offer(arrival(1, 2, 1, &[]), &applied).unwrap();
        inbox.offer(arrival(1, 3, 2, &[]), &applied).unwrap();
        inbox.offer(arrival(1, 1, 0, &[]), &applied).unwrap();
        assert_eq!(deliver(&mut inbox, &mut applied), ["r1:1", "r1:2"]);
    }
}
