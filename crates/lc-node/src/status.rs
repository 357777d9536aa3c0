//! A node at one moment, for operators and their tools.

use std::collections::BTreeMap;

use lc_core::{NodeId, VersionVector};
use lc_member::{Kept, Snapshot};
use lc_repl::{Alarm, PeerView};
use serde::Serialize;

use crate::Node;
use crate::memory::{MemoryStatus, PressureStatus};

mod filling;

pub use filling::{DivergenceStatus, FillingStatus, RepairStatus};

/// A node at one moment.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// Name of the cluster.
    pub cluster: String,
    /// Where the node stands.
    pub region: String,
    /// The node.
    pub node_id: u16,
    /// The replica that decides writes here.
    pub replica: String,
    /// Seconds since start.
    pub uptime_s: u64,
    /// Whether it takes writes; if not, why.
    pub takes_writes: bool,
    /// Why it takes no writes; empty if it does.
    pub trouble: String,
    /// For each replica, the highest sequence applied here.
    pub applied: BTreeMap<String, u64>,
    /// The same, as people write it.
    pub applied_text: String,
    /// For each replica, the highest sequence durable here.
    pub durable: BTreeMap<String, u64>,
    /// Digest of all records at `applied`, hexadecimal. Equal vectors mean equal digests.
    pub digest: String,
    /// Keys that exist.
    pub keys: u64,
    /// The node's clock, Unix ms and count.
    pub hlc: String,
    /// Entries of others that wait for what they depend on, bytes.
    pub inbox_bytes: usize,
    /// Changed rows in memory, bytes.
    pub dirty_bytes: usize,
    /// Journal on disk, bytes.
    pub journal_bytes: u64,
    /// What of the journal is kept, and why.
    pub journal: JournalStatus,
    /// Records on disk, bytes.
    pub store_bytes: u64,
    /// Room on the disk, and bytes on it that rotted.
    pub disk: DiskStatus,
    /// Clients connected.
    pub clients: usize,
    /// What memory holds, by what it is for.
    pub memory: MemoryStatus,
    /// What bounds had to stop since start.
    pub pressure: PressureStatus,
    /// Things counted since start.
    pub counters: CounterStatus,
    /// The other nodes.
    pub peers: Vec<PeerStatus>,
    /// At most so old, ms, is what this region lacks of any other; null: unknown.
    pub staleness_ms: Option<u64>,
    /// The group that keeps the catalogue.
    pub control_plane: ControlPlaneStatus,
    /// Connections of others that were turned away.
    pub links_refused: LinksRefused,
    /// This node's clock.
    pub clock: ClockStatus,
    /// Records that are being got from another region; null: none.
    pub filling: Option<FillingStatus>,
    /// Regions that have applied the same and have other records.
    pub diverged: Vec<DivergenceStatus>,
    /// The repair that goes on, or the last one since start; null: there was none.
    pub repair: Option<RepairStatus>,
}

/// A node's clock, as it judges it by those of its peers.
#[derive(Clone, Debug, Serialize)]
pub struct ClockStatus {
    /// Why no write is stamped by it now; empty if it is fine.
    pub trouble: String,
    /// Times that it was apart since start.
    pub apart_count: u64,
    /// How far the latest stamp given or seen is ahead of the time, ms.
    pub stamps_ahead_ms: u64,
}

/// Connections that were turned away since start: strangers, wrong certificates, second processes of a node.
#[derive(Clone, Debug, Default, Serialize)]
pub struct LinksRefused {
    /// How many.
    pub count: u64,
    /// From where and why, the last one.
    pub last: Option<String>,
}

/// What of the journal is kept, and why.
#[derive(Clone, Debug, Serialize)]
pub struct JournalStatus {
    /// Bytes dropped since the data directory was made: every node has them.
    pub dropped_bytes: u64,
    /// Bytes that the records on disk do not have yet; a restart reads them.
    pub unflushed_bytes: u64,
    /// How long ago the oldest entry that is kept was decided, seconds; null: unknown.
    pub oldest_s: Option<u64>,
    /// Why the oldest segment is kept; null: it is the newest too, or about to go.
    pub kept_for: Option<String>,
}

/// Room on the disk, and bytes on it that rotted.
#[derive(Clone, Debug, Serialize)]
pub struct DiskStatus {
    /// Bytes that may still be written where the data directory lies; null: unknown.
    pub free_bytes: Option<u64>,
    /// Clients' writes are refused while less is free.
    pub reserve_bytes: u64,
    /// Why clients' writes are refused, if they are; removing may go on all the same.
    pub refuses: Option<String>,
    /// Writes refused for want of room since start.
    pub writes_refused: u64,
    /// Reads of records that found other bytes than were written, since start.
    pub corrupt_reads: u64,
    /// Reads of the journal for other nodes that failed, since start.
    pub journal_read_errors: u64,
    /// What is being done about records that cannot be read; null: all can be.
    pub mending: Option<MendingStatus>,
    /// Stretches of records that could not be read, since start.
    pub unreadable_stretches: u64,
    /// Times that the record store was rebuilt from what can be read, since start.
    pub rebuilds: u64,
    /// Files of the record store that could not be opened at the start: they lie in `records-aside` until nothing is missing.
    pub put_aside: Vec<PutAside>,
    /// How many of them there were, since start.
    pub files_put_aside: u64,
    /// Bytes of those.
    pub bytes_put_aside: u64,
    /// Keys that were lost and came from another region, since start.
    pub mended_keys: u64,
    /// Bytes of records that came in their place.
    pub mended_bytes: u64,
}

/// A file, or a whole store, that could not be opened.
#[derive(Clone, Debug, Serialize)]
pub struct PutAside {
    /// Its name in `records-aside`.
    pub name: String,
    /// Its bytes.
    pub bytes: u64,
}

/// Records that cannot be read: commands on them are refused with `CORRUPT`, everything else is served.
#[derive(Clone, Debug, Serialize)]
pub struct MendingStatus {
    /// What is going on, in words.
    pub doing: &'static str,
    /// Keys that are lost here until they have come from another region; 0 until it is known.
    pub keys: u64,
    /// Stretches of keys of which it is not known what they hold.
    pub stretches: usize,
    /// What keeps it from getting on; null: nothing.
    pub trouble: Option<String>,
}

/// The group that keeps the catalogue, as this node knows it. Tables serve without it.
#[derive(Clone, Debug, Serialize)]
pub struct ControlPlaneStatus {
    /// The region that leads; null while none is known.
    pub leader: Option<String>,
    /// Regions that vote.
    pub voters: Vec<String>,
    /// The catalogue's version here.
    pub catalogue_version: u64,
    /// Why it stopped here; empty if it did not.
    pub trouble: String,
}

/// Things counted since start.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs, reason = "named as in lc_member::Counters, which documents them")]
pub struct CounterStatus {
    pub entries_decided: u64,
    pub entry_bytes_decided: u64,
    pub entries_applied: u64,
    pub entries_replayed: u64,
    pub entries_from_the_future: u64,
    pub entries_of_strangers: u64,
    pub entries_put_off: u64,
    pub journal_cut_bytes: u64,
    pub keys_expired: u64,
    pub syncs: u64,
    pub flushes: u64,
    pub alarms: u64,
    pub conflicts: u64,
    pub laggards_helped: u64,
    pub catch_ups: u64,
    pub merges: u64,
    pub repairs: u64,
    pub repaired_stretches: u64,
    pub divergences: u64,
    pub recounts: u64,
    pub recounts_differed: u64,
}

/// Another node, as seen from here.
#[derive(Clone, Debug, Serialize)]
pub struct PeerStatus {
    /// The node.
    pub node_id: u16,
    /// Its region.
    pub region: String,
    /// Its link address.
    pub address: String,
    /// Connected, and it has told what it has.
    pub up: bool,
    /// The newest link protocol that it and this node speak; 0: it was not heard since this node started.
    pub link_version: u32,
    /// Round trip, ms; null while unknown.
    pub rtt_ms: Option<f64>,
    /// Milliseconds since it was last heard; null if never.
    pub silent_ms: Option<u64>,
    /// For each replica, the highest sequence durable there, as far as it told.
    pub have: BTreeMap<String, u64>,
    /// At most so old, ms, is what is missing here of it; null: unknown.
    pub staleness_ms: Option<u64>,
    /// Entries decided here that it has not confirmed; what would be lost if this region vanished now and it alone were left.
    pub unconfirmed_entries: u64,
    /// Bytes sent to it, UDP payload.
    pub wire_sent_bytes: u64,
    /// Bytes received from it, UDP payload.
    pub wire_received_bytes: u64,
    /// Bytes of frames sent to it before compression.
    pub sent_raw_bytes: u64,
    /// The same after compression.
    pub sent_compressed_bytes: u64,
    /// Packets to it that were lost.
    pub lost_packets: u64,
    /// Bytes that wait to be sent to it.
    pub queued_bytes: usize,
    /// Its clock minus this node's, ms; null while unknown.
    pub clock_offset_ms: Option<i64>,
    /// That may be so much more or less, ms.
    pub clock_error_ms: Option<u64>,
    /// Bytes received from it and not yet dealt with.
    pub unread_bytes: usize,
    /// Whether its records were the same when both had applied the same the last time; null: that was not seen yet.
    pub agrees: Option<bool>,
    /// Why the link is down, if it is known.
    pub last_error: Option<String>,
}

impl Node {
    /// The node at this moment.
    pub fn status(&self) -> Status {
        let snapshot = self.member.read().snapshot();
        let links = self.links.get().map(|wired| wired.links.stats()).unwrap_or_default();
        let known = self.known();
        let peers = known.peers.iter().map(|peer| {
            let view = snapshot.peers.iter().find(|(node, _)| *node == NodeId(peer.node_id)).map(|(_, view)| view);
            let link = links.iter().find(|stats| stats.node_id == peer.node_id);
            self.peer_status(peer, view, link, &snapshot)
        });
        let (filling, diverged, repair) = self.of_records();
        let trouble = trouble(&snapshot, &diverged);
        // Let go of before the rest is asked, which reads the member too: a writer that waits in between would stop both.
        let staleness = self.member.read().staleness(self.now());
        Status {
            peers: peers.collect(),
            staleness_ms: staleness.map(|staleness| staleness.as_millis() as u64),
            control_plane: self.control_plane_status(),
            links_refused: self.links_refused(),
            clock: self.clock_status(&snapshot),
            filling,
            diverged,
            repair,
            cluster: self.config.cluster.clone(),
            region: self.config.region.clone(),
            node_id: self.config.node_id,
            replica: snapshot.replica.to_string(),
            uptime_s: self.now().as_secs(),
            takes_writes: snapshot.health.decides().is_ok() && snapshot.room.refuses().is_none(),
            trouble: trouble.unwrap_or_default(),
            applied: named(&snapshot.applied),
            applied_text: snapshot.applied.to_string(),
            durable: named(&snapshot.durable),
            digest: format!("{:032x}", snapshot.digest),
            keys: snapshot.keys,
            hlc: snapshot.hlc.to_string(),
            inbox_bytes: snapshot.inbox_bytes,
            dirty_bytes: snapshot.dirty_bytes,
            journal_bytes: snapshot.journal_bytes,
            journal: self.journal_status(&snapshot),
            disk: self.disk_status(&snapshot),
            store_bytes: self.store.approximate_bytes(),
            clients: self.clients.count(),
            memory: self.memory_status(&snapshot, &links),
            pressure: self.pressure_status(),
            counters: counters(&snapshot),
        }
    }

    pub(crate) fn of_records(&self) -> (Option<FillingStatus>, Vec<DivergenceStatus>, Option<RepairStatus>) {
        let member = self.member.read();
        (
            member.filling().map(|view| self.filling_status(&view)),
            member.diverged().map(|divergence| self.divergence_status(divergence)).collect(),
            member.repair().map(|repair| self.repair_status(repair)),
        )
    }

    fn links_refused(&self) -> LinksRefused {
        let refusals = self.links.get().map(|wired| wired.links.refusals()).unwrap_or_default();
        LinksRefused { count: refusals.count, last: refusals.last }
    }

    fn clock_status(&self, snapshot: &Snapshot) -> ClockStatus {
        ClockStatus {
            trouble: snapshot.health.clock_apart().unwrap_or_default().to_owned(),
            apart_count: snapshot.counters.clock_apart,
            stamps_ahead_ms: snapshot.hlc.ms().saturating_sub(self.member.read().right_ms(self.wall_ms())),
        }
    }

    fn journal_status(&self, snapshot: &Snapshot) -> JournalStatus {
        let journal = &snapshot.journal;
        let kept_for = journal.kept.map(|kept| match kept {
            Kept::Newcomers => "nobody (journal_truncate is off)".to_owned(),
            Kept::Unflushed => "records that are not on disk yet".to_owned(),
            Kept::Peer { node, origin, has, needs } => {
                let region = self.region_of(node.0);
                format!("{region} (node {}): it has {origin} up to {has}, and {needs} must be there first", node.0)
            }
        });
        JournalStatus {
            dropped_bytes: journal.dropped_bytes,
            unflushed_bytes: journal.unflushed_bytes,
            oldest_s: journal.oldest_ms.map(|decided_ms| self.wall_ms().saturating_sub(decided_ms) / 1000),
            kept_for,
        }
    }

    fn put_aside(&self) -> Vec<PutAside> {
        let member = self.member.read();
        member.put_aside().iter().map(|(name, bytes)| PutAside { name: name.clone(), bytes: *bytes }).collect()
    }

    fn disk_status(&self, snapshot: &Snapshot) -> DiskStatus {
        // Not within the expression below, whose reading of the member lasts to its end: a writer that waits in between
        // would stop both.
        let put_aside = self.put_aside();
        DiskStatus {
            free_bytes: snapshot.room.free_bytes,
            reserve_bytes: self.config.disk_reserve_bytes,
            refuses: snapshot.room.refuses(),
            writes_refused: snapshot.counters.writes_without_room,
            corrupt_reads: self.store.corrupt_reads(),
            journal_read_errors: snapshot.counters.journal_read_errors,
            mending: self.member.read().mending().map(|view| MendingStatus {
                doing: view.doing,
                keys: view.keys,
                stretches: view.stretches,
                trouble: view.trouble,
            }),
            unreadable_stretches: snapshot.counters.unreadable_stretches,
            rebuilds: snapshot.counters.rebuilds,
            put_aside,
            files_put_aside: snapshot.counters.files_put_aside,
            bytes_put_aside: snapshot.counters.bytes_put_aside,
            mended_keys: snapshot.counters.mended_keys,
            mended_bytes: snapshot.counters.mended_bytes,
        }
    }

    fn peer_status(
        &self,
        peer: &crate::Peer,
        view: Option<&PeerView>,
        link: Option<&lc_net::PeerStats>,
        snapshot: &Snapshot,
    ) -> PeerStatus {
        let silent = view.and_then(|view| view.heard_at).map(|at| self.now().saturating_sub(at).as_millis() as u64);
        let confirmed = view.map_or(0, |view| view.have.get(snapshot.replica));
        let clock = snapshot.clocks.iter().find(|clock| clock.node == NodeId(peer.node_id));
        PeerStatus {
            node_id: peer.node_id,
            region: peer.region.clone(),
            address: peer.address.to_string(),
            up: view.is_some_and(|view| view.up),
            link_version: link.map_or(0, |link| link.version),
            rtt_ms: link.and_then(|link| link.rtt).map(|rtt| rtt.as_secs_f64() * 1000.0),
            silent_ms: silent,
            staleness_ms: self
                .member
                .read()
                .staleness_of(self.now(), NodeId(peer.node_id))
                .map(|staleness| staleness.as_millis() as u64),
            have: view.map(|view| named(&view.have)).unwrap_or_default(),
            agrees: view.and_then(|view| view.agrees),
            unconfirmed_entries: snapshot.applied.get(snapshot.replica).saturating_sub(confirmed),
            wire_sent_bytes: link.map_or(0, |link| link.wire_sent_bytes),
            wire_received_bytes: link.map_or(0, |link| link.wire_received_bytes),
            sent_raw_bytes: link.map_or(0, |link| link.sent_raw_bytes),
            sent_compressed_bytes: link.map_or(0, |link| link.sent_compressed_bytes),
            lost_packets: link.map_or(0, |link| link.lost_packets),
            queued_bytes: link.map_or(0, |link| link.queued_bytes),
            clock_offset_ms: clock.map(|clock| clock.offset_ms),
            clock_error_ms: clock.map(|clock| clock.error_ms),
            unread_bytes: link.map_or(0, |link| link.unread_bytes),
            last_error: link.and_then(|link| link.last_error.clone()),
        }
    }
}

/// What an operator should know first.
fn trouble(snapshot: &Snapshot, diverged: &[DivergenceStatus]) -> Option<String> {
    let health = &snapshot.health;
    let damage = || health.journal_damage().map(|why| format!("other nodes cannot get a part of the journal: {why}"));
    let other = |alarm: &&Alarm| !matches!(alarm, Alarm::Diverged { .. });
    let alarm = || health.last_alarm().filter(other).map(|alarm| format!("{alarm:?}"));
    let rotten = || health.rotten().map(str::to_owned);
    let diverged = || diverged.first().map(DivergenceStatus::text);
    let stopped = health.decides().err().or_else(|| snapshot.room.refuses());
    stopped.or_else(alarm).or_else(rotten).or_else(diverged).or_else(damage)
}

fn named(vector: &VersionVector) -> BTreeMap<String, u64> {
    vector.iter().map(|(replica, seq)| (replica.to_string(), seq)).collect()
}

fn counters(snapshot: &Snapshot) -> CounterStatus {
    let counters = &snapshot.counters;
    CounterStatus {
        entries_decided: counters.entries_decided,
        entry_bytes_decided: counters.entry_bytes_decided,
        entries_applied: counters.entries_applied,
        entries_replayed: counters.entries_replayed,
        entries_from_the_future: counters.entries_from_the_future,
        entries_of_strangers: counters.entries_of_strangers,
        entries_put_off: counters.entries_put_off,
        journal_cut_bytes: counters.journal_cut_bytes,
        keys_expired: counters.keys_expired,
        syncs: counters.syncs,
        flushes: counters.flushes,
        alarms: counters.alarms,
        conflicts: counters.conflicts,
        laggards_helped: counters.laggards_helped,
        catch_ups: counters.catch_ups,
        merges: counters.merges,
        repairs: counters.repairs,
        repaired_stretches: counters.repaired_stretches,
        divergences: counters.divergences,
        recounts: counters.recounts,
        recounts_differed: counters.recounts_differed,
    }
}
