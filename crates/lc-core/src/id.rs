//! Small integers that name a process and one life of its data.

use std::fmt;

/// A process in a region; chosen in its configuration, 1 to [`NodeId::MAX`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct NodeId(pub u16);

impl NodeId {
    /// Kept below 64 so that the first incarnation's replica id takes one byte on disk and on the wire.
    pub const MAX: u16 = 63;
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "n{}", self.0)
    }
}

/// One incarnation of a node's data: `node + 64 * incarnation`.
///
/// Data that was lost and made anew is a new incarnation, so a dot is never used twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ReplicaId(pub u16);

impl ReplicaId {
    /// The replica of a node's `incarnation`, 0 to 1023.
    pub fn new(node: NodeId, incarnation: u16) -> ReplicaId {
        assert!(node.0 >= 1 && node.0 <= NodeId::MAX, "node id out of bounds");
        assert!(incarnation < 1024, "incarnation out of bounds");
        ReplicaId(node.0 + 64 * incarnation)
    }

    /// The node whose data this is.
    pub fn node(self) -> NodeId {
        NodeId(self.0 % 64)
    }
}

impl fmt::Display for ReplicaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "r{}", self.0)
    }
}
