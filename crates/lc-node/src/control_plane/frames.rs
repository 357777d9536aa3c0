//! What the control plane's nodes send each other, over the links that everything else uses.

use std::sync::{OnceLock, Weak};

use bytes::Bytes;
use lc_core::NodeId;
use lc_member::Outgoing;
use lc_raft::Carrier;

use crate::Node;

/// The group's frames go over the links that everything else uses.
pub(super) struct LinkCarrier {
    /// Stands before each frame, so that nobody takes another data directory's for this one's.
    pub instance: u64,
    pub node: OnceLock<Weak<Node>>,
}

impl Carrier for LinkCarrier {
    fn send(&self, to: u16, frame: Bytes) {
        // Before the links are there, frames are as good as lost, and are made again.
        if let Some(node) = self.node.get().and_then(Weak::upgrade) {
            let mut stamped = Vec::with_capacity(STAMP_BYTES + frame.len());
            stamped.push(STAMPED_FRAME);
            stamped.extend_from_slice(&self.instance.to_le_bytes());
            stamped.extend_from_slice(&frame);
            node.send(vec![Outgoing { to: NodeId(to), frame: stamped.into() }]);
        }
    }
}

/// Whether a frame is the control plane's.
pub(crate) fn is_control_frame(frame: &[u8]) -> bool {
    matches!(frame.first(), Some(&(STAMPED_FRAME | REFUSAL_FRAME | REGISTER_FRAME | UNFOUNDED_FRAME)))
}

/// Tells a node that its data directory is not the one that its id belongs to.
pub(super) fn refusal_frame(node: u16, instance: u64) -> Bytes {
    let mut frame = vec![REFUSAL_FRAME];
    frame.extend_from_slice(&instance.to_le_bytes());
    frame.extend_from_slice(format!("node id {node} belongs to another data directory").as_bytes());
    frame.into()
}

/// A frame of the group, after the number of the sender's data directory.
pub(super) const STAMPED_FRAME: u8 = 10;
/// Not the data directory that the id belongs to.
pub(super) const REFUSAL_FRAME: u8 = 11;
/// A node asks others to propose what it says of itself: a command of the catalogue follows.
pub(super) const REGISTER_FRAME: u8 = 12;
/// An answer to that: no cluster is known here.
pub(super) const UNFOUNDED_FRAME: u8 = 13;
pub(super) const STAMP_BYTES: usize = 9;
