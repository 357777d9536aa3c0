//! Where a table lies, and how it comes to lie elsewhere.
//!
//! A region may stop holding a table at once. To begin to hold one it needs the records that are there already, so that
//! takes two steps: the table gets a target, whose other regions are arriving; each of them says when it has everything and
//! holds the table from then on; and once all of the target's regions do, the table lies there and nowhere else. A key's
//! region begins to hold it by a wider placement, and by a table of its own that lies wider than `default`.

use std::collections::{BTreeMap, BTreeSet};

use lc_policy::{DEFAULT_TABLE, Placement, Policy, Topology};

use crate::{Refused, Region, dials};

/// Regions by name, as the catalogue keeps them.
pub(crate) type Regions = BTreeMap<String, Region>;

/// A table's dials, whose placement is where it lies, and where it is on its way to.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Placed {
    pub policy: Policy,
    /// `None`: it lies where it should.
    pub target: Option<Placement>,
}

impl Placed {
    /// A table that lies in `lies` and should have these dials.
    pub(crate) fn between(lies: &Placement, wanted: Policy, regions: &Regions) -> Placed {
        if beginning(lies, &wanted.placement, regions).next().is_none() {
            return Placed { policy: wanted, target: None };
        }
        let target = Some(wanted.placement.clone());
        Placed { policy: Policy { placement: lies.clone(), ..wanted }, target }
    }

    /// Its dials once every region of the target has arrived.
    pub(crate) fn wanted(&self) -> Policy {
        match &self.target {
            None => self.policy.clone(),
            Some(target) => Policy { placement: target.clone(), ..self.policy.clone() },
        }
    }

    /// Regions that are being given its records.
    pub(crate) fn arriving<'a>(&'a self, regions: &'a Regions) -> impl Iterator<Item = &'a str> {
        self.target.iter().flat_map(|target| beginning(&self.policy.placement, target, regions))
    }

    /// The same once `region` has everything; `None`: it is not arriving.
    pub(crate) fn arrived(&self, region: &str, regions: &Regions) -> Option<Placed> {
        self.arriving(regions).find(|arriving| *arriving == region)?;
        // Who lies everywhere is on its way to nowhere.
        let Placement::Regions(names) = &self.policy.placement else { return None };
        let mut names = names.clone();
        names.push(region.to_owned());
        names.sort_unstable();
        let policy = Policy { placement: Placement::Regions(names), ..self.policy.clone() };
        Some(Placed { policy, target: self.target.clone() }.settled(regions))
    }

    /// The same once a region has left; `regions` are those that stay.
    pub(crate) fn without(&self, region: &str, regions: &Regions) -> Placed {
        let placement = off(&self.policy.placement, region);
        let policy = Policy { placement, ..self.policy.clone() };
        // Nobody is left of those that it was on its way to: it stays where it lies.
        let target = self.target.as_ref().map(|target| off(target, region)).filter(|target| *target != nowhere());
        Placed { policy, target }.settled(regions)
    }

    /// Whether its dials can be kept now, and once it has come to its target.
    pub(crate) fn check(&self, table: &str, topology: &Topology) -> Result<(), Refused> {
        dials::check(table, &self.wanted(), topology)?;
        let Some(target) = &self.target else { return Ok(()) };
        let lies = &self.policy.placement;
        dials::check(table, &self.policy, topology).map_err(|refused| match refused {
            Refused::Policy { table, why, not_yet } => {
                let why = format!(
                    "{why}; until others have arrived, dials are kept by the regions that hold the table now, {lies}: widen \
                     it first by placement={target} alone, and turn the other dials once they have"
                );
                Refused::Policy { table, why, not_yet }
            }
            other => other,
        })
    }

    /// At its target, if all regions of it hold the table.
    fn settled(self, regions: &Regions) -> Placed {
        if self.target.is_none() || self.arriving(regions).next().is_some() {
            return self;
        }
        Placed { policy: self.wanted(), target: None }
    }
}

/// Keys of a table that is dropped go back to `default`: the same regions must hold both, or some would begin to hold
/// keys without their records, and others would have to remove what nobody asked them to.
pub(crate) fn check_dropped(table: &str, default: &Placed, old: &Placed, regions: &Regions) -> Result<(), Refused> {
    for (name, placed) in [(DEFAULT_TABLE, default), (table, old)] {
        if let Some(target) = &placed.target {
            let (arriving, lies) = (names(placed.arriving(regions)), &placed.policy.placement);
            let why = format!(
                "its keys would go back to table {DEFAULT_TABLE:?} while table {name:?} is on its way to {target}: wait until \
                 {arriving} has arrived, or give {name:?} placement={lies} to stay there"
            );
            return Err(refused(table, why));
        }
    }
    let lies = &default.policy.placement;
    if holders(lies, regions) == holders(&old.policy.placement, regions) {
        return Ok(());
    }
    let here = &old.policy.placement;
    let why = format!(
        "it lies in {here}, and its keys would go back to table {DEFAULT_TABLE:?}, which lies in {lies}: give it \
         placement={lies} first"
    );
    Err(refused(table, why))
}

/// The only region that has a table's records has to stay until another one has them.
pub(crate) fn refuse_last(table: &str, placed: &Placed, region: &str, regions: &Regions) -> Refused {
    let instead = match names(placed.arriving(regions)) {
        none if none.is_empty() => {
            "widen its placement first, and remove the region once another one has arrived".to_owned()
        }
        arriving => format!("wait until {arriving} has arrived"),
    };
    refused(table, format!("region {region} alone holds its records: {instead}"))
}

/// Whether the placement names only regions that are there.
pub(crate) fn is_known(placement: &Placement, regions: &Regions) -> bool {
    match placement {
        Placement::Everywhere => true,
        Placement::Regions(names) => names.iter().all(|name| regions.contains_key(name)),
    }
}

/// Regions that hold nothing of the table under the one placement and would under the other.
fn beginning<'a>(lies: &'a Placement, wanted: &'a Placement, regions: &'a Regions) -> impl Iterator<Item = &'a str> {
    regions.keys().map(String::as_str).filter(|region| wanted.holds(region) && !lies.holds(region))
}

fn holders<'a>(placement: &Placement, regions: &'a Regions) -> BTreeSet<&'a str> {
    regions.keys().map(String::as_str).filter(|region| placement.holds(region)).collect()
}

/// A placement that names this region no more.
fn off(placement: &Placement, region: &str) -> Placement {
    match placement {
        Placement::Everywhere => Placement::Everywhere,
        Placement::Regions(names) => Placement::Regions(names.iter().filter(|name| *name != region).cloned().collect()),
    }
}

fn nowhere() -> Placement {
    Placement::Regions(Vec::new())
}

fn refused(table: &str, why: String) -> Refused {
    Refused::Policy { table: table.to_owned(), why, not_yet: false }
}

fn names<'a>(regions: impl Iterator<Item = &'a str>) -> String {
    regions.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
