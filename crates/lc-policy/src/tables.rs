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
    /// The catalogue's version at which its placement or target changed last; 0: it was never restricted.
    pub placement_version: u64,
    /// Where it will lie once every region of this list has its records; none: it lies where it should.
    pub target: Option<Placement>,
}

impl Table {
    /// Whether a region of this name has its records and answers for them.
    pub fn is_held_in(&self, region: &str) -> bool {
        self.policy.placement.holds(region)
    }

    /// Whether its bytes may go to a region of this name: one that holds it or that is arriving.
    pub fn receives(&self, region: &str) -> bool {
        self.is_held_in(region) || self.is_wanted_in(region)
    }

    /// Whether a region of this name is being given its records. Until it has them all it answers no client for this
    /// table and counts in no acknowledgement.
    pub fn is_arriving_in(&self, region: &str) -> bool {
        !self.is_held_in(region) && self.is_wanted_in(region)
    }

    fn is_wanted_in(&self, region: &str) -> bool {
        self.target.as_ref().is_some_and(|target| target.holds(region))
    }

    fn is_restricted(&self) -> bool {
        self.policy.placement != Placement::Everywhere || self.target.is_some()
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
    /// The catalogue's version at which any placement changed last.
    placed: u64,
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
            target: None,
        });
        let placed = tables.iter().map(|table| table.placement_version).max().unwrap_or(0);
        let mut declared = HashMap::default();
        for table in tables.into_iter().map(Arc::new) {
            if table.name == DEFAULT_TABLE {
                default = table;
            } else {
                declared.insert(table.name.clone().into_bytes(), table);
            }
        }
        let plain = declared.values().chain([&default]).all(|table| is_plain(table));
        let restricted = declared.values().chain([&default]).filter(|table| table.is_restricted()).cloned();
        let mut restricted: Vec<Arc<Table>> = restricted.collect();
        restricted.sort_by(|a, b| a.name.cmp(&b.name));
        Tables { version, default, plain, restricted, declared, placed }
    }

    /// The same, where a table that is not declared any more changed its placement at `version`.
    pub fn placed_since(self, version: u64) -> Tables {
        Tables { placed: self.placed.max(version), ..self }
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

    /// Tables whose placement names regions or is about to change, by name.
    pub fn restricted(&self) -> &[Arc<Table>] {
        &self.restricted
    }

    /// Tables that a region of this name does not hold; one that is arriving does not hold them yet.
    pub fn withheld_from<'a>(&'a self, region: &'a str) -> impl Iterator<Item = &'a Arc<Table>> {
        self.restricted.iter().filter(move |table| !table.is_held_in(region))
    }

    /// Tables whose bytes must not be in a region of this name, neither to hold them nor on the way to that.
    pub fn not_received_in<'a>(&'a self, region: &'a str) -> impl Iterator<Item = &'a Arc<Table>> {
        self.restricted.iter().filter(move |table| !table.receives(region))
    }

    /// Tables whose records a region of this name is being given.
    pub fn arriving_in<'a>(&'a self, region: &'a str) -> impl Iterator<Item = &'a Arc<Table>> {
        self.restricted.iter().filter(move |table| table.is_arriving_in(region))
    }

    /// Whether a region of this name has this key's records and answers for them.
    pub fn may_hold(&self, region: &str, key: &[u8]) -> bool {
        self.restricted.is_empty() || self.of_key(key).is_held_in(region)
    }

    /// Whether this key's bytes may go to a region of this name: it holds them or is arriving.
    pub fn may_receive(&self, region: &str, key: &[u8]) -> bool {
        self.restricted.is_empty() || self.of_key(key).receives(region)
    }

    /// The catalogue's version at which any placement changed last; 0: none ever did. It never falls, also not when a
    /// table comes to lie everywhere.
    pub fn placement_version(&self) -> u64 {
        self.placed
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

fn is_plain(table: &Table) -> bool {
    let policy = &table.policy;
    policy.merge == Merge::Typed
        && !table.is_restricted()
        && policy.ack == Ack::Local
        && matches!(policy.read, Read::Eventual | Read::Causal | Read::Session)
}

#[cfg(test)]
mod tests {
    use super::{DEFAULT_TABLE, Table, Tables};
    use crate::{Placement, Policy};

    fn table(name: &str, placement: &str, target: Option<&str>, placement_version: u64) -> Table {
        let parsed = |text: &str| text.parse::<Placement>().expect("a placement");
        let policy = Policy { placement: parsed(placement), ..Policy::default() };
        Table { name: name.to_owned(), version: 1, policy, placement_version, target: target.map(parsed) }
    }

    fn names<'a>(tables: impl Iterator<Item = &'a std::sync::Arc<Table>>) -> Vec<&'a str> {
        tables.map(|table| table.name.as_str()).collect()
    }

    #[test]
    fn an_arriving_region_is_given_bytes_and_holds_nothing() {
        let carts = table("carts", "oslo", Some("kyiv,oslo"), 3);
        assert!(carts.is_held_in("oslo") && carts.receives("oslo") && !carts.is_arriving_in("oslo"));
        assert!(!carts.is_held_in("kyiv") && carts.receives("kyiv") && carts.is_arriving_in("kyiv"));
        assert!(!carts.is_held_in("rome") && !carts.receives("rome") && !carts.is_arriving_in("rome"));
        // Who holds it and is not wanted any more holds it until the others have arrived.
        let moving = table("carts", "oslo", Some("kyiv"), 3);
        assert!(moving.is_held_in("oslo") && moving.receives("oslo") && !moving.is_arriving_in("oslo"));
        let everywhere = table("carts", "oslo", Some("everywhere"), 3);
        assert!(everywhere.is_arriving_in("rome"), "and a region that joins later too");
    }

    #[test]
    fn the_data_path_asks_who_holds_a_key_and_who_may_be_given_it() {
        let tables = Tables::new(
            9,
            vec![
                table(DEFAULT_TABLE, "everywhere", None, 0),
                table("carts", "oslo", Some("kyiv,oslo"), 3),
                table("users", "oslo", None, 4),
                table("bids", "everywhere", None, 0),
            ],
        );
        assert_eq!(names(tables.restricted().iter()), ["carts", "users"]);
        assert!(!tables.all_plain());
        assert_eq!(names(tables.withheld_from("kyiv")), ["carts", "users"]);
        assert_eq!(names(tables.not_received_in("kyiv")), ["users"]);
        assert_eq!(names(tables.arriving_in("kyiv")), ["carts"]);
        assert_eq!(names(tables.not_received_in("rome")), ["carts", "users"]);
        assert!(names(tables.arriving_in("oslo")).is_empty() && names(tables.not_received_in("oslo")).is_empty());
        for (key, held, received) in [("carts:1", false, true), ("users:1", false, false), ("plain", true, true)] {
            assert_eq!(tables.may_hold("kyiv", key.as_bytes()), held, "{key}");
            assert_eq!(tables.may_receive("kyiv", key.as_bytes()), received, "{key}");
        }
        let wide = Tables::new(9, vec![table("bids", "everywhere", None, 0)]);
        assert!(wide.may_hold("kyiv", b"bids:1") && wide.may_receive("kyiv", b"bids:1"));
    }

    #[test]
    fn when_placements_changed_last_is_known_after_the_last_one_is_lifted() {
        assert_eq!(Tables::default().placement_version(), 0);
        let narrow = Tables::new(4, vec![table("carts", "oslo", None, 4)]);
        let wide = Tables::new(7, vec![table("carts", "everywhere", None, 7), table("users", "oslo", None, 5)]);
        assert_eq!((narrow.placement_version(), wide.placement_version()), (4, 7));
        let dropped = Tables::new(8, vec![table("users", "oslo", None, 5)]).placed_since(7);
        assert_eq!((dropped.placement_version(), dropped.placed_since(2).placement_version()), (7, 7));
        assert_eq!(names(wide.restricted().iter()), ["users"]);
    }
}
