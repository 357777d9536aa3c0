//! What a member knows about its group.

use std::collections::BTreeSet;

/// What a member knows about its group; the log's numbers begin at 0, where the first members stand.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Status {
    /// This member.
    pub me: u16,
    /// Who leads, as far as this member knows: a member that is cut off keeps naming the last leader it heard.
    pub leader: Option<u16>,
    /// The highest term seen.
    pub term: u64,
    /// Members that vote; during a change those of the old and of the new set.
    pub voters: BTreeSet<u16>,
    /// Members that only receive.
    pub learners: BTreeSet<u16>,
    /// Index of the newest entry here.
    pub last_index: Option<u64>,
    /// Index of the newest entry known here to be decided.
    pub committed: Option<u64>,
    /// Index of the newest entry that the machine has.
    pub applied: Option<u64>,
    /// Bytes of entries kept, in memory and on disk.
    pub log_bytes: u64,
    /// Whether this member votes.
    pub is_voter: bool,
    /// Why the group stopped on this member, if it did.
    pub stopped: Option<String>,
}
