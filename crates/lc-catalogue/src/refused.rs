//! Why a command was not accepted, and what would be right. It travels as a value, not as its text.

use lc_core::{Fault, NodeId};
use serde::{Deserialize, Serialize};

use crate::ClusterId;

/// Why. Nothing of a refused command was done.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Refused {
    /// Bytes that are not what they should be.
    #[error("the catalogue cannot read this: {why}")]
    Malformed {
        /// What they should be, and where they are not.
        why: String,
    },
    /// Bytes of a later release.
    #[error("the {what} has format version {version}, and this node reads up to {known}: upgrade every node first")]
    Newer {
        /// Command, answer or snapshot.
        what: String,
        /// Its version.
        version: u8,
        /// The highest that this release reads.
        known: u8,
    },
    /// A name or text that cannot be one.
    #[error("{what} {name:?} cannot be one: {right}")]
    Name {
        /// Of what.
        what: String,
        /// The beginning of it.
        name: String,
        /// What is right.
        right: String,
    },
    /// A number or list outside its bounds.
    #[error("{what}: {is}, but {right}")]
    Bounds {
        /// Of what.
        what: String,
        /// What it is.
        is: String,
        /// What is right.
        right: String,
    },
    /// Anything before the beginning.
    #[error("the cluster has not begun yet: wait until its first nodes have found each other")]
    NotFounded,
    /// A second beginning.
    #[error("the cluster has begun already, as {cluster:?} with id {cluster_id}: join that one")]
    Founded {
        /// Its name.
        cluster: String,
        /// Its random id.
        cluster_id: ClusterId,
    },
    /// Two directories with one id.
    #[error(
        "node id {node} is claimed by two data directories: {known:016x} has it, {claimed:016x} asks for it; stop one of \
         them, or if the data of {known:016x} is lost, remove node {node} and join anew under another id"
    )]
    TwoDirectories {
        /// The id.
        node: u16,
        /// Who has it.
        known: u64,
        /// Who asks.
        claimed: u64,
    },
    /// A node in another region than before.
    #[error(
        "node {node} is in region {known:?}, but says that it is in {claimed:?}: a node never moves, join a new one there"
    )]
    WrongRegion {
        /// The node.
        node: u16,
        /// Its region.
        known: String,
        /// What it says.
        claimed: String,
    },
    /// An id that was used before.
    #[error("node {node} has left the cluster, and its id is never used again: join anew under another id")]
    Left {
        /// The id.
        node: u16,
    },
    /// An id that somebody has.
    #[error("node id {node} is taken: leave it out, and the lowest free one is taken")]
    NodeTaken {
        /// The id.
        node: u16,
    },
    /// An id that an invitation promises to another.
    #[error(
        "node id {node} is reserved for who was invited to region {region:?}: take another id, or join with that invitation"
    )]
    Reserved {
        /// The id.
        node: u16,
        /// Where it will be.
        region: String,
    },
    /// No id left.
    #[error("all node ids from 1 to {max} were used or are reserved, and none is given twice")]
    NoNodeIdLeft {
        /// The highest.
        max: u16,
    },
    /// A node that never was.
    #[error("no node has the id {node}")]
    NoSuchNode {
        /// The id.
        node: u16,
    },
    /// A region that is not.
    #[error("no region is called {region:?}; there are {}", known.join(", "))]
    NoSuchRegion {
        /// The name.
        region: String,
        /// Those that are.
        known: Vec<String>,
    },
    /// The last one cannot go.
    #[error("{what} is all that is left of the cluster: join another node first, or stop it and remove its data")]
    Last {
        /// The node or region.
        what: String,
    },
    /// A table's promise stands against a region's going.
    #[error("with region {region:?} {event}, table {table:?} could not keep its dials ({why}): change the table first")]
    TableInTheWay {
        /// The region.
        region: String,
        /// `gone`; until format 2 of the catalogue also `there`.
        event: String,
        /// The table.
        table: String,
        /// Which promise.
        why: String,
    },
    /// A table that is not declared.
    #[error("no table is called {table:?}: create it first")]
    NoSuchTable {
        /// The name.
        table: String,
    },
    /// A table that is declared.
    #[error("table {table:?} exists, with version {version}: alter it, or choose another name")]
    TableExists {
        /// The name.
        table: String,
        /// Its version.
        version: u64,
    },
    /// Somebody else was first.
    #[error(
        "table {table:?} has version {version}, not {expected}: look at what changed, then ask again with {version}"
    )]
    TableChanged {
        /// The name.
        table: String,
        /// What was expected.
        expected: u64,
        /// What it is.
        version: u64,
    },
    /// The table that cannot go.
    #[error("table {table:?} holds the keys of no other table and cannot be dropped: alter it")]
    DefaultStays {
        /// Its name.
        table: String,
    },
    /// Dials that cannot keep their promise.
    #[error("table {table:?}: {why}")]
    Policy {
        /// The table.
        table: String,
        /// Which promise, and the nearest that can be kept.
        why: String,
        /// Whether a later release will keep it.
        not_yet: bool,
    },
    /// A change of rule under which values are lost to sight.
    #[error(
        "table {table:?}: with merge {from} changed to {to}, concurrent values become one: count them with a dry run, then \
         ask again and agree to collapse them"
    )]
    NeedsCollapse {
        /// The table.
        table: String,
        /// The rule now.
        from: String,
        /// The rule asked for.
        to: String,
    },
    /// No room in the catalogue.
    #[error("the catalogue has no room for {what}: {right}")]
    Full {
        /// For what.
        what: String,
        /// The bound, and what to do.
        right: String,
    },
    /// An invitation that never was, or was forgotten.
    #[error(
        "no such invitation: it was never made here, was taken back with its region, or ran out long ago; ask for a new one"
    )]
    NoInvitation,
    /// An invitation that ran out.
    #[error("the invitation ran out {ago_s} s ago: ask for a new one")]
    InvitationExpired {
        /// How long ago, s.
        ago_s: u64,
    },
    /// An invitation that was taken back.
    #[error("the invitation was taken back: ask for a new one")]
    InvitationRevoked,
    /// An invitation that cannot be taken back.
    #[error(
        "the invitation was used, by who is now node {node}: it cannot be taken back, but node {node} can be removed"
    )]
    InvitationSpent {
        /// Who.
        node: u16,
    },
    /// Two nodes at one address.
    #[error(
        "link address {address} is that of node {node} in region {region:?}: say another one, or remove node {node} first \
         if it is gone"
    )]
    AddressTaken {
        /// The address.
        address: String,
        /// Who has it.
        node: u16,
        /// Where that one is.
        region: String,
    },
    /// An invitation that another used.
    #[error("the invitation was used already, by who is now node {node}: ask for a new one")]
    InvitationUsed {
        /// Who.
        node: u16,
    },
    /// One token for two invitations.
    #[error("an invitation of this token exists, for node {node} in region {region:?}: draw a new token")]
    InvitationExists {
        /// Its node.
        node: u16,
        /// Its region.
        region: String,
    },
    /// Somebody else rotated first.
    #[error("the session key is number {current}, not {replaces}: somebody else rotated it; look again")]
    KeyChanged {
        /// The one that signs.
        current: u64,
        /// The one that was to be replaced.
        replaces: u64,
    },
    /// A key that was used before.
    #[error("the new session key is one that was in use: draw a new one")]
    KeyReused,
}

impl Refused {
    /// No `_` arm: a new variant has to choose.
    pub fn fault(&self) -> Fault {
        match self {
            Refused::NotFounded => Fault::Retry,
            Refused::Newer { .. } => Fault::Unavailable,
            Refused::Founded { .. }
            | Refused::NodeTaken { .. }
            | Refused::Reserved { .. }
            | Refused::TableInTheWay { .. }
            | Refused::TableExists { .. }
            | Refused::TableChanged { .. }
            | Refused::NeedsCollapse { .. }
            | Refused::InvitationUsed { .. }
            | Refused::InvitationSpent { .. }
            | Refused::AddressTaken { .. }
            | Refused::InvitationExists { .. }
            | Refused::KeyChanged { .. } => Fault::Conflict,
            Refused::Malformed { .. }
            | Refused::Name { .. }
            | Refused::Bounds { .. }
            | Refused::TwoDirectories { .. }
            | Refused::WrongRegion { .. }
            | Refused::Left { .. }
            | Refused::NoNodeIdLeft { .. }
            | Refused::NoSuchNode { .. }
            | Refused::NoSuchRegion { .. }
            | Refused::Last { .. }
            | Refused::NoSuchTable { .. }
            | Refused::DefaultStays { .. }
            | Refused::Policy { .. }
            | Refused::Full { .. }
            | Refused::NoInvitation
            | Refused::InvitationExpired { .. }
            | Refused::InvitationRevoked
            | Refused::KeyReused => Fault::Caller,
        }
    }

    /// For a number outside its bounds.
    pub(crate) fn bounds(what: &str, is: impl ToString, right: impl ToString) -> Refused {
        Refused::Bounds { what: what.to_owned(), is: is.to_string(), right: right.to_string() }
    }

    /// For a node id outside its bounds.
    pub(crate) fn check_node_id(node: NodeId) -> Result<(), Refused> {
        if (1..=NodeId::MAX).contains(&node.0) {
            return Ok(());
        }
        Err(Refused::bounds("node id", node.0, format!("node ids are 1 to {}", NodeId::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::Refused;

    #[test]
    fn a_refusal_says_what_is_wrong_and_what_would_be_right() {
        let refused = Refused::TwoDirectories { node: 2, known: 0xab, claimed: 0xcd };
        assert_eq!(
            refused.to_string(),
            "node id 2 is claimed by two data directories: 00000000000000ab has it, 00000000000000cd asks for it; stop one \
             of them, or if the data of 00000000000000ab is lost, remove node 2 and join anew under another id"
        );
        let refused =
            Refused::NoSuchRegion { region: "mars".to_owned(), known: vec!["oslo".to_owned(), "kyiv".to_owned()] };
        assert_eq!(refused.to_string(), "no region is called \"mars\"; there are oslo, kyiv");
    }
}
