//! What other regions ask of this one, answered once what it shows is durable here.

use std::collections::VecDeque;

use bytes::Bytes;
use lc_core::{NodeId, VersionVector};
use lc_crdt::KeyRows;
use lc_db::View;
use lc_journal::Position;
use lc_repl::Time;

use super::requests::ROWS_BYTES_MAX;
use super::{Member, Outgoing};
use crate::wire::{self, Answer, Ask};

/// Answers that show what is not durable yet, and reads that ask for what is not applied yet; oldest first.
#[derive(Default)]
pub(super) struct Answers {
    waiting: VecDeque<(Position, Outgoing)>,
    bytes: usize,
    deferred: VecDeque<Deferred>,
}

/// A read whose session wrote something just now that overtook it on another path or is still on its way.
struct Deferred {
    to: NodeId,
    id: u64,
    ask: Ask,
    since: Time,
    since_wall_ms: u64,
}

impl Answers {
    /// Sends it once the journal is durable up to a position. If too much waits it is dropped: whoever asked asks again, or
    /// another region.
    pub(super) fn when_durable(&mut self, position: Position, answer: Outgoing) {
        if self.bytes + answer.frame.len() <= WAITING_BYTES_MAX {
            self.bytes += answer.frame.len();
            self.waiting.push_back((position, answer));
        }
    }
}

impl Member {
    pub(super) fn on_ask(&mut self, now: Time, wall_ms: u64, to: NodeId, id: u64, ask: &Ask, out: &mut Vec<Outgoing>) {
        if let Ask::Read { covers, .. } = ask
            && !self.replicator.applied().covers_all(covers)
            && self.answers.deferred.len() < DEFERRED_MAX
        {
            self.answers.deferred.push_back(Deferred { to, id, ask: ask.clone(), since: now, since_wall_ms: wall_ms });
            return;
        }
        self.answer(now, wall_ms, to, id, ask, out);
    }

    /// Answers reads that waited for what has been applied meanwhile, or for too long.
    pub(super) fn answer_deferred(&mut self, now: Time, out: &mut Vec<Outgoing>) {
        for deferred in std::mem::take(&mut self.answers.deferred) {
            let waited = now.saturating_sub(deferred.since);
            match &deferred.ask {
                Ask::Read { covers, .. } if waited < DEFERRED_FOR && !self.replicator.applied().covers_all(covers) => {
                    self.answers.deferred.push_back(deferred);
                }
                ask => {
                    let wall_ms = deferred.since_wall_ms + waited.as_millis() as u64;
                    self.answer(now, wall_ms, deferred.to, deferred.id, ask, out);
                }
            }
        }
    }

    fn answer(&mut self, now: Time, wall_ms: u64, to: NodeId, id: u64, ask: &Ask, out: &mut Vec<Outgoing>) {
        // What broke this member may be what the question waited for.
        let refusal = self.check_whole().err().map(|error| (Answer::Refused { why: error.to_string() }, None));
        let (answer, wait) = refusal.unwrap_or_else(|| self.answered(now, wall_ms, to, ask));
        let frame = wire::encode_answer(id, &answer);
        let answer = Outgoing { to, frame };
        match wait {
            None => out.push(answer),
            Some(position) => self.answers.when_durable(position, answer),
        }
    }

    fn answered(&self, now: Time, wall_ms: u64, to: NodeId, ask: &Ask) -> (Answer, Option<Position>) {
        match ask {
            Ask::Rows { keys } => match self.may_have(to, keys) {
                Ok(()) => self.answer_rows(keys),
                Err(error) => (Answer::Refused { why: error.to_string() }, None),
            },
            Ask::Read { words, covers, fresh_ms } => match self.may_answer(to, words) {
                Ok(among) => {
                    let staleness = self.staleness_among(now, &among);
                    self.answer_read(staleness, wall_ms, words, covers, *fresh_ms)
                }
                Err(error) => (Answer::Refused { why: error.to_string() }, None),
            },
        }
    }

    /// Sends answers that have become durable.
    pub(super) fn release_answers(&mut self, durable: Position, out: &mut Vec<Outgoing>) {
        while let Some((position, _)) = self.answers.waiting.front()
            && *position <= durable
        {
            let Some((_, answer)) = self.answers.waiting.pop_front() else { return };
            self.answers.bytes -= answer.frame.len();
            out.push(answer);
        }
    }

    fn answer_rows(&self, keys: &[Bytes]) -> (Answer, Option<Position>) {
        let Some(applied) = self.covered_of(keys) else {
            return (Answer::Refused { why: "it is getting these records from another region".to_owned() }, None);
        };
        let rows = self.rows_of(keys);
        let refs: Vec<&[u8]> = keys.iter().map(AsRef::as_ref).collect();
        match rows {
            Ok(rows) => {
                let answer = Answer::Rows { applied, rows };
                // Everything that is applied is claimed, so all of it must be durable; usually it is.
                (answer, self.unsynced.wait_for(&[]).or(self.unsynced.wait_for(&refs)))
            }
            Err(error) => (Answer::Refused { why: error.to_string() }, None),
        }
    }

    /// Everything under these keys, if one frame can carry it.
    fn rows_of(&self, keys: &[Bytes]) -> Result<Vec<KeyRows>, lc_db::Error> {
        let (mut rows, mut bytes) = (Vec::new(), 0);
        for key in keys {
            let of_key = self.key_rows(key)?;
            bytes += of_key.bytes();
            if bytes > ROWS_BYTES_MAX {
                return Err(lc_db::Error::caller(format!(
                    "the records of these keys have more than {ROWS_BYTES_MAX} bytes together: ask for fewer at a time"
                )));
            }
            rows.push(of_key);
        }
        Ok(rows)
    }

    fn answer_read(
        &self,
        staleness: Option<Time>,
        wall_ms: u64,
        words: &[Bytes],
        covers: &VersionVector,
        fresh_ms: Option<u64>,
    ) -> (Answer, Option<Position>) {
        if let Some(ms) = fresh_ms
            && staleness.is_none_or(|staleness| staleness > Time::from_millis(ms))
        {
            let known = staleness.map_or("unknown".to_owned(), |staleness| format!("{} ms", staleness.as_millis()));
            return (Answer::Refused { why: format!("its staleness is {known}") }, None);
        }
        if !self.replicator.applied().covers_all(covers) {
            return (Answer::Refused { why: "it lacks some of it too".to_owned() }, None);
        }
        let words: Vec<&[u8]> = words.iter().map(AsRef::as_ref).collect();
        let view = View::new(&self.records, self.clocks.right(wall_ms), wall_ms).under(&self.tables);
        let reply = match lc_db::read_command(&words, &view) {
            // Another region can answer what this one cannot read.
            Err(error @ lc_db::Error::Rows(_)) => return (Answer::Refused { why: error.to_string() }, None),
            reply => reply.into(),
        };
        let answer = Answer::Reply {
            reply,
            applied: self.shown(),
            staleness_ms: staleness.map(|staleness| staleness.as_millis() as u64),
        };
        (answer, self.unsynced.wait_for(&[]))
    }
}

/// Reads that wait for what they ask to be covered; further ones are refused.
const DEFERRED_MAX: usize = 1024;
/// How long they wait. Longer, and whoever asked has found another region.
const DEFERRED_FOR: Time = Time::from_millis(200);
/// Answers that wait for the disk; beyond this they are dropped.
const WAITING_BYTES_MAX: usize = 32 << 20;
