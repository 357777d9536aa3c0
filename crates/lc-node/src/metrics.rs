//! A node's numbers, for a scraper.

use std::sync::atomic::Ordering;

use lc_member::ledger::Totals;

use crate::Node;
use crate::status::{PeerStatus, Status};

/// One number with its labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Name, with its unit last.
    pub name: &'static str,
    /// What it means.
    pub help: &'static str,
    /// Whether it only grows.
    pub kind: SampleKind,
    /// Labels beside the region.
    pub labels: Vec<(&'static str, String)>,
    /// The number.
    pub value: f64,
}

/// How a number behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SampleKind {
    /// Only grows while the process lives.
    Counter,
    /// Goes up and down.
    Gauge,
}

use SampleKind::{Counter, Gauge};

impl Node {
    /// All numbers at this moment; samples of one name stand together.
    pub fn metrics(&self) -> Vec<Sample> {
        let status = self.status();
        let mut samples = self.own(&status);
        samples.extend(self.own_inside(&status));
        samples.extend(disk(&status));
        samples.extend(clock(&status));
        samples.extend(records(&status));
        samples.extend(memory(&status));
        for (name, help, kind, value) in PEER_SAMPLES {
            // A peer whose number is not known has no sample: unknown is not 0.
            samples.extend(status.peers.iter().filter_map(|peer| {
                let labels = vec![("peer", peer.region.clone())];
                value(peer).map(|value| Sample { name, help, kind: *kind, labels, value })
            }));
        }
        samples.extend(self.conflict_samples());
        samples
    }

    fn own(&self, status: &Status) -> Vec<Sample> {
        let counters = &status.counters;
        let commands = self.clients.commands.load(Ordering::Relaxed);
        [
            ("lightcone_uptime_seconds", "Seconds since the node started.", Gauge, status.uptime_s as f64),
            (
                "lightcone_takes_writes",
                "1 while the node takes writes.",
                Gauge,
                f64::from(u8::from(status.takes_writes)),
            ),
            ("lightcone_keys", "Keys that exist.", Gauge, status.keys as f64),
            ("lightcone_clients", "Clients connected.", Gauge, status.clients as f64),
            ("lightcone_commands_total", "Commands carried out.", Counter, commands as f64),
            ("lightcone_entries_decided_total", "Writes decided here.", Counter, counters.entries_decided as f64),
            (
                "lightcone_entry_bytes_decided_total",
                "Bytes of writes decided here.",
                Counter,
                counters.entry_bytes_decided as f64,
            ),
            (
                "lightcone_entries_applied_total",
                "Writes of other replicas applied here.",
                Counter,
                counters.entries_applied as f64,
            ),
            (
                "lightcone_entries_from_the_future_total",
                "Writes refused because their stamp lies too far ahead.",
                Counter,
                counters.entries_from_the_future as f64,
            ),
            (
                "lightcone_entries_put_off_total",
                "Writes not taken because the journal was behind; they come again.",
                Counter,
                counters.entries_put_off as f64,
            ),
        ]
        .map(plain)
        .to_vec()
    }

    fn own_inside(&self, status: &Status) -> Vec<Sample> {
        let counters = &status.counters;
        [
            ("lightcone_keys_expired_total", "Keys removed after their expiry.", Counter, counters.keys_expired as f64),
            ("lightcone_journal_syncs_total", "Journal syncs.", Counter, counters.syncs as f64),
            ("lightcone_journal_bytes", "Bytes of journal on disk.", Gauge, status.journal_bytes as f64),
            (
                "lightcone_dirty_bytes",
                "Changed rows in memory, not yet in the store.",
                Gauge,
                status.dirty_bytes as f64,
            ),
            ("lightcone_store_bytes", "Bytes of records on disk.", Gauge, status.store_bytes as f64),
            (
                "lightcone_inbox_bytes",
                "Writes of others that wait for what they depend on.",
                Gauge,
                status.inbox_bytes as f64,
            ),
            ("lightcone_flushes_total", "Flushes of rows to the store.", Counter, counters.flushes as f64),
            (
                "lightcone_requests_waiting",
                "Commands that wait for other regions.",
                Gauge,
                self.requests_waiting() as f64,
            ),
            (
                "lightcone_laggards_helped_total",
                "Regions that a quorum read found behind and that were sent what they lacked.",
                Counter,
                counters.laggards_helped as f64,
            ),
            (
                "lightcone_catalogue_version",
                "The catalogue's version as this node knows it.",
                Gauge,
                status.control_plane.catalogue_version as f64,
            ),
            (
                "lightcone_control_plane_leader_known",
                "1 while a leader of the control plane is known; tables serve without one.",
                Gauge,
                f64::from(u8::from(status.control_plane.leader.is_some())),
            ),
            (
                "lightcone_links_refused_total",
                "Connections of others that were turned away; `status` says from where and why.",
                Counter,
                status.links_refused.count as f64,
            ),
            (
                "lightcone_alarms_total",
                "Broken invariants noticed; anything but 0 needs a look.",
                Counter,
                counters.alarms as f64,
            ),
        ]
        .map(plain)
        .to_vec()
    }
}

/// Room, what the journal keeps, and what rotted.
fn disk(status: &Status) -> Vec<Sample> {
    let (disk, journal) = (&status.disk, &status.journal);
    let known = [
        ("lightcone_disk_free_bytes", "Bytes that may still be written to the disk.", Gauge, disk.free_bytes),
        ("lightcone_journal_oldest_seconds", "Age of the oldest entry that is kept.", Gauge, journal.oldest_s),
    ];
    let always = [
        ("lightcone_disk_writes_refused_total", "Writes refused for want of room.", Counter, disk.writes_refused),
        ("lightcone_disk_corrupt_reads_total", "Reads of records that found other bytes.", Counter, disk.corrupt_reads),
        (
            "lightcone_journal_read_errors_total",
            "Reads of the journal for other nodes that failed.",
            Counter,
            disk.journal_read_errors,
        ),
        (
            "lightcone_disk_unreadable_stretches_total",
            "Stretches of records that the disk did not give back.",
            Counter,
            disk.unreadable_stretches,
        ),
        ("lightcone_disk_rebuilds_total", "Times that the records were rebuilt without them.", Counter, disk.rebuilds),
        (
            "lightcone_disk_files_put_aside_total",
            "Files of the records that could not be opened at the start.",
            Counter,
            disk.files_put_aside,
        ),
        (
            "lightcone_disk_aside_bytes",
            "Bytes of those that are there still.",
            Gauge,
            disk.put_aside.iter().map(|file| file.bytes).sum(),
        ),
        ("lightcone_disk_mended_keys_total", "Keys that were lost and came from elsewhere.", Counter, disk.mended_keys),
        ("lightcone_disk_mended_bytes_total", "Bytes of records that came in their place.", Counter, disk.mended_bytes),
        (
            "lightcone_disk_keys_lost",
            "Keys that are lost here and have not come from another region yet.",
            Gauge,
            disk.mending.as_ref().map_or(0, |mending| mending.keys),
        ),
        ("lightcone_journal_dropped_bytes_total", "Journal that every node has.", Counter, journal.dropped_bytes),
        ("lightcone_journal_unflushed_bytes", "Journal not in the records yet.", Gauge, journal.unflushed_bytes),
    ];
    let known = known.into_iter().filter_map(|(name, help, kind, value)| Some((name, help, kind, value? as f64)));
    let always = always.map(|(name, help, kind, value)| (name, help, kind, value as f64));
    known.chain(always).map(plain).collect()
}

/// Records that came as state, and regions that have other ones.
fn records(status: &Status) -> Vec<Sample> {
    let counters = &status.counters;
    let filling = status.filling.as_ref();
    let gauges = [
        (
            "lightcone_records_arriving",
            "1 while records are got from another region; status says what for.",
            Some(f64::from(u8::from(filling.is_some()))),
        ),
        (
            "lightcone_records_arriving_bytes",
            "Bytes of records that came so far; absent while none are got.",
            filling.map(|filling| filling.bytes as f64),
        ),
        (
            "lightcone_records_arriving_share_left",
            "Which part of what has to come is left, 0 to 1; absent while unknown.",
            filling.and_then(|filling| filling.share_left),
        ),
        (
            "lightcone_diverged_regions",
            "Nodes that have applied the same and have other records; anything but 0 needs a repair.",
            Some(status.diverged.len() as f64),
        ),
    ];
    let gauges = gauges.into_iter().filter_map(|(name, help, value)| Some((name, help, Gauge, value?)));
    let totals = [
        ("lightcone_catch_ups_total", "Times that this node went on from records.", counters.catch_ups),
        ("lightcone_merges_total", "Answers that were joined with what was here.", counters.merges),
        ("lightcone_repairs_total", "Repairs that ended well.", counters.repairs),
        (
            "lightcone_repaired_stretches_total",
            "Stretches of about four records that repairs replaced.",
            counters.repaired_stretches,
        ),
        (
            "lightcone_divergences_total",
            "Times that another node turned out to have other records.",
            counters.divergences,
        ),
        ("lightcone_recounts_total", "Times that all rows were looked at.", counters.recounts),
        (
            "lightcone_recounts_differed_total",
            "How many of them found other rows than were written; anything but 0 needs a repair.",
            counters.recounts_differed,
        ),
    ];
    let totals = totals.into_iter().map(|(name, help, value)| (name, help, Counter, value as f64));
    gauges.chain(totals).map(plain).collect()
}

/// What memory holds, and what its bounds had to stop.
fn memory(status: &Status) -> Vec<Sample> {
    let (memory, pressure) = (&status.memory, &status.pressure);
    let resident = memory
        .resident_bytes
        .map(|bytes| plain(("lightcone_resident_bytes", "Memory that the process has.", Gauge, bytes as f64)));
    let always = [
        ("lightcone_clean_rows_bytes", "Rows in memory as they are on the disk.", Gauge, memory.clean_rows_bytes),
        ("lightcone_journal_pending_bytes", "Journal that is not durable yet.", Gauge, memory.journal_pending_bytes),
        ("lightcone_writes_waiting", "Writes that wait for the journal's disk.", Gauge, memory.writes_waiting as u64),
        (
            "lightcone_client_buffers_bytes",
            "Large requests and replies of Redis clients.",
            Gauge,
            memory.client_buffers_bytes,
        ),
        (
            "lightcone_writes_waited_total",
            "Writes that waited for the journal's disk.",
            Counter,
            pressure.writes_waited,
        ),
        (
            "lightcone_writes_refused_total",
            "Writes refused because the journal's disk did not keep up.",
            Counter,
            pressure.writes_refused,
        ),
        (
            "lightcone_clients_refused_total",
            "Connections turned away because there were too many.",
            Counter,
            pressure.clients_refused,
        ),
    ];
    let stopped = pressure.clients_stopped.iter().map(|(reason, count)| Sample {
        name: "lightcone_clients_stopped_total",
        help: "Clients closed, or refused a reply, because they reached a bound.",
        kind: Counter,
        labels: vec![("reason", (*reason).to_owned())],
        value: *count as f64,
    });
    let always = always.map(|(name, help, kind, value)| plain((name, help, kind, value as f64)));
    resident.into_iter().chain(always).chain(stopped).collect()
}

fn clock(status: &Status) -> [Sample; 3] {
    let clock = &status.clock;
    [
        (
            "lightcone_clock_apart",
            "1 while this node's clock is not to be trusted with a write.",
            Gauge,
            f64::from(u8::from(!clock.trouble.is_empty())),
        ),
        ("lightcone_clock_apart_total", "Times that it was so.", Counter, clock.apart_count as f64),
        (
            "lightcone_stamps_ahead_milliseconds",
            "How far the latest stamp given or seen is ahead of the time.",
            Gauge,
            clock.stamps_ahead_ms as f64,
        ),
    ]
    .map(plain)
}

fn plain((name, help, kind, value): (&'static str, &'static str, SampleKind, f64)) -> Sample {
    Sample { name, help, kind, labels: Vec::new(), value }
}

impl Node {
    fn requests_waiting(&self) -> usize {
        self.member.read().pending_requests()
    }

    /// What each table's ledger holds and how fast it fills.
    fn conflict_samples(&self) -> Vec<Sample> {
        let totals = self.member.read().conflict_totals();
        let mut samples = Vec::new();
        for (name, help, kind, value) in CONFLICT_SAMPLES {
            samples.extend(totals.iter().map(|(table, totals)| {
                let labels = vec![("table", table.clone())];
                Sample { name, help, kind: *kind, labels, value: value(totals) as f64 }
            }));
        }
        samples
    }
}

type ConflictSample = (&'static str, &'static str, SampleKind, fn(&Totals) -> u64);

const CONFLICT_SAMPLES: &[ConflictSample] = &[
    (
        "lightcone_conflicts_total",
        "Writes that lost against a concurrent one, as noted here; over all restarts.",
        Counter,
        |totals| totals.noted_total,
    ),
    ("lightcone_conflicts_kept", "Losing writes in the ledger.", Gauge, |totals| totals.losses),
    ("lightcone_conflict_bytes", "Bytes of the ledger.", Gauge, |totals| totals.bytes),
    (
        "lightcone_conflicts_evicted_total",
        "Losing writes that the ledger let go of, by age or size.",
        Counter,
        |totals| totals.evicted_total,
    ),
];

type PeerSample = (&'static str, &'static str, SampleKind, fn(&PeerStatus) -> Option<f64>);

const PEER_SAMPLES: &[PeerSample] = &[
    ("lightcone_peer_up", "1 while the peer is connected and has told what it has.", Gauge, |peer| {
        Some(f64::from(u8::from(peer.up)))
    }),
    ("lightcone_peer_rtt_milliseconds", "Round trip to the peer; absent while unknown.", Gauge, |peer| peer.rtt_ms),
    ("lightcone_peer_silent_milliseconds", "Since the peer was last heard; absent if never.", Gauge, |peer| {
        peer.silent_ms.map(|ms| ms as f64)
    }),
    (
        "lightcone_peer_staleness_milliseconds",
        "At most so old is what is missing here of the peer's writes; absent while unknown.",
        Gauge,
        |peer| peer.staleness_ms.map(|ms| ms as f64),
    ),
    (
        "lightcone_peer_unconfirmed_entries",
        "Writes decided here that the peer has not confirmed as durable.",
        Gauge,
        |peer| Some(peer.unconfirmed_entries as f64),
    ),
    ("lightcone_link_sent_bytes_total", "Bytes sent to the peer, UDP payload.", Counter, |peer| {
        Some(peer.wire_sent_bytes as f64)
    }),
    ("lightcone_link_received_bytes_total", "Bytes received from the peer, UDP payload.", Counter, |peer| {
        Some(peer.wire_received_bytes as f64)
    }),
    ("lightcone_link_raw_bytes_total", "Bytes of frames to the peer before compression.", Counter, |peer| {
        Some(peer.sent_raw_bytes as f64)
    }),
    ("lightcone_link_compressed_bytes_total", "Bytes of frames to the peer after compression.", Counter, |peer| {
        Some(peer.sent_compressed_bytes as f64)
    }),
    ("lightcone_link_lost_packets_total", "Packets to the peer that were lost.", Counter, |peer| {
        Some(peer.lost_packets as f64)
    }),
    (
        "lightcone_peer_clock_offset_milliseconds",
        "The peer's clock minus this node's; absent while unknown.",
        Gauge,
        |peer| peer.clock_offset_ms.map(|ms| ms as f64),
    ),
    ("lightcone_link_queued_bytes", "Bytes that wait to be sent to the peer.", Gauge, |peer| {
        Some(peer.queued_bytes as f64)
    }),
    ("lightcone_link_unread_bytes", "Bytes received from the peer and not yet dealt with.", Gauge, |peer| {
        Some(peer.unread_bytes as f64)
    }),
];
