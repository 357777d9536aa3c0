//! One client's way to the records.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use lc_core::VersionVector;
use lc_db::{Demand, Engine, Error, Host, Promise, Receipt, Reply, Session, Source, Txn, View, WatchStamp};
use lc_member::{Delivered, Settled};
use lc_policy::{Ack, Tables};
use tokio::sync::watch;

use crate::clients::Client;
use crate::durable::Durable;
use crate::journal_line::Place;
use crate::waiting::{Awaited, Hold};
use crate::{ClientExcess, ClientInfo, Node, Wait};

/// An `lc_db::Engine` on a node. Dropping it unregisters the client.
pub struct Connection {
    pub(crate) node: Arc<Node>,
    client: Arc<Client>,
    wait: Option<Wait>,
    /// What the command under way waits for.
    pending: Option<Awaited>,
    /// What it waited for has come; the same command is about to be executed again.
    settled: Option<Box<Settled>>,
    /// The command under way is a write for which the journal has no room yet.
    place: Option<Box<Place>>,
    /// What it took until the next command could run here.
    waited: Option<Box<Delivered>>,
    /// Records that the next read is to look at instead of the node's own.
    merged: Option<Box<Settled>>,
    promise: Option<Promise>,
    hold: Option<Hold>,
    seen: VersionVector,
    /// Of the last command, if it was more than local work.
    delivered: Option<Box<(Source, Delivered)>>,
    /// Of the last write: bytes of its entry times regions.
    sent_bytes: u64,
    wrote: bool,
    /// What the last write was to be held by.
    ack: Ack,
}

impl Connection {
    pub(crate) fn new(node: Arc<Node>, client: ClientInfo) -> Connection {
        let client = node.clients.enter(client, node.wall_ms());
        Connection {
            node,
            client,
            wait: None,
            pending: None,
            settled: None,
            place: None,
            waited: None,
            merged: None,
            promise: None,
            hold: None,
            seen: VersionVector::new(),
            delivered: None,
            sent_bytes: 0,
            wrote: false,
            ack: Ack::Local,
        }
    }

    /// The connection's number on this node.
    pub fn id(&self) -> u64 {
        self.client.id
    }

    /// What must be durable before the replies made so far may leave.
    pub fn take_wait(&mut self) -> Option<Wait> {
        self.wait.take()
    }

    /// What regions must hold before the reply of the last command may leave.
    pub fn take_hold(&mut self) -> Option<Hold> {
        self.hold.take()
    }

    /// Returns once enough regions have the write, or with the reason why its client must be told otherwise. Safe to
    /// drop: the write stays, only nobody is told.
    pub async fn held(&mut self, hold: Hold) -> Result<(), Error> {
        match hold.0.settled().await {
            Settled::Failed(error) => Err(error),
            Settled::Held(delivered) => {
                self.delivered = Some(Box::new((Source::Local, delivered)));
                self.wrote = true;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Returns once what the last command asked for has come, or cannot be had; then the command is to be executed again.
    /// Dropped, nobody waits any more.
    pub async fn settle(&mut self) {
        if self.pending.is_none()
            && let Some(place) = &mut self.place
        {
            place.wait(self.node.now(), self.node.config.queues.journal_wait).await;
        }
        if let Some(awaited) = self.pending.take() {
            self.settled = Some(Box::new(awaited.settled().await));
        }
    }

    /// Whether `CLIENT KILL` asked this connection to end.
    pub fn killed(&self) -> bool {
        self.client.killed.load(Ordering::Relaxed)
    }

    /// Resolves once [`Connection::killed`] does; lives apart from the connection, so that a door can wait for both.
    pub fn kill_signal(&self) -> impl Future<Output = ()> + Send + 'static {
        let client = self.client.clone();
        async move { client.kill.notified().await }
    }

    /// Keeps what `CLIENT LIST` shows of the session.
    pub fn describe(&mut self, session: &Session) {
        let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
        let multi = session.queued().map_or(-1, |queued| queued as i64);
        *self.client.described.lock() = format!(
            "name={} db=0 multi={multi} watch={} resp={} lib-name={} lib-ver={} user=default",
            text(&session.name),
            session.watched(),
            session.protocol.max(2),
            text(&session.library.0),
            text(&session.library.1),
        );
    }

    /// What the client has of the room for large requests and replies has changed, bytes.
    pub fn count_buffers(&self, before: usize, after: usize) {
        let bytes = &self.node.clients.buffer_bytes;
        bytes.fetch_add(after as u64, Ordering::Relaxed);
        bytes.fetch_sub(before as u64, Ordering::Relaxed);
    }

    /// The client did what a bound had to stop.
    pub fn exceeded(&self, what: ClientExcess) {
        self.node.client_exceeded(what);
    }

    /// Commands carried out, for metrics.
    pub fn count_commands(&self, commands: u64) {
        self.node.clients.commands.fetch_add(commands, Ordering::Relaxed);
    }

    fn must_wait(&mut self, position: Option<Wait>) {
        self.wait = self.wait.max(position);
    }

    /// A read over what other regions sent, or after waiting for it, or the first one after such a command.
    #[cold]
    fn read_after_others(
        &mut self,
        keys: &[&[u8]],
        run: &mut dyn FnMut(&View<'_>) -> Result<Reply, Error>,
    ) -> Result<Reply, Error> {
        let (wall_ms, seed) = (self.node.wall_ms(), self.node.seed());
        let (outcome, wait) = match self.merged.take().map(|merged| *merged) {
            Some(Settled::Merged(merged, delivered)) => {
                self.seen = delivered.seen.clone();
                self.delivered = Some(Box::new((Source::Quorum(delivered.regions.len() + 1), delivered)));
                self.node.member.read().read_merged(wall_ms, seed, keys, &merged, run)
            }
            _ => {
                self.delivered = self.waited.take().map(|delivered| Box::new((Source::Local, *delivered)));
                self.node.member.read().read(wall_ms, seed, keys, run)
            }
        };
        self.wrote = false;
        self.must_wait(wait);
        outcome
    }

    /// Runs a write under the node's lock, and registers what was promised about it before anybody else has a turn.
    fn decide<T>(
        &mut self,
        run: impl FnOnce(&mut lc_member::Member, u64, u64) -> (Result<T, Error>, Option<Wait>),
    ) -> Result<T, Error> {
        let (wall_ms, seed) = (self.node.wall_ms(), self.node.seed());
        let promise = self.promise.take();
        self.ack = promise.as_ref().map_or(Ack::Local, |promise| promise.ack);
        // Let go of before the lock is taken: giving up a wait takes it too.
        self.hold = None;
        if self.place.is_none() && self.node.line.waiting() > 0 {
            // Those who came before go first.
            let pending_bytes_max = self.node.config.queues.journal_pending_bytes_max;
            return Err(self.stand_in_line(Error::JournalFull { pending_bytes_max }, None));
        }
        let mut member = self.node.member.write();
        let before = member.last_dot();
        let (outcome, wait) = run(&mut member, wall_ms, seed);
        if let Err(full @ Error::JournalFull { .. }) = outcome {
            // Subscribed with the member locked, so that no sync can end unnoticed.
            let synced = self.node.durable.subscribe();
            drop(member);
            self.node.wakeup.urgent();
            return Err(self.stand_in_line(full, Some(synced)));
        }
        self.place = None;
        let dot = member.last_dot();
        self.wrote = outcome.is_ok() && dot != before;
        if self.wrote
            && let Some(promise) = promise
        {
            let ticket = member.hold(self.node.now(), dot, promise);
            self.hold = Some(Hold(self.node.waiting.enter(&self.node, ticket)));
        }
        self.sent_bytes = if self.wrote { member.last_entry_bytes() as u64 * member.peer_count() as u64 } else { 0 };
        drop(member);
        self.delivered = self.waited.take().map(|delivered| Box::new((Source::Local, *delivered)));
        self.must_wait(wait);
        if wait.is_some() {
            self.node.wakeup.urgent();
        }
        outcome
    }
}

impl Connection {
    #[cold]
    fn stand_in_line(&mut self, full: Error, synced: Option<watch::Receiver<Durable>>) -> Error {
        let node = self.node.clone();
        let patience = node.config.queues.journal_wait;
        let mut place = self.place.take().map(|place| *place);
        let error = node.line.stand(&mut place, (node.now(), patience), full, synced);
        self.place = place.map(Box::new);
        error
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.node.clients.leave(self.client.id);
    }
}

impl Engine for Connection {
    fn host(&self) -> &dyn Host {
        self.node.as_ref()
    }

    fn read(&mut self, keys: &[&[u8]], run: &mut dyn FnMut(&View<'_>) -> Result<Reply, Error>) -> Result<Reply, Error> {
        // Other regions had a part in this one or in the last one, which is rare.
        if self.merged.is_some() || self.waited.is_some() || self.delivered.is_some() {
            return self.read_after_others(keys, run);
        }
        let (wall_ms, seed) = (self.node.wall_ms(), self.node.seed());
        let (outcome, wait) = self.node.member.read().read(wall_ms, seed, keys, run);
        self.wrote = false;
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
        self.node.member.write().watch(key)
    }

    fn unwatch(&mut self, keys: &[(Bytes, WatchStamp)]) {
        if keys.is_empty() {
            return;
        }
        let mut member = self.node.member.write();
        keys.iter().for_each(|(key, _)| member.unwatch(key));
    }

    fn all_plain(&self) -> bool {
        self.node.plain.load(Ordering::Relaxed)
    }

    fn tables(&self) -> Arc<Tables> {
        self.node.tables()
    }

    fn region_count(&self) -> usize {
        self.node.region_count()
    }

    fn region(&self) -> &str {
        &self.node.config.region
    }

    fn demand(&mut self, demand: Demand) -> Result<Option<Reply>, Error> {
        match self.settled.take().map(|settled| *settled) {
            Some(Settled::Here(delivered) | Settled::Held(delivered)) => {
                self.waited = Some(Box::new(delivered));
                return Ok(None);
            }
            Some(merged @ Settled::Merged(..)) => {
                self.merged = Some(Box::new(merged));
                return Ok(None);
            }
            Some(Settled::Answered(reply, delivered)) => {
                self.seen = delivered.seen.clone();
                self.wrote = false;
                self.delivered = Some(Box::new((Source::Forwarded, delivered)));
                return Ok(Some(reply));
            }
            Some(Settled::Failed(error)) => return Err(error),
            None => {}
        }
        // Let go of before the lock is taken: giving up a wait takes it too.
        self.pending = None;
        let mut frames = Vec::new();
        let mut member = self.node.member.write();
        let Some(ticket) = member.demand(self.node.now(), demand, &mut frames) else { return Ok(None) };
        self.pending = Some(self.node.waiting.enter(&self.node, ticket));
        if let Some(place) = &mut self.place {
            place.step_back();
        }
        self.node.deliver_settled(&mut member);
        self.node.send(frames);
        Err(Error::Later)
    }

    fn promise(&mut self, promise: Promise) {
        self.promise = Some(promise);
    }

    fn take_seen(&mut self) -> VersionVector {
        std::mem::take(&mut self.seen)
    }

    fn receipt(&mut self) -> Receipt {
        let (source, delivered) = self.delivered.as_deref().cloned().unwrap_or_default();
        let mut regions = vec![self.node.config.region.clone()];
        for node in &delivered.regions {
            let region = self.node.region_of(node.0);
            if !regions.contains(&region) {
                regions.push(region);
            }
        }
        let ms = |time: Duration| time.as_millis() as u64;
        let staleness = match source {
            Source::Forwarded => delivered.staleness.map(ms),
            _ => self.node.member.read().staleness(self.node.now()).map(ms),
        };
        Receipt {
            ack: self.wrote.then_some(self.ack),
            held_by: if self.wrote { regions.len() } else { 0 },
            read: source,
            staleness_ms: if self.wrote { Some(0) } else { staleness },
            regions,
            wan_bytes: delivered.wan_bytes + if self.wrote { self.sent_bytes } else { 0 },
            waited_ms: ms(delivered.waited),
            fallback: delivered.fallback,
        }
    }

    fn session_token(&mut self, seen: &VersionVector) -> Result<String, Error> {
        let (vector, wait) = self.node.member.read().session_vector(seen);
        // The token must not name a write that a crash could still take away.
        self.must_wait(wait);
        self.node.seal(&vector)
    }

    fn open_token(&mut self, token: &[u8]) -> Result<VersionVector, Error> {
        let vector = self.node.open(token)?;
        self.node.member.read().check_session(&vector)?;
        Ok(vector)
    }
}
