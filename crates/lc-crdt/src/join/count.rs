//! Increments: per replica, the latest running total that any side knows, above the latest cut that any side knows.
//!
//! A side without a count of a replica has seen all of that replica's increments that it has applied reset. So that side
//! cuts, too: at the latest increment that it has applied. What the total was there is known if some side's count stops
//! at, or is cut at, that very increment.

use std::collections::BTreeSet;

use lc_core::{ReplicaId, VersionVector};

use crate::{Count, Number};

/// Counts from what each side has, and whether they are exact. If not, they hold increments that were reset.
pub(super) fn join(sides: &[(&VersionVector, &[Count])]) -> (Vec<Count>, bool) {
    let replicas: BTreeSet<ReplicaId> =
        sides.iter().flat_map(|(_, counts)| counts.iter().map(|count| count.replica)).collect();
    let mut certain = true;
    let mut joined = Vec::with_capacity(replicas.len());
    for replica in replicas {
        let Some(Joined { count, exact }) = OfReplica::new(replica, sides).join() else { continue };
        certain &= exact;
        joined.push(count);
    }
    (joined, certain)
}

struct Joined {
    count: Count,
    exact: bool,
}

/// What the sides know of one replica's increments.
struct OfReplica {
    /// The replica's latest write that a side has applied, and its count there.
    present: Vec<(u64, Count)>,
    /// The same of the side without a count that knows most: it has seen no less reset than others without. 0 if all
    /// such sides only know what a side with a count knows as well.
    gone_to: u64,
}

impl OfReplica {
    fn new(replica: ReplicaId, sides: &[(&VersionVector, &[Count])]) -> OfReplica {
        let of = |counts: &[Count]| counts.iter().find(|count| count.replica == replica).copied();
        let with: Vec<(&VersionVector, Count)> =
            sides.iter().filter_map(|(applied, counts)| Some((*applied, of(counts)?))).collect();
        let known_better = |applied: &VersionVector| with.iter().any(|(better, _)| better.covers_all(applied));
        let without = sides.iter().filter(|(applied, counts)| of(counts).is_none() && !known_better(applied));
        OfReplica {
            gone_to: without.map(|(applied, _)| applied.get(replica)).max().unwrap_or(0),
            present: with.iter().map(|(applied, count)| (applied.get(replica), *count)).collect(),
        }
    }

    fn join(&self) -> Option<Joined> {
        let counts = || self.present.iter().map(|(_, count)| count);
        let latest = counts().max_by_key(|count| (count.seq, count.cut_seq))?;
        if self.gone_to >= latest.seq {
            return None;
        }
        let cuts = counts().map(|count| (count.cut_seq, count.cut_total));
        let (cut_seq, cut_total) = cuts.chain(self.known_where_gone()).max_by_key(|(seq, _)| *seq)?;
        Some(Joined {
            count: Count { cut_seq, cut_total, ..*latest },
            exact: self.gone_to <= cut_seq || self.last_before_gone_is_known(),
        })
    }

    /// Increments that the side without a count has applied too, so has seen reset.
    fn known_where_gone(&self) -> impl Iterator<Item = (u64, Number)> {
        self.present.iter().map(|(_, count)| (count.seq, count.total)).filter(|(seq, _)| *seq <= self.gone_to)
    }

    /// Whether some side knows no increment between its latest and what the side without a count has applied.
    fn last_before_gone_is_known(&self) -> bool {
        self.present.iter().any(|(applied, count)| *applied >= self.gone_to && count.seq <= self.gone_to)
    }
}
