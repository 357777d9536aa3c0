//! Increments that add up, and a reset that removes exactly what it saw.
//!
//! Each replica keeps one running total per counter. A reset names, per replica, the total that it saw; what a replica
//! counts is its total minus the highest total that any reset saw ("cut"). Resets that saw the same increments agree
//! by construction, and an increment that no reset saw survives whole.

use lc_core::wire::{Malformed, Reader, put_varint};
use lc_core::{Dot, ReplicaId, limits};

use crate::{Added, Number, Reset, Stamp};

/// One replica's part of a counter.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Count {
    /// Who incremented.
    pub replica: ReplicaId,
    /// Its latest increment of this counter.
    pub seq: u64,
    /// Its running total after that increment.
    pub total: Number,
    /// Everything up to this sequence is settled: a reset saw it, or it was before the running total began at zero.
    pub cut_seq: u64,
    /// The running total at that sequence.
    pub cut_total: Number,
}

impl Count {
    /// What this replica adds to the counter's value.
    pub fn amount(&self) -> Number {
        self.total.minus(self.cut_total)
    }

    fn encode(&self, out: &mut Vec<u8>) {
        put_varint(out, u64::from(self.replica.0));
        put_varint(out, self.seq);
        self.total.encode(out);
        put_varint(out, self.cut_seq);
        if self.cut_seq > 0 {
            self.cut_total.encode(out);
        }
    }

    fn decode(reader: &mut Reader) -> Result<Count, Malformed> {
        let replica = ReplicaId(reader.bounded(u64::from(u16::MAX), "replica")? as u16);
        let seq = reader.varint("count sequence")?;
        let total = Number::decode(reader)?;
        let cut_seq = reader.varint("count cut")?;
        let cut_total = if cut_seq > 0 { Number::decode(reader)? } else { Number::ZERO };
        Ok(Count { replica, seq, total, cut_seq, cut_total })
    }
}

/// Counts sorted by replica; a replica whose every increment was reset has none.
pub(crate) fn add(counts: &mut Vec<Count>, stamp: &Stamp<'_>, added: &Added) {
    let replica = stamp.dot.replica;
    match counts.binary_search_by_key(&replica, |count| count.replica) {
        // Replaying an older increment over a newer state changes nothing; the same one again sets the same total.
        Ok(at) if counts[at].seq <= stamp.dot.seq => {
            if added.before_seq == 0 {
                // The writer counts from zero again, over a reset that it was shown before it could claim to have seen
                // it: what stands here is settled, and the reset that comes later must find it so.
                (counts[at].cut_seq, counts[at].cut_total) = (cut_below(stamp.dot.seq, added), added.before);
            }
            counts[at].seq = stamp.dot.seq;
            counts[at].total = added.after;
        }
        Ok(_) => {}
        Err(at) => counts.insert(
            at,
            Count {
                replica,
                seq: stamp.dot.seq,
                total: added.after,
                cut_seq: cut_below(stamp.dot.seq, added),
                cut_total: added.before,
            },
        ),
    }
}

/// Where a replica's part begins when nothing of it stands here.
///
/// If a reset that the writer had not seen removed the earlier part, it begins after that part. If the writer counts from
/// zero again, everything before is settled: a reset that arrives late with an earlier total must not cut the new one.
fn cut_below(seq: u64, added: &Added) -> u64 {
    if added.before_seq == 0 { seq - 1 } else { added.before_seq }
}

/// Removes what a reset saw of each replica. A writer that catches up may be shown increments of which its entry cannot
/// claim, for all that it touches, to have seen them; those stay everywhere, as values do that a write did not see.
pub(crate) fn reset(counts: &mut Vec<Count>, stamp: &Stamp<'_>, resets: &[Reset]) {
    for seen in resets.iter().filter(|seen| stamp.saw(Dot::new(seen.replica, seen.seq))) {
        let Ok(at) = counts.binary_search_by_key(&seen.replica, |count| count.replica) else { continue };
        if seen.seq >= counts[at].seq {
            counts.remove(at);
        } else if seen.seq > counts[at].cut_seq {
            counts[at].cut_seq = seen.seq;
            counts[at].cut_total = seen.total;
        }
    }
}

pub(crate) fn encode(counts: &[Count], out: &mut Vec<u8>) {
    put_varint(out, counts.len() as u64);
    for count in counts {
        count.encode(out);
    }
}

pub(crate) fn decode(reader: &mut Reader) -> Result<Vec<Count>, Malformed> {
    let length = reader.bounded(limits::REPLICAS_MAX as u64, "counts")?;
    (0..length).map(|_| Count::decode(reader)).collect()
}

#[cfg(test)]
mod tests {
    use lc_core::{Dot, Hlc, ReplicaId, VersionVector};

    use super::{add, reset};
    use crate::{Added, Number, Reset, Stamp};

    /// Lost one increment, and left two replicas unequal: tokyo deleted a counter that paris had raised to 1; paris heard
    /// of it and counted from zero again; then lima's deletion, made before that and naming the old total of 1, arrived
    /// at those who had the new increment already, and cut it away.
    #[test]
    fn a_late_reset_does_not_cut_what_was_counted_from_zero_again() {
        let deps = VersionVector::new();
        let paris = |seq| Stamp { dot: Dot::new(ReplicaId(1), seq), hlc: Hlc(seq), deps: &deps };
        let from_zero = Added { before_seq: 0, before: Number::ZERO, after: Number::Int(1) };
        let deleted = [Reset { replica: ReplicaId(1), seq: 1, total: Number::Int(1) }];
        let [mut late, mut early] = [Vec::new(), Vec::new()];
        let seen = [(ReplicaId(1), 1)].into_iter().collect();
        let tokyo = Stamp { dot: Dot::new(ReplicaId(2), 1), hlc: Hlc(9), deps: &seen };
        for counts in [&mut late, &mut early] {
            add(counts, &paris(1), &from_zero);
            reset(counts, &tokyo, &deleted);
        }
        reset(&mut early, &tokyo, &deleted);
        for counts in [&mut late, &mut early] {
            add(counts, &paris(2), &from_zero);
        }
        reset(&mut late, &tokyo, &deleted);
        assert_eq!(late, early);
        assert_eq!(late[0].amount(), Number::Int(1));
    }

    /// Left replicas unequal: paris was shown that lima had reset its increment, but could not claim, for all that its
    /// transaction touched, to have seen that; tokyo got paris' next increment before the reset.
    #[test]
    fn counting_from_zero_again_settles_what_a_reset_that_comes_later_names() {
        let (deps, seen) = (VersionVector::new(), [(ReplicaId(1), 1)].into_iter().collect());
        let paris = |seq| Stamp { dot: Dot::new(ReplicaId(1), seq), hlc: Hlc(seq), deps: &deps };
        let lima = Stamp { dot: Dot::new(ReplicaId(2), 1), hlc: Hlc(9), deps: &seen };
        let from_zero = Added { before_seq: 0, before: Number::ZERO, after: Number::Int(1) };
        let named = [Reset { replica: ReplicaId(1), seq: 1, total: Number::Int(1) }];
        let [mut late, mut early] = [Vec::new(), Vec::new()];
        add(&mut late, &paris(1), &from_zero);
        add(&mut late, &paris(2), &from_zero);
        reset(&mut late, &lima, &named);
        add(&mut early, &paris(1), &from_zero);
        reset(&mut early, &lima, &named);
        add(&mut early, &paris(2), &from_zero);
        assert_eq!(late, early);
    }
}
