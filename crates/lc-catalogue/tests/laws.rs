//! What holds for any commands in any order: members that restart from snapshots end equal, refusals leave no trace,
//! asking again changes nothing, and no bytes are a reason to panic.

use std::collections::{BTreeMap, BTreeSet};

use lc_catalogue::{
    Alteration, Answer, Catalogue, Change, ClusterId, Command, Coordinates, NodeClaim, Outcome, Refused, Secret,
    TokenHash, decode_answer, decode_command, encode_answer, encode_command,
};
use lc_core::NodeId;
use lc_policy::{Policy, PolicyChange};
use proptest::collection::{btree_set, vec};
use proptest::option;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};

/// Few names, so that commands meet each other; some that cannot be.
fn region() -> impl Strategy<Value = String> {
    prop_oneof![8 => prop_oneof!["paris", "oslo", "kyiv", "rome"], 1 => "[a-zA-Z.]{0,3}"]
}

fn table() -> impl Strategy<Value = String> {
    prop_oneof![8 => prop_oneof!["default", "carts", "users", "bids"], 1 => "[a-zA-Z:1]{0,3}"]
}

fn node() -> impl Strategy<Value = NodeId> {
    prop_oneof![8 => 1..8u16, 1 => any::<u16>()].prop_map(NodeId)
}

fn coordinates() -> impl Strategy<Value = Option<Coordinates>> {
    (-90.0..90.0f64, -180.0..180.0f64).prop_map(|(north, east)| Coordinates::of_degrees(north, east))
}

fn dials() -> impl Strategy<Value = PolicyChange> {
    let pairs = prop_oneof![
        prop_oneof!["local", "majority", "all", "regions\\([1-4]\\)"].prop_map(|text| ("ack", text)),
        prop_oneof!["causal", "session", "quorum\\([1-4]\\)", "bounded\\([1-9]s\\)"].prop_map(|text| ("read", text)),
        prop_oneof!["typed", "lww", "siblings", "max"].prop_map(|text| ("merge", text)),
        prop_oneof!["everywhere", "kyiv,oslo,paris", "kyiv,oslo,paris,rome", "kyiv,oslo", "paris"]
            .prop_map(|text| ("placement", text)),
        prop_oneof!["any", "home"].prop_map(|text| ("writers", text)),
        (0..5u64).prop_map(|ms| ("wait_ms", ms.to_string())),
    ];
    vec(pairs, 0..3).prop_map(|pairs| {
        let pairs: BTreeMap<&str, String> = pairs.into_iter().collect();
        PolicyChange::from_words(pairs.iter().map(|(dial, text)| (*dial, text.as_str()))).expect("settings that are")
    })
}

fn claim() -> impl Strategy<Value = NodeClaim> {
    let jurisdictions = btree_set(prop_oneof!["no", "eea"], 0..3);
    (node(), region(), 1..40u16, option::of(1..4u64), option::of(coordinates()), jurisdictions).prop_map(
        |(node, region, port, instance, coordinates, jurisdictions)| NodeClaim {
            incarnation: 0,
            node,
            region,
            address: format!("10.0.0.1:{port}"),
            instance,
            coordinates: coordinates.flatten(),
            jurisdictions,
        },
    )
}

fn table_change() -> impl Strategy<Value = Change> {
    let alteration = prop_oneof![
        3 => dials().prop_map(Alteration::Change),
        1 => dials().prop_map(|dials| Alteration::Replace(dials.apply(&Policy::default()))),
    ];
    let expect = || option::weighted(0.3, 0..5u64);
    prop_oneof![
        (table(), dials(), "[a-z ]{0,8}").prop_map(|(name, dials, note)| {
            Change::CreateTable { name, policy: dials.apply(&Policy::default()), note }
        }),
        (table(), alteration, expect(), any::<bool>()).prop_map(|(name, alteration, expect_version, collapse)| {
            Change::AlterTable { name, alteration, expect_version, collapse, note: String::new() }
        }),
        (table(), expect()).prop_map(|(name, expect_version)| Change::DropTable {
            name,
            expect_version,
            note: String::new()
        }),
        (table(), region(), 0..60u64).prop_map(|(table, region, placement_version)| Change::Arrived {
            table,
            region,
            placement_version
        }),
    ]
}

fn membership_change() -> impl Strategy<Value = Change> {
    let token = || (0..6u8).prop_map(|byte| TokenHash([byte; 32]));
    prop_oneof![
        4 => claim().prop_map(Change::RegisterNode),
        4 => (token(), region(), option::of(node()), 0..200u64)
            .prop_map(|(token_hash, region, node, expires_ms)| Change::Invite { token_hash, region, node, expires_ms }),
        4 => (token(), 0..3u64, 1..9u16, coordinates()).prop_map(|(token_hash, instance, port, coordinates)| {
            let (address, jurisdictions) = (format!("10.0.0.2:{port}"), BTreeSet::new());
            Change::ConsumeInvitation { token_hash, instance, address, coordinates, jurisdictions }
        }),
        1 => token().prop_map(|token_hash| Change::RevokeInvitation { token_hash }),
        1 => region().prop_map(|region| Change::RemoveRegion { region }),
        2 => node().prop_map(|node| Change::RemoveNode { node }),
        1 => (0..5u8, 0..5u64).prop_map(|(byte, replaces)| {
            Change::RotateSessionKey { secret: Secret::new([byte; 32]), replaces }
        }),
    ]
}

fn command() -> impl Strategy<Value = Command> {
    let change = prop_oneof![table_change(), membership_change()];
    (0..200u64, "[ab]", change).prop_map(|(at_ms, actor, change)| Command { at_ms, actor, change })
}

/// A beginning that is right, so that what follows has something to change.
fn genesis() -> impl Strategy<Value = Command> {
    vec(Just(()), 1..4).prop_map(|nodes| {
        let claim = |(index, ()): (usize, &())| NodeClaim {
            node: NodeId(index as u16 + 1),
            region: ["paris", "oslo", "kyiv"][index].to_owned(),
            address: format!("10.0.0.{index}:7"),
            incarnation: 0,
            instance: None,
            coordinates: None,
            jurisdictions: BTreeSet::new(),
        };
        let change = Change::Genesis {
            cluster: "shop".to_owned(),
            cluster_id: ClusterId([7; 16]),
            session_key: Secret::new([0; 32]),
            nodes: nodes.iter().enumerate().map(claim).collect(),
        };
        Command { at_ms: 0, actor: "a".to_owned(), change }
    })
}

fn commands() -> impl Strategy<Value = Vec<Command>> {
    (genesis(), vec(command(), 0..60)).prop_map(|(first, rest)| std::iter::once(first).chain(rest).collect())
}

fn restored(catalogue: &Catalogue) -> Catalogue {
    Catalogue::restore(&catalogue.snapshot()).expect("its own snapshot")
}

fn names(catalogue: &Catalogue) -> BTreeSet<String> {
    catalogue.regions().map(|region| region.name.clone()).collect()
}

/// The same, and half of the regions that say they have arrived know what the catalogue knows.
fn informed(catalogue: &Catalogue, command: &Command) -> Command {
    let mut command = command.clone();
    if let Change::Arrived { table, placement_version, .. } = &mut command.change
        && *placement_version % 2 == 0
        && let Some(table) = catalogue.tables().named(table)
    {
        *placement_version = table.placement_version;
    }
    command
}

fn has_arrived(command: &Command, who: &str) -> bool {
    matches!(&command.change, Change::Arrived { region, .. } if region == who)
}

/// One of each table that there may be.
const KEYS: [&[u8]; 4] = [b"plain", b"carts:1", b"users:1", b"bids:1"];

/// What must hold after any command, beside what `restore` checks.
fn check_sense(catalogue: &Catalogue) {
    let mut topology = catalogue.topology();
    for region in &mut topology.regions {
        // Distances are for who proposes.
        (region.latitude, region.longitude) = (None, None);
    }
    for table in catalogue.declared() {
        let policy = table.policy().expect("declared");
        policy.check(&topology).expect("dials of a declared table can be kept by the regions that are there");
        if let Some(target) = table.target() {
            let there = Policy { placement: target.clone(), ..policy.clone() };
            there.check(&topology).expect("and those of where it is on its way to");
            let arriving = |name: &String| target.holds(name) && !policy.placement.holds(name);
            assert!(names(catalogue).iter().any(arriving), "{}: on its way to where it lies", table.name());
        }
    }
    assert!(catalogue.active_nodes().next().is_some());
    assert_eq!(catalogue.tables().version, catalogue.version());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn a_member_that_restarts_from_a_snapshot_at_any_moment_ends_equal(
        commands in commands(),
        restarts in btree_set(0..60usize, 0..8),
    ) {
        let (mut steady, mut restarted) = (Catalogue::default(), Catalogue::default());
        for (index, command) in commands.iter().enumerate() {
            if restarts.contains(&index) {
                restarted = restored(&restarted);
            }
            let bytes = encode_command(&informed(&steady, command));
            prop_assert_eq!(steady.apply_bytes(&bytes), restarted.apply_bytes(&bytes));
            prop_assert_eq!(&steady, &restarted);
        }
        prop_assert_eq!(steady.snapshot(), restarted.snapshot());
        prop_assert_eq!(restored(&steady), steady);
    }

    #[test]
    fn a_refusal_leaves_no_trace_and_an_answer_says_whether_anything_changed(commands in commands()) {
        let mut catalogue = Catalogue::default();
        for command in &commands {
            let (before, command) = (catalogue.clone(), &informed(&catalogue, command));
            let answer = catalogue.apply(command);
            match &answer {
                Ok(answer) if answer.changed => {
                    prop_assert_eq!(answer.version, before.version() + 1);
                    prop_assert!(catalogue != before);
                }
                _ => prop_assert_eq!(&catalogue, &before),
            }
            if let Err(refused) = before.preview(command) {
                // Only distances may be seen by who proposes and not by who applies.
                let seen_by_both = answer == Err(refused.clone());
                prop_assert!(seen_by_both || matches!(refused, Refused::Policy { .. }), "{:?}", refused);
            }
            check_sense(&catalogue);
        }
    }

    #[test]
    fn asking_again_after_a_lost_answer_changes_nothing(commands in commands()) {
        let mut catalogue = Catalogue::default();
        for command in &commands {
            let command = &informed(&catalogue, command);
            let first = catalogue.apply(command);
            let before = catalogue.clone();
            let again = catalogue.apply(command);
            prop_assert_eq!(&catalogue, &before, "{:?}", command);
            match (first, again) {
                (Ok(first), Ok(again)) => prop_assert_eq!(first.outcome, again.outcome),
                // What is gone by name cannot be named again.
                (Ok(first), Err(Refused::NoSuchRegion { .. })) => {
                    prop_assert!(matches!(first.outcome, Outcome::Removed { .. }), "{:?}", first);
                }
                (first, again) => prop_assert_eq!(first, again),
            }
        }
    }

    #[test]
    fn no_node_id_is_ever_given_to_a_second_node(commands in commands()) {
        let mut catalogue = Catalogue::default();
        let mut lives: BTreeMap<u16, (String, Option<u64>)> = BTreeMap::new();
        for command in &commands {
            let _ = catalogue.apply(command);
            for node in catalogue.nodes() {
                let life = lives.entry(node.id.0).or_insert_with(|| (node.region.clone(), node.instance));
                prop_assert_eq!(&life.0, &node.region);
                prop_assert!(life.1.is_none() || life.1 == node.instance);
                life.1 = node.instance;
            }
            prop_assert_eq!(catalogue.nodes().len(), lives.len());
        }
    }

    #[test]
    fn a_region_begins_to_hold_a_key_that_was_there_before_it_only_when_it_says_that_it_has_it(commands in commands()) {
        let mut catalogue = Catalogue::default();
        for command in &commands {
            let command = informed(&catalogue, command);
            let (tables, regions) = (catalogue.tables(), names(&catalogue));
            let _ = catalogue.apply(&command);
            let (tables_now, regions_now) = (catalogue.tables(), names(&catalogue));
            prop_assert!(tables_now.placement_version() >= tables.placement_version());
            for region in regions.intersection(&regions_now) {
                for key in KEYS {
                    let (held, holds) = (tables.may_hold(region, key), tables_now.may_hold(region, key));
                    if holds && !held {
                        prop_assert!(has_arrived(&command, region), "{} {:?}", region, command);
                        prop_assert!(tables.of_key(key).is_arriving_in(region));
                    }
                    let received = tables.may_receive(region, key);
                    if (held, received) != (holds, tables_now.may_receive(region, key)) {
                        prop_assert!(tables_now.placement_version() == catalogue.version());
                    }
                }
            }
            for key in KEYS {
                let holds = |region: &String| tables_now.may_hold(region, key);
                prop_assert!(regions_now.is_empty() || regions_now.iter().any(holds), "{:?}", command);
            }
        }
    }

    #[test]
    fn versions_of_a_table_only_grow(commands in commands()) {
        let mut catalogue = Catalogue::default();
        let mut highest: BTreeMap<String, u64> = BTreeMap::new();
        for command in &commands {
            let answer: Result<Answer, Refused> = catalogue.apply(command);
            if let Ok(Answer { changed: true, outcome: Outcome::Declared { table, version }, .. }) = answer {
                let before = highest.insert(table, version).unwrap_or(0);
                prop_assert!(version > before);
            }
        }
    }

    #[test]
    fn commands_and_answers_survive_their_bytes(commands in commands()) {
        let mut catalogue = Catalogue::default();
        for command in commands {
            prop_assert_eq!(&decode_command(&encode_command(&command)), &Ok(command.clone()));
            let answer = catalogue.apply(&command);
            prop_assert_eq!(decode_answer(&encode_answer(&answer)), Ok(answer));
        }
    }

    #[test]
    fn no_bytes_are_a_reason_to_panic(bytes in vec(any::<u8>(), 0..200), version in 0..3u8) {
        for bytes in [bytes.clone(), [vec![version], bytes].concat()] {
            let mut catalogue = Catalogue::default();
            let refused = decode_answer(&catalogue.apply_bytes(&bytes)).expect("an answer").expect_err("noise");
            prop_assert!(matches!(refused, Refused::Malformed { .. } | Refused::Newer { .. }), "{:?}", refused);
            prop_assert!(Catalogue::restore(&bytes).is_err());
            prop_assert_eq!(catalogue, Catalogue::default());
        }
    }

    #[test]
    fn bytes_that_are_nearly_right_are_no_reason_either(
        commands in commands(),
        changes in vec((any::<proptest::sample::Index>(), any::<u8>()), 1..4),
        next in command(),
    ) {
        let mut catalogue = Catalogue::default();
        for command in &commands {
            let mut bytes = encode_command(command);
            let _ = catalogue.apply(command);
            for (at, byte) in &changes {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            let _ = decode_answer(&catalogue.clone().apply_bytes(&bytes)).expect("an answer");
        }
        let mut snapshot = catalogue.snapshot();
        for (at, byte) in &changes {
            let at = at.index(snapshot.len());
            snapshot[at] = *byte;
        }
        // What it takes for its own, it can go on from.
        if let Ok(mut restored) = Catalogue::restore(&snapshot) {
            let _ = restored.apply(&next);
            let _ = (restored.tables(), restored.topology(), restored.drain_of(&next));
        }
    }
}
