//! How placements may change while the regions that begin to hold a table cannot be given what it held before.
//!
//! One rule behind all of them: a region may stop holding a key, and never begin to. A key's region can begin to hold it
//! by a wider placement, by a table of its own that lies wider than `default`, or by going back to `default`.

use std::collections::{BTreeMap, BTreeSet};

use lc_policy::{DEFAULT_TABLE, Dial, Placement, Policy};

use crate::{Refused, Region};

/// Regions by name, as the catalogue keeps them.
pub(crate) type Regions = BTreeMap<String, Region>;

/// A table that is altered may lie as it lay, or in fewer regions.
pub(crate) fn check_altered(table: &str, old: &Policy, new: &Policy, regions: &Regions) -> Result<(), Refused> {
    let begins = beginning(&old.placement, &new.placement, regions);
    if begins.is_empty() {
        return Ok(());
    }
    let why = format!("{} would begin without the records that the table has", names(&begins));
    let nearest = nearest(&old.placement, &new.placement);
    Err(not_yet(table, new, &format!("{why}; the nearest that can be kept is placement={nearest}")))
}

/// Keys of a new table may have been in `default` before, so it may lie where that lies, or in fewer regions.
pub(crate) fn check_created(table: &str, default: &Policy, new: &Policy, regions: &Regions) -> Result<(), Refused> {
    let begins = beginning(&default.placement, &new.placement, regions);
    if begins.is_empty() {
        return Ok(());
    }
    let lies = &default.placement;
    let why = format!(
        "its keys were in table {DEFAULT_TABLE:?}, which lies in {lies}: {} would begin without what is there already",
        names(&begins)
    );
    let nearest = nearest(&default.placement, &new.placement);
    Err(not_yet(table, new, &format!("{why}; the nearest that can be kept is placement={nearest}")))
}

/// Keys of a table that is dropped go back to `default`: the same regions must hold both, or some would begin to hold
/// keys without their records, and others would have to remove what nobody asked them to.
pub(crate) fn check_dropped(table: &str, default: &Policy, old: &Policy, regions: &Regions) -> Result<(), Refused> {
    let (there, here) = (holders(&default.placement, regions), holders(&old.placement, regions));
    if there == here {
        return Ok(());
    }
    let lies = &default.placement;
    let instead = match there.is_subset(&here) {
        true => format!("give it placement={lies} first"),
        false => "remove its keys and keep it".to_owned(),
    };
    let why = format!("its keys would go back to table {DEFAULT_TABLE:?}, which lies in {lies}: {instead}");
    Err(not_yet(table, old, &why))
}

/// The policy once a region has left; `None`: it does not name that region.
pub(crate) fn without(policy: &Policy, region: &str) -> Option<Policy> {
    let Placement::Regions(names) = &policy.placement else { return None };
    let left: Vec<String> = names.iter().filter(|name| *name != region).cloned().collect();
    (left.len() < names.len()).then(|| Policy { placement: Placement::Regions(left), ..policy.clone() })
}

/// The only region that has a table's records has to stay.
pub(crate) fn refuse_last(table: &str, policy: &Policy, region: &str) -> Refused {
    let why = format!(
        "region {region} alone holds its records, and no other one can be given them before it leaves: the region has to stay"
    );
    not_yet(table, policy, &why)
}

/// Whether the placement names only regions that are there.
pub(crate) fn is_known(placement: &Placement, regions: &Regions) -> bool {
    match placement {
        Placement::Everywhere => true,
        Placement::Regions(names) => names.iter().all(|name| regions.contains_key(name)),
    }
}

/// Regions that hold nothing of the table under the one placement and would under the other.
fn beginning<'a>(old: &Placement, new: &Placement, regions: &'a Regions) -> Vec<&'a str> {
    holders(new, regions).into_iter().filter(|region| !old.holds(region)).collect()
}

fn holders<'a>(placement: &Placement, regions: &'a Regions) -> BTreeSet<&'a str> {
    regions.keys().map(String::as_str).filter(|region| placement.holds(region)).collect()
}

/// What was asked for, as far as it can be had; if none of it can, all as it is.
fn nearest(old: &Placement, new: &Placement) -> Placement {
    let Placement::Regions(names) = new else { return old.clone() };
    let kept: Vec<String> = names.iter().filter(|name| old.holds(name)).cloned().collect();
    if kept.is_empty() { old.clone() } else { Placement::Regions(kept) }
}

fn not_yet(table: &str, policy: &Policy, why: &str) -> Refused {
    let setting = policy.setting(Dial::Placement);
    let why = format!("placement={setting}: not yet: {why}; {LATER}");
    Refused::Policy { table: table.to_owned(), why, not_yet: true }
}

fn names(regions: &[&str]) -> String {
    regions.join(", ")
}

/// What will lift all of these.
const LATER: &str = "catch-up by ranges of keys comes later";

#[cfg(test)]
mod tests;
