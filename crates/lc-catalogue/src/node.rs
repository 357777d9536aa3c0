//! A process in a region, and which data directory it has.

use lc_core::NodeId;
use serde::{Deserialize, Serialize};

/// A node. Its id is its own for ever, even after it left.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// Its id.
    #[serde(with = "crate::node_id")]
    pub id: NodeId,
    /// Its region.
    pub region: String,
    /// Where other nodes reach it, `host:port` (UDP).
    pub address: String,
    /// The random number of its data directory; `None`: it has not registered yet, so the first directory that does has
    /// the id.
    pub instance: Option<u64>,
    /// How often its data began anew: of a data directory that was lost or is older than what it had acknowledged no dot may
    /// be used again.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub incarnation: u16,
    /// When it came, Unix ms.
    pub joined_ms: u64,
    /// Whether it is still there.
    pub state: NodeState,
}

impl Node {
    /// Whether it has not left.
    pub fn is_active(&self) -> bool {
        self.state == NodeState::Active
    }
}

/// Nodes of the first data are written as the first release wrote them.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
pub(crate) fn is_zero(incarnation: &u16) -> bool {
    *incarnation == 0
}

/// Whether a node is part of the cluster.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum NodeState {
    /// It is, whether it can be reached or not.
    Active,
    /// It left at this time, Unix ms. Its id is never given again: its writes still stand in journals and vectors.
    Left(u64),
}
