//! The tables as the data path sees them: a copy of the catalogue that is looked up for each command and never waits.

use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use lc_crdt::Merge;

use crate::{Ack, Placement, Policy, Read};

/// The table of keys without a name of their own.
pub const DEFAULT_TABLE: &str = "default";

/// One table.
#[derive(Clone, PartialEq, Debug)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Grows with each change of its policy.
    pub version: u64,
    /// Its dials.
    pub policy: Policy,
    /// The catalogue's version at which its placement changed last; 0: it was never restricted.
    pub placement_version: u64,
}

impl Table {
    /// Whether a region of this name may have its records.
    pub fn is_held_in(&self, region: &str) -> bool {
        self.policy.placement.holds(region)
    }

    fn is_restricted(&self) -> bool {
        self.policy.placement != Placement::Everywhere
    }
}

/// All declared tables, and the one for everything else. Cheap to look up, replaced as a whole.
#[derive(Clone, Debug)]
pub struct Tables {
    /// The catalogue's version that this is a copy of; 0: nothing was ever declared.
    pub version: u64,
    default: Arc<Table>,
    declared: HashMap<Vec<u8>, Arc<Table>, RandomState>,
    plain: bool,
    restricted: Vec<Arc<Table>>,
}

impl Default for Tables {
    fn default() -> Tables {
        Tables::new(0, Vec::new())
    }
}

impl Tables {
    /// A copy of the catalogue at `version`. Without a table named `default` there is one of default dials.
    pub fn new(version: u64, tables: Vec<Table>) -> Tables {
        let mut default = Arc::new(Table {
            name: DEFAULT_TABLE.to_owned(),
            version: 0,
            policy: Policy::default(),
            placement_version: 0,
        });
        let mut declared = HashMap::default();
        for table in tables.into_iter().map(Arc::new) {
            if table.name == DEFAULT_TABLE {
                default = table;
            } else {
                declared.insert(table.name.clone().into_bytes(), table);
            }
        }
        let plain = declared.values().chain([&default]).all(|table| is_plain(&table.policy));
        let restricted = declared.values().chain([&default]).filter(|table| table.is_restricted()).cloned();
        let mut restricted: Vec<Arc<Table>> = restricted.collect();
        restricted.sort_by(|a, b| a.name.cmp(&b.name));
        Tables { version, default, plain, restricted, declared }
    }

    /// Whether every table is local, typed and everywhere, so that nobody has to look up anything.
    pub fn all_plain(&self) -> bool {
        self.plain
    }

    /// The table that a key belongs to.
    pub fn of_key(&self, key: &[u8]) -> &Arc<Table> {
        if self.declared.is_empty() {
            return &self.default;
        }
        self.declared.get(table_of(key)).unwrap_or(&self.default)
    }

    /// Tables whose placement names regions, by name.
    pub fn restricted(&self) -> &[Arc<Table>] {
        &self.restricted
    }

    /// Tables that a region of this name must not have.
    pub fn withheld_from<'a>(&'a self, region: &'a str) -> impl Iterator<Item = &'a Arc<Table>> {
        self.restricted.iter().filter(move |table| !table.is_held_in(region))
    }

    /// Whether a region of this name may have this key's records.
    pub fn may_hold(&self, region: &str, key: &[u8]) -> bool {
        self.restricted.is_empty() || self.of_key(key).is_held_in(region)
    }

    /// The catalogue's version at which any placement changed last, as far as a restricted table tells; 0: none is.
    pub fn placement_version(&self) -> u64 {
        self.restricted.iter().map(|table| table.placement_version).max().unwrap_or(0)
    }

    /// The table of this name.
    pub fn named(&self, name: &str) -> Option<&Arc<Table>> {
        if name == DEFAULT_TABLE { Some(&self.default) } else { self.declared.get(name.as_bytes()) }
    }

    /// Every table, the default one first, then by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Table>> {
        let mut declared: Vec<&Arc<Table>> = self.declared.values().collect();
        declared.sort_by(|a, b| a.name.cmp(&b.name));
        std::iter::once(&self.default).chain(declared)
    }
}

/// What stands before a key's first `:`; empty if there is none.
pub fn table_of(key: &[u8]) -> &[u8] {
    key.iter().position(|&byte| byte == b':').map_or(&[], |at| &key[..at])
}

fn is_plain(policy: &Policy) -> bool {
    policy.merge == Merge::Typed
        && policy.placement == Placement::Everywhere
        && policy.ack == Ack::Local
        && matches!(policy.read, Read::Eventual | Read::Causal | Read::Session)
}
