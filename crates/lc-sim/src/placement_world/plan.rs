//! The tables of a world of placements, and how they change while it runs.

use std::sync::Arc;

use lc_policy::{Ack, Placement, Policy, Read, Table, Tables};

use crate::rng::Rng;

/// What the catalogue says, one version after the other.
pub(super) struct Plan {
    pub versions: Vec<Arc<Tables>>,
    regions: usize,
}

impl Plan {
    /// Some worlds begin with all tables declared, some with none, so that keys are in `default` first.
    pub(super) fn new(rng: &Rng, regions: usize) -> Plan {
        let mut plan = Plan { versions: vec![Arc::default()], regions };
        if rng.chance(60.0) {
            plan.versions = vec![Arc::new(Tables::new(1, vec![plan.table(rng, "all", None, 1)]))];
            plan.place(rng, "eu");
            let last = plan.versions.pop().expect("one was just made");
            plan.versions = vec![last];
        }
        plan
    }

    pub(super) fn last(&self) -> &Arc<Tables> {
        self.versions.last().expect("there is always one")
    }

    /// The next version; gives what is new in it.
    pub(super) fn change(&mut self, rng: &Rng) -> String {
        let narrow = |plan: &Plan, name: &str| plan.last().named(name).is_some_and(|table| held(table) > 1);
        match rng.below(10) {
            _ if self.last().named("eu").is_none() => self.place(rng, "eu"),
            0..6 if narrow(self, "eu") => self.narrow(rng, "eu"),
            0..8 if self.last().named("us").is_none() => self.place(rng, "us"),
            0..8 if narrow(self, "us") => self.narrow(rng, "us"),
            8 if self.last().named("all").is_none() => {
                let version = self.last().version + 2;
                let table = self.table(rng, "all", None, version);
                self.put(table);
            }
            _ => self.other_dials(rng, "eu"),
        }
        shown(self.last())
    }

    /// Declares a table that some regions have, and not all.
    fn place(&mut self, rng: &Rng, name: &str) {
        let mut names: Vec<String> = (0..self.regions).map(region_name).collect();
        let held = 1 + rng.below(self.regions as u64 - 1) as usize;
        while names.len() > held {
            names.remove(rng.below(names.len() as u64) as usize);
        }
        let version = self.last().version + 1 + rng.below(2);
        let table = self.table(rng, name, Some(names), version);
        self.put(table);
    }

    fn narrow(&mut self, rng: &Rng, name: &str) {
        let table = self.last().named(name).expect("looked up before");
        let Placement::Regions(mut names) = table.policy.placement.clone() else { return };
        names.remove(rng.below(names.len() as u64) as usize);
        let version = self.last().version + 1 + rng.below(2);
        let table = self.table(rng, name, Some(names), version);
        self.put(table);
    }

    /// Everything but the placement.
    fn other_dials(&mut self, rng: &Rng, name: &str) {
        let Some(before) = self.last().named(name).cloned() else { return };
        let names = match &before.policy.placement {
            Placement::Everywhere => None,
            Placement::Regions(names) => Some(names.clone()),
        };
        let version = self.last().version + 1;
        let placement_version = before.placement_version;
        let table = Table { placement_version, ..self.table(rng, name, names, version) };
        self.put(table);
    }

    fn put(&mut self, table: Table) {
        let others = self.last().iter().filter(|other| other.name != lc_policy::DEFAULT_TABLE);
        let mut tables: Vec<Table> =
            others.filter(|other| other.name != table.name).map(|other| (**other).clone()).collect();
        let version = table.version.max(self.last().version);
        tables.push(table);
        self.versions.push(Arc::new(Tables::new(version, tables)));
    }

    fn table(&self, rng: &Rng, name: &str, names: Option<Vec<String>>, version: u64) -> Table {
        let regions = names.as_ref().map_or(self.regions, Vec::len) as u64;
        let some = || (1 + rng.below(regions)) as u8;
        let write = some();
        let (ack, read) = match rng.below(10) {
            0..4 => (Ack::Regions(write), Read::Quorum(regions as u8 + 1 - write)),
            4 => (Ack::Majority, Read::Session),
            5 => (Ack::All, Read::Quorum(some())),
            6 => (Ack::Local, Read::Bounded(100 << rng.below(5))),
            7 => (Ack::Regions(write), Read::Bounded(100 << rng.below(5))),
            _ => (Ack::Local, Read::Session),
        };
        let restricted = names.is_some();
        let placement = names.map_or(Placement::Everywhere, Placement::Regions);
        let policy = Policy { ack, read, placement, ..Policy::default() };
        let placement_version = if restricted { version } else { 0 };
        Table { name: name.to_owned(), version, policy, placement_version, target: None }
    }
}

/// How many regions a placement names; 0 for everywhere.
fn held(table: &Table) -> usize {
    match &table.policy.placement {
        Placement::Everywhere => 0,
        Placement::Regions(names) => names.len(),
    }
}

fn shown(tables: &Tables) -> String {
    let one = |table: &Arc<Table>| {
        let Policy { ack, read, placement, .. } = &table.policy;
        format!("{} ack={ack} read={read} placement={placement}", table.name)
    };
    format!("version {}: {}", tables.version, tables.iter().skip(1).map(one).collect::<Vec<_>>().join("; "))
}

pub(super) fn region_name(index: usize) -> String {
    format!("region-{index}")
}

/// What every key and every value of a table contains, and nothing else does.
pub(super) fn mark(table: &str) -> String {
    format!("@{table}@")
}

/// Whether the bytes tell something of a table beside its name.
pub(super) fn tells(bytes: &[u8], table: &str) -> bool {
    let mark = mark(table);
    bytes.windows(mark.len()).any(|window| window == mark.as_bytes())
}

/// Tables that not every region has.
pub(super) const RESTRICTED: [&str; 2] = ["eu", "us"];
