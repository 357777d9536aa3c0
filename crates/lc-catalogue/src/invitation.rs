//! A one-time token's other half.

use lc_core::NodeId;
use serde::{Deserialize, Serialize};

use crate::TokenHash;

/// An invitation for one node.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Invitation {
    /// Knows the token again.
    pub token_hash: TokenHash,
    /// The region that the node will be in.
    pub region: String,
    /// The id that it will have; reserved until the invitation runs out.
    #[serde(with = "crate::node_id")]
    pub node: NodeId,
    /// From when on it no longer holds, Unix ms.
    pub expires_ms: u64,
    /// When it was made, Unix ms.
    pub invited_ms: u64,
    /// Who used it.
    pub used: Option<Used>,
    /// When it was taken back, Unix ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_ms: Option<u64>,
}

/// The use of an invitation.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Used {
    /// The random number of who joined, so that the same one may ask again after a lost reply.
    pub instance: u64,
    /// When, Unix ms.
    pub at_ms: u64,
}

impl Invitation {
    /// Whether it can be used at this time.
    pub fn is_open(&self, at_ms: u64) -> bool {
        self.used.is_none() && self.revoked_ms.is_none() && at_ms < self.expires_ms
    }

    /// What it is called among people.
    pub fn id(&self) -> String {
        self.token_hash.id()
    }
}
