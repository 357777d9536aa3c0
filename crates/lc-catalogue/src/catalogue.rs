//! The catalogue itself: what it knows, what applies a command, what the data path reads.

mod admission;
mod declarations;
mod membership;
#[cfg(test)]
mod moves;
#[cfg(test)]
mod testing;

use std::collections::BTreeMap;

use lc_core::NodeId;
use lc_policy::{Table, Tables, Topology};
use serde::{Deserialize, Serialize};

use crate::{
    Answer, Change, ClusterId, Command, Invitation, Node, Outcome, Refused, Region, Secret, SessionKey, SessionKeys,
    TableHistory, TokenHash, dials, format, limits, names, placements,
};

/// Regions, nodes, tables, invitations and keys of one cluster. The same commands in the same order make the same
/// catalogue on every member.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    version: u64,
    cluster: Option<Cluster>,
    regions: BTreeMap<String, Region>,
    nodes: BTreeMap<u16, Node>,
    tables: BTreeMap<String, TableHistory>,
    /// The highest version of any table that is not remembered at all: tables declared from now on begin above it.
    forgotten_version: u64,
    invitations: BTreeMap<TokenHash, Invitation>,
    /// What the versions of all tables take, bytes.
    #[serde(skip)]
    versions_bytes: usize,
}

/// What was set when the cluster began, and the keys that sign for it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cluster {
    /// Its name.
    pub name: String,
    /// What tells it from others of that name.
    pub id: ClusterId,
    /// When, Unix ms.
    pub founded_ms: u64,
    /// What signs session tokens.
    pub session_keys: SessionKeys,
}

/// What came of a change, and whether anything is different now.
struct Done {
    changed: bool,
    outcome: Outcome,
}

impl Catalogue {
    /// Applies one command: all of it, or nothing.
    ///
    /// # Errors
    /// Why it was refused, whatever the proposer thought: the catalogue may have changed since it looked.
    pub fn apply(&mut self, command: &Command) -> Result<Answer, Refused> {
        names::check_actor(command)?;
        let Done { changed, outcome } = self.carry_out(command)?;
        if changed {
            self.version += 1;
        }
        Ok(Answer { version: self.version, changed, outcome })
    }

    /// Applies a command as bytes and gives the answer as bytes. Never panics, whatever the bytes.
    pub fn apply_bytes(&mut self, command: &[u8]) -> Vec<u8> {
        format::encode_answer(&format::decode_command(command).and_then(|command| self.apply(&command)))
    }

    /// What `command` would answer now; changes nothing. Whoever proposes a command asks this first: it also looks at
    /// the distances between regions, which `apply` leaves out because machines compute them with different last digits.
    ///
    /// # Errors
    /// As [`Catalogue::apply`], and [`Refused::Policy`] for dials that light is too slow for.
    pub fn preview(&self, command: &Command) -> Result<Answer, Refused> {
        let answer = self.clone().apply(command)?;
        if answer.changed {
            self.check_distances(command)?;
        }
        Ok(answer)
    }

    /// Everything, as bytes; docs/formats/catalogue.md. Holds the session keys: it must not leave the cluster's nodes.
    pub fn snapshot(&self) -> Vec<u8> {
        format::encode_snapshot(self)
    }

    /// The catalogue that gave these bytes.
    ///
    /// # Errors
    /// [`Refused::Newer`] for those of a later release; [`Refused::Malformed`] for what no catalogue can have given.
    pub fn restore(bytes: &[u8]) -> Result<Catalogue, Refused> {
        let mut catalogue = format::decode_snapshot(bytes)?;
        if let Some(why) = catalogue.flaw() {
            return Err(Refused::Malformed { why: format!("snapshot: {why}") });
        }
        catalogue.versions_bytes = catalogue.tables.values().map(TableHistory::bytes).sum();
        Ok(catalogue)
    }

    /// Grows with each command that changed something; 0: the cluster has not begun.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Name and id; `None`: it has not begun.
    pub fn cluster(&self) -> Option<&Cluster> {
        self.cluster.as_ref()
    }

    /// Keys whose session tokens count, the one that signs first; none before the beginning.
    pub fn session_keys(&self) -> Vec<SessionKey> {
        self.cluster.iter().flat_map(|cluster| cluster.session_keys.all().cloned()).collect()
    }

    /// Every region, by name.
    pub fn regions(&self) -> impl ExactSizeIterator<Item = &Region> {
        self.regions.values()
    }

    /// The region of this name.
    pub fn region(&self, name: &str) -> Option<&Region> {
        self.regions.get(name)
    }

    /// Every node that ever was, by id.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = &Node> {
        self.nodes.values()
    }

    /// Nodes that have not left, by id.
    pub fn active_nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes().filter(|node| node.is_active())
    }

    /// The node of this id, whether it has left or not.
    pub fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(&id.0)
    }

    /// Whom a node links to: every other one that has not left, by id.
    pub fn peers_of(&self, id: NodeId) -> impl Iterator<Item = &Node> {
        self.active_nodes().filter(move |node| node.id != id)
    }

    /// Every invitation that is remembered: open, used and run out.
    pub fn invitations(&self) -> impl ExactSizeIterator<Item = &Invitation> {
        self.invitations.values()
    }

    /// The invitation of this [`Invitation::id`].
    pub fn invitation_of_id(&self, id: &str) -> Option<&Invitation> {
        self.invitations().find(|invitation| invitation.id() == id)
    }

    /// The invitation whose token has this hash.
    pub fn invitation(&self, token_hash: &TokenHash) -> Option<&Invitation> {
        self.invitations.get(token_hash)
    }

    /// Every version of a table that is kept, also of one that was dropped.
    pub fn history(&self, table: &str) -> Option<&TableHistory> {
        self.tables.get(table)
    }

    /// Every table that is declared, by name.
    pub fn declared(&self) -> impl Iterator<Item = &TableHistory> {
        self.tables.values().filter(|table| table.policy().is_some())
    }

    /// The copy that the data path looks tables up in.
    pub fn tables(&self) -> Tables {
        let table = |table: &TableHistory| {
            let policy = table.policy()?.clone();
            let (placement_version, target) = (table.latest().placement_version, table.target().cloned());
            Some(Table { name: table.name().to_owned(), version: table.version(), policy, placement_version, target })
        };
        // Tables that were dropped count: their keys lie where `default` does since.
        let placed = self.tables.values().map(|table| table.latest().placement_version).max();
        Tables::new(self.version, self.tables.values().filter_map(table).collect()).placed_since(placed.unwrap_or(0))
    }

    /// Whether any version of any table that is remembered is on its way.
    pub(crate) fn has_targets(&self) -> bool {
        self.tables.values().any(TableHistory::has_targets)
    }

    /// The regions as policies see them. Round-trip times are the node's to add, which measures them.
    pub fn topology(&self) -> Topology {
        dials::topology_of(&self.regions)
    }

    fn carry_out(&mut self, command: &Command) -> Result<Done, Refused> {
        match &command.change {
            Change::Genesis { cluster, cluster_id, session_key, nodes } => {
                self.begin(command, cluster, *cluster_id, session_key, nodes)
            }
            _ if self.cluster.is_none() => Err(Refused::NotFounded),
            Change::RegisterNode(claim) => self.register(command, claim),
            Change::CreateTable { name, policy, note } => self.create_table(command, name, policy, note),
            Change::AlterTable { name, alteration, expect_version, collapse, note } => {
                let terms = declarations::Terms { expect_version: *expect_version, collapse: *collapse, note };
                self.alter_table(command, name, alteration, &terms)
            }
            Change::DropTable { name, expect_version, note } => {
                let terms = declarations::Terms { expect_version: *expect_version, collapse: true, note };
                self.drop_table(command, name, &terms)
            }
            Change::Arrived { table, region, placement_version } => {
                self.arrive(command, table, region, *placement_version)
            }
            Change::Invite { token_hash, region, node, expires_ms } => {
                self.invite(command, *token_hash, region, *node, *expires_ms)
            }
            Change::ConsumeInvitation { token_hash, instance, address, coordinates, jurisdictions } => {
                let newcomer = admission::Newcomer { instance: *instance, address, coordinates, jurisdictions };
                self.consume_invitation(command, token_hash, &newcomer)
            }
            Change::RevokeInvitation { token_hash } => self.revoke_invitation(command, token_hash),
            Change::RemoveRegion { region } => self.remove_region(command, region),
            Change::RemoveNode { node } => self.remove_node(command, *node),
            Change::RenewNode { node, replaces } => self.renew_node(*node, *replaces),
            Change::RotateSessionKey { secret, replaces } => self.rotate_session_key(command, secret, *replaces),
        }
    }

    fn rotate_session_key(&mut self, command: &Command, secret: &Secret, replaces: u64) -> Result<Done, Refused> {
        let keys = &mut self.cluster.as_mut().ok_or(Refused::NotFounded)?.session_keys;
        let current = keys.current();
        if current.secret == *secret {
            return Ok(Done::unchanged(Outcome::Rotated { key_id: current.id }));
        }
        if current.id != replaces {
            return Err(Refused::KeyChanged { current: current.id, replaces });
        }
        if keys.all().any(|key| key.secret == *secret) {
            return Err(Refused::KeyReused);
        }
        keys.rotate(secret.clone(), command.at_ms);
        Ok(Done::changed(Outcome::Rotated { key_id: keys.current().id }))
    }

    /// What no sequence of commands can have made, if anything. What is relied on elsewhere is all here.
    fn flaw(&self) -> Option<&'static str> {
        let nodes_fit = self.nodes.iter().all(|(id, node)| *id == node.id.0 && Refused::check_node_id(node.id).is_ok());
        let regions_match = self.regions.iter().all(|(name, region)| *name == region.name)
            && self.active_nodes().all(|node| self.regions.contains_key(&node.region))
            && self.regions.keys().all(|name| self.active_nodes().any(|node| node.region == *name));
        let placed = |table: &TableHistory| {
            table.placed().is_none_or(|placed| {
                placements::is_known(&placed.policy.placement, &self.regions)
                    && placed.target.as_ref().is_none_or(|target| placements::is_known(target, &self.regions))
            })
        };
        let on_its_way = |table: &TableHistory| {
            table
                .placed()
                .is_none_or(|placed| placed.target.is_none() || placed.arriving(&self.regions).next().is_some())
        };
        let tables_fit = self.tables.iter().all(|(name, table)| table.is_whole(name, self.version));
        let default_there = self.history(lc_policy::DEFAULT_TABLE).is_some_and(|table| table.policy().is_some());
        let invitations_fit = self.invitations.iter().all(|(hash, invitation)| {
            *hash == invitation.token_hash && Refused::check_node_id(invitation.node).is_ok()
        });
        let begun = self.cluster.is_some();
        let checks = [
            (self.version <= VERSION_MAX, "version out of bounds"),
            (self.forgotten_version <= self.version, "forgotten version out of bounds"),
            (begun == (self.version > 0), "a version without a beginning"),
            (begun || *self == Catalogue::default(), "content before the beginning"),
            (begun != self.nodes.is_empty(), "no nodes"),
            (nodes_fit, "a node id out of bounds"),
            (regions_match, "regions and nodes do not match"),
            (tables_fit, "versions of a table do not fit"),
            (self.tables.values().all(placed), "a table in a region that is not there"),
            (self.tables.values().all(on_its_way), "a table on its way to where it lies"),
            (!begun || default_there, "no default table"),
            (self.declared().count() <= limits::TABLES_MAX, "too many tables"),
            (invitations_fit, "an invitation does not fit"),
        ];
        checks.into_iter().find(|(fine, _)| !fine).map(|(_, why)| why)
    }
}

impl Done {
    fn changed(outcome: Outcome) -> Done {
        Done { changed: true, outcome }
    }

    fn unchanged(outcome: Outcome) -> Done {
        Done { changed: false, outcome }
    }
}

/// One change each microsecond for 285 years. A version from a snapshot is below it, so that counting on never overflows.
const VERSION_MAX: u64 = 1 << 53;

#[cfg(test)]
mod tests;
