//! Requests: executed as far as they go, held up by other regions or by the disk, answered, and what they were told compared
//! with what is true.

use std::sync::Arc;
use std::time::Duration;

use lc_core::Dot;
use lc_db::{Error, Reply, Session};
use lc_member::{Settled, Ticket};
use lc_policy::{Placement, Policy, Read, Tables};

use super::door::{Door, Line};
use super::plan::{RESTRICTED, tells};
use super::requests::{self, Words};
use super::{Event, PlacementWorld, ms};

/// Commands of one connection, carried out one after the other and answered together.
pub(super) struct Call {
    steps: Vec<Words>,
    replies: Vec<Reply>,
    session: Session,
    line: Line,
    purpose: Purpose,
    asked_at: Duration,
    /// Which version of the catalogue was known here then.
    known: usize,
    tables: Arc<Tables>,
    decided: Option<Dot>,
    held: Option<Result<(), Error>>,
}

/// Who asks, and what is made of the answer.
#[derive(Clone, Debug)]
enum Purpose {
    Crowd,
    /// Adds something that nobody removes.
    Grow {
        table: &'static str,
        key: String,
        member: String,
    },
    /// Looks for everything that must be there.
    Look {
        table: &'static str,
        key: String,
        must: Vec<(String, &'static str)>,
    },
}

/// Something that was added, and what its client was told.
pub(super) struct Grown {
    pub key: String,
    pub member: String,
    pub region: usize,
    pub acked_at: Duration,
    pub need: usize,
    pub placement: Placement,
}

/// A client that was told of its write and goes on in another region.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Traveller {
    pub table: &'static str,
    pub key: String,
    pub member: String,
    pub token: String,
}

impl PlacementWorld {
    pub(super) fn on_request(&mut self, index: usize) {
        if !self.busy {
            return;
        }
        self.after(self.rng.between(ms(1), ms(80)), Event::Request { region: index });
        if self.places[index].member.is_none() {
            return;
        }
        let (serial, wall_ms) = (self.report.commands, self.places[index].wall_ms(self.now));
        if self.flushes || self.rng.chance(70.0) {
            let steps = requests::request(&self.rng, self.flushes, serial, wall_ms);
            return self.begin(index, steps, Purpose::Crowd, None);
        }
        let (table, key) = requests::growing(&self.rng);
        if self.rng.chance(50.0) {
            let member = requests::member(table, serial);
            let steps = vec![requests::words(&format!("SADD {key} {member}"))];
            self.begin(index, steps, Purpose::Grow { table, key, member }, None);
        } else {
            self.look(index, table, key, None);
        }
    }

    /// Somebody looks at a growing key: what must be seen is worked out now.
    fn look(&mut self, index: usize, table: &'static str, key: String, traveller: Option<&Traveller>) {
        let place = &self.places[index];
        let policy = &place.tables.of_key(key.as_bytes()).policy;
        let owed = self.grown.iter().filter(|grown| grown.key == key);
        let mut must: Vec<(String, &'static str)> =
            owed.filter_map(|grown| Some((grown.member.clone(), self.why_owed(index, policy, grown)?))).collect();
        if let Some(traveller) = traveller
            && policy.read != Read::Eventual
        {
            must.push((traveller.member.clone(), "session"));
        }
        let steps = vec![requests::words(&format!("SMEMBERS {key}"))];
        let token = traveller.map(|traveller| traveller.token.clone());
        self.begin(index, steps, Purpose::Look { table, key, must }, token);
    }

    /// Why a reader here must see it, if so.
    fn why_owed(&self, index: usize, policy: &Policy, grown: &Grown) -> Option<&'static str> {
        if policy.placement != grown.placement {
            return None;
        }
        let regions = match &policy.placement {
            Placement::Everywhere => self.places.len(),
            Placement::Regions(names) => names.len(),
        };
        match policy.read {
            Read::Quorum(read) if usize::from(read) + grown.need > regions => Some("quorum"),
            Read::Bounded(bound_ms) if grown.acked_at + ms(bound_ms) < self.now => Some("bound"),
            _ if grown.region == index => Some("own region"),
            _ => None,
        }
    }

    pub(super) fn on_traveller(&mut self, index: usize, traveller: &Traveller) {
        if self.places[index].member.is_some() && self.busy {
            self.look(index, traveller.table, traveller.key.clone(), Some(traveller));
        }
    }

    fn begin(&mut self, index: usize, steps: Vec<Words>, purpose: Purpose, token: Option<String>) {
        self.report.commands += 1;
        let place = &self.places[index];
        let mut call = Call {
            steps,
            replies: Vec::new(),
            session: Session::new(1),
            line: Line::default(),
            purpose,
            asked_at: self.now,
            known: place.known,
            tables: place.tables.clone(),
            decided: None,
            held: None,
        };
        if let Some(token) = token {
            let resumed = self.with_door(index, &mut call, |session, door| session.resume(door, token.as_bytes()));
            // A crash may have taken what a token of this region's earlier life names.
            if resumed.is_none_or(|outcome| outcome.is_err()) {
                return;
            }
        }
        self.carry_on(index, call);
        self.serve(index);
        self.sync_soon(index);
    }

    fn with_door<T>(
        &mut self,
        index: usize,
        call: &mut Call,
        run: impl FnOnce(&mut Session, &mut Door<'_>) -> T,
    ) -> Option<T> {
        let place = &mut self.places[index];
        let (now, wall_ms, tables) = (place.time(self.now), place.wall_ms(self.now), place.in_use.clone());
        let (region, regions, seed, bug) = (place.name.clone(), self.network_size, self.rng.u64(), self.bug);
        let member = place.member.as_mut()?;
        let before = member.last_dot();
        let (mut out, region) = (Vec::new(), region.as_str());
        let mut door =
            Door { member, line: &mut call.line, out: &mut out, tables, region, regions, now, wall_ms, seed, bug };
        let outcome = run(&mut call.session, &mut door);
        if self.note_decided(index, before) {
            call.decided = self.places[index].member.as_ref().map(|member| member.last_dot());
        }
        self.send(index, out);
        Some(outcome)
    }

    fn carry_on(&mut self, index: usize, mut call: Call) {
        while !call.is_done() {
            let words = call.steps[call.replies.len()].clone();
            let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
            match self.with_door(index, &mut call, |session, door| session.execute(&words, door)) {
                None | Some(Reply::Error(Error::Later)) => break,
                Some(reply) => call.replies.push(reply),
            }
        }
        if call.is_done() {
            let lines = shown(&call.steps);
            self.trace.line(self.now, format_args!("{index} {lines} -> {:?}", call.replies));
        }
        self.calls[index].push(call);
    }

    /// Takes up what a member has settled, then answers what can be answered. To be called after each call into a member.
    pub(super) fn serve(&mut self, index: usize) {
        while let Some(member) = &mut self.places[index].member {
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
    }

    fn on_settled(&mut self, index: usize, ticket: Ticket, settled: Settled) {
        let waits = |call: &Call| call.line.pending == Some(ticket) || call.line.hold == Some(ticket);
        let Some(at) = self.calls[index].iter().position(waits) else { return };
        let mut call = self.calls[index].remove(at);
        if call.line.hold == Some(ticket) {
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

    fn answer_ready(&mut self, index: usize) {
        let Some(member) = &self.places[index].member else { return };
        let durable = member.durable();
        let ready = |call: &Call| {
            let held = call.line.hold.is_none() || call.held.is_some();
            call.is_done() && held && call.line.wait.unwrap_or_default() <= durable
        };
        let (ready, left): (Vec<_>, Vec<_>) = std::mem::take(&mut self.calls[index]).into_iter().partition(ready);
        self.calls[index] = left;
        for call in ready {
            self.answer(index, call);
        }
    }

    fn answer(&mut self, index: usize, mut call: Call) {
        let refused = call.held.take().and_then(Result::err);
        let errors = call.replies.iter().filter_map(error_of).chain(&refused);
        let codes: Vec<&'static str> = errors.map(Error::code).collect();
        for code in &codes {
            *self.report.refused.entry(code).or_default() += 1;
        }
        self.check_elsewhere(index, &call, codes.contains(&"ELSEWHERE"));
        if let Some(dot) = call.decided {
            self.acknowledged.push(dot);
            self.check_held(dot, call.line.need, refused.as_ref());
        }
        match call.purpose.clone() {
            Purpose::Crowd => {}
            Purpose::Grow { table, key, member } if codes.is_empty() => {
                self.note_grown(index, call, table, key, member)
            }
            Purpose::Grow { .. } => {}
            Purpose::Look { table, key, must } => self.check_look(index, &call, table, &key, &must),
        }
    }

    /// A region that must not have a table refuses all about it, and nobody else does.
    fn check_elsewhere(&mut self, index: usize, call: &Call, elsewhere: bool) {
        let place = &self.places[index];
        let everything = call.steps.iter().any(|words| words[0] == b"FLUSHALL");
        let needs = |table: &str| everything || call.steps.iter().flatten().any(|word| tells(word, table));
        let lacks = |tables: &Tables, table| !super::place::holds(tables, &place.name, table);
        let mut at_first = RESTRICTED.into_iter().filter(|table| needs(table) && lacks(&call.tables, table));
        let mut by_now = RESTRICTED.into_iter().filter(|table| needs(table) && lacks(&place.tables, table));
        let what = match (at_first.next(), by_now.next(), elsewhere) {
            (Some(table), _, false) => format!("{index} did not refuse keys of {table}"),
            (_, None, true) => format!("{index} refused keys that it has"),
            _ => return,
        };
        let what = format!("{what}: {} -> {:?}", shown(&call.steps), call.replies);
        self.violation("refusals", what);
    }

    /// Compares what a client is told about its write with the journals that have all of its bytes at this moment.
    fn check_held(&mut self, dot: Dot, need: usize, refused: Option<&Error>) {
        if need < 2 {
            return;
        }
        self.report.held += 1;
        let ops = self.decided[&dot].ops.len();
        let truth = self.places.iter_mut().filter_map(|place| place.ops_of(dot)).filter(|&have| have >= ops).count();
        let what = match refused {
            None if truth < need => format!("{dot} was acknowledged for {need} regions and {truth} had its bytes"),
            Some(Error::NoAck { have, .. }) if usize::from(*have) > truth => {
                format!("{have} regions were said to have {dot} and {truth} had its bytes")
            }
            _ => return,
        };
        self.violation("acknowledgements", what);
    }

    fn note_grown(&mut self, index: usize, mut call: Call, table: &'static str, key: String, member: String) {
        let policy = &call.tables.of_key(key.as_bytes()).policy;
        // Who decided under other dials than those known when it began promised something else.
        if call.known == self.places[index].known {
            let (need, placement) = (call.line.need.max(1), policy.placement.clone());
            let (key, member) = (key.clone(), member.clone());
            self.grown.push(Grown { key, member, region: index, acked_at: self.now, need, placement });
        }
        let Some(Ok(token)) = self.with_door(index, &mut call, |session, door| session.token(door)) else { return };
        // A token that names what is not durable yet would have to wait; the next one does as well.
        let durable = self.places[index].member.as_ref().map(|member| member.durable());
        if call.line.wait <= durable && self.rng.chance(60.0) {
            let region = self.rng.below(self.places.len() as u64) as usize;
            let delay = self.rng.between(ms(1), ms(1500));
            self.after(delay, Event::Travel { region, traveller: Traveller { table, key, member, token } });
        }
    }

    fn check_look(&mut self, index: usize, call: &Call, table: &str, key: &str, must: &[(String, &'static str)]) {
        let Some(Reply::Set(shown) | Reply::Array(shown)) = call.replies.first() else {
            return self.check_look_refusal(index, call, key);
        };
        // A read that was under way when its table changed keeps to the new dials.
        let changed = call.known != self.places[index].known;
        let owed = |why: &str| !changed || !matches!(why, "quorum" | "bound");
        self.report.looks += must.len() as u64;
        let shown: Vec<&[u8]> = shown
            .iter()
            .filter_map(|reply| match reply {
                Reply::Bulk(bytes) => Some(bytes.as_ref()),
                _ => None,
            })
            .collect();
        let missing = must.iter().find(|(member, why)| owed(why) && !shown.contains(&member.as_bytes()));
        if let Some((member, why)) = missing {
            let what = format!("{index} read {key} of {table}, asked at {:?}, without {member} ({why})", call.asked_at);
            self.violation("reads", what);
        }
    }

    fn check_look_refusal(&mut self, index: usize, call: &Call, key: &str) {
        if call.replies.first().and_then(error_of).is_none() {
            let what = format!("{index} read {key} and was shown {:?}", call.replies);
            self.violation("reads", what);
        }
    }
}

impl Call {
    fn is_done(&self) -> bool {
        self.replies.len() == self.steps.len()
    }
}

fn error_of(reply: &Reply) -> Option<&Error> {
    match reply {
        Reply::Error(error) => Some(error),
        _ => None,
    }
}

fn shown(steps: &[Words]) -> String {
    let line = |words: &Words| words.iter().map(|word| String::from_utf8_lossy(word)).collect::<Vec<_>>().join(" ");
    steps.iter().map(line).collect::<Vec<_>>().join("; ")
}
