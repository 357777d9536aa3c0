//! The rules that a policy must not break, each with the mend that changes least.

use std::cmp::Reverse;

use crate::error::after;
use crate::explanation::latencies::{light_to_all, read_floor_ms, write_floor_ms};
use crate::read::BOUND_MS_MAX;
use crate::suggestion::{nearest_name, suggestion};
use crate::text::clipped;
use crate::{Ack, Dial, Placement, Policy, Read, Topology, Why, Writers, change};

/// A rule that a policy breaks.
pub(crate) struct Problem {
    pub dial: Dial,
    pub reason: String,
    pub why: Why,
    /// The policy with this problem mended; it may have others.
    pub instead: Policy,
}

type Rule = fn(&Policy, &Topology) -> Option<Problem>;

/// The first rule that the policy breaks. Those of placement stand first, because how many regions there are decides
/// the next ones; what is only missing yet stands after what would be wrong for ever.
pub(crate) fn first_problem(policy: &Policy, topology: &Topology) -> Option<Problem> {
    RULES.iter().find_map(|rule| rule(policy, topology))
}

const RULES: &[Rule] = &[
    placement_names_a_region,
    placement_names_each_once,
    placement_names_what_exists,
    a_bound_is_in_range,
    ack_counts_the_decider,
    ack_finds_enough_regions,
    ack_of_consensus_is_a_majority,
    read_counts_the_asked,
    read_finds_enough_regions,
    a_read_is_no_fresher_than_news,
    a_strong_read_has_one_decider,
    a_write_waits_long_enough,
    a_read_waits_long_enough,
    one_decider_exists,
];

fn contradiction(dial: Dial, reason: String, instead: Policy) -> Option<Problem> {
    Some(Problem { dial, reason, why: Why::Contradiction, instead })
}

fn not_yet(dial: Dial, reason: String, instead: Policy) -> Option<Problem> {
    Some(Problem { dial, reason, why: Why::NotYet, instead })
}

fn named(policy: &Policy) -> Option<&Vec<String>> {
    match &policy.placement {
        Placement::Everywhere => None,
        Placement::Regions(names) => Some(names),
    }
}

fn everywhere(policy: &Policy) -> Policy {
    Policy { placement: Placement::Everywhere, ..policy.clone() }
}

fn placement_names_a_region(policy: &Policy, _: &Topology) -> Option<Problem> {
    let names = named(policy)?;
    let reason = || "names no region, so nobody could keep the records".to_owned();
    names.is_empty().then(|| contradiction(Dial::Placement, reason(), everywhere(policy)))?
}

fn placement_names_each_once(policy: &Policy, _: &Topology) -> Option<Problem> {
    let names = named(policy)?;
    let mut each: Vec<String> = names.clone();
    each.sort_unstable();
    let twice = each.windows(2).find(|pair| pair[0] == pair[1])?[0].clone();
    each.dedup();
    let instead = Policy { placement: Placement::Regions(each), ..policy.clone() };
    contradiction(Dial::Placement, format!("names {} twice", clipped(&twice)), instead)
}

fn placement_names_what_exists(policy: &Policy, topology: &Topology) -> Option<Problem> {
    let names = named(policy)?;
    let unknown = names.iter().find(|name| topology.region(name).is_none())?;
    let known = || topology.regions.iter().map(|region| region.name.as_str());
    let regions = match topology.regions.is_empty() {
        true => "the cluster has no regions yet".to_owned(),
        false => format!("regions: {}", clipped(&topology.names())),
    };
    let reason = format!("there is no region {}{}{regions}", clipped(unknown), after(&suggestion(unknown, known())));
    let others = names.iter().filter(|name| *name != unknown).cloned();
    // Without a near name the rest of the list: whoever wrote a list did not mean the bytes to be elsewhere.
    let mut meant: Vec<String> = others.chain(nearest_name(unknown, known()).map(str::to_owned)).collect();
    meant.sort_unstable();
    let instead = match meant.is_empty() {
        true => everywhere(policy),
        false => Policy { placement: Placement::Regions(meant), ..policy.clone() },
    };
    contradiction(Dial::Placement, reason, instead)
}

fn a_bound_is_in_range(policy: &Policy, _: &Topology) -> Option<Problem> {
    let outside = |&dial: &Dial| {
        let (least, most) = change::bounds(dial);
        policy.number(dial).is_some_and(|number| !(least..=most).contains(&number))
    };
    let dial = Dial::ALL.into_iter().find(outside)?;
    let (least, most) = change::bounds(dial);
    let mut instead = policy.clone();
    let number = match dial {
        Dial::LedgerBytesMax => &mut instead.ledger_bytes_max,
        Dial::LedgerAgeMaxS => &mut instead.ledger_age_max_s,
        Dial::AckTimeoutMs => &mut instead.ack_timeout_ms,
        Dial::WaitMs => &mut instead.wait_ms,
        Dial::Writers | Dial::Ack | Dial::Merge | Dial::Placement | Dial::Read => return None,
    };
    *number = (*number).clamp(least, most);
    contradiction(dial, format!("must be from {least} to {most}"), instead)
}

fn ack_counts_the_decider(policy: &Policy, _: &Topology) -> Option<Problem> {
    let reason = "the deciding region is counted, so the least is regions(1)".to_owned();
    let instead = || Policy { ack: Ack::Regions(1), ..policy.clone() };
    (policy.ack == Ack::Regions(0)).then(|| contradiction(Dial::Ack, reason, instead()))?
}

fn ack_finds_enough_regions(policy: &Policy, topology: &Topology) -> Option<Problem> {
    let count = policy.region_count(topology);
    let reason = || format!("asks for {} regions, the table has {count}", policy.ack.needed(count));
    let instead = || Policy { ack: Ack::Regions(narrow(count)), ..policy.clone() };
    (policy.ack.needed(count) > count).then(|| contradiction(Dial::Ack, reason(), instead()))?
}

fn ack_of_consensus_is_a_majority(policy: &Policy, topology: &Topology) -> Option<Problem> {
    let count = policy.region_count(topology);
    let fewer = policy.writers == Writers::Consensus && policy.ack.needed(count) < Ack::Majority.needed(count);
    let reason = || {
        format!(
            "writers=consensus decides a write once {} of {count} regions hold it, so no client can hear OK earlier",
            Ack::Majority.needed(count)
        )
    };
    let instead = || Policy { ack: Ack::Majority, ..policy.clone() };
    fewer.then(|| contradiction(Dial::Ack, reason(), instead()))?
}

fn read_counts_the_asked(policy: &Policy, _: &Topology) -> Option<Problem> {
    let reason = "the asked region is counted, so the least is quorum(1)".to_owned();
    let instead = || Policy { read: Read::Quorum(1), ..policy.clone() };
    (policy.read == Read::Quorum(0)).then(|| contradiction(Dial::Read, reason, instead()))?
}

fn read_finds_enough_regions(policy: &Policy, topology: &Topology) -> Option<Problem> {
    let count = policy.region_count(topology);
    let reason = || format!("asks for {} regions, the table has {count}", policy.read.answers());
    let instead = || Policy { read: Read::Quorum(narrow(count)), ..policy.clone() };
    (policy.read.answers() > count).then(|| contradiction(Dial::Read, reason(), instead()))?
}

/// A region knows what another one acknowledged only up to a moment of its own clock, a round trip ago: it trusts no
/// other clock. So the bound must be longer than the longest round trip of at least one region, which then answers for
/// the others.
fn a_read_is_no_fresher_than_news(policy: &Policy, topology: &Topology) -> Option<Problem> {
    let Read::Bounded(ms) = policy.read else { return None };
    let farthest = |region| light_to_all(policy, topology, region).map(|all| all.last().copied().unwrap_or(0.0));
    let regions = policy.regions(topology);
    let news_ms: Option<Vec<f64>> = regions.into_iter().map(farthest).collect();
    let least = news_ms.unwrap_or_default().into_iter().min_by(f64::total_cmp).unwrap_or(0.0);
    let least = whole(least).max(1);
    if (least..=BOUND_MS_MAX).contains(&ms) {
        return None;
    }
    let reason = match ms {
        0 => "news takes time".to_owned(),
        _ if ms > BOUND_MS_MAX => format!("at most {}", Read::Bounded(BOUND_MS_MAX)),
        _ => format!(
            "light needs {least} ms to the farthest region and back even from the most central one, so no region could know in time what all others acknowledged"
        ),
    };
    let read = Read::Bounded(ms.clamp(least, BOUND_MS_MAX));
    contradiction(Dial::Read, reason, Policy { read, ..policy.clone() })
}

fn a_strong_read_has_one_decider(policy: &Policy, topology: &Topology) -> Option<Problem> {
    if policy.read != Read::Strong || policy.writers != Writers::Any {
        return None;
    }
    let count = policy.region_count(topology);
    let acks = policy.ack.needed(count).min(count);
    // The fewest answers among which every acknowledged write is found: W + R = N + 1.
    let read = Read::Quorum(narrow(count + 1 - acks));
    let reason =
        "with writers=any no region knows the latest write of all; strong needs one decider, writers=home or consensus";
    contradiction(Dial::Read, reason.to_owned(), Policy { read, ..policy.clone() })
}

fn a_write_waits_long_enough(policy: &Policy, topology: &Topology) -> Option<Problem> {
    let floor = |region| write_floor_ms(policy, topology, region);
    let (region, least) = slowest(policy, topology, floor)?;
    let reason =
        || format!("light needs {least} ms until a write in {region} has its acks, so each one there would fail");
    let instead =
        || Policy { ack_timeout_ms: practical(least, change::bounds(Dial::AckTimeoutMs).1), ..policy.clone() };
    (policy.ack_timeout_ms < least).then(|| contradiction(Dial::AckTimeoutMs, reason(), instead()))?
}

fn a_read_waits_long_enough(policy: &Policy, topology: &Topology) -> Option<Problem> {
    let Read::Quorum(regions) = policy.read else { return None };
    if regions > 1 && policy.wait_ms == 0 {
        let instead = Policy { wait_ms: Policy::default().wait_ms, ..policy.clone() };
        return contradiction(Dial::WaitMs, "a quorum cannot answer without being waited for".to_owned(), instead);
    }
    let floor = |region| read_floor_ms(policy, topology, region);
    let (region, least) = slowest(policy, topology, floor)?;
    let reason =
        || format!("light needs {least} ms until a read in {region} has its answers, so each one there would fail");
    let instead = || Policy { wait_ms: practical(least, change::bounds(Dial::WaitMs).1), ..policy.clone() };
    (policy.wait_ms < least).then(|| contradiction(Dial::WaitMs, reason(), instead()))?
}

fn one_decider_exists(policy: &Policy, _: &Topology) -> Option<Problem> {
    let what = match policy.writers {
        Writers::Any => return None,
        Writers::Home => "homes of records are not granted to regions yet",
        Writers::Consensus => "tables have no consensus groups yet",
    };
    let instead = Policy { writers: Writers::Any, ..policy.clone() };
    not_yet(Dial::Writers, format!("not yet: {what}, so every region decides"), instead)
}

/// The region for which a floor is highest, and the floor in whole ms.
fn slowest<'a>(
    policy: &Policy,
    topology: &'a Topology,
    floor: impl Fn(&'a crate::Region) -> Option<f64>,
) -> Option<(&'a str, u64)> {
    let regions = policy.regions(topology).into_iter();
    let floors = regions.filter_map(|region| Some((region.name.as_str(), whole(floor(region)?))));
    // The first one of those that are equally slow.
    floors.min_by_key(|&(_, ms)| Reverse(ms))
}

/// Real ways are longer than the shortest one and carry other traffic: three times the floor leaves room.
fn practical(least: u64, most: u64) -> u64 {
    (least * 3).min(most)
}

/// Whole ms, never fewer than the fraction asks for. The cast saturates, and no floor on Earth comes near.
fn whole(ms: f64) -> u64 {
    ms.ceil() as u64
}

/// A count of regions as a setting holds it; no cluster has more.
fn narrow(count: usize) -> u8 {
    u8::try_from(count).unwrap_or(u8::MAX)
}
