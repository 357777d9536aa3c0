//! What a policy promises and costs in a given cluster, in words and numbers.

use lc_crdt::Merge;
use serde::Serialize;

use crate::{Placement, Policy, Read, Region, Topology, Writers, merge_text};

mod exclusion;
pub(crate) mod latencies;
mod pacelc;
mod rows;

pub use exclusion::Exclusion;

/// What was measured of a table. Nothing is known by default.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct Measured {
    /// Writes of one region that no other region holds, as far as it knows.
    pub unheld_writes: Option<u64>,
    /// How long ago the oldest of them was acknowledged, ms.
    pub unheld_ms: Option<u64>,
    /// Whether counting them was given up, so that there may be more.
    pub unheld_at_least: bool,
    /// Bytes of an entry between regions, on average.
    pub entry_bytes: Option<u64>,
    /// How often regions tell each other that they are there, ms.
    pub heartbeat_ms: Option<u64>,
}

/// What a policy promises and costs. As JSON and, by [`Explanation::rows`], for people.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Explanation {
    /// `PA/EL`, `PC/EC`, `PC/EL` or `PA/EC`.
    pub pacelc: String,
    /// What that means here.
    pub pacelc_words: String,
    /// Who decides a write.
    pub decides: String,
    /// N: regions that hold the table's records.
    pub regions: usize,
    /// Regions of the cluster that never get its bytes: clients there are refused.
    pub not_held_in: Vec<String>,
    /// Regions that are being given its records: clients there are refused, and nothing counts there yet.
    #[serde(skip)]
    pub arriving: Vec<String>,
    /// W: regions that hold a write before the client hears OK, the deciding one among them.
    pub write_acks: usize,
    /// R: regions whose answers make a read, the asked one among them.
    pub read_answers: usize,
    /// W + R > N: among the answers of a read is one that holds the last acknowledged write.
    pub overlap: bool,
    /// Whether a read meets every acknowledged write: by overlap, or by asking who decides.
    pub sees_every_write: bool,
    /// How many other regions may be lost and writes are still acknowledged.
    pub failures_write: usize,
    /// How many other regions may be lost and reads are still answered.
    pub failures_read: usize,
    /// What a write waits for, in round trips.
    pub write_waits: String,
    /// What a read waits for, in round trips.
    pub read_waits: String,
    /// How long that is at least, by region; only those that hold the table.
    pub floors: Vec<Latency>,
    /// What is lost if a region is lost now.
    pub rpo: String,
    /// The same in acknowledged writes; `None`: unknown.
    pub rpo_writes: Option<u64>,
    /// The same as time, ms; `None`: unknown.
    pub rpo_ms: Option<u64>,
    /// Bytes that cross between regions for one write, before compression; `None`: unknown.
    pub wan_bytes_per_write: Option<u64>,
    /// What each dial rules out.
    pub excludes: Vec<Exclusion>,
    /// What one might not expect.
    pub warnings: Vec<String>,
}

/// How long other regions are waited for in one region, ms. Tenths, and floors are rounded down; `None`: unknown.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Latency {
    /// Which region.
    pub region: String,
    /// A write, by light in fibre.
    pub write_floor_ms: Option<f64>,
    /// A write, by measured round trips.
    pub write_measured_ms: Option<f64>,
    /// A read, by light in fibre.
    pub read_floor_ms: Option<f64>,
    /// A read, by measured round trips.
    pub read_measured_ms: Option<f64>,
}

/// N, W and R, and what follows from them.
struct Counts {
    regions: usize,
    acks: usize,
    answers: usize,
    overlap: bool,
    /// Whether a read meets every acknowledged write.
    sees_all: bool,
}

/// What `policy` promises and costs in this cluster. Also of one that cannot be kept yet: then it says what it would.
pub fn explain(policy: &Policy, topology: &Topology, measured: &Measured) -> Explanation {
    explain_towards(policy, None, topology, measured)
}

/// The same of a table that is on its way to `target`. Promises are kept by the regions that hold it now; those that are
/// arriving get its bytes and count nowhere.
pub fn explain_towards(
    policy: &Policy,
    target: Option<&Placement>,
    topology: &Topology,
    measured: &Measured,
) -> Explanation {
    let counts = Counts::of(policy, topology);
    let (pacelc, pacelc_words) = pacelc::class(policy, &counts);
    let (rpo, rpo_writes, rpo_ms) = lost_with_a_region(&counts, measured);
    let wanted = |region: &String| target.is_some_and(|target| target.holds(region));
    let (arriving, not_held_in): (Vec<String>, Vec<String>) =
        policy.not_held_in(topology).into_iter().partition(wanted);
    let others = (counts.regions.saturating_sub(1) + arriving.len()) as u64;
    let outside = not_held_in.len() as u64;
    Explanation {
        pacelc,
        pacelc_words,
        decides: decides(policy),
        regions: counts.regions,
        not_held_in: not_held_in.clone(),
        arriving: arriving.clone(),
        write_acks: counts.acks,
        read_answers: counts.answers,
        overlap: counts.overlap,
        sees_every_write: counts.sees_all,
        failures_write: failures_write(policy, &counts),
        failures_read: failures_read(policy, &counts),
        write_waits: write_waits(policy, &counts),
        read_waits: read_waits(policy, &counts),
        floors: policy.regions(topology).into_iter().map(|region| latency(policy, topology, region)).collect(),
        rpo,
        rpo_writes,
        rpo_ms,
        wan_bytes_per_write: measured
            .entry_bytes
            .map(|bytes| bytes.saturating_mul(others).saturating_add(WITHHELD_BYTES * outside)),
        excludes: exclusion::exclusions(policy, &not_held_in, &arriving),
        warnings: warnings(policy, target, topology, &counts, measured),
    }
}

impl Counts {
    fn of(policy: &Policy, topology: &Topology) -> Counts {
        let regions = policy.region_count(topology);
        let (acks, answers) = (policy.ack.needed(regions), policy.read.answers());
        let overlap = acks + answers > regions;
        Counts { regions, acks, answers, overlap, sees_all: overlap || policy.read == Read::Strong }
    }
}

fn decides(policy: &Policy) -> String {
    match (policy.writers, &policy.merge) {
        (Writers::Any, merge) => {
            let rule = match merge {
                Merge::Json(_) => "json".to_owned(),
                merge => merge_text::print(merge),
            };
            format!("the region that is asked; concurrent writes of several regions meet by merge={rule}")
        }
        (Writers::Home, _) => "the record's home region, to which the others pass it on".to_owned(),
        (Writers::Consensus, _) => "a majority of the table's regions".to_owned(),
    }
}

fn failures_write(policy: &Policy, counts: &Counts) -> usize {
    match policy.writers {
        Writers::Any => counts.regions.saturating_sub(counts.acks),
        Writers::Home => 0,
        Writers::Consensus => counts.regions.saturating_sub(counts.acks.max(counts.regions / 2 + 1)),
    }
}

fn failures_read(policy: &Policy, counts: &Counts) -> usize {
    match policy.read {
        // Of a lost region nothing is known, so nothing is known to be young enough, until it is taken off the cluster.
        Read::Bounded(_) => 0,
        Read::Strong => failures_write(policy, counts),
        Read::Eventual | Read::Causal | Read::Session | Read::Quorum(_) => {
            counts.regions.saturating_sub(counts.answers)
        }
    }
}

fn write_waits(policy: &Policy, counts: &Counts) -> String {
    let acks = match counts.acks {
        0 | 1 => "no other region".to_owned(),
        2 => "1 round trip to the nearest other region".to_owned(),
        acks => format!("1 round trip to the {} nearest other region", ordinal(acks - 1)),
    };
    match policy.writers {
        Writers::Any => acks,
        Writers::Home => format!("1 round trip to the home, and from there {acks}"),
        Writers::Consensus => format!("1 round trip to the leader, and from there {acks}"),
    }
}

fn read_waits(policy: &Policy, counts: &Counts) -> String {
    match policy.read {
        Read::Eventual | Read::Causal => "no other region".to_owned(),
        Read::Session => "no other region; after a change of region, at most the way of what it saw".to_owned(),
        Read::Bounded(_) => "no other region while what is here is young enough, else 1 round trip".to_owned(),
        Read::Quorum(_) => match counts.answers {
            0 | 1 => "no other region".to_owned(),
            2 => "1 round trip to the nearest other region".to_owned(),
            answers => format!("1 round trip to the {} nearest other region", ordinal(answers - 1)),
        },
        Read::Strong => "1 round trip to who decides".to_owned(),
    }
}

fn ordinal(number: usize) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

fn latency(policy: &Policy, topology: &Topology, region: &Region) -> Latency {
    let down = |ms: f64| (ms * 10.0).floor() / 10.0;
    let near = |ms: f64| (ms * 10.0).round() / 10.0;
    Latency {
        region: region.name.clone(),
        write_floor_ms: latencies::write_floor_ms(policy, topology, region).map(down),
        write_measured_ms: latencies::write_measured_ms(policy, topology, region).map(near),
        read_floor_ms: latencies::read_floor_ms(policy, topology, region).map(down),
        read_measured_ms: latencies::read_measured_ms(policy, topology, region).map(near),
    }
}

fn lost_with_a_region(counts: &Counts, measured: &Measured) -> (String, Option<u64>, Option<u64>) {
    if counts.regions == 1 {
        return ("everything: no other region holds any of it".to_owned(), None, None);
    }
    if counts.acks > 1 {
        let words = format!("nothing that was acknowledged: {} regions hold it", counts.acks);
        return (words, Some(0), Some(0));
    }
    let least = if measured.unheld_at_least { "at least " } else { "" };
    let words = match (measured.unheld_writes, measured.unheld_ms) {
        (None, _) => "unknown: nobody told how many writes no other region holds".to_owned(),
        (Some(0), _) => "nothing at this moment: other regions hold every write".to_owned(),
        (Some(writes), None) => format!("{least}{writes} writes that no other region holds, since when is unknown"),
        (Some(writes), Some(ms)) => format!("{least}{writes} writes of the last {ms} ms, which no other region holds"),
    };
    let ms = if measured.unheld_writes == Some(0) { Some(0) } else { measured.unheld_ms };
    (words, measured.unheld_writes, measured.unheld_writes.and(ms))
}

fn warnings(
    policy: &Policy,
    target: Option<&Placement>,
    topology: &Topology,
    counts: &Counts,
    measured: &Measured,
) -> Vec<String> {
    let mut warnings = Vec::new();
    if !counts.sees_all && policy.writers == Writers::Any && (counts.acks > 1 || counts.answers > 1) {
        let enough = counts.regions + 1 - counts.acks.min(counts.regions);
        warnings.push(format!(
            "W + R = {} does not exceed N = {}: a read may miss an acknowledged write; read=quorum({enough}) would not",
            counts.acks + counts.answers,
            counts.regions
        ));
    }
    if counts.regions > 1 && counts.acks == counts.regions && policy.writers == Writers::Any {
        warnings.push("every region of the table must have a write: losing one stops all acknowledgements".to_owned());
    }
    if matches!(target.unwrap_or(&policy.placement), Placement::Regions(_)) {
        warnings.push("placement names its regions: a region that joins does not get the table".to_owned());
    }
    warnings.extend(placeless(policy, topology));
    warnings.extend(topology.impossible().into_iter().map(|each| {
        format!(
            "{} to {} and back in {:.1} ms was faster than light, which needs {:.1} ms: one of them does not stand where it says",
            each.from, each.to, each.measured_ms, each.floor_ms
        )
    }));
    warnings.extend(too_slow(policy, topology));
    warnings.extend(young_bound(policy, topology, measured));
    warnings
}

fn placeless(policy: &Policy, topology: &Topology) -> Option<String> {
    let regions = policy.regions(topology).into_iter();
    let names: Vec<&str> =
        regions.filter(|region| region.distance_km(region).is_none()).map(|region| region.name.as_str()).collect();
    let waits = policy.writers == Writers::Any && (policy.ack.needed(policy.region_count(topology)) > 1)
        || matches!(policy.read, Read::Quorum(2..) | Read::Bounded(_));
    (waits && !names.is_empty())
        .then(|| format!("nobody said where {} stands, so what light needs is unknown", names.join(", ")))
}

/// Regions that are nearer than light forbids but farther than the policy has patience for.
fn too_slow(policy: &Policy, topology: &Topology) -> Vec<String> {
    let mut warnings = Vec::new();
    for region in policy.regions(topology) {
        let write =
            latencies::write_measured_ms(policy, topology, region).filter(|&ms| ms > policy.ack_timeout_ms as f64);
        if let Some(ms) = write {
            let (name, timeout) = (&region.name, policy.ack_timeout_ms);
            warnings
                .push(format!("a write in {name} takes {ms:.1} ms as measured, longer than ack_timeout_ms={timeout}"));
        }
        let quorum = matches!(policy.read, Read::Quorum(_));
        let read =
            latencies::read_measured_ms(policy, topology, region).filter(|&ms| quorum && ms > policy.wait_ms as f64);
        if let Some(ms) = read {
            let (name, wait) = (&region.name, policy.wait_ms);
            warnings.push(format!("a read in {name} takes {ms:.1} ms as measured, longer than wait_ms={wait}"));
        }
    }
    warnings
}

/// Where news comes too seldom for the bound, so that part of the reads has to go elsewhere.
fn young_bound(policy: &Policy, topology: &Topology, measured: &Measured) -> Option<String> {
    let Read::Bounded(ms) = policy.read else { return None };
    let heartbeat_ms = measured.heartbeat_ms.unwrap_or(0) as f64;
    let farthest =
        |region: &Region| latencies::measured_to_all(policy, topology, region).and_then(|all| all.last().copied());
    let late = |region: &&Region| farthest(region).is_some_and(|rtt_ms| rtt_ms + heartbeat_ms > ms as f64);
    let names: Vec<&str> =
        policy.regions(topology).into_iter().filter(late).map(|region| region.name.as_str()).collect();
    (!names.is_empty()).then(|| {
        format!(
            "in {} what is known of the farthest region can be older than {ms} ms: such reads go elsewhere or fail",
            names.join(", ")
        )
    })
}

/// What a region outside the placement is told of a write, about: its dot and time, what it depends on, and the name of
/// the table.
const WITHHELD_BYTES: u64 = 40;
