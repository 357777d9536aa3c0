//! Repairs: what differs from another region is replaced by what that region has.

use lc_core::NodeId;
use lc_member::RepairRefused;
use serde_json::{Value, json};

use super::{Refusal, RefusalKind};
use crate::Node;

impl Node {
    /// The repair that goes on or the last one since start, how far it is, and regions that have other records.
    pub fn repairs(&self) -> Value {
        let status = self.status();
        json!({ "repair": status.repair, "filling": status.filling, "diverged": status.diverged })
    }

    /// Begins to replace what differs here by what a region has; without a name, the nearest one that has all tables of
    /// this one.
    pub fn begin_repair(&self, from: Option<&str>) -> Result<Value, Refusal> {
        let peer = match from {
            Some(region) => self.peer_in(region)?,
            None => self.member.read().nearest_holder().ok_or_else(|| {
                unreachable_now("no region that has every table of this one can be reached now; `from` names one that has some of them")
            })?,
        };
        let begun = self.member.write().begin_repair(self.now(), peer);
        begun.map_err(|refused| refusal(&self.region_of(peer.0), &refused))?;
        tracing::info!(
            from = self.region_of(peer.0),
            "a repair begins: what differs is replaced by what that region has"
        );
        Ok(self.repairs())
    }

    /// A node of a region, one that can be reached if there is one.
    fn peer_in(&self, region: &str) -> Result<NodeId, Refusal> {
        if region == self.config.region {
            return Err(Refusal::invalid(format!(
                "from: {region} is this node's own region; it names the region whose records are taken"
            )));
        }
        let known = self.known();
        let mut nodes: Vec<NodeId> =
            known.peers.iter().filter(|peer| peer.region == region).map(|peer| NodeId(peer.node_id)).collect();
        let member = self.member.read();
        nodes.sort_by_key(|node| !member.reaches(*node));
        nodes.first().copied().ok_or_else(|| {
            let others: Vec<&str> = known.peers.iter().map(|peer| peer.region.as_str()).collect();
            Refusal::new(
                RefusalKind::NotFound,
                format!("from: no region '{region}' is known here; there are {}", others.join(", ")),
            )
        })
    }
}

fn refusal(region: &str, refused: &RepairRefused) -> Refusal {
    match refused {
        RepairRefused::UnderWay => Refusal::new(RefusalKind::UnderWay, refused.to_string()),
        RepairRefused::CatchingUp => Refusal::new(RefusalKind::CatchingUp, refused.to_string()),
        RepairRefused::Unreachable => unreachable_now(format!("{region} cannot be reached now")),
        RepairRefused::Arriving(_) => Refusal::new(RefusalKind::Conflict, format!("{region}: {refused}")),
        RepairRefused::NotWell(why) => Refusal::unavailable(why.clone()),
    }
}

fn unreachable_now(text: impl Into<String>) -> Refusal {
    Refusal::new(RefusalKind::Unreachable, text)
}
