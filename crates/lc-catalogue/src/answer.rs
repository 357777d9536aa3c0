//! What a command did.

use lc_core::NodeId;
use serde::{Deserialize, Serialize};

use crate::ClusterId;

/// A command that was accepted.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The catalogue's version from which on what was asked is so.
    pub version: u64,
    /// Whether anything changed; asking for what is so already changes nothing.
    pub changed: bool,
    /// What was asked, and came of it.
    pub outcome: Outcome,
}

/// What came of a command.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Outcome {
    /// The cluster has begun.
    Founded {
        /// Its random id.
        cluster_id: ClusterId,
    },
    /// The node is known.
    Registered {
        /// Its id.
        #[serde(with = "crate::node_id")]
        node: NodeId,
    },
    /// The table is declared, with these dials.
    Declared {
        /// Its name.
        table: String,
        /// The table's version.
        version: u64,
    },
    /// The table is not declared any more.
    Dropped {
        /// Its name.
        table: String,
        /// The version that says so.
        version: u64,
    },
    /// The node's data may begin anew.
    Renewed {
        /// Its id.
        #[serde(with = "crate::node_id")]
        node: NodeId,
        /// What it is from then on.
        incarnation: u16,
    },
    /// A node may come.
    Invited {
        /// The id it will have.
        #[serde(with = "crate::node_id")]
        node: NodeId,
        /// Its region.
        region: String,
        /// Until when, Unix ms.
        expires_ms: u64,
    },
    /// The node is let in.
    Joined {
        /// Its id.
        #[serde(with = "crate::node_id")]
        node: NodeId,
        /// Its region.
        region: String,
    },
    /// The invitation does not hold any more.
    Revoked {
        /// The id that its node would have had.
        #[serde(with = "crate::node_id")]
        node: NodeId,
        /// The region that it was for.
        region: String,
    },
    /// These nodes are not part of the cluster any more.
    Removed {
        /// Their ids.
        #[serde(with = "crate::node_id::list")]
        nodes: Vec<NodeId>,
    },
    /// This key signs session tokens.
    Rotated {
        /// Its id.
        key_id: u64,
    },
}
