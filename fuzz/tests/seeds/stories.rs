//! Seeds of targets that read their input as choices, and of the catalogue.

use std::collections::BTreeSet;

use lc_catalogue::{Alteration, Catalogue, Change, ClusterId, Command, NodeClaim, Secret, TokenHash, encode_command};
use lc_core::{NodeId, ReplicaId, VersionVector};
use lc_db::{SessionKey, Token};
use lc_fuzz::lots::put_piece;
use lc_policy::{Policy, PolicyChange};

use crate::Seed;

pub fn seeds() -> Vec<Seed> {
    vec![
        ("journal_recovery", "a_flipped_bit", vec![0, 6, 0x50, 0x41, 0x52, 0x20, 0x53, 0x44, 0x0a, 0x10, 2]),
        ("journal_recovery", "torn_and_copied", vec![0, 4, 0x50, 0x11, 0x52, 0x53, 4, 0, 1, 0x19, 9, 0, 1, 0, 90, 0]),
        ("journal_recovery", "segments_by_hand", by_hand()),
        ("journal_recovery", "far_away", far_away()),
        ("session_tokens", "sealed", sealed().into_bytes()),
        ("session_tokens", "damaged", vec![9, 0, 4, 1, 0, 7, 0, 0, 0, 0, 0, 0, 0, 65, 0, 1, 1, 0, 0, 0, 0, 0, 1]),
        ("catalogue", "declarations", catalogue(declarations())),
        ("catalogue", "members", catalogue(members())),
    ]
}

/// Two segments, the second behind the first, with records whose checksums hold.
fn by_hand() -> Vec<u8> {
    let mut out = vec![1];
    for records in [2, 1] {
        out.push(records << 4);
        for seq in 1..=records {
            out.push(if seq == 1 { 0x81 } else { 1 });
            out.extend_from_slice(&2u16.to_le_bytes());
            out.extend_from_slice(&u64::from(seq).to_le_bytes());
            put_piece(&mut out, b"payload");
        }
    }
    out
}

/// A segment named for the end of all positions.
fn far_away() -> Vec<u8> {
    let mut out = vec![1, 0x13];
    out.extend_from_slice(&(u64::MAX - 10).to_le_bytes());
    out.push(0x81);
    out
}

fn sealed() -> String {
    let vector: VersionVector = [(ReplicaId(1), 300), (ReplicaId(65), 1 << 50)].into_iter().collect();
    Token::seal(&vector, &SessionKey::new([7; 32]))
}

/// The snapshot of a cluster of three, and commands to it; each without its version byte.
fn catalogue(changes: Vec<Change>) -> Vec<u8> {
    let mut catalogue = Catalogue::default();
    let mut lines = Vec::new();
    for (at, change) in std::iter::once(genesis()).chain(changes).enumerate() {
        let command = Command { at_ms: at as u64, actor: "oslo".to_owned(), change };
        let line = encode_command(&command)[1..].to_vec();
        if at == 0 {
            catalogue.apply(&command).expect("a beginning");
            lines.push(catalogue.snapshot()[1..].to_vec());
        } else {
            lines.push(line);
        }
    }
    lines.join(&b'\n')
}

fn claim(node: u16, region: &str) -> NodeClaim {
    NodeClaim {
        node: NodeId(node),
        region: region.to_owned(),
        address: format!("10.0.0.{node}:7"),
        incarnation: 0,
        instance: None,
        coordinates: None,
        jurisdictions: BTreeSet::from(["eea".to_owned()]),
    }
}

fn genesis() -> Change {
    Change::Genesis {
        cluster: "shop".to_owned(),
        cluster_id: ClusterId([7; 16]),
        session_key: Secret::new([8; 32]),
        nodes: vec![claim(1, "oslo"), claim(2, "kyiv"), claim(3, "rome")],
    }
}

fn declarations() -> Vec<Change> {
    let dials = |words: &[(&str, &str)]| PolicyChange::from_words(words.iter().copied()).expect("settings that are");
    let policy = dials(&[("ack", "regions(2)"), ("merge", "siblings")]).apply(&Policy::default());
    let change = Alteration::Change(dials(&[("read", "quorum(2)"), ("merge", "lww")]));
    let (name, note) = ("carts".to_owned(), "why".to_owned());
    vec![
        Change::CreateTable { name: name.clone(), policy: policy.clone(), note: note.clone() },
        Change::AlterTable {
            name: name.clone(),
            alteration: change,
            expect_version: None,
            collapse: true,
            note: note.clone(),
        },
        Change::AlterTable {
            name: "default".to_owned(),
            alteration: Alteration::Replace(policy),
            expect_version: Some(1),
            collapse: true,
            note: note.clone(),
        },
        Change::DropTable { name, expect_version: None, note },
    ]
}

fn members() -> Vec<Change> {
    let token_hash = TokenHash([5; 32]);
    vec![
        Change::RegisterNode(claim(2, "kyiv")),
        Change::Invite { token_hash, region: "paris".to_owned(), node: None, expires_ms: 1000 },
        Change::ConsumeInvitation {
            token_hash,
            instance: 9,
            address: "10.0.0.9:7".to_owned(),
            coordinates: None,
            jurisdictions: BTreeSet::new(),
        },
        Change::RotateSessionKey { secret: Secret::new([9; 32]), replaces: 1 },
        Change::RemoveNode { node: NodeId(3) },
        Change::RemoveRegion { region: "kyiv".to_owned() },
    ]
}
