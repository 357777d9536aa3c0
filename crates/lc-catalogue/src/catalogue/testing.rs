//! A small cluster for stories.

use std::collections::BTreeSet;

use lc_core::NodeId;
use lc_policy::{Policy, PolicyChange};

use super::Catalogue;
use crate::{Alteration, Answer, Change, ClusterId, Command, NodeClaim, Outcome, Refused, Secret, TokenHash};

pub(super) const HOUR_MS: u64 = 3_600_000;

/// What a node says of itself; its instance is 1000 and its id.
pub(super) fn claim(node: u16, region: &str) -> NodeClaim {
    NodeClaim {
        node: NodeId(node),
        region: region.to_owned(),
        address: format!("10.0.0.{node}:7379"),
        incarnation: 0,
        instance: Some(1000 + u64::from(node)),
        coordinates: None,
        jurisdictions: BTreeSet::new(),
    }
}

pub(super) fn command(at_ms: u64, change: Change) -> Command {
    Command { at_ms, actor: "ann".to_owned(), change }
}

pub(super) fn genesis(nodes: Vec<NodeClaim>) -> Change {
    Change::Genesis {
        cluster: "shop".to_owned(),
        cluster_id: ClusterId([9; 16]),
        session_key: Secret::new([1; 32]),
        nodes,
    }
}

/// Nodes 1, 2 and 3 in paris, oslo and kyiv.
pub(super) fn three_regions() -> Catalogue {
    let mut catalogue = Catalogue::default();
    let nodes = vec![claim(1, "paris"), claim(2, "oslo"), claim(3, "kyiv")];
    apply(&mut catalogue, 10, genesis(nodes)).expect("a first beginning");
    catalogue
}

pub(super) fn apply(catalogue: &mut Catalogue, at_ms: u64, change: Change) -> Result<Answer, Refused> {
    catalogue.apply(&command(at_ms, change))
}

/// A policy of these dials.
pub(super) fn policy(words: &[(&str, &str)]) -> Policy {
    Policy::from_words(words.iter().copied()).expect("dials of a test")
}

pub(super) fn create(name: &str, words: &[(&str, &str)]) -> Change {
    Change::CreateTable { name: name.to_owned(), policy: policy(words), note: "needed".to_owned() }
}

pub(super) fn alter(name: &str, words: &[(&str, &str)], expect_version: Option<u64>) -> Change {
    Change::AlterTable {
        name: name.to_owned(),
        alteration: Alteration::Change(PolicyChange::from_words(words.iter().copied()).expect("dials of a test")),
        expect_version,
        collapse: false,
        note: String::new(),
    }
}

pub(super) fn drop(name: &str, expect_version: Option<u64>) -> Change {
    Change::DropTable { name: name.to_owned(), expect_version, note: String::new() }
}

/// A region has everything of a table, by the placement of this version.
pub(super) fn arrived(table: &str, region: &str, placement_version: u64) -> Change {
    Change::Arrived { table: table.to_owned(), region: region.to_owned(), placement_version }
}

pub(super) fn invite(token: u8, region: &str, node: Option<u16>, expires_ms: u64) -> Change {
    let token_hash = TokenHash([token; 32]);
    Change::Invite { token_hash, region: region.to_owned(), node: node.map(NodeId), expires_ms }
}

pub(super) fn consume(token: u8, instance: u64) -> Change {
    Change::ConsumeInvitation {
        token_hash: TokenHash([token; 32]),
        instance,
        address: format!("10.0.0.9:{}", 7372 + u16::from(token)),
        coordinates: None,
        jurisdictions: BTreeSet::new(),
    }
}

pub(super) fn revoke(token: u8) -> Change {
    Change::RevokeInvitation { token_hash: TokenHash([token; 32]) }
}

pub(super) fn declared(table: &str, version: u64) -> Outcome {
    Outcome::Declared { table: table.to_owned(), version }
}
