//! Requests: executed as far as they go, held up by other regions or by the disk, answered.

use lc_db::{Error, Reply, Session, Wish};
use lc_member::{Settled, Ticket};

use super::{Event, Phase, World, ms};
use crate::call::{Call, Decided, Purpose, keys_of};
use crate::client::{Client, Line};
use crate::clients::{self, Words};
use crate::history::Promised;
use crate::report::Violation;
use crate::{Bug, dials};

impl World {
    pub(super) fn on_request(&mut self, index: usize) {
        if self.phase != Phase::Busy {
            return;
        }
        self.after(self.rng.between(ms(1), ms(120)), Event::Request { region: index });
        let region = &self.regions[index];
        if region.member.is_none() {
            return;
        }
        self.report.commands += 1;
        let (serial, wall_ms) = (self.report.commands, region.right_ms(self.now));
        let (purpose, steps) = match self.habits.tables && self.rng.chance(4.0) {
            true => {
                let (key, value) = clients::resolution(&self.rng, serial);
                let first = clients::words(&format!("SIBLINGS {key}"));
                (Purpose::Resolve { key, value }, vec![first])
            }
            false => {
                let request = clients::request(&self.rng, self.habits, serial, wall_ms);
                self.history.flushed |= request.iter().any(|words| words[0] == b"FLUSHALL");
                (Purpose::Crowd, as_transaction(request))
            }
        };
        self.begin(index, purpose, steps, (Session::new(1), Line::default()), Wish::default());
    }

    /// Starts a request.
    pub(super) fn begin(
        &mut self,
        index: usize,
        purpose: Purpose,
        steps: Vec<Words>,
        (session, line): (Session, Line),
        wish: Wish,
    ) {
        let tables = self.regions[index].tables.clone();
        let asked_at = self.now;
        let (replies, decided, held) = (Vec::new(), None, None);
        let call = Call { purpose, steps, replies, session, line, wish, asked_at, tables, decided, held };
        self.carry_on(index, call);
        self.serve(index);
        self.sync_soon(index);
    }

    /// Executes steps until one has to wait or all are done.
    fn carry_on(&mut self, index: usize, mut call: Call) {
        while !call.is_done() {
            let words = call.steps[call.replies.len()].clone();
            match self.execute(index, &mut call, &words) {
                Reply::Error(Error::Later) => break,
                reply => call.replies.push(reply),
            }
            self.resolve_what_was_shown(&mut call);
        }
        if call.is_done() {
            let lines = shown(&call.steps);
            self.trace.line(self.now, format_args!("{index} {lines} -> {:?}", call.replies));
        }
        self.calls[index].push(call);
    }

    fn execute(&mut self, index: usize, call: &mut Call, words: &Words) -> Reply {
        let region = &mut self.regions[index];
        let (now, wall_ms) = (region.time(self.now), region.wall_ms(self.now));
        let Some(member) = &mut region.member else { return Reply::Error(Error::Later) };
        let decided = member.snapshot().counters.entries_decided;
        let tables = region.in_use.clone();
        let (regions, bug, seed) = (self.history.regions, self.scenario.bug, self.rng.u64());
        let mut out = Vec::new();
        let mut client =
            Client { member, line: &mut call.line, out: &mut out, tables, regions, now, wall_ms, seed, bug };
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        let reply = call.session.execute(&words, &mut client);
        if let Some(dot) = self.note_decided(index, decided) {
            let tables = &self.regions[index].tables;
            let need = dials::ack_needed(tables, call.keys(), &call.wish, regions);
            call.decided = Some(Decided { dot, need });
            self.note_numbered(call);
        }
        self.send(index, out);
        reply
    }

    /// Somebody was shown siblings and now replaces exactly those.
    fn resolve_what_was_shown(&mut self, call: &mut Call) {
        let (Purpose::Resolve { key, value }, [Reply::Array(shown)]) = (&call.purpose, call.replies.as_slice()) else {
            return;
        };
        if call.steps.len() == 1
            && let Some(Reply::Bulk(context)) = shown.first()
        {
            let line = format!("RESOLVE {key} {} {value}", String::from_utf8_lossy(context));
            call.steps.push(clients::words(&line));
        }
    }

    /// Takes up what a member has settled, then answers what can be answered. To be called after each call into a member.
    pub(super) fn serve(&mut self, index: usize) {
        while let Some(member) = &mut self.regions[index].member {
            let settled = member.take_settled();
            if settled.is_empty() {
                break;
            }
            for (ticket, settled) in settled {
                self.on_settled(index, ticket, settled);
            }
            self.sync_soon(index);
        }
        self.answer_ready(index);
        self.look_after(index);
    }

    fn on_settled(&mut self, index: usize, ticket: Ticket, settled: Settled) {
        let Some(at) = self.calls[index].iter().position(|call| call.waits_for(ticket)) else { return };
        let mut call = self.calls[index].remove(at);
        if call.holds(ticket) {
            call.held = Some(match settled {
                Settled::Failed(error) => Err(error),
                _ => Ok(()),
            });
            self.calls[index].push(call);
            return;
        }
        call.line.pending = None;
        call.line.settled = Some(settled);
        self.carry_on(index, call);
    }

    /// Answers clients whose replies have become durable and are held by as many regions as they must.
    fn answer_ready(&mut self, index: usize) {
        let early = self.scenario.bug == Some(Bug::AcknowledgeBeforeDurable);
        let Some(member) = &self.regions[index].member else { return };
        let durable = member.durable();
        let ready = |call: &Call| {
            let held = call.line.hold.is_none() || call.held.is_some();
            call.is_done() && held && (early || call.line.wait.unwrap_or_default() <= durable)
        };
        let (ready, left): (Vec<_>, Vec<_>) = std::mem::take(&mut self.calls[index]).into_iter().partition(ready);
        self.calls[index] = left;
        for call in ready {
            self.answer(index, call);
        }
    }

    fn answer(&mut self, index: usize, mut call: Call) {
        let refused = match call.held.take() {
            Some(Err(error)) => Some(error),
            _ => None,
        };
        if let Some(decided) = call.decided {
            self.history.acknowledged.push(decided.dot);
            self.note_promise(decided, refused.as_ref());
        }
        let errors = call.replies.iter().filter_map(|reply| match reply {
            Reply::Error(error) => Some(error.code()),
            _ => None,
        });
        for code in errors.chain(refused.as_ref().map(Error::code)) {
            *self.report.refused.entry(code).or_default() += 1;
        }
        match call.purpose.clone() {
            Purpose::Roam { roamer, doing, again } => {
                self.answer_roamer(index, roamer, (&doing, again.as_ref()), call, refused)
            }
            Purpose::Crowd | Purpose::Resolve { .. } => {
                if let Some((key, value)) = counter_told(&call.steps, &call.replies) {
                    self.check_counter(index, key, value);
                }
            }
        }
    }

    /// Compares what a client is told about its write with how many regions have it at this moment.
    fn note_promise(&mut self, decided: Decided, refused: Option<&Error>) {
        let Decided { dot, need } = decided;
        if need < 2 {
            return;
        }
        let have = match refused {
            Some(Error::NoAck { have, .. }) => {
                Some(usize::from(*have) + usize::from(self.scenario.bug == Some(Bug::RefusalClaimsMore)))
            }
            Some(_) => Some(0),
            None => None,
        };
        let truth = self.regions.iter().filter(|region| region.durable.covers(dot)).count();
        self.history.promises.push(Promised { dot, need, have, truth });
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

    /// A region is gone, and with it every connection to it.
    pub(super) fn drop_calls(&mut self, index: usize) {
        for call in std::mem::take(&mut self.calls[index]) {
            if let Purpose::Roam { roamer, doing, .. } = call.purpose {
                self.roamers[roamer].lost(Some(&doing));
            }
        }
        for roamer in &mut self.roamers {
            if roamer.connection.as_ref().is_some_and(|connection| connection.region == index) {
                roamer.lost(None);
            }
        }
    }
}

fn as_transaction(request: Vec<Words>) -> Vec<Words> {
    if request.len() == 1 {
        return request;
    }
    let (multi, exec) = (clients::words("MULTI"), clients::words("EXEC"));
    std::iter::once(multi).chain(request).chain([exec]).collect()
}

/// The value of a pure counter that a client was told: keys of `count:` are only ever incremented or flushed.
fn counter_told(steps: &[Words], replies: &[Reply]) -> Option<(Vec<u8>, i64)> {
    let ([words], [reply]) = (steps, replies) else { return None };
    let key = keys_of(words).next().filter(|key| key.starts_with(b"count:"))?;
    let value = match reply {
        Reply::Int(value) => *value,
        Reply::Bulk(text) => std::str::from_utf8(text).ok()?.parse().ok()?,
        _ => return None,
    };
    Some((key.to_vec(), value))
}

fn shown(steps: &[Words]) -> String {
    let lines =
        steps.iter().map(|words| words.iter().map(|word| String::from_utf8_lossy(word)).collect::<Vec<_>>().join(" "));
    lines.collect::<Vec<_>>().join("; ")
}
