//! The member itself: owns journal, records, clock and replication, and keeps their order.
//!
//! Order of a local write: decide and apply in memory, append to the journal, make durable, only then answer and ship.
//! Order of a peer's entry: apply in causal order, append, make durable, only then acknowledge.

use std::sync::Arc;

use bytes::Bytes;
use lc_core::{Dot, Hlc, HlcClock, NodeId, ReplicaId, VersionVector, limits};
use lc_crdt::{Entry, JoinedKeys, Stamp};
use lc_db::{Reply, Txn, View, WatchStamp};
use lc_env::Disk;
use lc_journal::{Journal, Position, SyncDone, SyncJob};
use lc_policy::Tables;
use lc_repl::{Arrival, Input, Message, Output, Replicator, Time};
use lc_store::{FlushDone, FlushJob, Flushed, Store};

use crate::ledger::Ledger;
use crate::log::{Cursors, JournalLog};
use crate::records::{Records, Standing};
use crate::settings::{Peer, Settings};
use crate::unsynced::Unsynced;
use crate::{Error, FrameError, Identity, wire};

mod answers;
mod backup;
pub(crate) mod clock_watch;
mod clocks;
mod conflicts;
mod disk;
mod expiry;
mod filling;
mod holds;
mod incarnation;
mod mending;
mod opening;
mod recounting;
mod repair;
mod requests;
mod residency;
mod restoring;
mod retention;
mod snapshot;
mod stamps;
mod unheld;

pub use backup::{BackupMoment, frozen_rows};
pub use clock_watch::PeerClock;
pub use conflicts::{Collapse, Conflicts};
pub use disk::Room;
pub use filling::FillingView;
pub use mending::MendingView;
pub use repair::{Differences, Divergence, Repair, RepairRefused, RepairState};
pub use requests::{Delivered, Settled, Ticket};
pub use restoring::{Elsewhere, Restoring};
pub use retention::{JournalView, Kept};
pub use snapshot::{Counters, Health, Snapshot};
pub use stamps::{AheadStamp, AheadStamps};
pub use unheld::Unheld;

use answers::Answers;
use backup::FlushWish;
use clocks::Clocks;
use filling::Filling;
use holds::Holds;
use mending::Mending;
use recounting::Recounting;
use repair::Repairs;
use requests::Requests;
use retention::Retention;

/// A frame for a peer.
#[derive(Clone, PartialEq, Debug)]
pub struct Outgoing {
    /// To whom.
    pub to: NodeId,
    /// Its bytes.
    pub frame: Bytes,
}

/// One living member.
pub struct Member {
    settings: Settings,
    identity: Identity,
    me: ReplicaId,
    journal: Journal,
    cursors: Cursors,
    records: Records,
    clock: HlcClock,
    replicator: Replicator<(Entry, Bytes)>,
    unsynced: Unsynced,
    last_seq: u64,
    next_seq: u64,
    flushing: bool,
    expiry_looked_ms: u64,
    counters: Counters,
    health: Health,
    clocks: Clocks,
    scratch: Vec<u8>,
    tables: Arc<Tables>,
    requests: Requests,
    holds: Holds,
    answers: Answers,
    ledger: Ledger,
    room: Room,
    filling: Filling,
    mending: Mending,
    repairs: Repairs,
    recounting: Recounting,
    /// An entry that replication counts as applied is not, or only half.
    broken: bool,
    retention: Retention,
    evicted_ms: u64,
    disk: Arc<dyn Disk>,
    /// Of a backup that is about to begin.
    flush_wish: FlushWish,
}

/// The last job of a member that is told to stop.
pub type Closing = Option<SyncJob>;

impl Member {
    /// Opens a data directory: takes its rows as they stand, and applies what the journal has beyond them.
    pub fn open(settings: Settings, disk: Arc<dyn Disk>, store: Arc<dyn Store>) -> Result<Member, Error> {
        opening::open(settings, disk, store)
    }

    /// Runs a read at one moment. `keys` are those it looks at, none meaning all. The position, if any, must be
    /// durable before the reply leaves: the reader saw a write that is not durable yet.
    pub fn read(
        &self,
        wall_ms: u64,
        seed: u64,
        keys: &[&[u8]],
        run: &mut dyn FnMut(&View<'_>) -> Result<Reply, lc_db::Error>,
    ) -> (Result<Reply, lc_db::Error>, Option<Position>) {
        if let Err(error) = self.check_read(keys).and_then(|()| self.check_whole()) {
            return (Err(error), None);
        }
        let view = View::new(&self.records, self.clocks.right(wall_ms), seed).under(&self.tables);
        (run(&view), self.unsynced.wait_for(keys))
    }

    /// Like [`Member::read`], over records that several regions gave together ([`Settled::Merged`]).
    pub fn read_merged(
        &self,
        wall_ms: u64,
        seed: u64,
        keys: &[&[u8]],
        merged: &JoinedKeys,
        run: &mut dyn FnMut(&View<'_>) -> Result<Reply, lc_db::Error>,
    ) -> (Result<Reply, lc_db::Error>, Option<Position>) {
        if let Err(error) = self.check_whole() {
            return (Err(error), None);
        }
        let view = View::new(merged, self.clocks.right(wall_ms), seed).under(&self.tables);
        (run(&view), self.unsynced.wait_for(keys))
    }

    /// Refuses to show rows that lack what is counted as applied.
    fn check_whole(&self) -> Result<(), lc_db::Error> {
        if self.broken { self.health.writable().map_err(lc_db::Error::Unavailable) } else { Ok(()) }
    }

    /// What it has counted since it opened; a snapshot has a copy.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Goes by these tables from the next command on.
    pub fn set_tables(&mut self, tables: Arc<Tables>) {
        self.records.set_tables(&self.settings.region, tables.clone());
        self.recount_holds(&tables);
        self.replicator.set_placement(tables.placement_version());
        let before = std::mem::replace(&mut self.tables, tables);
        self.placements_changed(&before);
    }

    /// Takes these nodes for the others of the cluster: entries of anybody else are refused.
    pub fn set_peers(&mut self, peers: Vec<Peer>, left: Vec<NodeId>) {
        for gone in self.settings.peers.iter().filter(|peer| !peers.iter().any(|other| other.node == peer.node)) {
            self.replicator.forget(gone.node);
            self.repairs.forget(gone.node);
            self.health.agreed(gone.node);
        }
        self.settings.peers = peers;
        self.settings.left = left;
    }

    /// The region of a node; its number where it is unknown.
    pub(crate) fn region_of(&self, node: NodeId) -> &str {
        if node == self.settings.node {
            return &self.settings.region;
        }
        self.settings.peers.iter().find(|peer| peer.node == node).map_or("an unknown region", |peer| &peer.region)
    }

    /// Whether a node is or was one of the cluster; this one's earlier incarnations come from others.
    fn knows(&self, node: NodeId) -> bool {
        node == self.settings.node
            || self.settings.peers.iter().any(|peer| peer.node == node)
            || self.settings.left.contains(&node)
            // Of the cluster that this one was restored from.
            || self.replicator.applied().iter().any(|(replica, _)| replica.node() == node)
    }

    /// Different regions among these nodes.
    pub(crate) fn region_count_of(&self, nodes: &[NodeId]) -> usize {
        nodes.iter().map(|&node| self.region_of(node)).collect::<std::collections::BTreeSet<_>>().len()
    }

    /// Runs a write as one entry. The position, if any, must be durable before the reply leaves. An error leaves
    /// nothing behind.
    pub fn write(
        &mut self,
        wall_ms: u64,
        seed: u64,
        run: &mut dyn FnMut(&mut Txn<'_>) -> Result<Reply, lc_db::Error>,
    ) -> (Result<Reply, lc_db::Error>, Option<Position>) {
        // A command that decides not to write has still looked at rows; being strict about all of them is simple.
        let seen = self.unsynced.wait_for(&[]);
        match self.decide(wall_ms, seed, run) {
            Ok((reply, Some(end))) => (Ok(reply), Some(end)),
            Ok((reply, None)) => (Ok(reply), seen),
            Err(error) => (Err(error), None),
        }
    }

    /// Like [`Member::write`], but answers `None` without writing if a watched key has changed.
    pub fn write_if_unchanged(
        &mut self,
        wall_ms: u64,
        seed: u64,
        watched: &[(Bytes, WatchStamp)],
        run: &mut dyn FnMut(&mut Txn<'_>) -> Result<Reply, lc_db::Error>,
    ) -> (Result<Option<Reply>, lc_db::Error>, Option<Position>) {
        if !watched.iter().all(|(key, since)| self.records.watches.unchanged(key, *since)) {
            return (Ok(None), self.unsynced.wait_for(&[]));
        }
        let (outcome, wait) = self.write(wall_ms, seed, run);
        (outcome.map(Some), wait)
    }

    /// Takes no more writes, for this reason.
    pub fn refuse_writes(&mut self, why: String) {
        self.health.fail(why);
    }

    /// Decides no write until this is taken back with `None`; entries of others are taken meanwhile.
    pub fn wait_with_writes(&mut self, why: Option<String>) {
        self.health.wait(why);
    }

    /// The last write decided here.
    pub fn last_dot(&self) -> Dot {
        Dot::new(self.me, self.last_seq)
    }

    /// Bytes of its entry.
    pub fn last_entry_bytes(&self) -> usize {
        self.scratch.len()
    }

    /// How many other nodes there are.
    pub fn peer_count(&self) -> usize {
        self.settings.peers.len()
    }

    /// What a session may have seen here and, by `seen`, elsewhere; and what must be durable before it is told.
    pub fn session_vector(&self, seen: &VersionVector) -> (VersionVector, Option<Position>) {
        let mut vector = self.shown();
        vector.merge(seen);
        (vector, self.unsynced.wait_for(&[]))
    }

    /// Refuses what no session of this cluster can have seen.
    pub fn check_session(&self, vector: &VersionVector) -> Result<(), lc_db::Error> {
        let own = self.last_seq;
        for (replica, seq) in vector.iter() {
            if replica.node() != self.settings.node && !self.knows(replica.node()) {
                return Err(lc_db::Error::Token(format!(
                    "it names node {}, which is not in this cluster",
                    replica.node().0
                )));
            }
            if replica == self.me && seq > own {
                return Err(lc_db::Error::Token(format!(
                    "it is from the future: it names write {seq} of {}, which has made {own}",
                    self.settings.region
                )));
            }
        }
        Ok(())
    }

    /// Starts watching a key.
    pub fn watch(&mut self, key: &[u8]) -> WatchStamp {
        self.records.watches.watch(key)
    }

    /// Stops watching; once for each [`Member::watch`].
    pub fn unwatch(&mut self, key: &[u8]) {
        self.records.watches.unwatch(key);
    }

    fn decide(
        &mut self,
        wall_ms: u64,
        seed: u64,
        run: &mut dyn FnMut(&mut Txn<'_>) -> Result<Reply, lc_db::Error>,
    ) -> Result<(Reply, Option<Position>), lc_db::Error> {
        self.decide_stamped(HlcClock::next, wall_ms, seed, run)
    }

    fn decide_stamped(
        &mut self,
        stamp: fn(&mut HlcClock, u64) -> Hlc,
        wall_ms: u64,
        seed: u64,
        run: &mut dyn FnMut(&mut Txn<'_>) -> Result<Reply, lc_db::Error>,
    ) -> Result<(Reply, Option<Position>), lc_db::Error> {
        self.health.decides().map_err(lc_db::Error::Unavailable)?;
        self.check_filling()?;
        self.check_room()?;
        let dot = Dot::new(self.me, self.next_seq);
        let wall_ms = self.clocks.believed(wall_ms);
        let hlc = stamp(&mut self.clock, wall_ms);
        let even = self.filling.is_even();
        let mut deps = self.of_others(self.replicator.applied());
        for attempt in 0.. {
            self.records.begin();
            let stamp = Stamp { dot, hlc, deps: &deps };
            let mut txn = Txn::new(&mut self.records, stamp, wall_ms, seed).under(&self.tables);
            let outcome = run(&mut txn);
            let ops = txn.into_ops();
            let reply = match outcome {
                Err(error) => {
                    self.records.undo();
                    return Err(error);
                }
                Ok(reply) if ops.is_empty() => {
                    self.records.keep();
                    return Ok((reply, None));
                }
                Ok(reply) => reply,
            };
            // What may be claimed depends on the keys, and they are only known afterwards.
            if !even && let Some(claim) = self.other_claim(&deps, &ops, attempt) {
                self.records.undo();
                deps = claim;
                continue;
            }
            if let Err(error) = self.check_residency(&ops).and_then(|()| self.check_room_for(&ops)) {
                self.records.undo();
                return Err(error);
            }
            let entry = Entry { dot, prev_seq: self.last_seq, hlc, deps, ops };
            return self.append_own(&entry).map(|end| (reply, Some(end)));
        }
        unreachable!("the last attempt claims the least of all and is kept")
    }

    /// Appends a decided entry, or undoes what it changed.
    fn append_own(&mut self, entry: &Entry) -> Result<Position, lc_db::Error> {
        self.scratch.clear();
        entry.encode(&mut self.scratch);
        let bytes = self.scratch.len();
        let appended = match bytes > limits::ENTRY_BYTES_MAX {
            true => Err(lc_db::Error::TooLarge { what: "transaction", bytes, max: limits::ENTRY_BYTES_MAX }),
            false => self.append_within_bound(entry.dot).map_err(not_appended),
        };
        if let Err(error) = appended {
            self.records.undo();
            return Err(error);
        }
        let end = self.journal.appended();
        self.unsynced.appended(end, entry.dot);
        self.unsynced.changed(end, self.records.keep());
        self.note_conflicts();
        self.filling.ranges.applied(entry, bytes);
        self.last_seq = entry.dot.seq;
        self.next_seq = entry.dot.seq + 1;
        self.counters.entries_decided += 1;
        self.counters.entry_bytes_decided += bytes as u64;
        self.replicator.decided(entry.dot);
        Ok(end)
    }

    /// The bound of own writes is checked here: the journal itself leaves room for what replication must append.
    fn append_within_bound(&mut self, dot: Dot) -> Result<Position, lc_journal::Error> {
        if !self.has_room_for_pending(self.scratch.len()) {
            return Err(lc_journal::Error::Full { pending_bytes_max: self.settings.journal.pending_bytes_max });
        }
        self.journal.append(self.me.0, dot.seq, &self.scratch)
    }

    /// Whether an own entry of so many bytes may wait for the next sync.
    fn has_room_for_pending(&self, bytes: usize) -> bool {
        let pending = self.journal.pending_bytes();
        pending == 0 || pending + bytes + RECORD_OVERHEAD_BYTES <= self.settings.journal.pending_bytes_max
    }

    /// A link to a peer came up.
    pub fn link_up(&mut self, now: Time, peer: NodeId, rtt: Time, out: &mut Vec<Outgoing>) {
        self.replicate(now, Input::Up { peer, rtt }, out);
    }

    /// A link to a peer went down.
    pub fn link_down(&mut self, now: Time, peer: NodeId) {
        self.replicate(now, Input::Down { peer }, &mut Vec::new());
    }

    /// A frame came from a peer. An error means that the link should be closed; nothing of the frame was used.
    pub fn frame(
        &mut self,
        now: Time,
        wall_ms: u64,
        peer: NodeId,
        frame: Bytes,
        out: &mut Vec<Outgoing>,
    ) -> Result<(), FrameError> {
        // Nor may it answer others by rows that lack what it counts as applied.
        if self.broken {
            return Ok(());
        }
        let bytes = frame.len();
        match wire::decode(frame)? {
            wire::Frame::Control(message) => {
                self.replicate(now, Input::Message { peer, message }, out);
                self.release_holds(now);
                self.advance_all(now, out);
            }
            wire::Frame::Entries { entries, urgent } => {
                let arrivals = self.arrivals(wall_ms, entries)?;
                self.replicate(now, Input::Entries { peer, arrivals, urgent }, out);
                self.advance_all(now, out);
            }
            wire::Frame::Ranges(message) => {
                let right_ms = self.clocks.right(wall_ms);
                self.on_ranges(now, right_ms, peer, message, out);
            }
            wire::Frame::Ask { id, ask } => self.on_ask(now, wall_ms, peer, id, &ask, out),
            wire::Frame::Answer { id, answer } => self.on_answer(now, peer, id, answer, bytes, out),
        }
        Ok(())
    }

    /// Whether a peer waits to hear that its entries are durable here.
    pub fn is_hurried(&self) -> bool {
        self.replicator.is_hurried()
    }

    /// Decodes entries and refuses, without a trace, those from the future and from strangers: they are sent again.
    fn arrivals(&mut self, wall_ms: u64, entries: Vec<Bytes>) -> Result<Vec<Arrival<(Entry, Bytes)>>, FrameError> {
        let room = self.settings.journal.pending_bytes_max.saturating_sub(self.journal.pending_bytes());
        let (mut arrivals, mut taken) = (Vec::with_capacity(entries.len()), 0);
        for bytes in entries {
            let entry = Entry::decode(bytes.clone())?;
            taken += bytes.len() + RECORD_OVERHEAD_BYTES;
            let origin = entry.dot.replica.node();
            if !self.knows(origin) {
                self.counters.entries_of_strangers += 1;
                continue;
            }
            if self.filling.takes_no_entries()
                || self.health.writable().is_err()
                || self.room.is_used_up()
                || taken > room
            {
                self.counters.entries_put_off += 1;
                break;
            }
            let right_ms = self.clocks.right(wall_ms);
            if let Err(ahead) = self.clock.observe(entry.hlc, right_ms, self.settings.max_offset_ms) {
                self.counters.entries_from_the_future += 1;
                self.health.clock_ahead(entry.dot.replica, ahead.ahead_ms);
                break;
            }
            if !self.is_understood(&entry) {
                self.counters.entries_put_off += 1;
                break;
            }
            arrivals.push(Arrival {
                dot: entry.dot,
                prev_seq: entry.prev_seq,
                deps: entry.deps.clone(),
                bytes: bytes.len(),
                payload: (entry, bytes),
            });
        }
        Ok(arrivals)
    }

    /// Time passed; call about every 10 ms.
    pub fn tick(&mut self, now: Time, wall_ms: u64, out: &mut Vec<Outgoing>) {
        // What peers are told, they judge by; what is done here goes by what is known of the right time.
        let (hlc, digests) = (self.clock.last(), self.digests());
        self.replicate(now, Input::Tick { hlc, wall_ms, digests }, out);
        let wall_ms = self.judge_clock(now, wall_ms);
        self.expire_holds(now);
        self.advance_all(now, out);
        self.look_at_disk(now);
        self.look_at_retention(now, wall_ms);
        let decided = self.counters.entries_decided;
        self.look_for_rot(now);
        self.fill(now, out);
        if self.counters.entries_decided == decided {
            self.remove_expired(wall_ms);
        }
        self.forget_old_conflicts(wall_ms);
        // Both sum up rows, of which some are not there now.
        if !self.is_rebuilding() && self.records.missing.is_empty() {
            self.walk_placements();
            self.recount(now);
        }
    }

    /// Whether anything waits for [`Member::begin_sync`].
    pub fn wants_sync(&self) -> bool {
        self.journal.appended() > self.journal.durable()
    }

    /// Takes all that was appended, to be made durable without holding the member. `None` if there is nothing or a
    /// job is out already.
    pub fn begin_sync(&mut self) -> Option<SyncJob> {
        self.journal.begin_sync()
    }

    /// What a sync job did. When the disk is full (`Fault::Unavailable`) nothing is lost, and [`Member::begin_sync`] gives the job again. Any
    /// other error is final: the member takes no more writes.
    pub fn finish_sync(&mut self, now: Time, done: SyncDone, out: &mut Vec<Outgoing>) -> Result<Position, Error> {
        match self.journal.finish_sync(done) {
            Ok(durable) => {
                let vector = self.unsynced.synced(durable);
                self.counters.syncs += 1;
                self.journal_waits(None);
                self.replicate(now, Input::Durable { durable: vector }, out);
                self.release_answers(durable, out);
                Ok(durable)
            }
            Err(error @ lc_journal::Error::NoRoom { .. }) => {
                self.journal_waits(Some(error.to_string()));
                Err(error.into())
            }
            Err(error) => {
                self.health.fail(format!("journal: {error}"));
                Err(error.into())
            }
        }
    }

    /// Where the journal ends.
    pub fn appended(&self) -> Position {
        self.journal.appended()
    }

    /// What is durable.
    pub fn durable(&self) -> Position {
        self.journal.durable()
    }

    /// Changed rows to be written to the store without holding the member, and what must be durable in the journal
    /// first: the store must never know of a write that the journal may lose.
    pub fn begin_flush(&mut self, even_if_small: bool) -> Option<(FlushJob<dyn Store>, Position)> {
        let again = self.records.table.flushes_again();
        let enough = if even_if_small { 1 } else { self.settings.dirty_bytes_max };
        let wanted = self.records.table.dirty_bytes() >= enough
            || self.retention.wants_flush(self.journal.appended())
            || self.filling.wants_flush()
            || self.mending_wants_flush()
            || self.flush_wish == FlushWish::Asked;
        // Rows that hold half of an entry must not become what the next start begins with; the journal has all of it.
        if self.flushing || self.health.writable().is_err() {
            return None;
        }
        if let Some(job) = self.begin_mending() {
            self.flushing = true;
            return Some((job, self.retention.flushing()));
        }
        if !(again || wanted) {
            return None;
        }
        let standing = self.standing();
        let job = self.records.table.begin_flush(vec![Records::standing_row(&standing)])?;
        if !again {
            self.flush_wish.begins(self.counters.flushes);
            self.retention.flush_begins(standing.position);
            self.filling.flush_begins();
            self.mending_flush_begins(&standing);
        }
        self.flushing = true;
        Some((job, self.retention.flushing()))
    }

    /// What a flush job did. When the disk is full (`Fault::Unavailable`) the rows stay in memory, and [`Member::begin_flush`] gives them
    /// again; any other error is final. What it gives takes a while to drop, so do that without the member.
    pub fn finish_flush(&mut self, done: FlushDone) -> Result<Flushed, Error> {
        self.flushing = false;
        match self.records.table.finish_flush(done) {
            Ok(flushed) if self.has_worked() => {
                self.mending_goes_on()?;
                Ok(flushed)
            }
            Ok(flushed) => {
                self.counters.flushes += 1;
                self.retention.flush_succeeded();
                self.filling.flush_succeeded();
                self.flush_waits(None);
                self.mending_goes_on()?;
                Ok(flushed)
            }
            Err(error @ lc_store::Error::Full { .. }) => {
                self.flush_waits(Some(error.to_string()));
                Err(error.into())
            }
            Err(error) => {
                self.health.fail(format!("record store: {error}"));
                Err(error.into())
            }
        }
    }

    /// Marks the journal as closed in order. Call when everything is synced and flushed; nothing may follow.
    pub fn close(&mut self) -> Result<(), Error> {
        self.health.fail("the node is stopping".to_owned());
        Ok(self.journal.close_clean()?)
    }

    fn standing(&self) -> Standing {
        Standing {
            applied: self.filling.standing(self.replicator.applied()),
            position: self.journal.appended(),
            digest: self.records.digest,
            keys: self.records.keys,
            hlc: self.clock.last(),
        }
    }

    /// One step of replication, and what it asks for.
    fn replicate(&mut self, now: Time, input: Input<(Entry, Bytes)>, out: &mut Vec<Outgoing>) {
        let mut outputs = Vec::new();
        let log = JournalLog {
            journal: &self.journal,
            cursors: &self.cursors,
            tables: &self.tables,
            peers: &self.settings.peers,
            adopted: &self.filling.adopted,
        };
        self.replicator.step(now, input, &log, &mut outputs);
        // What this member counts as applied is not what its rows hold: whatever it told others of it would be wrong.
        if self.broken {
            return;
        }
        let mut last: Option<(Message, Bytes)> = None;
        for output in outputs {
            match output {
                Output::Send { to, message } => out.push(Outgoing { to, frame: encoded_once(message, &mut last) }),
                Output::Apply(arrival) => self.apply_arrival(&arrival.payload),
                Output::Alarm(alarm) => self.on_alarm(alarm),
                Output::Agreed { peer } => self.on_agreed(peer),
                Output::Clock { peer, wall_ms, way_max } => self.clocks.heard(now, peer, wall_ms, way_max),
            }
        }
        self.settle_contexts();
        if let Some((why, at)) = self.cursors.take_trouble() {
            self.counters.journal_read_errors += 1;
            self.counters.alarms += u64::from(self.health.damage(why));
            self.pass_over_damage(now, at);
        }
    }

    fn apply_arrival(&mut self, (entry, bytes): &(Entry, Bytes)) {
        // What follows a failure must not reach the journal either: the next start would take the one in between for applied.
        if self.broken {
            return;
        }
        let held = self.as_held_here(entry);
        let (entry, bytes) = held.as_ref().map_or((entry, bytes), |(entry, bytes)| (entry, bytes));
        // Replication counts it as applied from here on, so a failure must stop this member for good.
        let applied =
            mending::apply_readable(&mut self.records, &self.filling.ranges, entry).map_err(|error| error.to_string());
        self.filling.ranges.applied(entry, bytes.len());
        self.note_conflicts();
        let appended = applied.and_then(|()| {
            self.journal.append(entry.dot.replica.0, entry.dot.seq, bytes).map_err(|error| error.to_string())
        });
        match appended {
            Ok(_) => {
                self.unsynced.appended(self.journal.appended(), entry.dot);
                self.counters.entries_applied += 1;
            }
            Err(error) => {
                self.broken = true;
                self.health.fail(format!("apply {}: {error}", entry.dot));
            }
        }
    }
}

/// A batch that goes to several peers is encoded once.
fn encoded_once(message: Message, last: &mut Option<(Message, Bytes)>) -> Bytes {
    match last {
        Some((Message::Entries { entries: before, urgent: hurried }, frame)) if matches!(&message, Message::Entries { entries, urgent } if urgent == hurried && Arc::ptr_eq(before, entries)) => {
            frame.clone()
        }
        _ => {
            let frame = wire::encode(&message);
            *last = Some((message, frame.clone()));
            frame
        }
    }
}

/// A write that may be tried again once the disk has caught up is told apart from one that will never be taken.
fn not_appended(error: lc_journal::Error) -> lc_db::Error {
    match error {
        lc_journal::Error::Full { pending_bytes_max } => lc_db::Error::JournalFull { pending_bytes_max },
        error => lc_db::Error::Unavailable(error.to_string()),
    }
}

/// More than a journal record adds to an entry.
const RECORD_OVERHEAD_BYTES: usize = 64;
