//! The world: regions, links, clients and faults on one queue of events, driven by one seed.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use lc_core::{Dot, NodeId};
use lc_db::{Reply, Session};
use lc_journal::Position;
use lc_member::{Frame, Outgoing, Peer, Settings, wire};
use lc_repl::Message;
use xxhash_rust::xxh3::xxh3_128;

use crate::faults::{self, Fault};
use crate::history::History;
use crate::network::{self, Network};
use crate::region::{Client, Region};
use crate::report::{Report, Violation};
use crate::rng::Rng;
use crate::trace::Trace;
use crate::{Bug, checkers, clients};

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
    /// Keep the trace as text.
    pub keep_trace: bool,
}

impl Default for Scenario {
    fn default() -> Scenario {
        Scenario { regions: None, busy: Duration::from_secs(20), bug: None, keep_trace: false }
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
    /// Replies that wait for durability, per region.
    waiting: Vec<Vec<Waiting>>,
    history: History,
    trace: Trace,
    report: Report,
    scenario: Scenario,
    calm: bool,
}

struct Waiting {
    position: Position,
    dot: Option<Dot>,
    /// A pure counter's value that the client will be told.
    counter: Option<(Vec<u8>, i64)>,
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

impl World {
    /// Runs a whole life: busy, healed, settled, checked.
    pub fn run(seed: u64, scenario: &Scenario) -> Report {
        let mut world = World::new(seed, scenario);
        world.start_all();
        world.advance_to(scenario.busy);
        world.settle();
        world.finish()
    }

    fn new(seed: u64, scenario: &Scenario) -> World {
        let rng = Rng::new(seed);
        let count = scenario.regions.unwrap_or(3 + rng.below(3) as usize);
        let network = Network::new(&rng, count);
        let regions = (0..count).map(|index| {
            let skew_ms = rng.below(400) as i64 - 200;
            Region::new(node(index), settings(&rng, index, count), skew_ms)
        });
        World {
            regions: regions.collect(),
            waiting: (0..count).map(|_| Vec::new()).collect(),
            network,
            now: Duration::ZERO,
            queue: BinaryHeap::new(),
            scheduled: 0,
            history: History::default(),
            trace: Trace::new(scenario.keep_trace),
            report: Report { seed, regions: count, ..Report::default() },
            scenario: scenario.clone(),
            calm: false,
            rng,
        }
    }

    fn start_all(&mut self) {
        for region in 0..self.regions.len() {
            self.start(region);
            self.after(self.rng.between(ms(1), ms(100)), Event::Request { region });
        }
        self.after(ms(1), Event::Connect);
        self.after(self.rng.between(ms(100), ms(3000)), Event::NextFault);
    }

    fn finish(mut self) -> Report {
        let violations = checkers::check_all(&self.regions, &self.history);
        self.report.violations.extend(violations);
        self.report.acknowledged = self.history.acknowledged.len() as u64;
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

    fn on_request(&mut self, index: usize) {
        if self.calm {
            return;
        }
        self.after(self.rng.between(ms(1), ms(120)), Event::Request { region: index });
        let region = &mut self.regions[index];
        let wall_ms = region.wall_ms(self.now);
        let Some(member) = &mut region.member else { return };
        self.report.commands += 1;
        let request = clients::request(&self.rng, self.report.commands, wall_ms);
        self.history.flushed |= request.iter().any(|words| words[0] == b"FLUSHALL");
        let decided = member.snapshot().counters.entries_decided;
        let mut client = Client { member, wall_ms, seed: self.rng.u64(), wait: None };
        let replies = run_request(&mut client, &request);
        let wait = client.wait;
        self.trace.line(self.now, format_args!("{index} {} -> {replies:?}", shown(&request)));
        let dot = self.note_decided(index, decided);
        let counter = counter_told(&request, &replies);
        let position = wait.unwrap_or_default();
        self.waiting[index].push(Waiting { position, dot, counter });
        self.tell_clients(index);
        self.sync_soon(index);
    }

    /// Remembers an entry that a member has just decided; a dot with two contents is a violation at once.
    fn note_decided(&mut self, index: usize, decided_before: u64) -> Option<Dot> {
        let member = self.regions[index].member.as_ref()?;
        if member.snapshot().counters.entries_decided == decided_before {
            return None;
        }
        let (dot, bytes) = member.last_decided();
        let hash = xxh3_128(bytes);
        if self.history.decided.insert(dot, hash).is_some_and(|before| before != hash) {
            self.report
                .violations
                .push(Violation { checker: "dots", what: format!("{dot} was used for two different entries") });
        }
        Some(dot)
    }

    /// Answers clients whose replies have become durable.
    fn tell_clients(&mut self, index: usize) {
        let early = self.scenario.bug == Some(Bug::AcknowledgeBeforeDurable);
        let Some(member) = &self.regions[index].member else { return };
        let durable = member.durable();
        let waiting = std::mem::take(&mut self.waiting[index]);
        let (ready, left): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|waiting| early || waiting.position <= durable);
        self.waiting[index] = left;
        for waiting in ready {
            self.history.acknowledged.extend(waiting.dot);
            if let Some((key, value)) = waiting.counter {
                self.check_counter(index, key, value);
            }
        }
    }

    /// A pure counter only grows. After a crash a region may show less for a while, until others' entries that it had
    /// applied but not made durable have come again; nothing of it may be gone in the end.
    fn check_counter(&mut self, index: usize, key: Vec<u8>, value: i64) {
        let most = self.history.counters_max.entry(key.clone()).or_default();
        *most = value.max(*most);
        let told = self.history.counters_told.entry((index, key.clone())).or_default();
        if value < *told && !self.history.flushed {
            let what = format!("region {index}: {} went from {told} back to {value}", String::from_utf8_lossy(&key));
            self.report.violations.push(Violation { checker: "counters", what });
        }
        *told = value.max(*told);
    }

    fn on_tick(&mut self, index: usize, life: u64) {
        let region = &mut self.regions[index];
        let wall_ms = region.wall_ms(self.now);
        let Some(member) = region.member.as_mut().filter(|_| region.life == life) else { return };
        let decided = member.snapshot().counters.entries_decided;
        let mut out = Vec::new();
        member.tick(self.now, wall_ms, &mut out);
        self.note_decided(index, decided);
        self.send(index, out);
        self.sync_soon(index);
        self.after(ms(10), Event::Tick { region: index, life });
    }

    fn on_frame(&mut self, from: usize, to: usize, frame: Bytes) {
        if self.network.is_cut(from, to) {
            return;
        }
        let region = &mut self.regions[to];
        let (wall_ms, sender) = (region.wall_ms(self.now), node(from));
        let Some(member) = &mut region.member else { return };
        let mut out = Vec::new();
        if let Err(error) = member.frame(self.now, wall_ms, sender, frame, &mut out) {
            self.report.violations.push(Violation { checker: "frames", what: format!("{from} to {to}: {error}") });
        }
        self.send(to, out);
        self.sync_soon(to);
    }

    /// Puts frames on their way, with whatever the network and a seeded bug do to them.
    fn send(&mut self, from: usize, frames: Vec<Outgoing>) {
        for Outgoing { to, frame } in frames {
            let to = usize::from(to.0) - 1;
            if !self.network.is_up(from, to) || self.network.is_cut(from, to) {
                continue;
            }
            let frame = match self.scenario.bug {
                Some(bug) => change_frame(bug, frame),
                None => frame,
            };
            self.trace.line(self.now, format_args!("{from} => {to} {} bytes {:032x}", frame.len(), xxh3_128(&frame)));
            let weather = self.network.weather(from, to);
            for delay in network::arrivals(&self.rng, &weather) {
                self.after(delay, Event::Frame { from, to, frame: frame.clone() });
            }
        }
    }

    fn sync_soon(&mut self, index: usize) {
        let region = &mut self.regions[index];
        let Some(member) = &mut region.member else { return };
        if region.sync_job.is_none() {
            region.sync_job = member.begin_sync();
            if region.sync_job.is_some() {
                let life = region.life;
                self.after(
                    self.rng.between(Duration::from_micros(100), ms(30)),
                    Event::SyncDone { region: index, life },
                );
            }
        }
    }

    fn on_sync_done(&mut self, index: usize, life: u64) {
        let region = &mut self.regions[index];
        if region.life != life {
            return;
        }
        let (Some(member), Some(job)) = (&mut region.member, region.sync_job.take()) else { return };
        let mut out = Vec::new();
        let outcome = member.finish_sync(self.now, job.run(), &mut out);
        if let Err(error) = outcome {
            self.report.violations.push(Violation { checker: "disk", what: format!("region {index}: {error}") });
        }
        self.send(index, out);
        self.tell_clients(index);
        self.sync_soon(index);
    }

    fn on_flush(&mut self, index: usize, life: u64) {
        let region = &mut self.regions[index];
        let Some(member) = region.member.as_mut().filter(|_| region.life == life) else { return };
        // Only when all is durable: waiting for it is the driver's part, and a crash in between flushes nothing.
        if !member.wants_sync()
            && let Some((job, position)) = member.begin_flush(true)
        {
            assert!(position <= member.durable(), "a flush begins when everything is durable");
            // A crash before the commit leaves the store as it was; after it, as it will be.
            if self.rng.chance(90.0)
                && let Err(error) = member.finish_flush(job.run())
            {
                self.report.violations.push(Violation { checker: "disk", what: format!("region {index}: {error}") });
            } else {
                self.trace.line(self.now, format_args!("{index} flush"));
            }
        }
        self.after(self.rng.between(ms(200), ms(4000)), Event::Flush { region: index, life });
    }

    fn on_fault(&mut self) {
        if self.calm {
            return;
        }
        self.after(self.rng.between(ms(100), ms(4000)), Event::NextFault);
        self.report.faults += 1;
        let fault = faults::random(&self.rng, self.regions.len());
        self.trace.line(self.now, format_args!("{fault:?}"));
        match fault {
            Fault::Cut { from, to, both, lasts } => {
                self.cut(from, to, lasts);
                if both {
                    self.cut(to, from, lasts);
                }
            }
            Fault::Isolate { region, lasts } => {
                for other in (0..self.regions.len()).filter(|&other| other != region) {
                    self.cut(region, other, lasts);
                    self.cut(other, region, lasts);
                }
            }
            Fault::Crash { region, lasts } => self.crash(region, lasts),
        }
    }

    fn cut(&mut self, from: usize, to: usize, lasts: Duration) {
        self.network.set_cut(from, to, true);
        self.after(lasts, Event::Heal { from, to });
        self.notice_down(from, to);
    }

    /// The two ends notice after a while; a connection that is made anew before that is another one.
    fn notice_down(&mut self, a: usize, b: usize) {
        let connection = self.network.connection(a, b);
        let delay = self.rng.between(ms(50), ms(3000));
        self.after(delay, Event::Down { a, b, connection });
    }

    fn crash(&mut self, index: usize, lasts: Duration) {
        let rng = &self.rng;
        let region = &mut self.regions[index];
        if region.member.take().is_none() {
            return;
        }
        // A sync that was under way has written some of its bytes, perhaps torn, and none for certain.
        if let Some(job) = region.sync_job.take() {
            region.disk.fail_next_sync();
            drop(job.run());
        }
        match rng.chance(50.0) {
            true => region.disk.crash(|_, unsynced| rng.below(unsynced + 1)),
            false => region.disk.crash_scattered(|_, _| rng.chance(50.0)),
        }
        if self.scenario.bug == Some(Bug::OldDisk) {
            self.regions[index].swap_old_disk();
        }
        self.waiting[index].clear();
        self.history.counters_told.retain(|(region, _), _| *region != index);
        for other in (0..self.regions.len()).filter(|&other| other != index) {
            self.notice_down(index, other);
        }
        self.after(lasts, Event::Start { region: index });
    }

    fn start(&mut self, index: usize) {
        let bug = self.scenario.bug;
        let region = &mut self.regions[index];
        if region.member.is_some() {
            return;
        }
        let started = region.start(bug);
        self.trace.line(self.now, format_args!("{index} starts"));
        match started {
            Ok(()) => {
                let life = region.life;
                self.after(ms(1), Event::Tick { region: index, life });
                self.after(self.rng.between(ms(200), ms(4000)), Event::Flush { region: index, life });
            }
            Err(error) => {
                self.report.violations.push(Violation { checker: "start", what: format!("region {index}: {error}") })
            }
        }
    }

    fn on_connect(&mut self) {
        for a in 0..self.regions.len() {
            for b in a + 1..self.regions.len() {
                let alive = self.regions[a].member.is_some() && self.regions[b].member.is_some();
                if alive && !self.network.is_up(a, b) && self.network.connectable(a, b) {
                    self.connect(a, b);
                }
            }
        }
        self.after(self.rng.between(ms(20), ms(400)), Event::Connect);
    }

    fn connect(&mut self, a: usize, b: usize) {
        self.network.set_up(a, b, true);
        self.trace.line(self.now, format_args!("{a} and {b} connect"));
        let rtt = self.network.weather(a, b).one_way * 2;
        for (index, other) in [(a, b), (b, a)] {
            let mut out = Vec::new();
            if let Some(member) = &mut self.regions[index].member {
                member.link_up(self.now, node(other), rtt, &mut out);
            }
            self.send(index, out);
        }
    }

    fn on_down(&mut self, a: usize, b: usize, connection: u64) {
        if !self.network.is_up(a, b) || self.network.connection(a, b) != connection {
            return;
        }
        self.network.set_up(a, b, false);
        self.trace.line(self.now, format_args!("{a} and {b} part"));
        for (index, other) in [(a, b), (b, a)] {
            if let Some(member) = &mut self.regions[index].member {
                member.link_down(self.now, node(other));
            }
        }
    }
}

fn run_request(client: &mut Client<'_>, request: &[clients::Words]) -> Vec<Reply> {
    let mut session = Session::new(1);
    match request {
        [one] => vec![client.run(&mut session, one)],
        several => {
            client.run(&mut session, &[b"MULTI".to_vec()]);
            for words in several {
                client.run(&mut session, words);
            }
            vec![client.run(&mut session, &[b"EXEC".to_vec()])]
        }
    }
}

/// The value of a pure counter that a client was told: keys of `count:` are only ever incremented or flushed.
fn counter_told(request: &[clients::Words], replies: &[Reply]) -> Option<(Vec<u8>, i64)> {
    let ([words], [reply]) = (request, replies) else { return None };
    let key = words.get(1).filter(|key| key.starts_with(b"count:"))?;
    let value = match reply {
        Reply::Int(value) => *value,
        Reply::Bulk(text) => std::str::from_utf8(text).ok()?.parse().ok()?,
        _ => return None,
    };
    Some((key.clone(), value))
}

fn shown(request: &[clients::Words]) -> String {
    let lines = request
        .iter()
        .map(|words| words.iter().map(|word| String::from_utf8_lossy(word)).collect::<Vec<_>>().join(" "));
    lines.collect::<Vec<_>>().join("; ")
}

fn change_frame(bug: Bug, frame: Bytes) -> Bytes {
    match wire::decode(frame.clone()) {
        Ok(Frame::Entries { entries, urgent }) => {
            let changed = entries.into_iter().filter_map(|bytes| {
                let entry = bug.change_entry(lc_crdt::Entry::decode(bytes).ok()?)?;
                let mut out = Vec::new();
                entry.encode(&mut out);
                Some(Bytes::from(out))
            });
            wire::encode(&Message::Entries { entries: changed.collect(), urgent })
        }
        Ok(Frame::Control(Message::Hello { replica, durable })) if bug == Bug::GreetingClaimsMore => {
            let durable = durable.iter().map(|(replica, seq)| (replica, seq + 3)).collect();
            wire::encode(&Message::Hello { replica, durable })
        }
        _ => frame,
    }
}

fn settings(rng: &Rng, index: usize, count: usize) -> Settings {
    Settings {
        cluster: "simulated".to_owned(),
        node: node(index),
        region: region_name(index),
        peers: (0..count)
            .filter(|&other| other != index)
            .map(|other| Peer { node: node(other), region: region_name(other) })
            .collect(),
        tables: Arc::default(),
        max_offset_ms: 500,
        dirty_bytes_max: 1,
        table: lc_store::TableOptions { cache_bytes: 4096, hash_seed: 1 },
        journal: lc_journal::Options {
            segment_bytes: 4096 << rng.below(6),
            tail_bytes: 2048 << rng.below(8),
            ..lc_journal::Options::default()
        },
        replication: lc_repl::Settings {
            window_bytes: 2048 << rng.below(10),
            batch_bytes: 256 << rng.below(10),
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

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}
