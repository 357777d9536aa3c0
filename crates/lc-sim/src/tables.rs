//! The tables of a world, and how their policies change while it runs.

use std::collections::BTreeSet;
use std::sync::Arc;

use lc_policy::{Policy, Table, Tables};

use crate::rng::Rng;

/// Every version of the catalogue's copy that regions are given, oldest first.
pub(crate) struct Plan {
    pub versions: Vec<Arc<Tables>>,
    /// Tables whose `merge` was another one at some time.
    pub merge_changed: BTreeSet<String>,
    regions: u64,
}

impl Plan {
    /// A world without tables.
    pub(crate) fn none() -> Plan {
        Plan { versions: vec![Arc::default()], merge_changed: BTreeSet::new(), regions: 0 }
    }

    /// A table for every rule and every way to read and to acknowledge.
    pub(crate) fn new(rng: &Rng, regions: usize) -> Plan {
        let regions = regions as u64;
        let tables = NAMES.iter().map(|name| Table {
            placement_version: 0,
            target: None,
            name: (*name).to_owned(),
            version: 1,
            policy: policy(rng, name, regions, &merge_at_first(rng, name)),
        });
        let first = Tables::new(1, tables.collect());
        Plan { versions: vec![Arc::new(first)], merge_changed: BTreeSet::new(), regions }
    }

    /// The newest version.
    pub(crate) fn last(&self) -> &Arc<Tables> {
        self.versions.last().expect("a plan begins with one")
    }

    pub(crate) fn has_tables(&self) -> bool {
        self.last().version > 0
    }

    /// One more version: some dials of one table are set anew.
    pub(crate) fn change(&mut self, rng: &Rng) -> String {
        let name = NAMES[rng.below(NAMES.len() as u64) as usize];
        let merge = if rng.chance(50.0) { merge_later(rng, name) } else { None };
        self.set(rng, name, merge)
    }

    /// One more version: a table that shows all values is to show the latest one.
    pub(crate) fn stop_showing_siblings(&mut self, rng: &Rng) -> String {
        self.set(rng, "sib", Some("lww".to_owned()))
    }

    fn set(&mut self, rng: &Rng, name: &str, merge: Option<String>) -> String {
        let version = self.last().version + 1;
        let mut tables: Vec<Table> = self
            .last()
            .iter()
            .filter(|table| NAMES.contains(&table.name.as_str()))
            .map(|table| (**table).clone())
            .collect();
        let table = tables.iter_mut().find(|table| table.name == name).expect("all of them are declared");
        let merge = merge.unwrap_or_else(|| lc_policy::merge_text::print(&table.policy.merge));
        let policy = policy(rng, name, self.regions, &merge);
        if policy.merge != table.policy.merge {
            self.merge_changed.insert(name.to_owned());
        }
        (table.policy, table.version) = (policy, version);
        self.versions.push(Arc::new(Tables::new(version, tables)));
        format!("{name} {}", self.last().named(name).map_or_else(String::new, |table| shown(&table.policy)))
    }

    /// Tables that now keep one value and once kept several.
    pub(crate) fn to_collapse(&self) -> Vec<String> {
        let one_value =
            |name: &&String| self.last().named(name).is_some_and(|table| table.policy.merge == lc_crdt::Merge::Lww);
        self.merge_changed.iter().filter(|name| COLLAPSED.contains(&name.as_str())).filter(one_value).cloned().collect()
    }
}

fn shown(policy: &Policy) -> String {
    policy.to_toml().lines().take(5).collect::<Vec<_>>().join(", ")
}

fn merge_at_first(rng: &Rng, name: &str) -> String {
    let merge = match name {
        "quo" | "last" => "lww",
        "sib" => "siblings",
        "top" => "max",
        "low" => "min",
        "bag" => "union",
        "doc" => "json(items: union by sku, items.n: max, qty: max)",
        _ => ["typed", "lww"][rng.below(2) as usize],
    };
    merge.to_owned()
}

/// What a table's rule may become; documents keep theirs, because other values would not fit it.
fn merge_later(rng: &Rng, name: &str) -> Option<String> {
    let choices: &[&str] = match name {
        "sib" => &["lww", "lww", "siblings"],
        "top" => &["lww", "min", "max"],
        "low" => &["siblings", "min", "lww"],
        "bag" => &["union", "siblings", "lww"],
        "ses" | "near" | "maj" | "last" => &["lww", "typed"],
        _ => return None,
    };
    Some(choices[rng.below(choices.len() as u64) as usize].to_owned())
}

fn policy(rng: &Rng, name: &str, regions: u64, merge: &str) -> Policy {
    let (mut ack, mut read) = ("local".to_owned(), "session".to_owned());
    match name {
        "near" => read = format!("bounded({}ms)", 50 << rng.below(6)),
        "quo" => {
            let write = if rng.chance(80.0) { 2 + rng.below(regions - 2) } else { 1 + rng.below(regions) };
            let more = if rng.chance(20.0) { rng.below(write) } else { 0 };
            ack = format!("regions({write})");
            read = format!("quorum({})", regions + 1 - write + more);
        }
        "maj" => ack = ["majority", "majority", "all", "regions(2)"][rng.below(4) as usize].to_owned(),
        "ses" | "last" if rng.chance(30.0) => ack = "regions(2)".to_owned(),
        "sib" if rng.chance(30.0) => read = "quorum(2)".to_owned(),
        "bag" if rng.chance(30.0) => read = "causal".to_owned(),
        "low" if rng.chance(50.0) => read = "eventual".to_owned(),
        _ => {}
    }
    let words = [("ack", ack.as_str()), ("read", read.as_str()), ("merge", merge)];
    Policy::from_words(words).expect("these settings are written as the dials are")
}

/// Tables with numbered keys, see `crate::numbered`, first; then one for each other rule.
pub(crate) const NAMES: [&str; 10] = ["ses", "near", "quo", "maj", "sib", "top", "low", "bag", "doc", "last"];
/// The first of [`NAMES`].
pub(crate) const NUMBERED: [&str; 4] = ["ses", "near", "quo", "maj"];
/// Tables that hold strings only and nothing that expires.
const COLLAPSED: [&str; 4] = ["sib", "top", "low", "bag"];
