//! What a member is told once, and which nodes are beside it.

use std::sync::Arc;

use lc_core::NodeId;
use lc_policy::Tables;

/// What a member is told once.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Name of the cluster; a data directory belongs to one.
    pub cluster: String,
    /// This node.
    pub node: NodeId,
    /// The region it stands in.
    pub region: String,
    /// The other nodes, whose entries are taken.
    pub peers: Vec<Peer>,
    /// Nodes that are not part of the cluster any more: what they wrote still counts and may still come from others.
    pub left: Vec<NodeId>,
    /// The tables as they were known last; [`crate::Member::set_tables`] replaces them.
    pub tables: Arc<Tables>,
    /// A stamp further ahead than this is refused, ms.
    pub max_offset_ms: u64,
    /// Changed rows in memory above which they are written to the store.
    pub dirty_bytes_max: usize,
    /// The row table's own settings.
    pub table: lc_store::TableOptions,
    /// How much of the disk is left alone, and how much the journal may have.
    pub disk: DiskBounds,
    /// The journal's own settings.
    pub journal: lc_journal::Options,
    /// Replication's own settings.
    pub replication: lc_repl::Settings,
}

/// Another node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Peer {
    /// Its number.
    pub node: NodeId,
    /// The region it stands in.
    pub region: String,
}

/// How much of the disk a member leaves alone, and how much of it the journal may have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DiskBounds {
    /// Clients' writes are refused while less than this is free, bytes; 0: until nothing is.
    pub reserve_bytes: u64,
    /// Whether anything is dropped from the journal. A region that joins later begins without what was.
    pub journal_truncate: bool,
    /// How much journal is kept for peers that lack it, bytes.
    pub journal_retain_bytes: u64,
    /// How long journal is kept for peers that lack it, ms.
    pub journal_retain_ms: u64,
    /// How many rows are looked at in a second to see whether they are what was written; 0: none.
    pub recount_rows_per_second: u64,
}

impl Default for DiskBounds {
    fn default() -> DiskBounds {
        let day_ms = 24 * 60 * 60 * 1000;
        DiskBounds {
            reserve_bytes: 0,
            journal_truncate: true,
            journal_retain_bytes: 4 << 30,
            journal_retain_ms: 7 * day_ms,
            recount_rows_per_second: 2000,
        }
    }
}
