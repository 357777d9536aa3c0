//! A client's way to a member of a world of placements.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use lc_core::VersionVector;
use lc_db::{Demand, Engine, Error, Host, Promise, Reply, SECRET_BYTES, SessionKey, Token, Txn, View, WatchStamp};
use lc_journal::Position;
use lc_member::{Member, Outgoing, Settled, Ticket};
use lc_policy::Tables;

use super::PlacementBug;

/// What a connection remembers from one execution to the next.
#[derive(Default)]
pub(super) struct Line {
    /// What must be durable before the replies made so far may leave.
    pub wait: Option<Position>,
    /// What the command under way waits for.
    pub pending: Option<Ticket>,
    /// What it waited for has come.
    pub settled: Option<Settled>,
    /// Which regions must hold the write before its reply may leave.
    pub hold: Option<Ticket>,
    /// How many of them that is.
    pub need: usize,
    merged: Option<Settled>,
    promise: Option<Promise>,
    seen: VersionVector,
}

/// An `lc_db::Engine` on a member, for one execution.
pub(super) struct Door<'a> {
    pub member: &'a mut Member,
    pub line: &'a mut Line,
    pub out: &'a mut Vec<Outgoing>,
    pub tables: Arc<Tables>,
    pub region: &'a str,
    pub regions: usize,
    pub now: Duration,
    pub wall_ms: u64,
    pub seed: u64,
    pub bug: Option<PlacementBug>,
}

impl Door<'_> {
    fn must_wait(&mut self, position: Option<Position>) {
        self.line.wait = self.line.wait.max(position);
    }

    /// Runs a write and registers what was promised about it.
    fn decide<T>(
        &mut self,
        run: impl FnOnce(&mut Member, u64, u64) -> (Result<T, Error>, Option<Position>),
    ) -> Result<T, Error> {
        self.line.settled = None;
        let promise = self.line.promise.take();
        self.line.hold = None;
        let before = self.member.last_dot();
        let (outcome, wait) = run(self.member, self.wall_ms, self.seed);
        let dot = self.member.last_dot();
        if outcome.is_ok()
            && dot != before
            && let Some(promise) = promise
        {
            self.line.need = promise.regions;
            self.line.hold = Some(self.member.hold(self.now, dot, promise));
        }
        self.must_wait(wait);
        outcome
    }
}

impl Engine for Door<'_> {
    fn host(&self) -> &dyn Host {
        &Nobody
    }

    fn read(&mut self, keys: &[&[u8]], run: &mut dyn FnMut(&View<'_>) -> Result<Reply, Error>) -> Result<Reply, Error> {
        self.line.settled = None;
        let (outcome, wait) = match self.line.merged.take() {
            Some(Settled::Merged(merged, _)) => self.member.read_merged(self.wall_ms, self.seed, keys, &merged, run),
            _ => self.member.read(self.wall_ms, self.seed, keys, run),
        };
        self.must_wait(wait);
        outcome
    }

    fn write(&mut self, run: &mut dyn FnMut(&mut Txn<'_>) -> Result<Reply, Error>) -> Result<Reply, Error> {
        self.decide(|member, wall_ms, seed| member.write(wall_ms, seed, run))
    }

    fn write_if_unchanged(
        &mut self,
        watched: &[(Bytes, WatchStamp)],
        run: &mut dyn FnMut(&mut Txn<'_>) -> Result<Reply, Error>,
    ) -> Result<Option<Reply>, Error> {
        self.decide(|member, wall_ms, seed| member.write_if_unchanged(wall_ms, seed, watched, run))
    }

    fn watch(&mut self, key: &[u8]) -> WatchStamp {
        self.member.watch(key)
    }

    fn unwatch(&mut self, keys: &[(Bytes, WatchStamp)]) {
        keys.iter().for_each(|(key, _)| self.member.unwatch(key));
    }

    fn all_plain(&self) -> bool {
        self.tables.all_plain()
    }

    fn tables(&self) -> Arc<Tables> {
        self.tables.clone()
    }

    fn region_count(&self) -> usize {
        self.regions
    }

    fn region(&self) -> &str {
        self.region
    }

    fn demand(&mut self, demand: Demand) -> Result<Option<Reply>, Error> {
        match self.line.settled.take() {
            Some(Settled::Here(_) | Settled::Held(_)) => return Ok(None),
            Some(Settled::Merged(merged, delivered)) => {
                self.line.seen = delivered.seen.clone();
                self.line.merged = Some(Settled::Merged(merged, delivered));
                return Ok(None);
            }
            Some(Settled::Answered(reply, delivered)) => {
                self.line.seen = delivered.seen;
                return Ok(Some(reply));
            }
            Some(Settled::Failed(error)) => return Err(error),
            None => {}
        }
        match self.member.demand(self.now, demand, self.out) {
            None => Ok(None),
            ticket => {
                self.line.pending = ticket;
                Err(Error::Later)
            }
        }
    }

    fn promise(&mut self, mut promise: Promise) {
        if self.bug == Some(PlacementBug::HoldsCountEverybody) {
            promise.among = None;
        }
        self.line.promise = Some(promise);
    }

    fn take_seen(&mut self) -> VersionVector {
        std::mem::take(&mut self.line.seen)
    }

    fn session_token(&mut self, seen: &VersionVector) -> Result<String, Error> {
        let (vector, wait) = self.member.session_vector(seen);
        self.must_wait(wait);
        Ok(Token::seal(&vector, &SessionKey::new(SECRET)))
    }

    fn open_token(&mut self, token: &[u8]) -> Result<VersionVector, Error> {
        let vector = Token::open(token, &[SessionKey::new(SECRET)])?;
        self.member.check_session(&vector)?;
        Ok(vector)
    }
}

const SECRET: [u8; SECRET_BYTES] = [7; SECRET_BYTES];

/// Nobody asks about the node.
struct Nobody;

impl Host for Nobody {
    fn now_ms(&self) -> u64 {
        0
    }
    fn info(&self, _section: Option<&str>) -> String {
        String::new()
    }
    fn config(&self) -> Vec<(String, String)> {
        Vec::new()
    }
    fn set_config(&self, name: &str, _value: &str) -> Result<(), Error> {
        Err(Error::caller(format!("{name} cannot be changed in a simulation")))
    }
    fn reset_statistics(&self) {}
    fn password_required(&self) -> bool {
        false
    }
    fn authenticate(&self, _user: &[u8], _password: &[u8]) -> bool {
        false
    }
    fn clients(&self) -> Vec<(u64, String)> {
        Vec::new()
    }
    fn kill_client(&self, _id: u64) -> bool {
        false
    }
    fn key_count(&self) -> u64 {
        0
    }
}
