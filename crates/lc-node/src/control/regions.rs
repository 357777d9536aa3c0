//! Regions and nodes: who is there, who may come, who leaves.

use std::collections::BTreeSet;

use lc_catalogue::{Change, Coordinates, Outcome, TokenHash};
use serde_json::{Value, json};

use super::Refusal;
use crate::Node;

/// A node that was let in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Admitted {
    /// Its id.
    pub node_id: u16,
    /// Its region.
    pub region: String,
}

/// Who shows an invitation's token.
#[derive(Clone, PartialEq, Debug)]
pub struct Newcomer {
    /// Hash of the token.
    pub token_hash: [u8; 32],
    /// A random number of its own: the same newcomer may ask again.
    pub instance: u64,
    /// Where others will reach it.
    pub link_address: String,
    /// Degrees north and east, if it says.
    pub place: Option<(f64, f64)>,
    /// Whose laws hold there.
    pub jurisdictions: BTreeSet<String>,
}

impl Node {
    /// Every region with its nodes.
    pub fn regions(&self) -> Value {
        let catalogue = self.control_plane.catalogue();
        let regions = catalogue.regions().map(|region| {
            let nodes = catalogue.nodes().filter(|node| node.region == region.name).map(|node| {
                json!({
                    "node_id": node.id.0,
                    "address": node.address,
                    "state": if node.is_active() { "active" } else { "left" },
                })
            });
            json!({
                "name": region.name,
                "latitude": region.coordinates.map(|place| place.latitude()),
                "longitude": region.coordinates.map(|place| place.longitude()),
                "jurisdictions": region.jurisdictions,
                "nodes": nodes.collect::<Vec<_>>(),
            })
        });
        json!({ "regions": regions.collect::<Vec<_>>() })
    }

    /// Lets one node of a region in, once, until a time. Gives the id that it will have.
    pub async fn invite(&self, token_hash: [u8; 32], region: String, lasts_ms: u64) -> Result<u16, Refusal> {
        let expires_ms = self.wall_ms().saturating_add(lasts_ms);
        let change = Change::Invite { token_hash: TokenHash(token_hash), region, node: None, expires_ms };
        match self.propose(change).await?.outcome {
            Outcome::Invited { node, .. } => Ok(node.0),
            other => Err(Refusal::unavailable(format!("the catalogue answered an invitation with {other:?}"))),
        }
    }

    /// Takes a newcomer into the catalogue, if its invitation holds.
    pub async fn admit(&self, newcomer: Newcomer) -> Result<Admitted, Refusal> {
        let change = Change::ConsumeInvitation {
            token_hash: TokenHash(newcomer.token_hash),
            instance: newcomer.instance,
            address: newcomer.link_address,
            coordinates: newcomer.place.and_then(|(latitude, longitude)| Coordinates::of_degrees(latitude, longitude)),
            jurisdictions: newcomer.jurisdictions,
        };
        match self.propose(change).await?.outcome {
            Outcome::Joined { node, region } => Ok(Admitted { node_id: node.0, region }),
            other => Err(Refusal::unavailable(format!("the catalogue answered a newcomer with {other:?}"))),
        }
    }

    /// The region of an open invitation, before it is used.
    pub fn invited_to(&self, token_hash: [u8; 32]) -> Option<String> {
        let catalogue = self.control_plane.catalogue();
        catalogue.invitation(&TokenHash(token_hash)).map(|invitation| invitation.region.clone())
    }

    /// Every node that a newcomer will link to: id, region, address.
    pub fn nodes(&self) -> Vec<(u16, String, String)> {
        let own = (self.config.node_id, self.config.region.clone(), self.config.link.advertised().to_string());
        let peers = self.known();
        let others = peers.peers.iter().map(|peer| (peer.node_id, peer.region.clone(), peer.address.to_string()));
        std::iter::once(own).chain(others).collect()
    }

    /// Takes a region out for good.
    pub async fn remove_region(&self, region: &str) -> Result<Value, Refusal> {
        match self.propose(Change::RemoveRegion { region: region.to_owned() }).await?.outcome {
            Outcome::Removed { nodes } => {
                Ok(json!({ "region": region, "nodes": nodes.iter().map(|node| node.0).collect::<Vec<_>>() }))
            }
            other => Err(Refusal::unavailable(format!("the catalogue answered a removal with {other:?}"))),
        }
    }

    /// A token of a session that has seen all that is here.
    pub async fn new_session(&self) -> Result<Value, Refusal> {
        let (vector, wait) = self.member.read().session_vector(&lc_core::VersionVector::new());
        let token = self.seal(&vector).map_err(|error| Refusal::unavailable(error.to_string()))?;
        if let Some(wait) = wait {
            self.durable(wait).await.map_err(|error| Refusal::unavailable(error.to_string()))?;
        }
        Ok(json!({ "session": token }))
    }
}
