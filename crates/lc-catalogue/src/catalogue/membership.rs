//! Nodes and regions: the beginning, who is where, who leaves.

use std::collections::BTreeMap;

use lc_core::NodeId;
use lc_policy::DEFAULT_TABLE;

use super::{Catalogue, Cluster, Done};
use crate::{
    ClusterId, Command, Coordinates, Node, NodeClaim, NodeState, Outcome, Refused, Region, Secret, SessionKeys, dials,
    limits, names,
};

impl Catalogue {
    pub(super) fn begin(
        &mut self,
        command: &Command,
        name: &str,
        id: ClusterId,
        session_key: &Secret,
        claims: &[NodeClaim],
    ) -> Result<Done, Refused> {
        if let Some(cluster) = &self.cluster {
            let same = cluster.id == id && cluster.name == name;
            return if same {
                Ok(Done::unchanged(Outcome::Founded { cluster_id: id }))
            } else {
                Err(Refused::Founded { cluster: cluster.name.clone(), cluster_id: cluster.id })
            };
        }
        names::check_place("cluster", name)?;
        if claims.is_empty() {
            return Err(Refused::bounds("first nodes", 0, "a cluster begins with at least one"));
        }
        let mut begun = Catalogue::default();
        for claim in claims {
            check_claim(claim)?;
            if begun.nodes.contains_key(&claim.node.0) {
                return Err(Refused::NodeTaken { node: claim.node.0 });
            }
            begun.admit(command.at_ms, claim);
        }
        let session_keys = SessionKeys::first(session_key.clone(), command.at_ms);
        begun.cluster = Some(Cluster { name: name.to_owned(), id, founded_ms: command.at_ms, session_keys });
        begun.declare_default(command);
        *self = begun;
        Ok(Done::changed(Outcome::Founded { cluster_id: id }))
    }

    pub(super) fn register(&mut self, command: &Command, claim: &NodeClaim) -> Result<Done, Refused> {
        check_claim(claim)?;
        let outcome = Outcome::Registered { node: claim.node };
        let Some(known) = self.nodes.get(&claim.node.0) else {
            self.check_not_reserved(claim.node, command.at_ms)?;
            self.check_tables_with(&claim.region)?;
            self.admit(command.at_ms, claim);
            return Ok(Done::changed(outcome));
        };
        check_same_node(known, claim)?;
        let mut node = known.clone();
        node.address = claim.address.clone();
        node.instance = claim.instance.or(known.instance);
        let mut region = self.regions.get(&known.region).cloned().expect("an active node's region is there");
        refresh(&mut region, claim);
        let changed = node != *known || self.regions.get(&region.name) != Some(&region);
        self.nodes.insert(node.id.0, node);
        self.regions.insert(region.name.clone(), region);
        Ok(Done { changed, outcome })
    }

    pub(super) fn remove_node(&mut self, command: &Command, id: NodeId) -> Result<Done, Refused> {
        let node = self.node(id).ok_or(Refused::NoSuchNode { node: id.0 })?;
        let outcome = Outcome::Removed { nodes: vec![id] };
        if !node.is_active() {
            return Ok(Done::unchanged(outcome));
        }
        if self.peers_of(id).next().is_none() {
            return Err(Refused::Last { what: format!("node {}", id.0) });
        }
        let region = node.region.clone();
        if self.peers_of(id).all(|peer| peer.region != region) {
            self.check_tables_without(&region)?;
            self.forget_region(&region, command.at_ms);
        }
        self.retire(id, command.at_ms);
        Ok(Done::changed(outcome))
    }

    pub(super) fn remove_region(&mut self, command: &Command, name: &str) -> Result<Done, Refused> {
        if !self.regions.contains_key(name) {
            let known = self.regions.keys().cloned().collect();
            return Err(Refused::NoSuchRegion { region: names::shown(name), known });
        }
        if self.regions.len() == 1 {
            return Err(Refused::Last { what: format!("region {name:?}") });
        }
        self.check_tables_without(name)?;
        let nodes: Vec<NodeId> = self.active_nodes().filter(|node| node.region == name).map(|node| node.id).collect();
        for node in &nodes {
            self.retire(*node, command.at_ms);
        }
        self.forget_region(name, command.at_ms);
        Ok(Done::changed(Outcome::Removed { nodes }))
    }

    /// Takes a node in whose claim was checked.
    pub(super) fn admit(&mut self, at_ms: u64, claim: &NodeClaim) {
        let node = Node {
            id: claim.node,
            region: claim.region.clone(),
            address: claim.address.clone(),
            instance: claim.instance,
            joined_ms: at_ms,
            state: NodeState::Active,
        };
        self.nodes.insert(claim.node.0, node);
        let region = self.regions.entry(claim.region.clone()).or_insert_with(|| new_region(&claim.region, at_ms));
        refresh(region, claim);
    }

    /// Whether every table can keep its dials once `region` is there.
    pub(super) fn check_tables_with(&self, region: &str) -> Result<(), Refused> {
        let mut regions = self.regions.clone();
        regions.entry(region.to_owned()).or_insert_with(|| new_region(region, 0));
        self.check_tables_in(&regions, region, "there")
    }

    fn check_tables_without(&self, region: &str) -> Result<(), Refused> {
        let mut regions = self.regions.clone();
        regions.remove(region);
        self.check_tables_in(&regions, region, "gone")
    }

    fn check_tables_in(&self, regions: &BTreeMap<String, Region>, region: &str, event: &str) -> Result<(), Refused> {
        if regions.len() == self.regions.len() {
            return Ok(());
        }
        let (now, then) = (dials::placeless_topology_of(&self.regions), dials::placeless_topology_of(regions));
        for table in self.declared() {
            let policy = table.policy().expect("declared() gives tables with a policy");
            // Dials that cannot be kept now either do not stand in the way: perhaps this is what mends them.
            if policy.check(&now).is_err() {
                continue;
            }
            if let Err(refusal) = policy.check(&then) {
                return Err(Refused::TableInTheWay {
                    region: region.to_owned(),
                    event: event.to_owned(),
                    table: table.name().to_owned(),
                    why: refusal.to_string(),
                });
            }
        }
        Ok(())
    }

    fn retire(&mut self, id: NodeId, at_ms: u64) {
        let node = self.nodes.get_mut(&id.0).expect("only known nodes are retired");
        node.state = NodeState::Left(at_ms);
    }

    /// With a region go the invitations to it that nobody used: whoever removed it did not want it back.
    fn forget_region(&mut self, name: &str, at_ms: u64) {
        self.regions.remove(name);
        self.invitations.retain(|_, invitation| invitation.region != name || !invitation.is_open(at_ms));
    }

    fn declare_default(&mut self, command: &Command) {
        let policy = lc_policy::Policy::default();
        self.record(command, DEFAULT_TABLE, Some(policy), "the cluster's beginning")
            .expect("an empty catalogue has room for one table");
    }
}

/// What can be said of a claim without knowing anything else.
pub(super) fn check_claim(claim: &NodeClaim) -> Result<(), Refused> {
    Refused::check_node_id(claim.node)?;
    names::check_place("region", &claim.region)?;
    names::check_address(&claim.address)?;
    if claim.coordinates.is_some_and(|coordinates: Coordinates| !coordinates.is_on_earth()) {
        let right = "latitudes go from -90 to 90 degrees, longitudes from -180 to 180";
        return Err(Refused::bounds("coordinates", "nowhere on Earth", right));
    }
    if claim.jurisdictions.len() > limits::JURISDICTIONS_MAX {
        let right = format!("a region is in at most {}", limits::JURISDICTIONS_MAX);
        return Err(Refused::bounds("jurisdictions", claim.jurisdictions.len(), right));
    }
    claim.jurisdictions.iter().try_for_each(|name| names::check_place("jurisdiction", name))
}

fn check_same_node(known: &Node, claim: &NodeClaim) -> Result<(), Refused> {
    let node = claim.node.0;
    if !known.is_active() {
        return Err(Refused::Left { node });
    }
    if let (Some(known), Some(claimed)) = (known.instance, claim.instance)
        && known != claimed
    {
        return Err(Refused::TwoDirectories { node, known, claimed });
    }
    if known.region != claim.region {
        return Err(Refused::WrongRegion { node, known: known.region.clone(), claimed: claim.region.clone() });
    }
    Ok(())
}

fn new_region(name: &str, at_ms: u64) -> Region {
    Region { name: name.to_owned(), coordinates: None, jurisdictions: Default::default(), joined_ms: at_ms }
}

/// What a node does not say of its region stays as known.
fn refresh(region: &mut Region, claim: &NodeClaim) {
    region.coordinates = claim.coordinates.or(region.coordinates);
    if !claim.jurisdictions.is_empty() {
        region.jurisdictions = claim.jurisdictions.clone();
    }
}

#[cfg(test)]
mod tests;
