//! The world: regions, links, clients and faults on one queue of events, driven by one seed.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use lc_core::{Dot, NodeId};
use lc_member::{Peer, Settings};
use lc_policy::Tables;
use xxhash_rust::xxh3::xxh3_128;

use crate::bug::Said;
use crate::call::Call;
use crate::clients::Habits;
use crate::faults::FaultKinds;
use crate::history::{History, Step};
use crate::network::Network;
use crate::region::Region;
use crate::report::{Report, Violation};
use crate::rng::Rng;
use crate::roamer::Roamer;
use crate::tables::Plan;
use crate::trace::Trace;
use crate::{Bug, checkers};

mod breaking;
mod calls;
mod clocks;
mod links;
mod policies;
mod roaming;
mod settling;

/// What a run looks like.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// How many regions; `None`: 3 to 5 by the seed.
    pub regions: Option<usize>,
    /// How long clients and faults are busy; then everything is healed and must settle.
    pub busy: Duration,
    /// A mistake put in on purpose.
    pub bug: Option<Bug>,
    /// Which kinds of faults there are.
    pub faults: FaultKinds,
    /// Members are told now and then to repair what differs from another, though nothing does.
    pub repairs: bool,
    /// Keep the trace as text.
    pub keep_trace: bool,
}

impl Default for Scenario {
    fn default() -> Scenario {
        Scenario {
            regions: None,
            busy: Duration::from_secs(20),
            bug: None,
            faults: FaultKinds::all(),
            repairs: false,
            keep_trace: false,
        }
    }
}

/// A simulated world.
pub struct World {
    rng: Rng,
    now: Duration,
    queue: BinaryHeap<Reverse<Scheduled>>,
    scheduled: u64,
    network: Network,
    regions: Vec<Region>,
    /// Requests that are not answered yet, per region, oldest first.
    calls: Vec<Vec<Call>>,
    roamers: Vec<Roamer>,
    plan: Plan,
    habits: Habits,
    /// Policies change now and then.
    restless: bool,
    /// The heartbeat that each region sent each other one last, for a seeded bug.
    pulses: BTreeMap<(usize, usize), u64>,
    /// What was said about records last, for a seeded bug too.
    said: Said,
    history: History,
    trace: Trace,
    report: Report,
    scenario: Scenario,
    phase: Phase,
    calm_since: Duration,
    /// The numbered keys that were written last, the last one first.
    newest: Vec<String>,
    started_last: usize,
    /// The region whose wall clock cannot be relied on; a second one could make wrong clocks the majority.
    bad_clock: Option<usize>,
    /// About how many bytes of records an answer to a question for them holds; `None`: what members choose.
    answer_bytes: Option<u32>,
    /// The longest time between two faults.
    calm_max: Duration,
}

/// What goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// Clients, faults, changes of policy.
    Busy,
    /// Nothing new; what is under way ends.
    Settling,
    /// Clients that go from region to region, in a world where nothing is wrong.
    Calm,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Scheduled {
    at: Duration,
    serial: u64,
    event: Event,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Event {
    Request { region: usize },
    Roam { roamer: usize },
    NextPolicy,
    Tables { region: usize, version: usize },
    Tick { region: usize, life: u64 },
    Frame { from: usize, to: usize, frame: Bytes },
    SyncDone { region: usize, life: u64 },
    Flush { region: usize, life: u64 },
    Flushed { region: usize, life: u64 },
    NextFault,
    Heal { from: usize, to: usize },
    Mend { region: usize },
    ClockRight { region: usize },
    Restart { region: usize, life: u64 },
    Start { region: usize },
    Connect,
    Down { a: usize, b: usize, connection: u64 },
}

impl World {
    /// Runs a whole life: busy, healed, settled, in use once more, settled again, checked.
    pub fn run(seed: u64, scenario: &Scenario) -> Report {
        let mut world = World::new(seed, scenario);
        world.start_all();
        world.advance_to(scenario.busy);
        world.heal();
        world.settle();
        world.collapse_all();
        world.live_calmly();
        world.settle();
        world.finish()
    }

    fn new(seed: u64, scenario: &Scenario) -> World {
        let rng = Rng::new(seed);
        let count = scenario.regions.unwrap_or(3 + rng.below(3) as usize);
        let network = Network::new(&rng, count);
        let plan = if rng.chance(TABLED_PERCENT) { Plan::new(&rng, count) } else { Plan::none() };
        // A world is either emptied now and then or has clients who know exactly what must be there.
        let flushes = rng.chance(20.0);
        let roamers = if flushes { 0 } else { 3 + rng.below(8) };
        let forgetful = rng.chance(FORGETFUL_PERCENT);
        let regions = (0..count).map(|index| {
            // Within three quarters of `max_offset_ms`, so that a clock that was wrong is near again when it is right.
            let skew_ms = rng.below(300) as i64 - 150;
            Region::new(node(index), settings(&rng, forgetful, index, count, plan.last()), skew_ms, rng.u64())
        });
        World {
            regions: regions.collect(),
            calls: (0..count).map(|_| Vec::new()).collect(),
            roamers: (0..roamers).map(|_| Roamer::default()).collect(),
            habits: Habits { tables: plan.has_tables(), flushes },
            restless: plan.has_tables() && rng.chance(60.0),
            plan,
            network,
            now: Duration::ZERO,
            queue: BinaryHeap::new(),
            scheduled: 0,
            pulses: BTreeMap::new(),
            said: Said::default(),
            history: History { regions: count, ..History::default() },
            trace: Trace::new(scenario.keep_trace),
            report: Report { seed, regions: count, ..Report::default() },
            scenario: scenario.clone(),
            phase: Phase::Busy,
            calm_since: Duration::ZERO,
            newest: Vec::new(),
            started_last: 0,
            bad_clock: None,
            answer_bytes: forgetful.then(|| 512 << rng.below(10)),
            calm_max: ms(1000 << rng.below(3)),
            rng,
        }
    }

    fn start_all(&mut self) {
        for region in 0..self.regions.len() {
            self.start(region);
            self.after(self.rng.between(ms(1), ms(100)), Event::Request { region });
        }
        for roamer in 0..self.roamers.len() {
            self.after(self.rng.between(ms(1), ms(500)), Event::Roam { roamer });
        }
        self.after(ms(1), Event::Connect);
        self.after(self.rng.between(ms(100), ms(3000)), Event::NextFault);
        if self.restless {
            self.after(self.rng.between(ms(100), ms(4000)), Event::NextPolicy);
        }
    }

    fn finish(mut self) -> Report {
        (0..self.regions.len()).for_each(|index| self.count_life(index));
        let violations = checkers::check_all(&self.regions, &self.history);
        self.report.violations.extend(violations);
        self.report.acknowledged = self.history.acknowledged.len() as u64;
        self.report.numbered_reads =
            self.history.steps.iter().filter(|step| matches!(step, Step::Shown { .. })).count() as u64;
        self.report.held = self.history.promises.len() as u64;
        self.report.losses = self.losses();
        self.report.simulated = self.now;
        let (hash, lines) = self.trace.finish();
        self.report.trace_hash = hash;
        self.report.trace = lines;
        self.report
    }

    fn after(&mut self, delay: Duration, event: Event) {
        self.scheduled += 1;
        self.queue.push(Reverse(Scheduled { at: self.now + delay, serial: self.scheduled, event }));
    }

    fn advance_to(&mut self, end: Duration) {
        while let Some(Reverse(next)) = self.queue.peek() {
            if next.at > end {
                break;
            }
            let Some(Reverse(next)) = self.queue.pop() else { break };
            self.now = next.at;
            self.on_event(next.event);
        }
        self.now = end;
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Request { region } => self.on_request(region),
            Event::Roam { roamer } => self.on_roam(roamer),
            Event::NextPolicy => self.on_policy(),
            Event::Tables { region, version } => self.on_tables(region, version),
            Event::Tick { region, life } => self.on_tick(region, life),
            Event::Frame { from, to, frame } => self.on_frame(from, to, frame),
            Event::SyncDone { region, life } => self.on_sync_done(region, life),
            Event::Flush { region, life } => self.on_flush(region, life),
            Event::Flushed { region, life } => self.on_flushed(region, life),
            Event::Mend { region } => self.on_mend(region),
            Event::ClockRight { region } => self.on_clock_right(region),
            Event::Restart { region, life } => self.on_restart(region, life),
            Event::NextFault => self.on_fault(),
            Event::Heal { from, to } => self.network.set_cut(from, to, false),
            Event::Start { region } => self.start(region),
            Event::Connect => self.on_connect(),
            Event::Down { a, b, connection } => self.on_down(a, b, connection),
        }
    }

    fn on_tick(&mut self, index: usize, life: u64) {
        let repairs_from = self.repairs_from(index);
        let region = &mut self.regions[index];
        let (now, wall_ms) = (region.time(self.now), region.wall_ms(self.now));
        let Some(member) = region.member.as_mut().filter(|_| region.life == life) else { return };
        let decided = member.snapshot().counters.entries_decided;
        let mut out = Vec::new();
        if let Some(from) = repairs_from {
            // Whatever stands in its way is what it refuses.
            let _ = member.begin_repair(now, from);
        }
        member.tick(now, wall_ms, &mut out);
        region.filled |= member.filling().is_some();
        if region.filled {
            region.note_durable();
        }
        self.note_decided(index, decided);
        self.send(index, out);
        self.serve(index);
        self.sync_soon(index);
        if let Err(error) = self.regions[index].truncate()
            && self.regions[index].failures() == self.regions[index].failures_at_start
        {
            self.report.violations.push(Violation { checker: "disk", what: format!("region {index}: {error}") });
        }
        self.look_after(index);
        self.after(ms(10), Event::Tick { region: index, life });
    }

    /// Whom a region is to be repaired from now, if it is. Chosen without the dice, so that other worlds stay as they are.
    fn repairs_from(&self, index: usize) -> Option<NodeId> {
        let turn = self.now.as_millis() as usize / 10 + 31 * index;
        let due = self.scenario.repairs && self.now < self.scenario.busy && turn.is_multiple_of(97);
        due.then(|| self.regions[(index + 1 + turn / 97 % (self.regions.len() - 1)) % self.regions.len()].node)
    }

    /// Remembers an entry that a member has just decided; a dot with two contents is a violation at once.
    fn note_decided(&mut self, index: usize, decided_before: u64) -> Option<Dot> {
        let member = self.regions[index].member.as_ref()?;
        if member.snapshot().counters.entries_decided == decided_before {
            return None;
        }
        let (dot, bytes) = member.last_decided();
        let (hash, entry) = (xxh3_128(bytes), Bytes::copy_from_slice(bytes));
        if self.regions[index].given_up {
            let what = format!("region {index} decided {dot} after it had given up");
            self.report.violations.push(Violation { checker: "health", what });
        }
        if self.history.decided.insert(dot, hash).is_some_and(|before| before != hash) {
            self.report
                .violations
                .push(Violation { checker: "dots", what: format!("{dot} was used for two different entries") });
        }
        self.check_clock(index, entry);
        Some(dot)
    }

    fn sync_soon(&mut self, index: usize) {
        let region = &mut self.regions[index];
        let Some(member) = &mut region.member else { return };
        if region.sync_job.is_some() {
            return;
        }
        region.sync_job = member.begin_sync();
        if region.sync_job.is_some() {
            let life = region.life;
            let takes = self.disk_takes(index, ms(30));
            self.after(takes, Event::SyncDone { region: index, life });
        }
    }

    /// How long a region's disk is busy with something.
    fn disk_takes(&self, index: usize, at_most: Duration) -> Duration {
        match self.now < self.regions[index].slow_until {
            true => self.rng.between(ms(100), ms(5000)),
            false => self.rng.between(Duration::from_micros(100), at_most),
        }
    }

    fn on_sync_done(&mut self, index: usize, life: u64) {
        let region = &mut self.regions[index];
        if region.life != life {
            return;
        }
        let now = region.time(self.now);
        let (Some(member), Some(job)) = (&mut region.member, region.sync_job.take()) else { return };
        let mut out = Vec::new();
        let failures = region.disk.failures();
        let outcome = member.finish_sync(now, job.run(), &mut out);
        if let Err(error) = outcome {
            let unharmed = region.disk.failures() == failures;
            self.trace.line(self.now, format_args!("{index} does not sync: {error}"));
            if unharmed {
                self.report.violations.push(Violation { checker: "disk", what: format!("region {index}: {error}") });
            }
        }
        self.regions[index].note_durable();
        self.send(index, out);
        self.serve(index);
        self.sync_soon(index);
    }

    fn on_flush(&mut self, index: usize, life: u64) {
        let region = &mut self.regions[index];
        let Some(member) = region.member.as_mut().filter(|_| region.life == life) else { return };
        if region.flush.is_none() {
            region.flush = member.begin_flush(true);
            if region.flush.is_some() {
                let takes = self.disk_takes(index, ms(50));
                self.after(takes, Event::Flushed { region: index, life });
                self.end_soon(index, life);
            }
        }
        self.after(self.rng.between(ms(200), ms(4000)), Event::Flush { region: index, life });
    }

    fn on_flushed(&mut self, index: usize, life: u64) {
        let region = &mut self.regions[index];
        let Some(member) = region.member.as_mut().filter(|_| region.life == life) else { return };
        let Some((job, position)) = region.flush.take() else { return };
        // The store must not know of a write that the journal may still lose; waiting for that is the driver's part.
        if position > member.durable() && self.scenario.bug != Some(Bug::StoreAheadOfJournal) {
            region.flush = Some((job, position));
            return self.after(ms(5), Event::Flushed { region: index, life });
        }
        let failures = region.store.failures();
        let flushed = member.finish_flush(job.run());
        self.trace.line(self.now, format_args!("{index} flush {}", flushed.is_ok()));
        if let Err(error) = flushed
            && self.regions[index].store.failures() == failures
        {
            self.report.violations.push(Violation { checker: "disk", what: format!("region {index}: {error}") });
        }
        self.look_after(index);
    }
}

fn settings(rng: &Rng, forgetful: bool, index: usize, count: usize, tables: &Arc<Tables>) -> Settings {
    Settings {
        cluster: "simulated".to_owned(),
        left: Vec::new(),
        node: node(index),
        region: region_name(index),
        peers: (0..count)
            .filter(|&other| other != index)
            .map(|other| Peer { node: node(other), region: region_name(other) })
            .collect(),
        tables: tables.clone(),
        max_offset_ms: 500,
        dirty_bytes_max: 1,
        disk: lc_member::DiskBounds {
            reserve_bytes: (rng.below(2) * 4096) << rng.below(4),
            journal_truncate: forgetful,
            journal_retain_bytes: 4096 << rng.below(5),
            ..lc_member::DiskBounds::default()
        },
        table: lc_store::TableOptions { cache_bytes: 4096, hash_seed: 1 },
        journal: lc_journal::Options {
            segment_bytes: 4096 << rng.below(6),
            tail_bytes: 2048 << rng.below(8),
            ..lc_journal::Options::default()
        },
        replication: lc_repl::Settings {
            window_bytes: 2048 << rng.below(10),
            batch_bytes: 256 << rng.below(10),
            heartbeat: ms(50 << rng.below(4)),
            ..lc_repl::Settings::default()
        },
    }
}

fn region_name(index: usize) -> String {
    format!("region-{index}")
}

fn node(index: usize) -> NodeId {
    NodeId(index as u16 + 1)
}

/// Worlds with tables of their own; the others keep to the path of plain tables.
const TABLED_PERCENT: f64 = 75.0;
/// Worlds in which journals drop what everybody has, and what a region lacks that is away for long.
const FORGETFUL_PERCENT: f64 = 40.0;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}
