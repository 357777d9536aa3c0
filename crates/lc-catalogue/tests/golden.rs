//! Bytes of each format as they were written once: this release reads them, and still writes them so while nothing in them is new.
//! `UPDATE=1` writes what is missing, never what is there.

#[path = "../../../tests/golden_file.rs"]
mod golden_file;

use std::collections::BTreeSet;

use lc_catalogue::{
    Alteration, Catalogue, Change, ClusterId, Command, Coordinates, NodeClaim, Refused, Secret, TokenHash,
    decode_answer, decode_command, encode_answer, encode_command,
};
use lc_core::NodeId;
use lc_policy::{Policy, PolicyChange};

/// The stored lines: of each value its version byte as a number, a blank, its JSON.
fn golden(name: &str, written: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let shown = |bytes: &Vec<u8>| format!("{} {}\n", bytes[0], String::from_utf8_lossy(&bytes[1..]));
    let text: String = written.iter().map(shown).collect();
    let stored = golden_file::golden(name, text.as_bytes());
    let stored = std::str::from_utf8(&stored).expect(name);
    let line = |line: &str| {
        let (version, json) = line.split_once(' ').expect("a version and JSON");
        [&[version.parse::<u8>().expect("a version")], json.as_bytes()].concat()
    };
    stored.lines().map(line).collect()
}

fn claim(node: u16, region: &str, incarnation: u16) -> NodeClaim {
    NodeClaim {
        node: NodeId(node),
        region: region.to_owned(),
        address: format!("10.0.0.{node}:7379"),
        instance: Some(1000 + u64::from(node)),
        incarnation,
        coordinates: Coordinates::of_degrees(48.8575, 2.3514),
        jurisdictions: BTreeSet::from(["eea".to_owned(), "fr".to_owned()]),
    }
}

fn change(words: &[(&str, &str)]) -> PolicyChange {
    PolicyChange::from_words(words.iter().copied()).expect("dials of a test")
}

fn alter(alteration: Alteration) -> Change {
    Change::AlterTable {
        name: "carts".to_owned(),
        alteration,
        expect_version: None,
        collapse: true,
        note: "needed".to_owned(),
    }
}

/// Commands of every kind that versions 1 and 2 have, in an order in which each is accepted.
fn changes() -> Vec<Change> {
    let policy = Policy::from_words([("merge", "siblings"), ("placement", "oslo,paris")]).expect("dials of a test");
    let table = || "carts".to_owned();
    let invite = |hash: u8, node| Change::Invite {
        token_hash: TokenHash([hash; 32]),
        region: "rome".to_owned(),
        node,
        expires_ms: 9_000_000,
    };
    vec![
        Change::Genesis {
            cluster: "shop".to_owned(),
            cluster_id: ClusterId([9; 16]),
            session_key: Secret::new([1; 32]),
            nodes: vec![claim(1, "paris", 0), claim(2, "oslo", 0), claim(3, "kyiv", 0)],
        },
        Change::RegisterNode(claim(1, "paris", 0)),
        Change::CreateTable { name: table(), policy, note: "needed".to_owned() },
        alter(Alteration::Change(change(&[("read", "bounded(500ms)"), ("ack", "regions(2)")]))),
        alter(Alteration::Replace(
            Policy::from_words([("merge", "json(items: union by sku, qty: max)"), ("placement", "paris")])
                .expect("dials of a test"),
        )),
        Change::CreateTable { name: "gone".to_owned(), policy: Policy::default(), note: String::new() },
        Change::DropTable { name: "gone".to_owned(), expect_version: Some(1), note: String::new() },
        invite(7, Some(NodeId(9))),
        Change::ConsumeInvitation {
            token_hash: TokenHash([7; 32]),
            instance: 77,
            address: "10.0.0.9:7379".to_owned(),
            coordinates: None,
            jurisdictions: BTreeSet::new(),
        },
        invite(8, None),
        Change::RevokeInvitation { token_hash: TokenHash([8; 32]) },
        Change::RenewNode { node: NodeId(2), replaces: 0 },
        Change::RegisterNode(claim(2, "oslo", 1)),
        Change::RotateSessionKey { secret: Secret::new([2; 32]), replaces: 1 },
        Change::RemoveNode { node: NodeId(9) },
        Change::RemoveRegion { region: "kyiv".to_owned() },
    ]
}

fn commands() -> Vec<Command> {
    let command = |(at, change)| Command { at_ms: 1000 + at as u64, actor: "ann".to_owned(), change };
    changes().into_iter().enumerate().map(command).collect()
}

#[test]
fn commands_of_versions_1_and_2() {
    let commands = commands();
    let stored = golden("commands_2", &commands.iter().map(encode_command).collect::<Vec<_>>());
    for (bytes, command) in stored.iter().zip(commands) {
        assert_eq!(decode_command(bytes), Ok(command));
    }
}

#[test]
fn what_comes_of_them_and_the_catalogue_that_they_make() {
    let mut catalogue = Catalogue::default();
    let mut answers: Vec<_> = commands().iter().map(|command| catalogue.apply(command)).collect();
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    answers.extend([
        Err(Refused::NotFounded),
        Err(Refused::InvitationRevoked),
        Err(Refused::TableChanged { table: "carts".to_owned(), expected: 1, version: 2 }),
    ]);
    let stored = golden("answers_2", &answers.iter().map(encode_answer).collect::<Vec<_>>());
    for (bytes, answer) in stored.iter().zip(answers) {
        assert_eq!(decode_answer(bytes), Ok(answer));
    }
    let stored = golden("snapshot_2", &[catalogue.snapshot()]);
    assert_eq!(Catalogue::restore(&stored[0]), Ok(catalogue));
}
