//! How long a write and a read wait for other regions, by light and as measured. Only for regions that hold the table:
//! in any other one clients are refused, which takes no time.

use crate::{Policy, Read, Region, Topology, Writers};

/// A round trip between two regions, ms; `None`: unknown.
type RoundTrip<'a> = &'a dyn Fn(&Region, &Region) -> Option<f64>;

/// The least time by light until a write in this region has its acks, ms; `None`: unknown.
pub(crate) fn write_floor_ms(policy: &Policy, topology: &Topology, region: &Region) -> Option<f64> {
    write_ms(policy, topology, region, &Region::floor_rtt_ms)
}

/// The least time by light until a read in this region has its answers, ms; `None`: unknown.
pub(crate) fn read_floor_ms(policy: &Policy, topology: &Topology, region: &Region) -> Option<f64> {
    read_ms(policy, topology, region, &Region::floor_rtt_ms)
}

/// The same of a write by measured round trips.
pub(crate) fn write_measured_ms(policy: &Policy, topology: &Topology, region: &Region) -> Option<f64> {
    write_ms(policy, topology, region, &|from, to| topology.measured_rtt_ms(&from.name, &to.name))
}

/// The same of a read by measured round trips.
pub(crate) fn read_measured_ms(policy: &Policy, topology: &Topology, region: &Region) -> Option<f64> {
    read_ms(policy, topology, region, &|from, to| topology.measured_rtt_ms(&from.name, &to.name))
}

/// Round trips by light to all other regions of the table, ascending; `None` if one is unknown.
pub(crate) fn light_to_all(policy: &Policy, topology: &Topology, region: &Region) -> Option<Vec<f64>> {
    to_all(policy, topology, region, &Region::floor_rtt_ms)
}

/// Measured round trips to all other regions of the table, ascending; `None` if one is unknown.
pub(crate) fn measured_to_all(policy: &Policy, topology: &Topology, region: &Region) -> Option<Vec<f64>> {
    to_all(policy, topology, region, &|from, to| topology.measured_rtt_ms(&from.name, &to.name))
}

fn write_ms(policy: &Policy, topology: &Topology, region: &Region, round_trip: RoundTrip<'_>) -> Option<f64> {
    let acks = policy.ack.needed(policy.region_count(topology));
    match policy.writers {
        Writers::Any => nearest_others(policy, topology, region, acks, round_trip),
        // From here to whoever decides: a place that is a record's or a group's, not the table's.
        Writers::Home | Writers::Consensus => None,
    }
}

fn read_ms(policy: &Policy, topology: &Topology, region: &Region, round_trip: RoundTrip<'_>) -> Option<f64> {
    match policy.read {
        Read::Eventual | Read::Causal | Read::Session => Some(0.0),
        Read::Bounded(ms) => bounded_ms(policy, topology, region, ms, round_trip),
        Read::Quorum(_) => nearest_others(policy, topology, region, policy.read.answers(), round_trip),
        Read::Strong => None,
    }
}

/// Until the nearest regions that make up `count` with this one have answered.
fn nearest_others(
    policy: &Policy,
    topology: &Topology,
    region: &Region,
    count: usize,
    round_trip: RoundTrip<'_>,
) -> Option<f64> {
    match count.checked_sub(2) {
        None => Some(0.0),
        Some(farthest) => to_all(policy, topology, region, round_trip)?.get(farthest).copied(),
    }
}

/// Nothing if this region can know enough by itself, else the way to the nearest one that can.
fn bounded_ms(
    policy: &Policy,
    topology: &Topology,
    region: &Region,
    bound_ms: u64,
    round_trip: RoundTrip<'_>,
) -> Option<f64> {
    let knows = |region: &Region| {
        let all = to_all(policy, topology, region, round_trip)?;
        Some(all.last().is_none_or(|&farthest_ms| farthest_ms <= bound_ms as f64))
    };
    if knows(region)? {
        return Some(0.0);
    }
    let others = policy.regions(topology).into_iter().filter(|other| other.name != region.name);
    let knowing = others.filter(|other| knows(other) == Some(true));
    knowing.filter_map(|other| round_trip(region, other)).min_by(f64::total_cmp)
}

fn to_all(policy: &Policy, topology: &Topology, region: &Region, round_trip: RoundTrip<'_>) -> Option<Vec<f64>> {
    let others = policy.regions(topology).into_iter().filter(|other| other.name != region.name);
    let mut round_trips = others.map(|other| round_trip(region, other)).collect::<Option<Vec<f64>>>()?;
    round_trips.sort_unstable_by(f64::total_cmp);
    Some(round_trips)
}
