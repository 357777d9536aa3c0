//! A table's policy: one setting of each dial.

use lc_crdt::Merge;

use crate::{Ack, Placement, Read, Writers};

/// One setting of each dial, and bounds of what is kept beside the records.
#[derive(Clone, PartialEq, Debug, Default)]
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
}
