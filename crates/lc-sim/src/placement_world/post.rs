//! Frames on their way, looked at as they leave: whoever knows a placement sends nothing against it.

use bytes::Bytes;
use lc_crdt::{Entry, KeyRows};
use lc_member::wire::{self, Answer, Ask};
use lc_member::{Frame, Outgoing};
use lc_repl::Message;
use xxhash_rust::xxh3::xxh3_128;

use super::bug::notes;
use super::place::{holds, node};
use super::plan::{RESTRICTED, tells};
use super::{Event, PlacementBug, PlacementWorld, ms};
use crate::network;

impl PlacementWorld {
    /// Puts frames on their way, with whatever the network and a seeded bug do to them.
    pub(super) fn send(&mut self, from: usize, mut frames: Vec<Outgoing>) {
        if self.bug == Some(PlacementBug::QuestionToEverybody) {
            let asks = |sent: &&Outgoing| matches!(wire::decode(sent.frame.clone()), Ok(Frame::Ask { .. }));
            if let Some(frame) = frames.iter().find(asks).map(|sent| sent.frame.clone()) {
                let others = (0..self.places.len()).filter(|&other| other != from).map(node);
                frames.extend(others.map(|to| Outgoing { to, frame: frame.clone() }));
            }
        }
        for Outgoing { to, frame } in frames {
            let to = usize::from(to.0) - 1;
            if !self.network.is_up(from, to) || self.network.is_cut(from, to) {
                continue;
            }
            let frame = self.mistaken(from, to, frame);
            self.check_sent(from, to, &frame);
            self.trace.line(self.now, format_args!("{from} => {to} {} bytes {:032x}", frame.len(), xxh3_128(&frame)));
            let weather = self.network.weather(from, to);
            for delay in network::arrivals(&self.rng, &weather) {
                self.after(delay, Event::Frame { from, to, frame: frame.clone() });
            }
        }
    }

    /// What a seeded bug makes of a frame.
    fn mistaken(&self, from: usize, to: usize, frame: Bytes) -> Bytes {
        let (Some(bug), Some(member)) = (self.bug, &self.places[from].member) else { return frame };
        let snapshot = member.snapshot();
        if bug == PlacementBug::AnswersAllTheSame
            && let Ok(Frame::Answer { id, answer: Answer::Refused { .. } }) = wire::decode(frame.clone())
            && let Some(Ok(Frame::Ask { ask: Ask::Rows { keys }, .. })) =
                self.asked.get(&(to, from, id)).map(|asked| wire::decode(asked.clone()))
        {
            let rows = keys.iter().map(|_| KeyRows::default()).collect();
            return wire::encode_answer(id, &Answer::Rows { applied: snapshot.applied, rows });
        }
        bug.change_sent(frame, |entry| self.decided.get(&entry.dot).cloned(), snapshot.digest)
    }

    fn check_sent(&mut self, from: usize, to: usize, frame: &Bytes) {
        let (sender, receiver) = (&self.places[from], self.places[to].name.clone());
        let told = |table: &&str| !holds(&sender.tables, &receiver, table) && tells(frame, table);
        if let Some(table) = RESTRICTED.into_iter().find(told) {
            self.violation("residency", format!("{from} sent {to} something of {table}: {}", shown(frame)));
        }
        match wire::decode(frame.clone()) {
            Ok(Frame::Entries { entries, .. }) => self.check_entries(from, to, entries),
            Ok(Frame::Answer { id, answer }) => self.check_answer(from, to, id, &answer),
            _ => {}
        }
    }

    /// Nobody is sent an entry without what it should have of it.
    fn check_entries(&mut self, from: usize, to: usize, entries: Vec<Bytes>) {
        let (sender, receiver) = (&self.places[from], &self.places[to].name);
        let entries: Vec<Entry> = entries.into_iter().filter_map(|bytes| Entry::decode(bytes).ok()).collect();
        let lacking = entries.iter().find(|entry| notes(entry).any(|table| holds(&sender.tables, receiver, table)));
        let what = lacking.map(|entry| format!("{from} sent {to} {} with less than it should have", entry.dot));
        self.report.stripped += entries.iter().filter(|entry| notes(entry).next().is_some()).count() as u64;
        what.into_iter().for_each(|what| self.violation("relays", what));
    }

    /// Whoever must not have a key does not answer for it.
    fn check_answer(&mut self, from: usize, to: usize, id: u64, answer: &Answer) {
        let Some(asked) = self.asked.get(&(to, from, id)) else { return };
        let answers = !matches!(answer, Answer::Refused { .. });
        let lacks = |table: &&str| !self.places[from].holds(table) && tells(asked, table);
        if answers && let Some(table) = RESTRICTED.into_iter().find(lacks) {
            self.violation("answers", format!("{from} must not have {table} and answered {to} about it"));
        }
        self.report.answers += u64::from(answers);
    }

    pub(super) fn on_frame(&mut self, from: usize, to: usize, frame: Bytes) {
        if self.network.is_cut(from, to) {
            return;
        }
        let place = &mut self.places[to];
        let (now, wall_ms) = (place.time(self.now), place.wall_ms(self.now));
        let Some(member) = &mut place.member else { return };
        let frame = match self.bug {
            Some(bug) => bug.change_arrived(frame, place.tables.version),
            None => frame,
        };
        let mut out = Vec::new();
        let outcome = member.frame(now, wall_ms, node(from), frame.clone(), &mut out);
        // Before an answer leaves it is known what was asked.
        self.note_arrived(from, to, frame, &mut out);
        if let Err(error) = outcome {
            self.violation("frames", format!("{from} to {to}: {error}"));
        }
        self.send(to, out);
        self.serve(to);
        self.sync_soon(to);
    }

    /// Remembers what was asked, and which digests were compared.
    fn note_arrived(&mut self, from: usize, to: usize, frame: Bytes, out: &mut Vec<Outgoing>) {
        match wire::decode(frame.clone()) {
            Ok(Frame::Ask { id, ask: Ask::Rows { .. } | Ask::Read { .. } }) => {
                self.asked.insert((from, to, id), frame);
            }
            Ok(Frame::Control(Message::Want { origin, after })) if self.bug.is_some_and(|bug| bug.passes_on()) => {
                self.pass_on(from, to, origin, after, out);
            }
            Ok(Frame::Control(Message::Have { applied: Some(shared), .. })) => {
                let Some(member) = &self.places[to].member else { return };
                if shared.at == member.snapshot().applied
                    && shared.placement == self.places[to].tables.placement_version()
                {
                    self.compared.insert((from, to));
                    self.report.compared += 1;
                }
            }
            _ => {}
        }
    }

    /// A seeded bug: whoever is asked for an origin's entries gives what it has.
    fn pass_on(&self, from: usize, to: usize, origin: lc_core::ReplicaId, after: u64, out: &mut Vec<Outgoing>) {
        let entries = self.places[to].member.as_ref().and_then(|member| member.journal_entries().ok());
        let asked = |entry: &Entry| entry.dot.replica == origin && entry.dot.seq > after;
        let entries = entries.unwrap_or_default().into_iter().filter(asked).take(20).map(|entry| {
            let mut bytes = Vec::new();
            entry.encode(&mut bytes);
            Bytes::from(bytes)
        });
        let message = Message::Entries { entries: entries.collect(), urgent: false };
        out.push(Outgoing { to: node(from), frame: wire::encode(&message) });
    }

    pub(super) fn on_connect(&mut self) {
        for a in 0..self.places.len() {
            for b in a + 1..self.places.len() {
                let alive = self.places[a].member.is_some() && self.places[b].member.is_some();
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
            let place = &mut self.places[index];
            let now = place.time(self.now);
            if let Some(member) = &mut place.member {
                member.link_up(now, node(other), rtt, &mut out);
            }
            self.send(index, out);
            self.serve(index);
        }
    }

    pub(super) fn on_down(&mut self, a: usize, b: usize, connection: u64) {
        if !self.network.is_up(a, b) || self.network.connection(a, b) != connection {
            return;
        }
        self.network.set_up(a, b, false);
        self.trace.line(self.now, format_args!("{a} and {b} part"));
        for (index, other) in [(a, b), (b, a)] {
            let place = &mut self.places[index];
            let now = place.time(self.now);
            if let Some(member) = &mut place.member {
                member.link_down(now, node(other));
            }
        }
    }
}

fn shown(frame: &Bytes) -> String {
    let text = format!("{:?}", wire::decode(frame.clone()));
    text.chars().take(600).collect()
}
