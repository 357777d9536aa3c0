//! What an operator may know of a member, and whether it takes writes.

use std::ops::ControlFlow;

use bytes::Bytes;
use lc_core::{Dot, Hlc, NodeId, ReplicaId, VersionVector};
use lc_crdt::{Entry, Rows};
use lc_repl::{Alarm, PeerView};

use super::Member;

/// Things counted since the member opened.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    /// Entries decided here.
    pub entries_decided: u64,
    /// Their bytes.
    pub entry_bytes_decided: u64,
    /// Entries of others applied here.
    pub entries_applied: u64,
    /// Entries applied from the journal at start.
    pub entries_replayed: u64,
    /// Bytes of a torn tail that was cut at start.
    pub journal_cut_bytes: u64,
    /// Entries refused because their stamp lies too far ahead.
    pub entries_from_the_future: u64,
    /// Writes refused because the disk had no room.
    pub writes_without_room: u64,
    /// Times that the oldest journal segments were dropped.
    pub truncations: u64,
    /// Reads of the journal for peers that failed.
    pub journal_read_errors: u64,
    /// Entries of replicas that the configuration does not name.
    pub entries_of_strangers: u64,
    /// Entries not taken now because the journal is behind; they are sent again.
    pub entries_put_off: u64,
    /// Keys removed after their expiry.
    pub keys_expired: u64,
    /// Journal syncs.
    pub syncs: u64,
    /// Flushes to the store.
    pub flushes: u64,
    /// Broken invariants noticed.
    pub alarms: u64,
    /// Times that this node found its clock apart from those of its peers.
    pub clock_apart: u64,
    /// Regions that a quorum read found behind and that were sent what they lacked.
    pub laggards_helped: u64,
    /// Rows removed because their table must not be in this region any more.
    pub rows_removed_elsewhere: u64,
    /// Times that this node went on from records because entries were not to be had any more.
    pub catch_ups: u64,
    /// Answers that were merged with what was here, because neither side could get the other's entries any more.
    pub merges: u64,
    /// Repairs that ended well.
    pub repairs: u64,
    /// Stretches of records that differed from a peer's and were replaced by a repair.
    pub repaired_stretches: u64,
    /// Times that a peer turned out to have the same entries and other records.
    pub divergences: u64,
    /// Times that all records were summed up anew.
    pub recounts: u64,
    /// How many of them found other records than had been written.
    pub recounts_differed: u64,
    /// Stretches of rows that the disk did not give back.
    pub unreadable_stretches: u64,
    /// Times that the record store was rebuilt from what could be read.
    pub rebuilds: u64,
    /// Files of the record store that could not be opened at the start and were put aside.
    pub files_put_aside: u64,
    /// Bytes of those.
    pub bytes_put_aside: u64,
    /// Times that everything that was lost had come from another region.
    pub mends: u64,
    /// Keys that were lost and came.
    pub mended_keys: u64,
    /// Bytes of records that came in their place.
    pub mended_bytes: u64,
    /// Writes that lost against a concurrent one, as far as this node noticed since it opened.
    pub conflicts: u64,
}

/// Whether the member can be trusted with writes.
#[derive(Clone, Debug, Default)]
pub struct Health {
    failed: Option<String>,
    /// Others have more of this replica's writes than it has.
    stale_data: Option<String>,
    /// Why no write is decided yet; entries of others are taken.
    waiting: Option<String>,
    last_alarm: Option<Alarm>,
    /// What of the journal cannot be read.
    damage: Option<String>,
    clock_ahead: Option<(ReplicaId, u64)>,
    /// That records are not what was written.
    rot: Option<String>,
    /// Why this node's clock is not to be trusted with a write.
    clock_apart: Option<String>,
}

impl Health {
    /// Why no write is taken, if so.
    pub fn writable(&self) -> Result<(), String> {
        self.failed.as_ref().map_or(Ok(()), |why| Err(format!("this node takes no writes: {why}")))
    }

    /// Why no write is decided here, if so; entries of others may be taken all the same.
    pub fn decides(&self) -> Result<(), String> {
        self.writable()?;
        let stale = self.stale_data.as_ref().map_or(Ok(()), |why| Err(format!("this node takes no writes: {why}")));
        stale?;
        let apart =
            self.clock_apart.as_ref().map_or(Ok(()), |why| Err(format!("this node takes no writes now: {why}")));
        apart?;
        self.waiting.as_ref().map_or(Ok(()), |why| Err(format!("this node takes no writes yet: {why}")))
    }

    /// Whether records of others may be taken: not by data that is older than what was acknowledged.
    pub(super) fn may_be_filled(&self) -> bool {
        self.failed.is_none() && self.stale_data.is_none()
    }

    /// Whether the member was told to wait with its first write.
    pub(super) fn wait(&mut self, why: Option<String>) {
        self.waiting = why;
    }

    /// The last broken invariant.
    pub fn last_alarm(&self) -> Option<&Alarm> {
        self.last_alarm.as_ref()
    }

    /// The last replica whose stamp lay too far ahead, and how far in ms.
    pub fn clock_is_ahead(&self) -> Option<(ReplicaId, u64)> {
        self.clock_ahead
    }

    /// Why this node's clock is not to be trusted with a write, if so. It heals by itself.
    pub fn clock_apart(&self) -> Option<&str> {
        self.clock_apart.as_deref()
    }

    /// Takes note of it; says whether that is news.
    pub(super) fn clock(&mut self, why: Option<String>) -> bool {
        let news = why.is_some() && self.clock_apart.is_none();
        self.clock_apart = why;
        news
    }

    /// The first reason stays: what follows is its consequence.
    pub(super) fn fail(&mut self, why: String) {
        self.failed.get_or_insert(why);
    }

    /// The first report stays. What others send is taken all the same.
    fn data_is_stale(&mut self, why: String) {
        self.stale_data.get_or_insert(why);
    }

    pub(super) fn forget_stale_data(&mut self) {
        self.stale_data = None;
        self.last_alarm.take_if(|alarm| matches!(alarm, Alarm::StaleData { .. }));
    }

    /// Takes note of it; says whether that is news: a peer says the same with each of its messages.
    pub(super) fn alarm(&mut self, alarm: Alarm) -> bool {
        let mut news = self.last_alarm.as_ref() != Some(&alarm);
        if let Alarm::StaleData { theirs, ours, peer } = &alarm {
            news = self.stale_data.is_none();
            self.data_is_stale(format!(
                "peer {peer} has {theirs} of this node's writes, the data directory only {ours}: it is older than what was acknowledged"
            ));
        }
        self.last_alarm = Some(alarm);
        news
    }

    /// What of the journal cannot be read for peers, found last. Reads and writes go on.
    pub fn journal_damage(&self) -> Option<&str> {
        self.damage.as_deref()
    }

    /// Takes note of it; says whether that is news.
    pub(super) fn damage(&mut self, why: String) -> bool {
        let news = self.damage.as_ref() != Some(&why);
        self.damage = Some(why);
        news
    }

    /// That records on the disk are not what was written, if that was noticed.
    pub fn rotten(&self) -> Option<&str> {
        self.rot.as_deref()
    }

    /// Takes note of it; says whether that is news.
    pub(super) fn rot(&mut self, what: String) -> bool {
        self.rot.replace(what).is_none()
    }

    pub(super) fn forget_rot(&mut self) {
        self.rot = None;
    }

    /// A peer has the same records again.
    pub(super) fn agreed(&mut self, with: NodeId) {
        self.last_alarm.take_if(|alarm| matches!(alarm, Alarm::Diverged { peer, .. } if *peer == with));
    }

    pub(super) fn clock_ahead(&mut self, replica: ReplicaId, ahead_ms: u64) {
        self.clock_ahead = Some((replica, ahead_ms));
    }
}

/// A member at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The replica that decides writes here.
    pub replica: ReplicaId,
    /// What is applied.
    pub applied: VersionVector,
    /// What is durable.
    pub durable: VersionVector,
    /// Digest of the records at `applied`.
    pub digest: u128,
    /// Keys that exist, expired ones that are not removed yet among them.
    pub keys: u64,
    /// Highest stamp given or seen.
    pub hlc: Hlc,
    /// Peers, as far as heard.
    pub peers: Vec<(NodeId, PeerView)>,
    /// Bytes of entries that wait for others.
    pub inbox_bytes: usize,
    /// Entries applied but not durable.
    pub unsynced_entries: usize,
    /// Changed rows not yet in the store.
    pub dirty_bytes: usize,
    /// Bytes in the journal's segments.
    pub journal_bytes: u64,
    /// Bytes of the journal that are not durable yet.
    pub journal_pending_bytes: usize,
    /// Bytes of clean rows in memory.
    pub cached_bytes: usize,
    /// What of the journal is kept, and why.
    pub journal: super::JournalView,
    /// What peers' clocks showed, against this node's.
    pub clocks: Vec<super::PeerClock>,
    /// Room on the disk.
    pub room: super::Room,
    /// Things counted.
    pub counters: Counters,
    /// Whether it takes writes.
    pub health: Health,
}

impl Member {
    /// The member as it is now.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            replica: self.me,
            applied: self.replicator.applied().clone(),
            durable: self.replicator.durable().clone(),
            digest: self.records.digest.0,
            keys: self.records.keys,
            hlc: self.clock.last(),
            peers: self.replicator.peers().collect(),
            inbox_bytes: self.replicator.inbox_bytes(),
            unsynced_entries: self.unsynced.len(),
            dirty_bytes: self.dirty_bytes(),
            journal_bytes: self.journal.appended().0 - self.journal.first().0,
            journal_pending_bytes: self.journal.pending_bytes(),
            cached_bytes: self.records.table.cached_bytes(),
            journal: self.journal_view(),
            clocks: self.clocks.peers(),
            room: self.room.clone(),
            counters: self.counters.clone(),
            health: self.health.clone(),
        }
    }

    /// Keys that exist, expired ones that are not removed yet among them.
    pub fn key_count(&self) -> u64 {
        self.records.keys
    }

    /// Bytes of changed rows that are not in the store.
    pub fn dirty_bytes(&self) -> usize {
        self.records.table.dirty_bytes() + self.records.table.flushing_bytes()
    }

    /// Entries that are applied but not durable.
    pub fn unsynced_entries(&self) -> usize {
        self.unsynced.len()
    }

    /// Whose data this is.
    pub fn identity(&self) -> &crate::Identity {
        &self.identity
    }

    /// Whether the member takes writes.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// The entry decided last, and its bytes; for checkers.
    pub fn last_decided(&self) -> (Dot, &[u8]) {
        (Dot::new(self.me, self.last_seq), &self.scratch)
    }

    /// Of each origin, entries up to here came as records and are not in the journal.
    pub fn adopted(&self) -> &VersionVector {
        &self.filling.adopted
    }

    /// Every durable entry of the journal, in its order, decoded; for checkers.
    pub fn journal_entries(&self) -> Result<Vec<Entry>, crate::Error> {
        let (mut entries, mut from) = (Vec::new(), self.journal.first());
        while from < self.journal.durable() {
            let start = from;
            from = self.journal.read(from, 1 << 20, |record| {
                entries.push(Entry::decode(record.payload));
                ControlFlow::Continue(())
            })?;
            if from == start {
                break;
            }
        }
        let malformed = |source| crate::Error::Malformed { what: "journal entry", source };
        entries.into_iter().collect::<Result<_, _>>().map_err(malformed)
    }

    /// Visits every stored row, derived ones too; for checkers.
    pub fn each_row(&self, visit: &mut dyn FnMut(&[u8], &Bytes)) -> Result<(), crate::Error> {
        Ok(self.records.scan(&[], &[0xff], &mut |row, value| {
            visit(row, value);
            true
        })?)
    }
}
