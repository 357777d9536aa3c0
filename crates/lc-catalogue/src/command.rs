//! What can be asked of the catalogue.

use std::collections::BTreeSet;

use lc_core::NodeId;
use lc_policy::{Policy, PolicyChange};
use serde::{Deserialize, Serialize};

use crate::{ClusterId, Coordinates, Secret, TokenHash};

/// One change, with who asks for it and when: whoever applies it looks at no clock.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Command {
    /// The proposer's clock, Unix ms. Clocks differ, so later commands may be earlier by this.
    pub at_ms: u64,
    /// Who asks, for the history: a region, a node, a person.
    pub actor: String,
    /// What is asked.
    pub change: Change,
}

/// What is asked. Each can be proposed again after a lost answer: the second time nothing changes.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Change {
    /// The cluster begins. The first one wins.
    Genesis {
        /// The cluster's name.
        cluster: String,
        /// Random, from the proposer.
        cluster_id: ClusterId,
        /// The first key that signs session tokens, random, from the proposer.
        session_key: Secret,
        /// The first nodes.
        nodes: Vec<NodeClaim>,
    },
    /// A node says who and where it is, at each start.
    RegisterNode(NodeClaim),
    /// Declares a table.
    CreateTable {
        /// Its name.
        name: String,
        /// Its dials.
        policy: Policy,
        /// Why, for the history.
        #[serde(default)]
        note: String,
    },
    /// Changes a table's dials.
    AlterTable {
        /// Its name; `default` too.
        name: String,
        /// Which dials become what.
        alteration: Alteration,
        /// Only if the table has this version.
        #[serde(default)]
        expect_version: Option<u64>,
        /// Agrees that concurrent values which the old rule keeps become one under the new rule.
        #[serde(default)]
        collapse: bool,
        /// Why, for the history.
        #[serde(default)]
        note: String,
    },
    /// Takes a table's declaration away. Its keys follow the dials of `default` from then on.
    DropTable {
        /// Its name; not `default`.
        name: String,
        /// Only if the table has this version.
        #[serde(default)]
        expect_version: Option<u64>,
        /// Why, for the history.
        #[serde(default)]
        note: String,
    },
    /// A region has every record of a table that is on its way to it. Told by the region's own node. Of a placement that
    /// has changed since, and of a region that is not arriving, it changes nothing.
    Arrived {
        /// The table's name.
        table: String,
        /// Which region.
        region: String,
        /// The table's `placement_version` by which the region knows that it has everything.
        placement_version: u64,
    },
    /// Lets one node in, once.
    Invite {
        /// Knows the token again.
        token_hash: TokenHash,
        /// The region that the node will be in.
        region: String,
        /// Its id; `None`: the lowest one that was never used.
        #[serde(with = "crate::node_id::perhaps", default)]
        node: Option<NodeId>,
        /// From when on the invitation no longer holds, Unix ms.
        expires_ms: u64,
    },
    /// A node shows an invitation's token.
    ConsumeInvitation {
        /// Of the token.
        token_hash: TokenHash,
        /// A random number of who joins: the same one may ask again, another may not.
        instance: u64,
        /// Where other nodes will reach it, `host:port`.
        address: String,
        /// Where it is.
        #[serde(default)]
        coordinates: Option<Coordinates>,
        /// Whose laws hold there.
        #[serde(default)]
        jurisdictions: BTreeSet<String>,
    },
    /// Takes an invitation back that nobody used.
    RevokeInvitation {
        /// Of its token.
        token_hash: TokenHash,
    },
    /// Takes all nodes of a region out, for good.
    RemoveRegion {
        /// Its name.
        region: String,
    },
    /// Takes a node out, for good. With its last node a region goes.
    RemoveNode {
        /// Its id.
        #[serde(with = "crate::node_id")]
        node: NodeId,
    },
    /// A node's data begins anew: the next data directory that registers under its id has it, as a new incarnation.
    RenewNode {
        /// Its id.
        #[serde(with = "crate::node_id")]
        node: NodeId,
        /// The incarnation that ends: of two that ask at once, one wins.
        replaces: u16,
    },
    /// Puts a new key in the place of the one that signs session tokens.
    RotateSessionKey {
        /// The new one, random, from the proposer.
        secret: Secret,
        /// Id of the key that it replaces: of two that rotate at once, one wins.
        replaces: u64,
    },
}

/// What a node says of itself, or a first node of its peers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeClaim {
    /// Its id.
    #[serde(with = "crate::node_id")]
    pub node: NodeId,
    /// Its region.
    pub region: String,
    /// Where other nodes reach it, `host:port`.
    pub address: String,
    /// The random number of its data directory; `None` when another node speaks, who cannot know.
    #[serde(default)]
    pub instance: Option<u64>,
    /// How often its data began anew, as the directory says; the catalogue never goes back behind it.
    #[serde(default, skip_serializing_if = "crate::node::is_zero")]
    pub incarnation: u16,
    /// Where it is; `None`: as known.
    #[serde(default)]
    pub coordinates: Option<Coordinates>,
    /// Whose laws hold there; none: as known.
    #[serde(default)]
    pub jurisdictions: BTreeSet<String>,
}

/// How a table's dials change.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Alteration {
    /// Some dials; the others stay as they are when this is applied, whoever changed them meanwhile.
    Change(PolicyChange),
    /// All dials.
    Replace(Policy),
}
