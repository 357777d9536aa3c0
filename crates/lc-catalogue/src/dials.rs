//! What the catalogue asks of lc-policy: whether dials can be kept by the regions that are there.

use std::collections::BTreeMap;

use lc_policy::{Drain, Policy, PolicyChange, Topology, Why};

use crate::{Alteration, Refused, Region, limits};

/// Regions as policies see them.
pub(crate) fn topology_of(regions: &BTreeMap<String, Region>) -> Topology {
    let region = |region: &Region| lc_policy::Region {
        name: region.name.clone(),
        latitude: region.coordinates.map(|coordinates| coordinates.latitude()),
        longitude: region.coordinates.map(|coordinates| coordinates.longitude()),
        jurisdictions: region.jurisdictions.iter().cloned().collect(),
    };
    Topology { regions: regions.values().map(region).collect(), ..Topology::default() }
}

/// The same without where they are. What every member must decide alike is decided by this: distances come from sines
/// and cosines, which differ in their last digit from machine to machine.
pub(crate) fn placeless_topology_of(regions: &BTreeMap<String, Region>) -> Topology {
    let mut topology = topology_of(regions);
    for region in &mut topology.regions {
        (region.latitude, region.longitude) = (None, None);
    }
    topology
}

/// Whether a table of these dials may be declared.
pub(crate) fn check(table: &str, policy: &Policy, topology: &Topology) -> Result<(), Refused> {
    check_encoding(policy)?;
    policy.check(topology).map_err(|refusal| Refused::Policy {
        table: table.to_owned(),
        not_yet: refusal.why == Why::NotYet,
        why: refusal.to_string(),
    })
}

/// The dials of a table once it is altered.
pub(crate) fn altered(policy: &Policy, alteration: &Alteration) -> Policy {
    match alteration {
        Alteration::Change(change) => change.apply(policy),
        Alteration::Replace(policy) => policy.clone(),
    }
}

/// What becomes one when a table goes from one policy to the other.
pub(crate) fn drain(old: &Policy, new: &Policy) -> Option<Drain> {
    PolicyChange::drain(old, new)
}

/// Whether the policy is small, and comes out of a snapshot as it went in: numbers out of bounds would not.
fn check_encoding(policy: &Policy) -> Result<(), Refused> {
    let json = serde_json::to_vec(policy).expect("a policy is plain data");
    if json.len() > limits::POLICY_BYTES_MAX {
        let right = format!("at most {} bytes are kept", limits::POLICY_BYTES_MAX);
        return Err(Refused::bounds("policy", format!("{} bytes as JSON", json.len()), right));
    }
    match serde_json::from_slice::<Policy>(&json) {
        Ok(read) if read == *policy => Ok(()),
        Ok(_) => {
            Err(Refused::bounds("policy", "reads differently from how it is written", "write it in its usual form"))
        }
        Err(error) => Err(Refused::bounds("policy", "cannot be read again", error)),
    }
}
