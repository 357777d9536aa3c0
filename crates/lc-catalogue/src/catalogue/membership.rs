//! Nodes and regions: the beginning, who is where, who leaves.

use lc_core::NodeId;
use lc_policy::{DEFAULT_TABLE, Placement, Policy, Topology};

use super::{Catalogue, Cluster, Done};
use crate::placements::{Placed, Regions, refuse_last};
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
            self.check_address_free(claim)?;
            self.admit(command.at_ms, claim);
            return Ok(Done::changed(outcome));
        };
        check_same_node(known, claim)?;
        self.check_address_free(claim)?;
        let mut node = known.clone();
        node.address = claim.address.clone();
        node.instance = claim.instance.or(known.instance);
        node.incarnation = known.incarnation.max(claim.incarnation);
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
            self.leave(command, &region)?;
        }
        self.retire(id, command.at_ms);
        Ok(Done::changed(outcome))
    }

    /// Forgets which data directory has the id. Asked again after a lost answer, nothing changes.
    pub(super) fn renew_node(&mut self, id: NodeId, replaces: u16) -> Result<Done, Refused> {
        let node = self.nodes.get_mut(&id.0).ok_or(Refused::NoSuchNode { node: id.0 })?;
        if !node.is_active() {
            return Err(Refused::Left { node: id.0 });
        }
        if node.incarnation > replaces {
            return Ok(Done::unchanged(Outcome::Renewed { node: id, incarnation: node.incarnation }));
        }
        if node.incarnation >= limits::INCARNATION_MAX {
            let right =
                format!("a node begins anew at most {} times; take it out and join another", limits::INCARNATION_MAX);
            return Err(Refused::Full { what: format!("node {}", id.0), right });
        }
        (node.instance, node.incarnation) = (None, node.incarnation + 1);
        Ok(Done::changed(Outcome::Renewed { node: id, incarnation: node.incarnation }))
    }

    pub(super) fn remove_region(&mut self, command: &Command, name: &str) -> Result<Done, Refused> {
        if !self.regions.contains_key(name) {
            let known = self.regions.keys().cloned().collect();
            return Err(Refused::NoSuchRegion { region: names::shown(name), known });
        }
        if self.regions.len() == 1 {
            return Err(Refused::Last { what: format!("region {name:?}") });
        }
        let nodes: Vec<NodeId> = self.active_nodes().filter(|node| node.region == name).map(|node| node.id).collect();
        self.leave(command, name)?;
        for node in &nodes {
            self.retire(*node, command.at_ms);
        }
        Ok(Done::changed(Outcome::Removed { nodes }))
    }

    /// Whether no other node is where this one says it is. Peers would dial one of the two in the other's place.
    pub(super) fn check_address_free(&self, claim: &NodeClaim) -> Result<(), Refused> {
        // A node that listens everywhere and advertises nothing is found by what others have in their files.
        let Some(address) = names::reachable(&claim.address) else { return Ok(()) };
        match self.peers_of(claim.node).find(|peer| names::reachable(&peer.address).as_ref() == Some(&address)) {
            None => Ok(()),
            Some(peer) => Err(Refused::AddressTaken {
                address: claim.address.clone(),
                node: peer.id.0,
                region: peer.region.clone(),
            }),
        }
    }

    /// Takes a node in whose claim was checked.
    pub(super) fn admit(&mut self, at_ms: u64, claim: &NodeClaim) {
        let node = Node {
            id: claim.node,
            region: claim.region.clone(),
            address: claim.address.clone(),
            instance: claim.instance,
            incarnation: claim.incarnation,
            joined_ms: at_ms,
            state: NodeState::Active,
        };
        self.nodes.insert(claim.node.0, node);
        let region = self.regions.entry(claim.region.clone()).or_insert_with(|| new_region(&claim.region, at_ms));
        refresh(region, claim);
    }

    /// Takes a region away that no node is in any more. Tables that name it go on without it, as versions of their own.
    fn leave(&mut self, command: &Command, region: &str) -> Result<(), Refused> {
        let narrowed = self.tables_without(region)?;
        let note = format!("region {region} left the cluster");
        // The first of several tables may find room in the catalogue and the last none: then all of it is undone.
        let mut after = self.clone();
        for (table, placed) in narrowed {
            after.record(command, &table, Some(placed), &note)?;
        }
        after.forget_region(region, command.at_ms);
        *self = after;
        Ok(())
    }

    /// The tables that name `region`, with their dials once it is gone. Refused if a table could not keep its dials then.
    fn tables_without(&self, region: &str) -> Result<Vec<(String, Placed)>, Refused> {
        let leaving = Leaving::of(&self.regions, region);
        let mut narrowed = Vec::new();
        for table in self.declared() {
            let placed = table.placed().expect("declared() gives tables with a policy");
            let after = placed.without(region, &leaving.regions);
            if after.policy.placement == Placement::Regions(Vec::new()) {
                return Err(refuse_last(table.name(), &placed, region, &self.regions));
            }
            leaving.check(table.name(), &placed.policy, &after.policy)?;
            leaving.check(table.name(), &placed.wanted(), &after.wanted())?;
            if after != placed {
                narrowed.push((table.name().to_owned(), after));
            }
        }
        Ok(narrowed)
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
        let placed = Placed { policy: Policy::default(), target: None };
        self.record(command, DEFAULT_TABLE, Some(placed), "the cluster's beginning")
            .expect("an empty catalogue has room for one table");
    }
}

/// The cluster before and after a region leaves it.
struct Leaving<'a> {
    region: &'a str,
    regions: Regions,
    before: Topology,
    after: Topology,
}

impl Leaving<'_> {
    fn of<'a>(all: &Regions, region: &'a str) -> Leaving<'a> {
        let mut regions = all.clone();
        regions.remove(region);
        let (before, after) = (dials::placeless_topology_of(all), dials::placeless_topology_of(&regions));
        Leaving { region, regions, before, after }
    }

    /// Whether a table's dials can be kept without the region. Those that cannot be kept with it either do not stand in
    /// the way: perhaps this is what mends them.
    fn check(&self, table: &str, before: &Policy, after: &Policy) -> Result<(), Refused> {
        if before.check(&self.before).is_ok()
            && let Err(refusal) = after.check(&self.after)
        {
            let (region, table, why) = (self.region.to_owned(), table.to_owned(), refusal.to_string());
            return Err(Refused::TableInTheWay { region, event: "gone".to_owned(), table, why });
        }
        Ok(())
    }
}

/// What can be said of a claim without knowing anything else.
pub(super) fn check_claim(claim: &NodeClaim) -> Result<(), Refused> {
    Refused::check_node_id(claim.node)?;
    names::check_place("region", &claim.region)?;
    names::check_address(&claim.address)?;
    if claim.incarnation > limits::INCARNATION_MAX {
        let right = format!("at most {}", limits::INCARNATION_MAX);
        return Err(Refused::bounds("incarnation", claim.incarnation, right));
    }
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
