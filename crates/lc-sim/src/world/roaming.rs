//! Clients that go from region to region, and what becomes known by what they are told.

use bytes::Bytes;
use lc_db::{Error, Reply, Session, Wish};
use lc_policy::Read;

use super::{Event, Phase, World, ms};
use crate::call::{Call, Purpose};
use crate::client::Line;
use crate::clients::{self, Words};
use crate::dials;
use crate::history::Step;
use crate::report::Violation;
use crate::roamer::{Again, Connection, Doing};

impl World {
    pub(super) fn on_roam(&mut self, index: usize) {
        let longest = if self.rng.chance(60.0) { ms(8) } else { ms(200) };
        self.after(self.rng.between(ms(1), longest), Event::Roam { roamer: index });
        if self.phase == Phase::Settling || self.roamers[index].busy {
            return;
        }
        let Some((region, mut steps, connection)) = self.connected(index) else { return };
        let generations: Vec<u64> = self.roamers.iter().map(crate::roamer::Roamer::generation).collect();
        let request = self.roamers[index].next(&self.rng, index, &generations, &self.newest, self.regions.len());
        self.report.commands += 1;
        self.roamers[index].busy = true;
        self.roamers[index].last = Some(request.doing.clone());
        // Every answer comes with a token, so that nothing is lost with the connection.
        steps.push(request.words);
        steps.extend(request.again.as_ref().map(Again::words));
        steps.push(clients::words("SESSION TOKEN"));
        let purpose = Purpose::Roam { roamer: index, doing: request.doing, again: request.again };
        self.begin(region, purpose, steps, connection, request.wish);
    }

    /// A connection for a roamer: the one it has, or a new one, with what must be said on it first.
    fn connected(&mut self, index: usize) -> Option<(usize, Vec<Words>, (Session, Line))> {
        let moves = self.rng.chance(25.0);
        // A region that has just started knows least of others, so it is looked at most.
        let elsewhere = match self.rng.chance(30.0) {
            true => self.started_last,
            false => self.rng.below(self.regions.len() as u64) as usize,
        };
        let roamer = &mut self.roamers[index];
        if let Some(connection) = roamer.connection.take_if(|_| !moves)
            && self.regions[connection.region].life == connection.life
        {
            return Some((connection.region, Vec::new(), (connection.session, connection.line)));
        }
        roamer.connection = None;
        if self.rng.chance(15.0) {
            roamer.begin_anew();
        }
        self.regions[elsewhere].member.as_ref()?;
        let resume =
            roamer.token.as_ref().map(|token| [b"SESSION".to_vec(), b"RESUME".to_vec(), token.clone()].to_vec());
        Some((elsewhere, resume.into_iter().collect(), (Session::new(1), Line::default())))
    }

    /// Remembers a write to a numbered key that a region has just decided.
    pub(super) fn note_numbered(&mut self, call: &Call) {
        if let Purpose::Roam { roamer, doing: Doing::Write { key, number, removes, .. }, .. } = &call.purpose {
            let (session, key, number, removes) = (self.session_of(*roamer), key.clone(), *number, *removes);
            self.newest.insert(0, key.clone());
            self.newest.truncate(2);
            self.history.steps.push(Step::Decided { session, key, number, removes });
        }
    }

    pub(super) fn answer_roamer(
        &mut self,
        index: usize,
        roamer: usize,
        (doing, again): (&Doing, Option<&Again>),
        mut call: Call,
        refused: Option<Error>,
    ) {
        let token = call.replies.pop();
        let again = again.map(|again| (again, call.replies.pop()));
        let (Some(Reply::Bulk(token)), Some(reply)) = (&token, call.replies.pop()) else {
            self.violate_session(format!("session {roamer} at region {index} was answered {token:?} to SESSION TOKEN"));
            self.roamers[roamer].lost(Some(doing));
            return;
        };
        for resumed in call.replies.iter().filter(|reply| **reply != Reply::OK) {
            self.violate_session(format!("session {roamer} was refused at region {index}: {resumed:?}"));
        }
        self.trace.line(self.now, format_args!("{index} tells {roamer} {reply:?} {refused:?}, {again:?}"));
        let wish = call.wish;
        match doing {
            Doing::Write { table, key, number, removes } => {
                self.note_refusal(index, None, &call, &reply, refused.as_ref());
                self.note_told(roamer, (*table, key, *number, *removes), &call, &reply, refused.is_some())
            }
            Doing::Read { keys } => self.note_shown(index, roamer, (keys, &wish), &call, &reply),
        }
        if let Some((again, Some(reply))) = again {
            self.note_shown(index, roamer, (&again.keys, &again.wish), &call, &reply);
        }
        let life = self.regions[index].life;
        let roamer = &mut self.roamers[roamer];
        roamer.token = Some(token.to_vec());
        roamer.busy = false;
        (call.line.wait, call.line.hold) = (None, None);
        roamer.connection = Some(Connection { region: index, life, session: call.session, line: call.line });
    }

    /// A name for a client's session that no other one ever had.
    fn session_of(&self, roamer: usize) -> usize {
        roamer + self.roamers.len() * self.roamers[roamer].sessions
    }

    fn violate_session(&mut self, what: String) {
        self.report.violations.push(Violation { checker: "sessions", what });
    }

    fn note_told(
        &mut self,
        roamer: usize,
        (table, key, number, removes): (usize, &str, u64, bool),
        call: &Call,
        reply: &Reply,
        refused: bool,
    ) {
        let (session, key) = (self.session_of(roamer), key.to_owned());
        match call.decided {
            Some(decided) => {
                let held_by = if refused { 0 } else { decided.need };
                self.history.steps.push(Step::Told { session, key, number, held_by, at: self.now });
                self.roamers[roamer].wrote(table, number, removes);
            }
            // There was nothing to remove, although this session itself had put it there.
            None if *reply == Reply::Int(0) => {
                let (level, glimpsed) = (Read::Session, false);
                let (number, asked_at, at) = (None, call.asked_at, self.now);
                self.history.steps.push(Step::Shown { session, key, number, level, glimpsed, asked_at, at });
            }
            None => {}
        }
    }

    fn note_shown(
        &mut self,
        index: usize,
        roamer: usize,
        (keys, wish): (&[String], &Wish),
        call: &Call,
        reply: &Reply,
    ) {
        self.note_refusal(index, Some((keys, wish)), call, reply, None);
        let session = self.session_of(roamer);
        let shown: Vec<&Reply> = match reply {
            Reply::Error(_) => return,
            Reply::Array(shown) => shown.iter().collect(),
            one => vec![one],
        };
        let before = dials::read_levels(&call.tables, keys, wish);
        let now = dials::read_levels(&self.regions[index].tables, keys, wish);
        let glimpsed = before.iter().chain(&now).any(|level| matches!(level, Read::Quorum(_)));
        for (((key, shown), before), now) in keys.iter().zip(shown).zip(before).zip(now) {
            let level = dials::weaker(before, now);
            let Ok(number) = number_of(shown) else {
                self.violate_session(format!("session {session} was shown {shown:?} of {key} at region {index}"));
                continue;
            };
            let (key, asked_at, at) = (key.clone(), call.asked_at, self.now);
            self.history.steps.push(Step::Shown { session, key, number, level, glimpsed, asked_at, at });
        }
    }

    /// In a calm world every promise can be kept, but for bounds that are shorter than news takes.
    fn note_refusal(
        &mut self,
        index: usize,
        read: Option<(&[String], &Wish)>,
        call: &Call,
        reply: &Reply,
        refused: Option<&Error>,
    ) {
        let Some(error) = refused.or(match reply {
            Reply::Error(error) => Some(error),
            _ => None,
        }) else {
            return;
        };
        if self.phase != Phase::Calm || call.asked_at < self.calm_since {
            return;
        }
        let too_short = read.is_some_and(|(keys, wish)| {
            let mut levels = dials::read_levels(&call.tables, keys, wish).into_iter();
            levels.any(|level| matches!(level, Read::Bounded(ms) if ms < self.network.news_take_ms()))
        });
        if !too_short {
            let what = format!("region {index}: {:?}: {} {error}", call.purpose, error.code());
            self.history.refused_in_calm.push(what);
        }
    }
}

/// The number that a value is; nothing is `None`.
fn number_of(shown: &Reply) -> Result<Option<u64>, ()> {
    let parse = |text: &Bytes| std::str::from_utf8(text).ok()?.parse().ok();
    match shown {
        Reply::Nil => Ok(None),
        Reply::Bulk(text) => parse(text).map(Some).ok_or(()),
        _ => Err(()),
    }
}
