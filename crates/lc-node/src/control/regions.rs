//! Regions and nodes: who is there, who may come, who leaves.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use lc_catalogue::{Change, Coordinates, Invitation, Outcome, Refused, Secret, TokenHash};
use lc_core::NodeId;
use lc_env::{Random, RealRandom};
use serde_json::{Value, json};

use super::{Refusal, RefusalKind};
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

/// An invitation that was made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Invited {
    /// What it is called; not its token.
    pub id: String,
    /// The id that its node will have.
    pub node_id: u16,
    /// From when on it does not hold, Unix ms.
    pub expires_ms: u64,
}

impl Newcomer {
    fn change(&self) -> Change {
        Change::ConsumeInvitation {
            token_hash: TokenHash(self.token_hash),
            instance: self.instance,
            address: self.link_address.clone(),
            coordinates: self.place.and_then(|(latitude, longitude)| Coordinates::of_degrees(latitude, longitude)),
            jurisdictions: self.jurisdictions.clone(),
        }
    }
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

    /// Lets one node of a region in, once, until a time.
    pub async fn invite(&self, token_hash: [u8; 32], region: String, lasts_ms: u64) -> Result<Invited, Refusal> {
        let expires_ms = self.wall_ms().saturating_add(lasts_ms);
        let token_hash = TokenHash(token_hash);
        let change = Change::Invite { token_hash, region, node: None, expires_ms };
        match self.propose(change).await?.outcome {
            Outcome::Invited { node, .. } => Ok(Invited { node_id: node.0, id: token_hash.id(), expires_ms }),
            other => Err(Refusal::unavailable(format!("the catalogue answered an invitation with {other:?}"))),
        }
    }

    /// Every invitation that is remembered, the newest first. Nothing in it lets anybody in.
    pub fn invitations(&self) -> Value {
        let catalogue = self.control_plane.catalogue();
        let mut invitations: Vec<&Invitation> = catalogue.invitations().collect();
        invitations.sort_by_key(|invitation| (Reverse(invitation.invited_ms), invitation.token_hash));
        let shown = invitations.into_iter().map(|invitation| known_invitation(invitation, self.wall_ms()));
        json!({ "invitations": shown.collect::<Vec<_>>() })
    }

    /// Takes an invitation back that nobody used.
    pub async fn uninvite(&self, id: &str) -> Result<Value, Refusal> {
        let known = self.control_plane.catalogue().invitation_of_id(id).map(|invitation| invitation.token_hash);
        let unknown = || Refusal::new(RefusalKind::NotFound, format!("no invitation {id} is remembered here"));
        let token_hash = known.ok_or_else(unknown)?;
        self.propose(Change::RevokeInvitation { token_hash }).await?;
        let catalogue = self.control_plane.catalogue();
        let invitation = catalogue.invitation(&token_hash).ok_or_else(unknown)?;
        Ok(known_invitation(invitation, self.wall_ms()))
    }

    /// Whether a newcomer would be let in, by this node's copy of the catalogue: nobody else is asked, so that strangers
    /// cost the cluster nothing.
    pub fn may_join(&self, newcomer: &Newcomer) -> Result<(), Refusal> {
        self.preview(&newcomer.change()).map(drop)
    }

    /// Takes a newcomer into the catalogue, if its invitation holds.
    pub async fn admit(&self, newcomer: &Newcomer) -> Result<Admitted, Refusal> {
        match self.propose(newcomer.change()).await?.outcome {
            Outcome::Joined { node, region } => Ok(Admitted { node_id: node.0, region }),
            other => Err(Refusal::unavailable(format!("the catalogue answered a newcomer with {other:?}"))),
        }
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

    /// Takes one node out for good; with its last node a region goes.
    pub async fn remove_node(&self, node_id: u16) -> Result<Value, Refusal> {
        match self.propose(Change::RemoveNode { node: NodeId(node_id) }).await?.outcome {
            Outcome::Removed { .. } => {
                let catalogue = self.control_plane.catalogue();
                let region = catalogue.node(NodeId(node_id)).map(|node| node.region.as_str());
                Ok(json!({ "node_id": node_id, "region": region.unwrap_or_default() }))
            }
            other => Err(Refusal::unavailable(format!("the catalogue answered a removal with {other:?}"))),
        }
    }

    /// Lets a node's data begin anew, as another incarnation.
    pub async fn renew_node(&self, node_id: u16) -> Result<Value, Refusal> {
        let known =
            self.control_plane.catalogue().node(NodeId(node_id)).map(|node| (node.incarnation, node.region.clone()));
        let (replaces, region) = known.ok_or_else(|| Refusal::of_catalogue(Refused::NoSuchNode { node: node_id }))?;
        match self.propose(Change::RenewNode { node: NodeId(node_id), replaces }).await?.outcome {
            Outcome::Renewed { incarnation, .. } => {
                Ok(json!({ "node_id": node_id, "region": region, "incarnation": incarnation }))
            }
            other => Err(Refusal::unavailable(format!("the catalogue answered a renewal with {other:?}"))),
        }
    }

    /// Makes a new key that signs session tokens. Those of the key that it replaces hold until the next rotation.
    pub async fn rotate_session_key(&self) -> Result<Value, Refusal> {
        let current = self.control_plane.catalogue().session_keys().first().map(|key| key.id);
        let replaces = current.ok_or_else(|| Refusal::of_catalogue(Refused::NotFounded))?;
        let mut secret = [0; 32];
        RealRandom.fill(&mut secret);
        match self.propose(Change::RotateSessionKey { secret: Secret::new(secret), replaces }).await?.outcome {
            Outcome::Rotated { key_id } => Ok(json!({ "key_id": key_id })),
            other => Err(Refusal::unavailable(format!("the catalogue answered a rotation with {other:?}"))),
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

fn known_invitation(invitation: &Invitation, now_ms: u64) -> Value {
    let used_ms = invitation.used.as_ref().map(|used| used.at_ms);
    let state = match (used_ms, invitation.revoked_ms) {
        (Some(_), _) => "used",
        (None, Some(_)) => "taken_back",
        (None, None) if invitation.is_open(now_ms) => "open",
        (None, None) => "expired",
    };
    json!({
        "id": invitation.id(),
        "region": invitation.region,
        "node_id": invitation.node.0,
        "state": state,
        "invited_ms": invitation.invited_ms,
        "expires_ms": invitation.expires_ms,
        "closed_ms": used_ms.or(invitation.revoked_ms),
    })
}
