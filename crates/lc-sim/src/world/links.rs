//! Frames on their way, and connections that come and go.

use bytes::Bytes;
use lc_member::{Frame, Outgoing, wire};
use lc_repl::ranges::RangeMessage;
use xxhash_rust::xxh3::xxh3_128;

use super::{Event, World, ms, node};
use crate::bug::{self, Arrival};
use crate::network;
use crate::report::Violation;

impl World {
    /// Puts frames on their way, with whatever the network and a seeded bug do to them.
    pub(super) fn send(&mut self, from: usize, frames: Vec<Outgoing>) {
        for Outgoing { to, frame } in frames {
            let to = usize::from(to.0) - 1;
            if !self.network.is_up(from, to) || self.network.is_cut(from, to) {
                continue;
            }
            let frame = match self.answer_bytes {
                Some(bytes_max) => ask_for_less(frame, bytes_max),
                None => frame,
            };
            let frame = match self.scenario.bug {
                Some(bug) => {
                    self.pulses.extend(bug::pulse_of(&frame).map(|sent_ns| ((from, to), sent_ns)));
                    let frame = self.said.pass(bug, (from, to), frame);
                    bug.change_sent(from, frame)
                }
                None => frame,
            };
            let turned = self.scenario.bug.is_some_and(|bug| bug.turns_back(&frame));
            let (from, to) = if turned { (to, from) } else { (from, to) };
            self.trace.line(self.now, format_args!("{from} => {to} {} bytes {:032x}", frame.len(), xxh3_128(&frame)));
            let weather = self.network.weather(from, to);
            let held_up = self.network.held_up(from, to, self.now);
            for delay in network::arrivals(&self.rng, &weather) {
                self.after(delay + held_up, Event::Frame { from, to, frame: frame.clone() });
            }
        }
    }

    pub(super) fn on_frame(&mut self, from: usize, to: usize, frame: Bytes) {
        if self.network.is_cut(from, to) {
            return;
        }
        let applied = |member: &lc_member::Member| member.snapshot().applied;
        let sender_applied = self.scenario.bug.and(self.regions[from].member.as_ref()).map(applied).unwrap_or_default();
        let region = &mut self.regions[to];
        let (now, wall_ms, sender) = (region.time(self.now), region.wall_ms(self.now), node(from));
        let Some(member) = &mut region.member else { return };
        let frame = match self.scenario.bug {
            Some(bug) => {
                let pulse = self.pulses.get(&(to, from)).copied();
                let question = self.said.question(to, from);
                let receiver = member.last_dot();
                let arrival = Arrival { receiver, pulse, wall_ms, question, sender_applied };
                bug.change_arrived(frame, &arrival)
            }
            None => frame,
        };
        let mut out = Vec::new();
        if let Err(error) = member.frame(now, wall_ms, sender, frame, &mut out) {
            self.report.violations.push(Violation { checker: "frames", what: format!("{from} to {to}: {error}") });
        }
        self.send(to, out);
        self.serve(to);
        self.sync_soon(to);
    }

    pub(super) fn on_connect(&mut self) {
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

    pub(super) fn connect(&mut self, a: usize, b: usize) {
        self.network.set_up(a, b, true);
        self.trace.line(self.now, format_args!("{a} and {b} connect"));
        let rtt = self.network.weather(a, b).one_way * 2;
        for (index, other) in [(a, b), (b, a)] {
            let mut out = Vec::new();
            let region = &mut self.regions[index];
            let now = region.time(self.now);
            if let Some(member) = &mut region.member {
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
            let region = &mut self.regions[index];
            let now = region.time(self.now);
            if let Some(member) = &mut region.member {
                member.link_down(now, node(other));
            }
        }
    }
}

/// So that answers with records end in the middle of stretches, although there are few records.
fn ask_for_less(frame: Bytes, bytes_max: u32) -> Bytes {
    match wire::decode(frame.clone()) {
        Ok(Frame::Ranges(RangeMessage::Ask(mut ask))) => {
            ask.bytes_max = ask.bytes_max.min(bytes_max);
            wire::encode_ranges(&RangeMessage::Ask(ask))
        }
        _ => frame,
    }
}
