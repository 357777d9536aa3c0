use lc_policy::{Policy, PolicyChange};

use super::{Regions, check_altered, check_created, check_dropped, is_known, without};
use crate::{Refused, Region};

/// Kyiv, oslo and paris.
fn regions() -> Regions {
    let region = |name: &str| Region {
        name: name.to_owned(),
        coordinates: None,
        jurisdictions: Default::default(),
        joined_ms: 0,
    };
    ["kyiv", "oslo", "paris"].map(|name| (name.to_owned(), region(name))).into()
}

fn placed(text: &str) -> Policy {
    PolicyChange::from_words([("placement", text)]).expect("a placement").apply(&Policy::default())
}

type Check = fn(&str, &Policy, &Policy, &Regions) -> Result<(), Refused>;

/// What is said after the table's name; nothing if it is accepted.
fn said(check: Check, old: &str, new: &str) -> String {
    match check("carts", &placed(old), &placed(new), &regions()) {
        Ok(()) => String::new(),
        Err(refused) => {
            assert!(matches!(&refused, Refused::Policy { not_yet: true, .. }), "{refused:?}");
            refused.to_string().trim_start_matches("table \"carts\": ").to_owned()
        }
    }
}

#[test]
fn a_table_may_lie_in_fewer_regions_and_never_in_more() {
    for (old, new) in [
        ("everywhere", "oslo"),
        ("everywhere", "kyiv,oslo,paris"),
        ("kyiv,oslo,paris", "everywhere"),
        ("kyiv,oslo", "kyiv,oslo"),
        ("kyiv,oslo", "kyiv"),
    ] {
        for check in [check_altered, check_created] {
            assert_eq!(said(check, old, new), "", "{old} to {new}");
        }
    }
    assert_eq!(
        said(check_altered, "kyiv,oslo", "everywhere"),
        "placement=everywhere: not yet: paris would begin without the records that the table has; the nearest that can be \
         kept is placement=[kyiv, oslo]; catch-up by ranges of keys comes later"
    );
    assert_eq!(
        said(check_altered, "kyiv,oslo", "oslo,paris"),
        "placement=[oslo, paris]: not yet: paris would begin without the records that the table has; the nearest that can be \
         kept is placement=[oslo]; catch-up by ranges of keys comes later"
    );
    assert!(said(check_altered, "kyiv", "paris").contains("the nearest that can be kept is placement=[kyiv];"));
}

#[test]
fn keys_of_a_new_table_were_in_default_before() {
    assert_eq!(
        said(check_created, "oslo", "everywhere"),
        "placement=everywhere: not yet: its keys were in table \"default\", which lies in [oslo]: kyiv, paris would begin \
         without what is there already; the nearest that can be kept is placement=[oslo]; catch-up by ranges of keys comes \
         later"
    );
}

#[test]
fn keys_of_a_dropped_table_go_back_to_where_default_lies() {
    for (default, table) in [("everywhere", "kyiv,oslo,paris"), ("kyiv,oslo,paris", "everywhere"), ("oslo", "oslo")] {
        assert_eq!(said(check_dropped, default, table), "", "{default} and {table}");
    }
    assert_eq!(
        said(check_dropped, "everywhere", "oslo"),
        "placement=[oslo]: not yet: its keys would go back to table \"default\", which lies in everywhere: remove its keys \
         and keep it; catch-up by ranges of keys comes later"
    );
    assert_eq!(
        said(check_dropped, "oslo", "everywhere"),
        "placement=everywhere: not yet: its keys would go back to table \"default\", which lies in [oslo]: give it \
         placement=[oslo] first; catch-up by ranges of keys comes later"
    );
}

#[test]
fn a_region_that_leaves_is_taken_off_the_lists_that_name_it() {
    assert_eq!(without(&placed("kyiv,oslo"), "oslo"), Some(placed("kyiv")));
    assert_eq!(without(&placed("kyiv,oslo"), "paris"), None);
    assert_eq!(without(&placed("everywhere"), "oslo"), None);
    assert!(is_known(&placed("everywhere").placement, &regions()) && is_known(&placed("oslo").placement, &regions()));
    assert!(!is_known(&placed("oslo,rome").placement, &regions()));
}
