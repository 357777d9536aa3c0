//! Which regions hold a table before and after a change, and what follows for the region that is asked.

use lc_policy::{Placement, Table, Topology};
use serde_json::{Value, json};

use super::super::{Refusal, RefusalKind};

/// Where a table lies, and where it is on its way to.
pub(super) struct Standing {
    pub placement: Placement,
    pub target: Option<Placement>,
}

impl Standing {
    pub fn of(table: &Table) -> Standing {
        Standing { placement: table.policy.placement.clone(), target: table.target.clone() }
    }

    /// Once `wanted` is asked for: what the catalogue makes of it, as far as the regions are known here.
    pub fn towards(&self, wanted: &Placement, topology: &Topology) -> Standing {
        let begins = |name: &str| wanted.holds(name) && !self.placement.holds(name);
        if named(topology, begins).is_empty() {
            return Standing { placement: wanted.clone(), target: None };
        }
        Standing { placement: self.placement.clone(), target: Some(wanted.clone()) }
    }

    /// Where it should lie.
    pub fn wanted(&self) -> &Placement {
        self.target.as_ref().unwrap_or(&self.placement)
    }

    /// Regions that are being given its records.
    pub fn arriving(&self, topology: &Topology) -> Vec<String> {
        named(topology, |name| self.wanted().holds(name) && !self.placement.holds(name))
    }

    /// Regions that remove their copies once those have them.
    pub fn leaving(&self, topology: &Topology) -> Vec<String> {
        named(topology, |name| self.placement.holds(name) && !self.wanted().holds(name))
    }

    fn receives(&self, name: &str) -> bool {
        self.placement.holds(name) || self.wanted().holds(name)
    }
}

/// How a change moves a table's keys.
pub(super) struct Move<'a> {
    pub table: &'a str,
    pub from: &'a Standing,
    pub to: &'a Standing,
}

impl Move<'_> {
    /// Regions that remove their copies at once, those that were on their way there too.
    pub fn removed_in(&self, topology: &Topology) -> Vec<String> {
        named(topology, |name| self.from.receives(name) && !self.to.receives(name))
    }

    /// The same as the field of an answer.
    pub fn removed_json(&self, topology: &Topology) -> Value {
        json!(self.removed_in(topology))
    }

    /// What a change collapses is counted and written where the asked node is, from what is there: before and after, its
    /// region must hold the table.
    pub fn refuse_to_collapse_outside(&self, here: &str, topology: &Topology) -> Result<(), Refusal> {
        let able = |name: &str| self.from.placement.holds(name) && self.to.placement.holds(name);
        if able(here) {
            return Ok(());
        }
        let able = named(topology, able).join(", ");
        let what = format!("table {:?}: {here} does not hold its records, or would not any more", self.table);
        let instead = match able.is_empty() {
            true => "change its merge first, and its placement afterwards".to_owned(),
            false => format!("ask a node of {able}"),
        };
        let text = format!("{what}, so what a change of merge collapses cannot be counted here: {instead}");
        Err(Refusal::new(RefusalKind::NotOffered, text))
    }
}

fn named(topology: &Topology, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    topology.regions.iter().map(|region| region.name.clone()).filter(|name| wanted(name)).collect()
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

    use super::{Move, Standing, within};
    use crate::control::RefusalKind;

    fn topology() -> Topology {
        let region = |name: &str| Region { name: name.to_owned(), ..Region::default() };
        Topology { regions: ["kyiv", "lima", "oslo", "rome", "suva"].map(region).into(), ..Topology::default() }
    }

    fn placement(text: &str) -> Placement {
        text.parse().expect("a placement")
    }

    fn lying(text: &str) -> Standing {
        Standing { placement: placement(text), target: None }
    }

    #[test]
    fn a_narrower_placement_names_who_removes_copies() {
        let from = lying("everywhere");
        let to = from.towards(&placement("kyiv,oslo"), &topology());
        let narrowing = Move { table: "docs", from: &from, to: &to };
        assert_eq!(narrowing.removed_in(&topology()), ["lima", "rome", "suva"]);
        let (from, to) = (lying("kyiv,oslo"), lying("oslo,kyiv"));
        assert!(Move { table: "docs", from: &from, to: &to }.removed_in(&topology()).is_empty());
    }

    #[test]
    fn a_wider_placement_names_who_is_arriving_and_removes_nothing_yet() {
        let from = lying("kyiv,oslo");
        let to = from.towards(&placement("oslo,rome"), &topology());
        assert_eq!((&to.placement, to.target.as_ref()), (&placement("kyiv,oslo"), Some(&placement("oslo,rome"))));
        assert_eq!((to.arriving(&topology()), to.leaving(&topology())), (vec!["rome".into()], vec!["kyiv".into()]));
        assert!(Move { table: "docs", from: &from, to: &to }.removed_in(&topology()).is_empty());
        // Called off: who was arriving removes what it was given.
        let back = to.towards(&placement("kyiv,oslo"), &topology());
        assert!(back.target.is_none() && back.arriving(&topology()).is_empty());
        assert_eq!(Move { table: "docs", from: &to, to: &back }.removed_in(&topology()), ["rome"]);
        // To others instead.
        let other = to.towards(&placement("kyiv,suva"), &topology());
        assert_eq!(Move { table: "docs", from: &to, to: &other }.removed_in(&topology()), ["rome"]);
        assert_eq!(
            (other.arriving(&topology()), other.leaving(&topology())),
            (vec!["suva".into()], vec!["oslo".into()])
        );
    }

    #[test]
    fn a_region_without_the_records_sends_to_one_that_has_them() {
        let (from, to) = (lying("kyiv,oslo,rome"), lying("kyiv,oslo"));
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
