//! Which regions hold a table before and after a change, and what follows for the region that is asked.

use lc_policy::{Placement, Topology};
use serde_json::{Value, json};

use super::super::{Refusal, RefusalKind};

/// Where a table's keys lie now, and where they will.
pub(super) struct Move<'a> {
    pub table: &'a str,
    pub from: &'a Placement,
    pub to: &'a Placement,
}

impl Move<'_> {
    /// Regions that will remove their copies.
    pub fn removed_in(&self, topology: &Topology) -> Vec<String> {
        self.regions(topology, |name| self.from.holds(name) && !self.to.holds(name))
    }

    /// The same as the field of an answer.
    pub fn removed_json(&self, topology: &Topology) -> Value {
        json!(self.removed_in(topology))
    }

    /// What a change collapses is counted and written where the asked node is, from what is there: before and after, its
    /// region must hold the table.
    pub fn refuse_to_collapse_outside(&self, here: &str, topology: &Topology) -> Result<(), Refusal> {
        if self.from.holds(here) && self.to.holds(here) {
            return Ok(());
        }
        let able = self.regions(topology, |name| self.from.holds(name) && self.to.holds(name)).join(", ");
        let what = format!("table {:?}: {here} does not hold its records, or would not any more", self.table);
        let instead = match able.is_empty() {
            true => "change its merge first, and its placement afterwards".to_owned(),
            false => format!("ask a node of {able}"),
        };
        let text = format!("{what}, so what a change of merge collapses cannot be counted here: {instead}");
        Err(Refusal::new(RefusalKind::NotOffered, text))
    }

    fn regions(&self, topology: &Topology, wanted: impl Fn(&str) -> bool) -> Vec<String> {
        topology.regions.iter().map(|region| region.name.clone()).filter(|name| wanted(name)).collect()
    }
}

/// The regions that a placement leaves, with their places and distances: a preset that counts regions counts these.
pub(super) fn within(mut topology: Topology, placement: Option<&Placement>) -> Topology {
    if let Some(placement) = placement {
        topology.regions.retain(|region| placement.holds(&region.name));
    }
    topology
}

#[cfg(test)]
mod tests {
    use lc_policy::{Placement, Preset, Region, Topology};

    use super::{Move, within};
    use crate::control::RefusalKind;

    fn topology() -> Topology {
        let region = |name: &str| Region { name: name.to_owned(), ..Region::default() };
        Topology { regions: ["kyiv", "lima", "oslo", "rome", "suva"].map(region).into(), ..Topology::default() }
    }

    fn placement(text: &str) -> Placement {
        text.parse().expect("a placement")
    }

    #[test]
    fn a_narrower_placement_names_who_removes_copies() {
        let (from, to) = (placement("everywhere"), placement("kyiv,oslo"));
        let narrowing = Move { table: "docs", from: &from, to: &to };
        assert_eq!(narrowing.removed_in(&topology()), ["lima", "rome", "suva"]);
        let (from, to) = (placement("kyiv,oslo"), placement("oslo,kyiv"));
        assert!(Move { table: "docs", from: &from, to: &to }.removed_in(&topology()).is_empty());
    }

    #[test]
    fn a_region_without_the_records_sends_to_one_that_has_them() {
        let (from, to) = (placement("kyiv,oslo,rome"), placement("kyiv,oslo"));
        let narrowing = Move { table: "docs", from: &from, to: &to };
        assert_eq!(narrowing.refuse_to_collapse_outside("oslo", &topology()), Ok(()));
        for outside in ["lima", "rome"] {
            let refusal = narrowing.refuse_to_collapse_outside(outside, &topology()).expect_err("outside");
            assert_eq!(refusal.kind, RefusalKind::NotOffered);
            assert!(refusal.text.ends_with("cannot be counted here: ask a node of kyiv, oslo"), "{refusal}");
        }
    }

    #[test]
    fn a_preset_counts_the_regions_that_are_left() {
        let leaderless = Preset::named("leaderless").expect("known");
        let two = within(topology(), Some(&placement("kyiv,oslo")));
        assert_eq!(leaderless.policy(&two).ack.to_string(), "regions(2)");
        assert_eq!(leaderless.policy(&within(topology(), None)).ack.to_string(), "regions(3)");
        assert_eq!(leaderless.policy(&within(topology(), Some(&Placement::Everywhere))).ack.to_string(), "regions(3)");
    }
}
