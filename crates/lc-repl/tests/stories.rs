//! Stories of replication: a script in `scripts/`, what was said below its line. `UPDATE=1` writes what is said now.
//!
//! Every link takes 10 ms, ticks are 10 ms apart; everything that is written is durable at once.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write;
use std::time::Duration;

use bytes::Bytes;
use lc_core::{Dot, Hlc, NodeId, ReplicaId, VersionVector};
use lc_repl::{Arrival, Digests, Input, Log, Message, Output, Replicator, Settings};

#[test]
fn every_script_tells_its_story() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts");
    let mut scripts: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    scripts.sort();
    assert!(!scripts.is_empty());
    for path in scripts {
        let text = std::fs::read_to_string(&path).unwrap();
        let (script, expected) = text.split_once("---\n").unwrap_or((&text, ""));
        let told = World::tell(script);
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, format!("{script}---\n{told}")).unwrap();
        } else {
            assert_eq!(told, expected, "{} tells another story; UPDATE=1 rewrites it", path.display());
        }
    }
}

/// One entry of a story, as its log keeps it.
#[derive(Clone)]
struct Written {
    prev_seq: u64,
    deps: VersionVector,
}

struct Region {
    name: String,
    replicator: Replicator<Written>,
    log: Entries,
    /// What its rows sum up to.
    digest: u128,
}

#[derive(Default)]
struct Entries(BTreeMap<(ReplicaId, u64), Written>);

impl Log for Entries {
    fn read(&self, _to: NodeId, origin: ReplicaId, after: u64, _max_bytes: usize) -> Vec<(u64, Bytes)> {
        let of_origin = self.0.range((origin, after + 1)..=(origin, u64::MAX));
        of_origin.map(|((_, seq), _)| (*seq, Bytes::from(format!("{}:{seq}", origin.0)))).collect()
    }
}

struct World {
    now: Duration,
    regions: Vec<Region>,
    cut: BTreeSet<(usize, usize)>,
    wire: VecDeque<(Duration, usize, usize, Message)>,
    told: String,
}

impl World {
    fn tell(script: &str) -> String {
        let mut world = World {
            now: Duration::ZERO,
            regions: Vec::new(),
            cut: BTreeSet::new(),
            wire: VecDeque::new(),
            told: String::new(),
        };
        for line in script.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            let words: Vec<&str> = line.split(' ').collect();
            world.command(&words);
        }
        world.told
    }

    fn command(&mut self, words: &[&str]) {
        match words {
            ["regions", names @ ..] => names.iter().for_each(|name| self.add(name)),
            ["connect"] => self.connect(),
            ["write", region, count] => (0..count.parse().unwrap()).for_each(|_| self.write(self.find(region))),
            ["cut", a, b] => self.set_cut(a, b, true),
            ["notice", a, b] => self.notice(a, b),
            ["heal", a, b] => self.set_cut(a, b, false),
            ["wait", ms] => self.wait(Duration::from_millis(ms.parse().unwrap())),
            ["digest", region, sum] => {
                let index = self.find(region);
                self.regions[index].digest = sum.parse().unwrap();
            }
            ["show"] => self.show(),
            other => panic!("no such command: {other:?}"),
        }
    }

    fn add(&mut self, name: &str) {
        let me = ReplicaId(self.regions.len() as u16 + 1);
        // Heartbeats would drown a story; they are slow here.
        let settings = Settings { heartbeat: Duration::from_secs(5), ..Settings::default() };
        self.regions.push(Region {
            name: name.to_owned(),
            replicator: Replicator::new(me, VersionVector::new(), settings),
            log: Entries::default(),
            digest: 0,
        });
    }

    fn find(&self, name: &str) -> usize {
        self.regions.iter().position(|region| region.name == name).unwrap_or_else(|| panic!("no region {name}"))
    }

    fn connect(&mut self) {
        for a in 0..self.regions.len() {
            for b in 0..self.regions.len() {
                if a != b {
                    self.input(a, Input::Up { peer: node(b), rtt: Duration::from_millis(20) });
                }
            }
        }
    }

    fn write(&mut self, index: usize) {
        let region = &mut self.regions[index];
        let me = ReplicaId(index as u16 + 1);
        let prev_seq = region.replicator.applied().get(me);
        let deps = region.replicator.applied().iter().filter(|(replica, _)| *replica != me).collect();
        let dot = Dot::new(me, prev_seq + 1);
        region.log.0.insert((me, dot.seq), Written { prev_seq, deps });
        region.replicator.decided(dot);
        self.durable(index);
    }

    fn durable(&mut self, index: usize) {
        let durable = self.regions[index].replicator.applied().clone();
        self.input(index, Input::Durable { durable });
    }

    fn set_cut(&mut self, a: &str, b: &str, cut: bool) {
        let (a, b) = (self.find(a), self.find(b));
        for pair in [(a, b), (b, a)] {
            if cut {
                self.cut.insert(pair)
            } else {
                self.cut.remove(&pair)
            };
        }
        if !cut {
            for (from, to) in [(a, b), (b, a)] {
                self.input(from, Input::Up { peer: node(to), rtt: Duration::from_millis(20) });
            }
        }
    }

    fn notice(&mut self, a: &str, b: &str) {
        let (a, b) = (self.find(a), self.find(b));
        self.input(a, Input::Down { peer: node(b) });
        self.input(b, Input::Down { peer: node(a) });
    }

    fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.now += Duration::from_millis(10);
            while self.wire.front().is_some_and(|(at, ..)| *at <= self.now) {
                let Some((_, from, to, message)) = self.wire.pop_front() else { break };
                self.deliver(from, to, message);
            }
            for index in 0..self.regions.len() {
                let digests = Digests::of_all(self.regions[index].digest);
                self.input(index, Input::Tick { hlc: Hlc::default(), wall_ms: 0, digests });
            }
        }
    }

    fn deliver(&mut self, from: usize, to: usize, message: Message) {
        match message {
            Message::Entries { entries, urgent } => {
                let arrivals = entries.iter().map(|entry| self.arrival(from, entry)).collect();
                self.input(to, Input::Entries { peer: node(from), arrivals, urgent });
            }
            message => self.input(to, Input::Message { peer: node(from), message }),
        }
    }

    fn arrival(&self, from: usize, entry: &Bytes) -> Arrival<Written> {
        let text = std::str::from_utf8(entry).unwrap();
        let (replica, seq) = text.split_once(':').unwrap();
        let dot = Dot::new(ReplicaId(replica.parse().unwrap()), seq.parse().unwrap());
        let written = self.regions[from].log.0[&(dot.replica, dot.seq)].clone();
        Arrival { dot, prev_seq: written.prev_seq, deps: written.deps.clone(), bytes: 10, payload: written }
    }

    fn input(&mut self, index: usize, input: Input<Written>) {
        let mut out = Vec::new();
        let region = &mut self.regions[index];
        region.replicator.step(self.now, input, &region.log, &mut out);
        let mut applied = Vec::new();
        for output in out {
            match output {
                Output::Send { to, message } => self.send(index, usize::from(to.0) - 1, message),
                Output::Apply(arrival) => {
                    applied.push(format!(
                        "{}:{}",
                        self.regions[usize::from(arrival.dot.replica.0) - 1].name,
                        arrival.dot.seq
                    ));
                    self.regions[index].log.0.insert((arrival.dot.replica, arrival.dot.seq), arrival.payload);
                }
                Output::Clock { .. } => {}
                Output::Agreed { peer } => {
                    let peer = self.regions[usize::from(peer.0) - 1].name.clone();
                    self.say(format_args!("{} agrees with {peer} again", self.regions[index].name.clone()));
                }
                Output::Alarm(alarm) => self.say(format_args!("{} ALARM {alarm:?}", self.regions[index].name.clone())),
            }
        }
        if !applied.is_empty() {
            self.say(format_args!("{} applies {}", self.regions[index].name.clone(), applied.join(" ")));
            self.durable(index);
        }
    }

    fn send(&mut self, from: usize, to: usize, message: Message) {
        let lost = self.cut.contains(&(from, to));
        let text = match &message {
            Message::Hello { durable, .. } => format!("hello, I have {}", self.named(durable)),
            Message::Have { durable, .. } => format!("I have {}", self.named(durable)),
            Message::Want { origin, after } => {
                format!("send me {} after {after}", self.regions[usize::from(origin.0) - 1].name)
            }
            Message::Entries { entries, .. } => {
                let list = entries.iter().map(|entry| std::str::from_utf8(entry).unwrap().to_owned());
                let list: Vec<_> = list
                    .map(|text| {
                        let (replica, seq) = text.split_once(':').unwrap();
                        format!("{}:{seq}", self.regions[replica.parse::<usize>().unwrap() - 1].name)
                    })
                    .collect();
                list.join(" ")
            }
        };
        let (a, b) = (self.regions[from].name.clone(), self.regions[to].name.clone());
        let (arrow, note) = if lost { ("✗", "   lost in the cut") } else { ("→", "") };
        self.say(format_args!("{a} {arrow} {b}  {text}{note}"));
        if !lost {
            self.wire.push_back((self.now + Duration::from_millis(10), from, to, message));
        }
    }

    fn named(&self, vector: &VersionVector) -> String {
        let parts: Vec<_> = vector
            .iter()
            .map(|(replica, seq)| format!("{}:{seq}", self.regions[usize::from(replica.0) - 1].name))
            .collect();
        if parts.is_empty() { "nothing".to_owned() } else { parts.join(" ") }
    }

    fn show(&mut self) {
        for index in 0..self.regions.len() {
            let (name, has) = (self.regions[index].name.clone(), self.named(self.regions[index].replicator.applied()));
            self.say(format_args!("{name} has {has}"));
        }
    }

    fn say(&mut self, text: std::fmt::Arguments<'_>) {
        writeln!(self.told, "{:>5} {text}", self.now.as_millis()).unwrap();
    }
}

fn node(index: usize) -> NodeId {
    NodeId(index as u16 + 1)
}
