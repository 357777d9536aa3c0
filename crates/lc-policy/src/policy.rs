//! A table's policy: one setting of each dial.

use lc_crdt::Merge;

use crate::{Ack, Placement, Read, Writers};

/// One setting of each dial, and bounds of what is kept beside the records.
#[derive(Clone, PartialEq, Debug)]
pub struct Policy {
    /// Where a write may be decided.
    pub writers: Writers,
    /// Who holds it before the client hears OK.
    pub ack: Ack,
    /// What concurrent writes become.
    pub merge: Merge,
    /// Where the bytes may be.
    pub placement: Placement,
    /// How fresh a read must be.
    pub read: Read,
    /// Conflict ledger: bytes kept.
    pub ledger_bytes_max: u64,
    /// Conflict ledger: age kept, s.
    pub ledger_age_max_s: u64,
    /// How long a write waits for other regions, ms.
    pub ack_timeout_ms: u64,
    /// How long a read waits for other regions, ms.
    pub wait_ms: u64,
}

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            writers: Writers::default(),
            ack: Ack::default(),
            merge: Merge::default(),
            placement: Placement::default(),
            read: Read::default(),
            ledger_bytes_max: 16 << 20,
            ledger_age_max_s: 30 * 24 * 3600,
            ack_timeout_ms: 2000,
            wait_ms: 1000,
        }
    }
}
