//! Invitations: who may come, and coming.

use std::collections::BTreeSet;

use lc_core::NodeId;

use super::membership::check_claim;
use super::{Catalogue, Done};
use crate::{Command, Coordinates, Invitation, NodeClaim, Outcome, Refused, TokenHash, Used, limits, names};

/// Who shows a token.
pub(super) struct Newcomer<'a> {
    pub instance: u64,
    pub address: &'a str,
    pub coordinates: &'a Option<Coordinates>,
    pub jurisdictions: &'a BTreeSet<String>,
}

impl Catalogue {
    pub(super) fn invite(
        &mut self,
        command: &Command,
        token_hash: TokenHash,
        region: &str,
        node: Option<NodeId>,
        expires_ms: u64,
    ) -> Result<Done, Refused> {
        names::check_place("region", region)?;
        node.map_or(Ok(()), Refused::check_node_id)?;
        if let Some(made) = self.invitations.get(&token_hash) {
            let same = made.region == region
                && node.is_none_or(|node| node == made.node)
                && made.expires_ms == expires_ms
                && made.used.is_none()
                && made.revoked_ms.is_none();
            return if same {
                Ok(Done::unchanged(invited(made)))
            } else {
                Err(Refused::InvitationExists { node: made.node.0, region: made.region.clone() })
            };
        }
        if expires_ms <= command.at_ms {
            return Err(Refused::bounds("invitation", "run out before it is made", "it must end in the future"));
        }
        let node = self.free_node_id(node, command.at_ms)?;
        let invitation = Invitation {
            token_hash,
            region: region.to_owned(),
            node,
            expires_ms,
            invited_ms: command.at_ms,
            used: None,
            revoked_ms: None,
        };
        let outcome = invited(&invitation);
        self.invitations.insert(token_hash, invitation);
        self.forget_closed(command.at_ms);
        Ok(Done::changed(outcome))
    }

    pub(super) fn consume_invitation(
        &mut self,
        command: &Command,
        token_hash: &TokenHash,
        newcomer: &Newcomer<'_>,
    ) -> Result<Done, Refused> {
        let invitation = self.invitations.get(token_hash).ok_or(Refused::NoInvitation)?.clone();
        let node = invitation.node;
        let outcome = Outcome::Joined { node, region: invitation.region.clone() };
        if let Some(used) = &invitation.used {
            if self.node(node).is_some_and(|node| !node.is_active()) {
                return Err(Refused::Left { node: node.0 });
            }
            let same = used.instance == newcomer.instance;
            return if same { Ok(Done::unchanged(outcome)) } else { Err(Refused::InvitationUsed { node: node.0 }) };
        }
        if invitation.revoked_ms.is_some() {
            return Err(Refused::InvitationRevoked);
        }
        if !invitation.is_open(command.at_ms) {
            return Err(Refused::InvitationExpired { ago_s: (command.at_ms - invitation.expires_ms) / 1000 });
        }
        let claim = NodeClaim {
            node,
            region: invitation.region,
            address: newcomer.address.to_owned(),
            // Its data directory does not exist yet: the first one that registers has the id.
            incarnation: 0,
            instance: None,
            coordinates: *newcomer.coordinates,
            jurisdictions: newcomer.jurisdictions.clone(),
        };
        check_claim(&claim)?;
        self.check_address_free(&claim)?;
        if self.node(node).is_some() {
            return Err(Refused::NodeTaken { node: node.0 });
        }
        self.admit(command.at_ms, &claim);
        let invitation = self.invitations.get_mut(token_hash).expect("found above");
        invitation.used = Some(Used { instance: newcomer.instance, at_ms: command.at_ms });
        Ok(Done::changed(outcome))
    }

    pub(super) fn revoke_invitation(&mut self, command: &Command, token_hash: &TokenHash) -> Result<Done, Refused> {
        let invitation = self.invitations.get_mut(token_hash).ok_or(Refused::NoInvitation)?;
        if invitation.used.is_some() {
            return Err(Refused::InvitationSpent { node: invitation.node.0 });
        }
        let outcome = Outcome::Revoked { node: invitation.node, region: invitation.region.clone() };
        if invitation.revoked_ms.is_some() {
            return Ok(Done::unchanged(outcome));
        }
        // One that ran out too: by the clock of who lets its bearer in it may still be open.
        invitation.revoked_ms = Some(command.at_ms);
        self.forget_closed(command.at_ms);
        Ok(Done::changed(outcome))
    }

    /// Whether an id is free of promises to others.
    pub(super) fn check_not_reserved(&self, node: NodeId, at_ms: u64) -> Result<(), Refused> {
        match self.reserved(node, at_ms) {
            Some(invitation) => Err(Refused::Reserved { node: node.0, region: invitation.region.clone() }),
            None => Ok(()),
        }
    }

    fn reserved(&self, node: NodeId, at_ms: u64) -> Option<&Invitation> {
        self.invitations().find(|invitation| invitation.node == node && invitation.is_open(at_ms))
    }

    /// The id asked for, or the lowest one that was never used and is not reserved.
    fn free_node_id(&self, wanted: Option<NodeId>, at_ms: u64) -> Result<NodeId, Refused> {
        if let Some(node) = wanted {
            match self.node(node) {
                Some(known) if known.is_active() => return Err(Refused::NodeTaken { node: node.0 }),
                Some(_) => return Err(Refused::Left { node: node.0 }),
                None => self.check_not_reserved(node, at_ms)?,
            }
            return Ok(node);
        }
        let mut ids = (1..=NodeId::MAX).map(NodeId);
        ids.find(|node| self.node(*node).is_none() && self.reserved(*node, at_ms).is_none())
            .ok_or(Refused::NoNodeIdLeft { max: NodeId::MAX })
    }

    /// Of those that ran out or were taken back, only the last few are remembered.
    fn forget_closed(&mut self, at_ms: u64) {
        let closed = |invitation: &&Invitation| invitation.used.is_none() && !invitation.is_open(at_ms);
        let mut closed: Vec<(u64, TokenHash)> = self
            .invitations()
            .filter(closed)
            .map(|invitation| (invitation.expires_ms, invitation.token_hash))
            .collect();
        closed.sort_unstable();
        let surplus = closed.len().saturating_sub(limits::EXPIRED_INVITATIONS_MAX);
        for (_, token_hash) in &closed[..surplus] {
            self.invitations.remove(token_hash);
        }
    }
}

fn invited(invitation: &Invitation) -> Outcome {
    Outcome::Invited { node: invitation.node, region: invitation.region.clone(), expires_ms: invitation.expires_ms }
}

#[cfg(test)]
mod tests;
