//! Tells the catalogue which tables have arrived here, so that this region counts among those that hold them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use lc_catalogue::{Catalogue, Change};
use tokio::task::JoinSet;

use crate::Node;

/// Looks until the node stops. A proposal that fails is made again: nothing is lost meanwhile, the table only goes on
/// being held where it was.
pub(super) async fn tell(node: Arc<Node>) {
    let (mut telling, mut under_way) = (JoinSet::new(), BTreeSet::new());
    while !node.stopping.load(Ordering::Relaxed) {
        while let Some(told) = telling.try_join_next() {
            // A task that panicked said nothing: its table is left alone until the node starts again.
            if let Ok(table) = told {
                under_way.remove(&table);
            }
        }
        let arrived = node.member.read().arrived();
        let catalogue = node.control_plane.catalogue();
        for (table, placement_version) in awaited(&catalogue, &node.config.region, arrived) {
            if under_way.len() < AT_ONCE && under_way.insert(table.clone()) {
                telling.spawn(propose(node.clone(), table, placement_version));
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Those of the tables that the newest catalogue known here still waits for.
fn awaited(catalogue: &Catalogue, region: &str, arrived: Vec<(String, u64)>) -> Vec<(String, u64)> {
    if arrived.is_empty() {
        return arrived;
    }
    let tables = catalogue.tables();
    let is_awaited = |(name, version): &(String, u64)| {
        let table = tables.named(name);
        table.is_some_and(|table| table.placement_version == *version && table.is_arriving_in(region))
    };
    arrived.into_iter().filter(is_awaited).collect()
}

/// Gives the table back, whose turn is over. Of another placement than the one now the catalogue hears nothing in it.
async fn propose(node: Arc<Node>, table: String, placement_version: u64) -> String {
    let region = node.config.region.clone();
    let change = Change::Arrived { table: table.clone(), region, placement_version };
    match node.control_plane.propose(node.wall_ms(), node.actor(), change).await {
        Ok(answer) => {
            node.control_plane.wait_for(answer.version).await;
            if answer.changed {
                tracing::info!(table, "its records are here: this region holds it now");
            }
        }
        Err(refusal) => tracing::debug!(table, %refusal, "that its records are here is not known to the others yet"),
    }
    table
}

/// How long after it arrived a table may wait to be told of.
const PAUSE: Duration = Duration::from_millis(500);
/// Proposals that wait for their answer.
const AT_ONCE: usize = 16;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use lc_catalogue::{Alteration, Catalogue, Change, ClusterId, Command, NodeClaim, Secret};
    use lc_core::NodeId;
    use lc_policy::{Policy, PolicyChange};

    use super::awaited;

    fn claim(node: u16, region: &str) -> NodeClaim {
        NodeClaim {
            node: NodeId(node),
            region: region.to_owned(),
            address: format!("10.0.0.{node}:7"),
            incarnation: 0,
            instance: None,
            coordinates: None,
            jurisdictions: BTreeSet::new(),
        }
    }

    fn place(placement: &str) -> PolicyChange {
        PolicyChange::from_words([("placement", placement)]).expect("a placement")
    }

    /// Carts on their way from oslo to kyiv and rome too.
    fn catalogue() -> Catalogue {
        let genesis = Change::Genesis {
            cluster: "shop".to_owned(),
            cluster_id: ClusterId([9; 16]),
            session_key: Secret::new([1; 32]),
            nodes: vec![claim(1, "oslo"), claim(2, "kyiv"), claim(3, "rome")],
        };
        let policy = place("oslo").apply(&Policy::default());
        let (name, note) = ("carts".to_owned(), String::new());
        let create = Change::CreateTable { name: name.clone(), policy, note: note.clone() };
        let alteration = Alteration::Change(place("everywhere"));
        let widen = Change::AlterTable { name, alteration, expect_version: None, collapse: false, note };
        let mut catalogue = Catalogue::default();
        for (at_ms, change) in (1..).zip([genesis, create, widen]) {
            catalogue.apply(&Command { at_ms, actor: "ann".to_owned(), change }).expect("right");
        }
        catalogue
    }

    #[test]
    fn only_what_the_catalogue_waits_for_is_told_and_told_once() {
        let mut catalogue = catalogue();
        let carts = |version| vec![("carts".to_owned(), version)];
        assert_eq!(awaited(&catalogue, "kyiv", carts(3)), carts(3));
        assert!(awaited(&catalogue, "kyiv", carts(2)).is_empty(), "of an earlier placement");
        assert!(awaited(&catalogue, "oslo", carts(3)).is_empty(), "it holds it");
        assert!(awaited(&catalogue, "kyiv", vec![("users".to_owned(), 3)]).is_empty(), "nobody declared it");
        let (table, region) = ("carts".to_owned(), "kyiv".to_owned());
        let change = Change::Arrived { table, region, placement_version: 3 };
        catalogue.apply(&Command { at_ms: 4, actor: "kyiv".to_owned(), change }).expect("it waits for it");
        assert!(awaited(&catalogue, "kyiv", carts(3)).is_empty(), "the catalogue knows");
        assert_eq!(awaited(&catalogue, "rome", carts(4)), carts(4));
    }
}
