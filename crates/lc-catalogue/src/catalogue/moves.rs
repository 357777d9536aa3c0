//! Stories of tables that come to lie elsewhere.

use super::Catalogue;
use super::testing::{
    HOUR_MS, alter, apply, arrived, command, consume, create, declared, drop, invite, policy, three_regions,
};
use crate::{Alteration, Change, Refused, decode_command, encode_command};

/// Where a table lies, and after an arrow where it is on its way to.
fn lies(catalogue: &Catalogue, table: &str) -> String {
    let tables = catalogue.tables();
    let table = tables.named(table).expect("declared");
    let target = table.target.as_ref().map(|target| format!(" -> {target}")).unwrap_or_default();
    format!("{}{target}", table.policy.placement)
}

fn since(catalogue: &Catalogue, table: &str) -> u64 {
    catalogue.tables().named(table).expect("declared").placement_version
}

/// Nothing is asked but the placement.
fn place(catalogue: &mut Catalogue, at_ms: u64, table: &str, placement: &str) {
    apply(catalogue, at_ms, alter(table, &[("placement", placement)], None)).expect("a placement that can be kept");
}

/// A region says that it has everything, by the placement as it is now.
fn arrive(catalogue: &mut Catalogue, at_ms: u64, table: &str, region: &str) -> bool {
    let version = since(catalogue, table);
    apply(catalogue, at_ms, arrived(table, region, version)).expect("told quietly").changed
}

/// Carts in oslo.
fn in_oslo() -> Catalogue {
    let mut catalogue = three_regions();
    apply(&mut catalogue, 20, create("carts", &[("placement", "oslo")])).expect("new");
    catalogue
}

#[test]
fn a_table_is_widened_while_its_regions_arrive_one_by_one() {
    let mut catalogue = in_oslo();
    let before = catalogue.version();
    let answer = apply(&mut catalogue, 21, alter("carts", &[("placement", "everywhere")], Some(1))).expect("begun");
    assert_eq!((answer.changed, answer.outcome), (true, declared("carts", 2)));
    assert_eq!((lies(&catalogue, "carts").as_str(), since(&catalogue, "carts")), ("[oslo] -> everywhere", before + 1));
    let tables = catalogue.tables();
    assert!(!tables.may_hold("kyiv", b"carts:1") && tables.may_receive("kyiv", b"carts:1"));
    assert!(arrive(&mut catalogue, 22, "carts", "kyiv"));
    assert_eq!(lies(&catalogue, "carts"), "[kyiv, oslo] -> everywhere");
    assert_eq!(since(&catalogue, "carts"), before + 2, "whoever still arrives says so again of this placement");
    assert!(catalogue.tables().may_hold("kyiv", b"carts:1") && !catalogue.tables().may_hold("paris", b"carts:1"));
    assert!(arrive(&mut catalogue, 23, "carts", "paris"));
    assert_eq!((lies(&catalogue, "carts").as_str(), since(&catalogue, "carts")), ("everywhere", before + 3));
    assert!(catalogue.tables().restricted().is_empty());
    assert_eq!(catalogue.tables().placement_version(), before + 3, "it never falls");
    let history = catalogue.history("carts").expect("there");
    let steps: Vec<_> = history.versions().map(|version| (version.version, version.note.as_str())).collect();
    let said = ["needed", "", "region kyiv has arrived", "region paris has arrived"];
    assert_eq!(steps, [(1, said[0]), (2, said[1]), (3, said[2]), (4, said[3])]);
    let targets: Vec<bool> = history.versions().map(|version| version.target.is_some()).collect();
    assert_eq!(targets, [false, true, true, false]);
}

#[test]
fn a_table_moves_and_who_held_it_holds_it_until_the_other_has_it() {
    let mut catalogue = in_oslo();
    place(&mut catalogue, 21, "carts", "kyiv");
    assert_eq!(lies(&catalogue, "carts"), "[oslo] -> [kyiv]");
    assert!(arrive(&mut catalogue, 22, "carts", "kyiv"));
    assert_eq!(lies(&catalogue, "carts"), "[kyiv]");
    assert!(!catalogue.tables().may_receive("oslo", b"carts:1"));
}

#[test]
fn a_move_is_called_off_by_asking_for_where_the_table_lies() {
    let mut catalogue = in_oslo();
    place(&mut catalogue, 21, "carts", "everywhere");
    assert!(arrive(&mut catalogue, 22, "carts", "kyiv"));
    let version = since(&catalogue, "carts");
    place(&mut catalogue, 23, "carts", "kyiv,oslo");
    assert_eq!((lies(&catalogue, "carts").as_str(), since(&catalogue, "carts")), ("[kyiv, oslo]", version + 1));
    assert!(!catalogue.tables().may_receive("paris", b"carts:1"));
    // It was on its way when that was decided.
    let late = apply(&mut catalogue, 24, arrived("carts", "paris", version)).expect("told quietly");
    assert!(!late.changed && lies(&catalogue, "carts") == "[kyiv, oslo]");
}

#[test]
fn another_target_takes_the_place_of_the_first() {
    let mut catalogue = in_oslo();
    place(&mut catalogue, 21, "carts", "kyiv,oslo");
    let version = since(&catalogue, "carts");
    place(&mut catalogue, 22, "carts", "oslo,paris");
    assert_eq!(lies(&catalogue, "carts"), "[oslo] -> [oslo, paris]");
    assert!(since(&catalogue, "carts") > version);
    assert!(!arrive(&mut catalogue, 23, "carts", "kyiv"), "nobody waits for it any more");
    assert!(arrive(&mut catalogue, 24, "carts", "paris"));
    assert_eq!(lies(&catalogue, "carts"), "[oslo, paris]");
}

#[test]
fn an_arrival_counts_once_and_only_for_the_placement_that_it_names() {
    let mut catalogue = in_oslo();
    place(&mut catalogue, 21, "carts", "everywhere");
    let version = since(&catalogue, "carts");
    for stale in [0, version - 1, version + 1, u64::MAX] {
        let before = catalogue.clone();
        let answer = apply(&mut catalogue, 22, arrived("carts", "kyiv", stale)).expect("told quietly");
        assert_eq!((answer.changed, &answer.outcome), (false, &declared("carts", 2)));
        assert_eq!(catalogue, before);
    }
    for region in ["oslo", "rome", ""] {
        assert!(!arrive(&mut catalogue, 23, "carts", region), "{region} is not arriving");
    }
    let told = command(24, arrived("carts", "kyiv", version));
    let first = catalogue.apply(&told).expect("everything is there");
    let again = catalogue.apply(&told).expect("a lost answer");
    assert_eq!((first.changed, again.changed, first.outcome), (true, false, again.outcome));
    let unknown = apply(&mut catalogue, 25, arrived("users", "kyiv", 1));
    assert_eq!(unknown, Err(Refused::NoSuchTable { table: "users".to_owned() }));
}

#[test]
fn other_dials_turn_while_regions_arrive_and_do_not_send_them_back() {
    let mut catalogue = in_oslo();
    place(&mut catalogue, 21, "carts", "kyiv,oslo");
    let version = since(&catalogue, "carts");
    apply(&mut catalogue, 22, alter("carts", &[("wait_ms", "7")], None)).expect("another dial");
    assert_eq!((lies(&catalogue, "carts").as_str(), since(&catalogue, "carts")), ("[oslo] -> [kyiv, oslo]", version));
    assert!(
        !apply(&mut catalogue, 23, alter("carts", &[("placement", "kyiv,oslo")], None)).expect("so already").changed
    );
    assert!(arrive(&mut catalogue, 24, "carts", "kyiv"));
    assert_eq!(catalogue.tables().of_key(b"carts:1").policy.wait_ms, 7);
}

#[test]
fn dials_are_kept_by_the_regions_that_hold_the_table_now_and_by_those_that_will() {
    let mut catalogue = three_regions();
    apply(&mut catalogue, 20, create("carts", &[("placement", "kyiv,oslo"), ("ack", "regions(2)")])).expect("two");
    let before = catalogue.clone();
    for (words, said) in [
        (&[("placement", "everywhere"), ("ack", "regions(3)")][..], "widen it first by placement=everywhere alone"),
        (&[("placement", "everywhere"), ("ack", "regions(3)")], "[kyiv, oslo]"),
        (&[("placement", "paris")], "the table has 1"),
        (&[("placement", "kyiv,oslo,rome")], "rome"),
    ] {
        let refused = apply(&mut catalogue, 21, alter("carts", words, None)).expect_err("cannot be kept").to_string();
        assert!(refused.contains(said), "{refused}");
        assert!(!refused.contains("not yet"), "{refused}");
    }
    assert_eq!(catalogue, before);
    place(&mut catalogue, 22, "carts", "everywhere");
    apply(&mut catalogue, 23, alter("carts", &[("ack", "regions(3)")], None)).expect_err("paris does not count yet");
    assert!(arrive(&mut catalogue, 24, "carts", "paris"));
    apply(&mut catalogue, 25, alter("carts", &[("ack", "regions(3)")], None)).expect("three hold it");
}

#[test]
fn a_replaced_policy_says_where_the_table_should_lie_too() {
    let mut catalogue = in_oslo();
    let replace = |words: &[(&str, &str)]| Change::AlterTable {
        name: "carts".to_owned(),
        alteration: Alteration::Replace(policy(words)),
        expect_version: None,
        collapse: true,
        note: String::new(),
    };
    apply(&mut catalogue, 21, replace(&[("placement", "kyiv,oslo"), ("wait_ms", "7")])).expect("begun");
    assert_eq!(lies(&catalogue, "carts"), "[oslo] -> [kyiv, oslo]");
    apply(&mut catalogue, 22, replace(&[("placement", "oslo")])).expect("called off");
    assert_eq!(lies(&catalogue, "carts"), "[oslo]");
}

#[test]
fn a_new_table_that_lies_wider_than_default_begins_where_its_keys_are() {
    let mut catalogue = three_regions();
    place(&mut catalogue, 20, "default", "oslo,paris");
    let wide = command(21, create("users", &[]));
    let first = catalogue.apply(&wide).expect("kyiv will be given what is there");
    assert_eq!(lies(&catalogue, "users"), "[oslo, paris] -> everywhere");
    let again = catalogue.apply(&wide).expect("a lost answer");
    assert_eq!((again.changed, first.outcome), (false, again.outcome));
    apply(&mut catalogue, 22, create("bids", &[("placement", "kyiv")])).expect("elsewhere altogether");
    assert_eq!(lies(&catalogue, "bids"), "[oslo, paris] -> [kyiv]");
    assert!(arrive(&mut catalogue, 23, "bids", "kyiv") && arrive(&mut catalogue, 24, "users", "kyiv"));
    assert_eq!((lies(&catalogue, "users").as_str(), lies(&catalogue, "bids").as_str()), ("everywhere", "[kyiv]"));
    apply(&mut catalogue, 25, create("within", &[("placement", "paris")])).expect("within default");
    assert_eq!(lies(&catalogue, "within"), "[paris]");
}

#[test]
fn a_table_is_dropped_from_where_default_lies() {
    let mut catalogue = in_oslo();
    let refused = apply(&mut catalogue, 21, drop("carts", None)).expect_err("kyiv and paris have no carts").to_string();
    assert!(refused.contains("give it placement=everywhere first"), "{refused}");
    place(&mut catalogue, 22, "carts", "everywhere");
    let refused = apply(&mut catalogue, 23, drop("carts", None)).expect_err("on its way").to_string();
    assert!(refused.contains("wait until kyiv, paris has arrived"), "{refused}");
    assert!(arrive(&mut catalogue, 24, "carts", "kyiv") && arrive(&mut catalogue, 25, "carts", "paris"));
    let placed = catalogue.tables().placement_version();
    apply(&mut catalogue, 26, drop("carts", None)).expect("the same regions");
    assert_eq!(catalogue.tables().placement_version(), placed, "what was told by it is not told anew");
    assert_eq!(catalogue.history("carts").and_then(|carts| carts.target()), None);
    // Wider than default: fewer regions first.
    apply(&mut catalogue, 27, create("wide", &[])).expect("new");
    place(&mut catalogue, 28, "default", "oslo");
    let refused = apply(&mut catalogue, 29, drop("wide", None)).expect_err("kyiv would lose keys unasked").to_string();
    assert!(refused.contains("give it placement=[oslo] first"), "{refused}");
    place(&mut catalogue, 30, "wide", "oslo");
    apply(&mut catalogue, 31, drop("wide", None)).expect("the same regions now");
}

#[test]
fn a_region_that_joins_a_cluster_on_its_way_to_everywhere_is_waited_for() {
    let mut catalogue = in_oslo();
    place(&mut catalogue, 21, "carts", "everywhere");
    apply(&mut catalogue, 22, create("users", &[("placement", "oslo")])).expect("new");
    place(&mut catalogue, 23, "users", "kyiv,oslo");
    assert!(arrive(&mut catalogue, 24, "carts", "kyiv"));
    apply(&mut catalogue, 25, invite(1, "rome", None, HOUR_MS)).expect("invited");
    apply(&mut catalogue, 26, consume(1, 77)).expect("joined");
    assert!(arrive(&mut catalogue, 27, "carts", "paris"));
    assert_eq!(lies(&catalogue, "carts"), "[kyiv, oslo, paris] -> everywhere");
    assert!(arrive(&mut catalogue, 28, "carts", "rome"));
    assert_eq!(lies(&catalogue, "carts"), "everywhere");
    assert!(!catalogue.tables().may_receive("rome", b"users:1"), "a list is a list");
}

#[test]
fn a_region_that_leaves_is_not_waited_for() {
    let remove = |region: &str| Change::RemoveRegion { region: region.to_owned() };
    let mut catalogue = in_oslo();
    place(&mut catalogue, 21, "carts", "everywhere");
    apply(&mut catalogue, 22, create("users", &[("placement", "oslo")])).expect("new");
    place(&mut catalogue, 23, "users", "paris");
    apply(&mut catalogue, 24, create("bids", &[("placement", "oslo,paris")])).expect("new");
    place(&mut catalogue, 25, "bids", "kyiv,oslo,paris");
    assert!(arrive(&mut catalogue, 26, "carts", "kyiv"));
    apply(&mut catalogue, 27, remove("oslo")).expect_err("users are nowhere else");
    apply(&mut catalogue, 28, remove("paris")).expect("nothing is only there");
    assert_eq!(lies(&catalogue, "carts"), "everywhere", "all that are left have arrived");
    assert_eq!(lies(&catalogue, "users"), "[oslo]", "nobody is left to go to");
    assert_eq!(lies(&catalogue, "bids"), "[oslo] -> [kyiv, oslo]");
    assert_eq!(Catalogue::restore(&catalogue.snapshot()), Ok(catalogue.clone()));
    assert!(arrive(&mut catalogue, 29, "bids", "kyiv"));
    apply(&mut catalogue, 30, remove("oslo")).expect_err("users are nowhere else");
    place(&mut catalogue, 31, "users", "kyiv");
    let refused = apply(&mut catalogue, 32, remove("oslo")).expect_err("not arrived").to_string();
    assert!(refused.contains("region oslo alone holds its records: wait until kyiv has arrived"), "{refused}");
    assert!(arrive(&mut catalogue, 33, "users", "kyiv"));
    apply(&mut catalogue, 34, remove("oslo")).expect("kyiv has everything");
}

#[test]
fn a_region_cannot_leave_if_too_few_would_hold_a_table_where_it_is_on_its_way_to() {
    let mut catalogue = three_regions();
    let dials = [("placement", "kyiv,oslo"), ("ack", "regions(2)")];
    apply(&mut catalogue, 20, create("carts", &dials)).expect("two of three");
    place(&mut catalogue, 21, "carts", "oslo,paris");
    let refused = apply(&mut catalogue, 22, Change::RemoveRegion { region: "paris".to_owned() });
    assert!(matches!(&refused, Err(Refused::TableInTheWay { table, .. }) if table == "carts"), "{refused:?}");
}

#[test]
fn what_is_on_its_way_is_in_a_snapshot_of_format_3_and_everything_else_as_before() {
    let mut catalogue = in_oslo();
    assert_eq!(catalogue.snapshot()[0], 2);
    place(&mut catalogue, 21, "carts", "kyiv,oslo");
    let bytes = catalogue.snapshot();
    assert_eq!(bytes[0], 3);
    let json = String::from_utf8(bytes[1..].to_vec()).expect("JSON");
    assert_eq!(json.matches(r#","target":["kyiv","oslo"],"at_ms":21,"#).count(), 1, "{json}");
    assert_eq!(Catalogue::restore(&bytes), Ok(catalogue.clone()));
    for (from, to) in [
        (r#""target":["kyiv","oslo"]"#, r#""target":["oslo","rome"]"#),
        (r#""target":["kyiv","oslo"]"#, r#""target":["oslo"]"#),
        (r#""target":["kyiv","oslo"]"#, r#""target":[]"#),
    ] {
        let changed = json.replacen(from, to, 1);
        let refused = Catalogue::restore(&[&[3], changed.as_bytes()].concat()).expect_err(to);
        assert!(matches!(refused, Refused::Malformed { .. }), "{refused:?}");
    }
}

#[test]
fn an_arrival_is_a_command_of_format_3() {
    let told = command(9, arrived("carts", "oslo", 7));
    let json =
        r#"{"at_ms":9,"actor":"ann","change":{"Arrived":{"table":"carts","region":"oslo","placement_version":7}}}"#;
    assert_eq!(encode_command(&told), [&[3], json.as_bytes()].concat());
    assert_eq!(decode_command(&encode_command(&told)), Ok(told));
}
