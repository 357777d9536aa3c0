//! A world of tables that not every region may have: regions that learn of placements at different times, links that are
//! cut, crashes; and every frame, row and journal entry looked at for what must not be there.
//!
//! Every key and every value names its table, so that where its bytes are can be seen without knowing what they mean.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::time::Duration;

use bytes::Bytes;
use lc_core::Dot;
use lc_crdt::Entry;

use crate::network::Network;
use crate::report::Violation;
use crate::rng::Rng;
use crate::trace::Trace;

mod bug;
mod calls;
mod door;
mod kept;
mod place;
mod plan;
mod post;
mod requests;
mod settling;
mod truth;

pub use bug::PlacementBug;

use calls::{Call, Grown, Traveller};
use place::Place;
use plan::Plan;

/// What a run found.
#[derive(Clone, Debug, Default)]
pub struct PlacementReport {
    /// The seed.
    pub seed: u64,
    /// Broken promises; none is good.
    pub violations: Vec<Violation>,
    /// How much time passed in the simulated world.
    pub simulated: Duration,
    /// Commands that clients sent.
    pub commands: u64,
    /// Writes that were answered.
    pub acknowledged: u64,
    /// Writes that several regions had to hold.
    pub held: u64,
    /// Members that had to be in what readers were shown.
    pub looks: u64,
    /// Changes of the catalogue.
    pub changes: u64,
    /// Crashes and cuts.
    pub faults: u64,
    /// Entries that left without some of their ops.
    pub stripped: u64,
    /// Answers of one region to another.
    pub answers: u64,
    /// Digests that arrived where they could be compared.
    pub compared: u64,
    /// Rows that a narrower placement removed.
    pub rows_removed: u64,
    /// Commands that were refused, by the code of the error.
    pub refused: BTreeMap<&'static str, u64>,
    /// Hash of the trace.
    pub trace_hash: u128,
    /// The trace itself, if it was asked for.
    pub trace: String,
}

/// A simulated world of placements.
pub struct PlacementWorld {
    rng: Rng,
    now: Duration,
    queue: BinaryHeap<Reverse<Scheduled>>,
    scheduled: u64,
    network: Network,
    network_size: usize,
    places: Vec<Place>,
    calls: Vec<Vec<Call>>,
    plan: Plan,
    flushes: bool,
    busy: bool,
    /// Every entry as it was decided.
    decided: BTreeMap<Dot, Entry>,
    acknowledged: Vec<Dot>,
    grown: Vec<Grown>,
    /// What was asked: by whom, of whom, under which name.
    asked: BTreeMap<(usize, usize, u64), Bytes>,
    /// Between whom digests were compared since everything settled.
    compared: BTreeSet<(usize, usize)>,
    bug: Option<PlacementBug>,
    trace: Trace,
    report: PlacementReport,
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
    Travel { region: usize, traveller: Traveller },
    NextChange,
    Learn { region: usize, version: usize },
    Tick { region: usize, life: u64 },
    Frame { from: usize, to: usize, frame: Bytes },
    SyncDone { region: usize, life: u64 },
    Flush { region: usize, life: u64 },
    NextFault,
    Heal { from: usize, to: usize },
    Start { region: usize },
    Connect,
    Down { a: usize, b: usize, connection: u64 },
}

impl PlacementWorld {
    /// Runs a whole life: busy, healed, settled and looked at, all started again and looked at once more.
    pub fn run(seed: u64, bug: Option<PlacementBug>, keep_trace: bool) -> PlacementReport {
        let mut world = PlacementWorld::new(seed, bug, keep_trace);
        world.begin_life();
        world.advance_to(BUSY);
        world.heal();
        if world.settle() {
            world.check_rest();
            world.start_all_again();
            if world.settle() {
                world.check_rest();
            }
        }
        world.finish()
    }

    fn new(seed: u64, bug: Option<PlacementBug>, keep_trace: bool) -> PlacementWorld {
        let rng = Rng::new(seed);
        let count = 3 + rng.below(3) as usize;
        let network = Network::new(&rng, count);
        let plan = Plan::new(&rng, count);
        PlacementWorld {
            places: (0..count).map(|index| Place::new(&rng, index, count, plan.last())).collect(),
            calls: (0..count).map(|_| Vec::new()).collect(),
            flushes: rng.chance(25.0),
            busy: true,
            network,
            network_size: count,
            plan,
            now: Duration::ZERO,
            queue: BinaryHeap::new(),
            scheduled: 0,
            decided: BTreeMap::new(),
            acknowledged: Vec::new(),
            grown: Vec::new(),
            asked: BTreeMap::new(),
            compared: BTreeSet::new(),
            bug,
            trace: Trace::new(keep_trace),
            report: PlacementReport { seed, ..PlacementReport::default() },
            rng,
        }
    }

    fn begin_life(&mut self) {
        for region in 0..self.places.len() {
            self.start(region);
            self.after(self.rng.between(ms(1), ms(100)), Event::Request { region });
        }
        self.after(ms(1), Event::Connect);
        self.after(self.rng.between(ms(100), ms(2000)), Event::NextFault);
        self.after(self.rng.between(ms(100), ms(3000)), Event::NextChange);
    }

    fn finish(mut self) -> PlacementReport {
        for index in 0..self.places.len() {
            self.check_alarms(index);
            self.report.rows_removed += self.places[index].rows_removed_in_all();
        }
        self.report.acknowledged = self.acknowledged.len() as u64;
        self.report.simulated = self.now;
        let (hash, lines) = self.trace.finish();
        (self.report.trace_hash, self.report.trace) = (hash, lines);
        self.report
    }

    fn after(&mut self, delay: Duration, event: Event) {
        self.scheduled += 1;
        self.queue.push(Reverse(Scheduled { at: self.now + delay, serial: self.scheduled, event }));
    }

    fn violation(&mut self, checker: &'static str, what: String) {
        self.trace.line(self.now, format_args!("VIOLATION {checker}: {what}"));
        if self.report.violations.len() < VIOLATIONS_MAX {
            self.report.violations.push(Violation { checker, what: format!("at {:?}: {what}", self.now) });
        }
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
            Event::Travel { region, traveller } => self.on_traveller(region, &traveller),
            Event::NextChange => self.on_change(),
            Event::Learn { region, version } => self.on_learn(region, version),
            Event::Tick { region, life } => self.on_tick(region, life),
            Event::Frame { from, to, frame } => self.on_frame(from, to, frame),
            Event::SyncDone { region, life } => self.on_sync_done(region, life),
            Event::Flush { region, life } => self.on_flush(region, life),
            Event::NextFault => self.on_fault(),
            Event::Heal { from, to } => self.network.set_cut(from, to, false),
            Event::Start { region } => self.start(region),
            Event::Connect => self.on_connect(),
            Event::Down { a, b, connection } => self.on_down(a, b, connection),
        }
    }

    /// The catalogue changes; each region hears of it when it does.
    fn on_change(&mut self) {
        if !self.busy {
            return;
        }
        let what = self.plan.change(&self.rng);
        self.report.changes += 1;
        self.trace.line(self.now, format_args!("{what}"));
        let version = self.plan.versions.len() - 1;
        for region in 0..self.places.len() {
            let late = if self.rng.chance(20.0) { ms(6000) } else { ms(500) };
            self.after(self.rng.between(ms(1), late), Event::Learn { region, version });
        }
        self.after(self.rng.between(ms(200), ms(4000)), Event::NextChange);
    }

    fn on_learn(&mut self, index: usize, version: usize) {
        let place = &mut self.places[index];
        if place.member.is_none() {
            return self.after(ms(50), Event::Learn { region: index, version });
        }
        if version > place.known {
            place.learn(version, &self.plan.versions[version], self.bug);
            self.trace.line(self.now, format_args!("{index} learns {version}"));
        }
    }

    fn on_tick(&mut self, index: usize, life: u64) {
        let place = &mut self.places[index];
        let (now, wall_ms) = (place.time(self.now), place.wall_ms(self.now));
        let Some(member) = place.member.as_mut().filter(|_| place.life == life) else { return };
        let (before, mut out) = (member.last_dot(), Vec::new());
        let adopted = member.counters().catch_ups;
        member.tick(now, wall_ms, &mut out);
        if member.counters().catch_ups > adopted {
            self.trace.line(self.now, format_args!("{index} goes on from records"));
        }
        self.note_decided(index, before);
        self.send(index, out);
        self.serve(index);
        self.sync_soon(index);
        self.after(ms(10), Event::Tick { region: index, life });
    }

    /// Remembers an entry that a member has just decided; gives whether there was one.
    fn note_decided(&mut self, index: usize, before: Dot) -> bool {
        let place = &self.places[index];
        let Some((dot, bytes)) = place.member.as_ref().map(|member| member.last_decided()) else { return false };
        if dot == before {
            return false;
        }
        let entry = Entry::decode(Bytes::copy_from_slice(bytes)).expect("a member writes what it reads");
        let astray = truth::decided_astray(&entry, &place.tables, &place.name);
        let twice = self.decided.insert(dot, entry).is_some();
        if let Some(table) = astray {
            self.violation("residency", format!("{index} decided {dot} on {table}"));
        }
        if twice {
            self.violation("dots", format!("{dot} was used twice"));
        }
        true
    }

    fn sync_soon(&mut self, index: usize) {
        let place = &mut self.places[index];
        let Some(member) = &mut place.member else { return };
        if place.sync_job.is_none() {
            place.sync_job = member.begin_sync();
            if place.sync_job.is_some() {
                let life = place.life;
                let takes = self.rng.between(Duration::from_micros(100), ms(30));
                self.after(takes, Event::SyncDone { region: index, life });
            }
        }
    }

    fn on_sync_done(&mut self, index: usize, life: u64) {
        let place = &mut self.places[index];
        if place.life != life {
            return;
        }
        let now = place.time(self.now);
        let (Some(member), Some(job)) = (&mut place.member, place.sync_job.take()) else { return };
        let mut out = Vec::new();
        if let Err(error) = member.finish_sync(now, job.run(), &mut out) {
            self.violation("disk", format!("{index}: {error}"));
        }
        self.send(index, out);
        self.serve(index);
        self.sync_soon(index);
    }

    fn on_flush(&mut self, index: usize, life: u64) {
        let place = &mut self.places[index];
        let Some(member) = place.member.as_mut().filter(|_| place.life == life) else { return };
        if !member.wants_sync()
            && let Some((job, _)) = member.begin_flush(true)
            && let Err(error) = member.finish_flush(job.run())
        {
            self.violation("disk", format!("{index}: {error}"));
        }
        self.after(self.rng.between(ms(100), ms(2000)), Event::Flush { region: index, life });
    }
}

/// How long clients and faults are busy.
const BUSY: Duration = Duration::from_secs(12);
const VIOLATIONS_MAX: usize = 50;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}
