//! Changes that nodes of earlier releases would take otherwise than this one: not before every node is of a release that knows them.
//!
//! All nodes must come to the same catalogue from the same commands. One that refuses what the others do has another
//! catalogue from then on, and nobody would notice.

use lc_catalogue::{Change, Command};

use super::{Refusal, RefusalKind};
use crate::Node;

impl Node {
    /// # Errors
    /// `Unavailable`, naming the nodes that are of an earlier release, or were not heard since this one started.
    pub(super) fn check_releases(&self, change: &Change) -> Result<(), Refusal> {
        if !self.is_new(change) {
            return Ok(());
        }
        let status = self.status();
        let behind = status.peers.iter().filter(|peer| peer.link_version < LINK_VERSION);
        let behind: Vec<String> = behind.map(|peer| format!("{} (node {})", peer.region, peer.node_id)).collect();
        if behind.is_empty() {
            return Ok(());
        }
        let why = "placements can be widened once every node runs a release that knows how";
        let nodes = behind.join(", ");
        Err(Refusal::new(RefusalKind::Unavailable, format!("{why}; of these that is not known: {nodes}")))
    }

    /// Whether a table would be on its way to a region afterwards.
    fn is_new(&self, change: &Change) -> bool {
        let before = self.control_plane.catalogue();
        let mut after = (*before).clone();
        let command = Command { at_ms: self.wall_ms(), actor: self.actor(), change: change.clone() };
        // What is refused here is refused by itself.
        after.apply(&command).is_ok() && after.tables().restricted().iter().any(|table| table.target.is_some())
    }
}

/// The first that is spoken by releases which know of tables on their way to regions.
const LINK_VERSION: u32 = 2;
