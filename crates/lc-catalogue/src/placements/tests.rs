use lc_policy::{Placement, Policy, PolicyChange};

use super::{Placed, Regions, check_dropped, is_known, refuse_last};
use crate::{Refused, Region};

fn regions_of(names: &[&str]) -> Regions {
    let region = |name: &str| Region {
        name: name.to_owned(),
        coordinates: None,
        jurisdictions: Default::default(),
        joined_ms: 0,
    };
    names.iter().map(|name| ((*name).to_owned(), region(name))).collect()
}

/// Kyiv, oslo and paris.
fn regions() -> Regions {
    regions_of(&["kyiv", "oslo", "paris"])
}

fn policy(text: &str) -> Policy {
    PolicyChange::from_words([("placement", text)]).expect("a placement").apply(&Policy::default())
}

fn placement(text: &str) -> Placement {
    policy(text).placement
}

/// A table that lies in the one and should lie in the other.
fn between(lies: &str, wanted: &str) -> Placed {
    Placed::between(&placement(lies), policy(wanted), &regions())
}

/// Where it lies, and after an arrow where it is on its way to.
fn shown(placed: &Placed) -> String {
    let target = placed.target.as_ref().map(|target| format!(" -> {target}")).unwrap_or_default();
    format!("{}{target}", placed.policy.placement)
}

#[test]
fn a_table_lies_at_once_where_no_region_begins_to_hold_it() {
    for (lies, wanted, then) in [
        ("everywhere", "oslo", "[oslo]"),
        ("everywhere", "kyiv,oslo,paris", "[kyiv, oslo, paris]"),
        ("kyiv,oslo,paris", "everywhere", "everywhere"),
        ("kyiv,oslo", "kyiv,oslo", "[kyiv, oslo]"),
        ("kyiv,oslo", "kyiv", "[kyiv]"),
    ] {
        assert_eq!(shown(&between(lies, wanted)), then);
    }
}

#[test]
fn a_region_that_begins_to_hold_a_table_is_arriving_first_and_nothing_is_given_up_before() {
    for (lies, wanted, then) in [
        ("kyiv", "kyiv,oslo", "[kyiv] -> [kyiv, oslo]"),
        ("kyiv,oslo", "everywhere", "[kyiv, oslo] -> everywhere"),
        ("kyiv,oslo", "oslo,paris", "[kyiv, oslo] -> [oslo, paris]"),
        ("kyiv", "paris", "[kyiv] -> [paris]"),
    ] {
        assert_eq!(shown(&between(lies, wanted)), then);
    }
    let placed = between("kyiv", "everywhere");
    assert_eq!(placed.arriving(&regions()).collect::<Vec<_>>(), ["oslo", "paris"]);
    assert_eq!(placed.wanted(), policy("everywhere"));
}

#[test]
fn regions_arrive_one_by_one_and_the_last_one_completes_it() {
    let placed = between("kyiv", "everywhere");
    assert_eq!(placed.arrived("kyiv", &regions()), None, "it holds it");
    assert_eq!(placed.arrived("rome", &regions()), None, "it is not there");
    let one = placed.arrived("paris", &regions()).expect("arriving");
    assert_eq!(shown(&one), "[kyiv, paris] -> everywhere");
    assert_eq!(one.arrived("paris", &regions()), None, "it is there already");
    assert_eq!(shown(&one.arrived("oslo", &regions()).expect("arriving")), "everywhere");
    // Who is not wanted any more holds it until the last one has arrived.
    let moving = between("kyiv,oslo", "oslo,paris");
    assert_eq!(shown(&moving.arrived("paris", &regions()).expect("arriving")), "[oslo, paris]");
}

#[test]
fn a_region_that_comes_while_everywhere_is_the_target_is_arriving_too() {
    let placed = between("kyiv,oslo", "everywhere");
    let more = regions_of(&["kyiv", "oslo", "paris", "rome"]);
    let one = placed.arrived("paris", &more).expect("arriving");
    assert_eq!(one.arriving(&more).collect::<Vec<_>>(), ["rome"]);
    assert_eq!(shown(&one.arrived("rome", &more).expect("arriving")), "everywhere");
}

#[test]
fn a_region_that_leaves_is_taken_off_where_a_table_lies_and_where_it_is_on_its_way_to() {
    let stay = regions_of(&["kyiv", "paris"]);
    for (lies, wanted, then) in [
        ("kyiv,oslo", "kyiv,oslo", "[kyiv]"),
        ("kyiv", "kyiv", "[kyiv]"),
        ("everywhere", "everywhere", "everywhere"),
        ("kyiv,oslo", "everywhere", "[kyiv] -> everywhere"),
        ("kyiv", "kyiv,oslo,paris", "[kyiv] -> [kyiv, paris]"),
        // What is left of the target was reached already.
        ("kyiv,paris", "everywhere", "everywhere"),
        ("kyiv,paris", "kyiv,oslo", "[kyiv]"),
        // Nothing is left of it.
        ("kyiv", "oslo", "[kyiv]"),
        // Nobody has the records.
        ("oslo", "paris", "[] -> [paris]"),
    ] {
        assert_eq!(shown(&between(lies, wanted).without("oslo", &stay)), then, "{lies} to {wanted}");
    }
}

fn said(refused: Result<(), Refused>) -> String {
    match refused {
        Ok(()) => String::new(),
        Err(refused) => {
            assert!(matches!(&refused, Refused::Policy { not_yet: false, .. }), "{refused:?}");
            refused.to_string().trim_start_matches("table \"carts\": ").to_owned()
        }
    }
}

#[test]
fn keys_of_a_dropped_table_go_back_to_where_default_lies() {
    let dropped = |default: &Placed, table: &Placed| said(check_dropped("carts", default, table, &regions()));
    let lying = |text: &str| between(text, text);
    for (default, table) in [("everywhere", "kyiv,oslo,paris"), ("kyiv,oslo,paris", "everywhere"), ("oslo", "oslo")] {
        assert_eq!(dropped(&lying(default), &lying(table)), "", "{default} and {table}");
    }
    assert_eq!(
        dropped(&lying("everywhere"), &lying("oslo")),
        "it lies in [oslo], and its keys would go back to table \"default\", which lies in everywhere: give it \
         placement=everywhere first"
    );
    assert_eq!(
        dropped(&lying("everywhere"), &between("oslo", "everywhere")),
        "its keys would go back to table \"default\" while table \"carts\" is on its way to everywhere: wait until kyiv, \
         paris has arrived, or give \"carts\" placement=[oslo] to stay there"
    );
    assert_eq!(
        dropped(&between("oslo", "kyiv,oslo"), &lying("oslo")),
        "its keys would go back to table \"default\" while table \"default\" is on its way to [kyiv, oslo]: wait until \
         kyiv has arrived, or give \"default\" placement=[oslo] to stay there"
    );
}

#[test]
fn the_only_region_of_a_table_is_told_what_lets_it_go() {
    let last = |placed: &Placed| said(Err(refuse_last("carts", placed, "oslo", &regions())));
    assert_eq!(
        last(&between("oslo", "oslo")),
        "region oslo alone holds its records: widen its placement first, and remove the region once another one has arrived"
    );
    assert_eq!(last(&between("oslo", "kyiv")), "region oslo alone holds its records: wait until kyiv has arrived");
}

#[test]
fn a_placement_names_regions_that_are_there() {
    assert!(is_known(&placement("everywhere"), &regions()) && is_known(&placement("oslo"), &regions()));
    assert!(!is_known(&placement("oslo,rome"), &regions()));
}
