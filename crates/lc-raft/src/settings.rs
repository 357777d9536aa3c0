//! What can be chosen.

use std::sync::Arc;

use lc_env::{Random, RealRandom};
use openraft::{Config, SnapshotPolicy, StepDownPolicy};

use crate::{DiskWork, Error};

/// Times and bounds; the defaults fit round trips of up to 300 ms.
#[derive(Clone)]
pub struct Settings {
    /// This member, never 0.
    pub me: u16,
    /// How often a leader that has nothing to say says so. Must be longer than the largest round trip: openraft forgets a heartbeat after
    /// this time, and a leader whose heartbeats are never answered in time holds no lease while idle. News does not wait for it.
    pub heartbeat_ms: u64,
    /// A member calls an election when it has not heard a leader for `election_ms_max` (the leader's lease) and then a random time
    /// between the two. Two that call one within a round trip split the votes and try again, so the two should be several round trips
    /// apart; this one is also how long a vote may take.
    pub election_ms_min: u64,
    /// See `election_ms_min`.
    pub election_ms_max: u64,
    /// How long a proposal or a read barrier may take, forwarding and waiting for a leader included.
    pub propose_timeout_ms: u64,
    /// How long a change of members may take, the newcomer's catching up included.
    pub member_timeout_ms: u64,
    /// An append, a vote or a forwarded read not answered for so long counts as lost. Must be longer than a round trip and a sync.
    pub answer_timeout_ms: u64,
    /// How long sending a snapshot may take.
    pub snapshot_timeout_ms: u64,
    /// A snapshot is made after so many entries ...
    pub snapshot_after_entries: u64,
    /// ... or so many bytes of them.
    pub snapshot_after_bytes: u64,
    /// Entries kept although a snapshot has them, for followers that are a little behind.
    pub keep_entries: u64,
    /// Largest command.
    pub command_bytes_max: usize,
    /// Largest snapshot of the machine; a larger one is not made. At most 8 MiB, so that it fits a frame.
    pub snapshot_bytes_max: usize,
    /// The leader refuses proposals while its log is larger: something keeps snapshots from being made.
    pub log_bytes_max: u64,
    /// Proposals of this node under way, in bytes with 512 for each.
    pub proposals_bytes_max: usize,
    /// Requests from peers under way, likewise; what is beyond is dropped as if lost.
    pub inbound_bytes_max: usize,
    /// A segment of the log's journal.
    pub segment_bytes: u64,
    /// Seeds election timeouts and names for requests.
    pub random: Arc<dyn Random>,
    /// Which thread waits for the disk.
    pub disk_work: DiskWork,
}

impl Settings {
    /// The defaults for member `me`.
    pub fn new(me: u16) -> Settings {
        Settings {
            me,
            heartbeat_ms: 400,
            election_ms_min: 600,
            election_ms_max: 2000,
            propose_timeout_ms: 5000,
            member_timeout_ms: 60_000,
            answer_timeout_ms: 1000,
            snapshot_timeout_ms: 60_000,
            snapshot_after_entries: 1000,
            snapshot_after_bytes: 8 << 20,
            keep_entries: 200,
            command_bytes_max: 1 << 20,
            snapshot_bytes_max: SNAPSHOT_BYTES_MAX,
            log_bytes_max: 128 << 20,
            proposals_bytes_max: 32 << 20,
            inbound_bytes_max: 64 << 20,
            segment_bytes: 4 << 20,
            random: Arc::new(RealRandom),
            disk_work: DiskWork::Blocking,
        }
    }

    /// The part of it that openraft wants.
    pub(crate) fn config(&self) -> Result<Config, Error> {
        self.check()?;
        let config = Config {
            cluster_name: "lightcone".to_owned(),
            heartbeat_interval: self.heartbeat_ms,
            election_timeout_min: self.election_ms_min,
            election_timeout_max: self.election_ms_max,
            install_snapshot_timeout: self.snapshot_timeout_ms,
            max_payload_entries: ENTRIES_PER_APPEND,
            replication_lag_threshold: self.snapshot_after_entries,
            snapshot_policy: SnapshotPolicy::LogsSinceLast(self.snapshot_after_entries),
            max_in_snapshot_log_to_keep: self.keep_entries,
            // Long enough for the followers to hear that the change is decided.
            removed_leader_step_down: StepDownPolicy::After(self.heartbeat_ms),
            // A member that was cut off must not force an election on a healthy group when it returns.
            enable_pre_vote: Some(true),
            // A leader sends entries before they are durable here. Leading on in the same term after a crash that took them, it would put
            // other entries in their place: two different entries with one (term, index).
            enable_leader_restore: Some(false),
            backoff: "50ms 100ms ...1s".to_owned(),
            ..Config::default()
        };
        config.validate().map_err(|error| Error::Settings { why: error.to_string() })
    }

    fn check(&self) -> Result<(), Error> {
        let wrong = [
            (self.me == 0, "member 0 does not exist"),
            (self.heartbeat_ms == 0, "heartbeat_ms is 0"),
            (self.snapshot_after_entries == 0, "snapshot_after_entries is 0"),
            (self.command_bytes_max > COMMAND_BYTES_LIMIT, "command_bytes_max is above 8 MiB"),
            (self.snapshot_bytes_max > SNAPSHOT_BYTES_MAX, "snapshot_bytes_max is above 8 MiB"),
            (
                self.inbound_bytes_max < INBOUND_BYTES_MIN,
                "inbound_bytes_max is below 16 MiB, less than the largest frame",
            ),
            (
                self.proposals_bytes_max < 2 * self.command_bytes_max,
                "proposals_bytes_max is below two of the largest commands",
            ),
        ];
        match wrong.iter().find(|(is_wrong, _)| *is_wrong) {
            Some((_, why)) => Err(Error::Settings { why: (*why).to_owned() }),
            None => Ok(()),
        }
    }
}

/// A snapshot goes in one frame, and links carry frames of up to 12 MiB.
pub(crate) const SNAPSHOT_BYTES_MAX: usize = 8 << 20;
/// A command goes in one frame and in one record of the journal, each with up to 12 MiB.
const COMMAND_BYTES_LIMIT: usize = 8 << 20;
const INBOUND_BYTES_MIN: usize = 16 << 20;
/// Entries of an append; its bytes are bounded by the log's reader.
const ENTRIES_PER_APPEND: u64 = 512;

#[cfg(test)]
mod tests {
    use super::Settings;

    #[test]
    fn the_defaults_are_in_order_and_contradictions_are_refused() {
        assert!(Settings::new(1).config().is_ok());
        assert!(Settings::new(0).config().is_err());
        let silent = Settings { heartbeat_ms: 3000, ..Settings::new(1) };
        assert!(silent.config().is_err(), "an election would come before the first heartbeat");
    }
}
