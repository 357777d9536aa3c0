use lc_core::Fault;
use lc_policy::{Policy, PolicyChange};

use crate::catalogue::Catalogue;
use crate::catalogue::testing::{alter, apply, command, create, declared, drop, policy, three_regions};
use crate::{Alteration, Change, Command, Outcome, Refused, TableHistory, limits};

fn history<'a>(catalogue: &'a Catalogue, table: &str) -> &'a TableHistory {
    catalogue.history(table).expect("remembered")
}

fn agreed(change: Change) -> Change {
    match change {
        Change::AlterTable { name, alteration, expect_version, note, .. } => {
            Change::AlterTable { name, alteration, expect_version, collapse: true, note }
        }
        other => other,
    }
}

#[test]
fn every_version_is_kept_with_who_when_and_why() {
    let mut catalogue = three_regions();
    apply(&mut catalogue, 20, create("carts", &[("ack", "regions(2)")])).expect("new");
    let mut by_ben = command(30, alter("carts", &[("read", "quorum(2)")], Some(1)));
    by_ben.actor = "ben".to_owned();
    let answer = catalogue.apply(&by_ben).expect("version 1");
    assert_eq!((answer.version, answer.outcome), (3, declared("carts", 2)));
    let carts = history(&catalogue, "carts");
    let shown: Vec<_> = carts
        .versions()
        .map(|v| (v.version, v.catalogue_version, v.at_ms, v.actor.as_str(), v.note.as_str()))
        .collect();
    assert_eq!(shown, [(1, 2, 20, "ann", "needed"), (2, 3, 30, "ben", "")]);
    assert_eq!(carts.versions().next().expect("first").policy, Some(policy(&[("ack", "regions(2)")])));
    assert_eq!(carts.policy(), Some(&policy(&[("ack", "regions(2)"), ("read", "quorum(2)")])));
    assert_eq!((carts.created().at_ms, carts.forgotten()), (20, 0));
}

#[test]
fn of_two_who_expect_the_same_version_one_wins() {
    let mut catalogue = three_regions();
    apply(&mut catalogue, 20, create("carts", &[])).expect("new");
    apply(&mut catalogue, 30, alter("carts", &[("ack", "all")], Some(1))).expect("first");
    let before = catalogue.clone();
    let mut second = command(30, alter("carts", &[("ack", "majority")], Some(1)));
    second.actor = "ben".to_owned();
    let refused = catalogue.apply(&second).expect_err("second");
    assert_eq!(refused, Refused::TableChanged { table: "carts".to_owned(), expected: 1, version: 2 });
    assert_eq!((refused.fault(), &catalogue), (Fault::Conflict, &before));
}

#[test]
fn two_who_turn_different_dials_at_once_both_win() {
    let mut catalogue = three_regions();
    apply(&mut catalogue, 20, create("carts", &[])).expect("new");
    apply(&mut catalogue, 30, alter("carts", &[("ack", "all")], None)).expect("first");
    apply(&mut catalogue, 30, alter("carts", &[("read", "causal")], None)).expect("second");
    assert_eq!(history(&catalogue, "carts").policy(), Some(&policy(&[("ack", "all"), ("read", "causal")])));
}

#[test]
fn a_lost_answer_can_be_asked_for_again() {
    let mut catalogue = three_regions();
    let steps = [
        command(20, create("carts", &[])),
        command(30, alter("carts", &[("ack", "all")], Some(1))),
        command(40, drop("carts", Some(2))),
    ];
    for step in steps {
        let first = catalogue.apply(&step).expect("first");
        let before = catalogue.clone();
        let again = catalogue.apply(&step).expect("again");
        assert_eq!((again.changed, again.version, &again.outcome), (false, first.version, &first.outcome));
        assert_eq!(catalogue, before);
    }
}

#[test]
fn a_change_to_what_is_so_already_is_no_version() {
    let mut catalogue = three_regions();
    apply(&mut catalogue, 20, create("carts", &[("ack", "all")])).expect("new");
    for change in [alter("carts", &[("ack", "all")], Some(1)), alter("carts", &[], None)] {
        let answer = apply(&mut catalogue, 30, change).expect("so already");
        assert_eq!((answer.changed, answer.outcome), (false, declared("carts", 1)));
    }
    let stale = apply(&mut catalogue, 30, alter("carts", &[("ack", "all")], Some(7)));
    assert_eq!(stale, Err(Refused::TableChanged { table: "carts".to_owned(), expected: 7, version: 1 }));
}

#[test]
fn a_table_that_is_there_cannot_be_created_and_one_that_is_not_cannot_be_altered() {
    let mut catalogue = three_regions();
    apply(&mut catalogue, 20, create("carts", &[])).expect("new");
    let refused = apply(&mut catalogue, 21, create("carts", &[])).expect_err("there");
    assert_eq!(refused, Refused::TableExists { table: "carts".to_owned(), version: 1 });
    let missing = || Refused::NoSuchTable { table: "users".to_owned() };
    assert_eq!(apply(&mut catalogue, 22, alter("users", &[], None)), Err(missing()));
    assert_eq!(apply(&mut catalogue, 22, drop("users", None)), Err(missing()));
    let refused = apply(&mut catalogue, 22, create("a:b", &[])).expect_err("no key would be in it");
    assert!(matches!(refused, Refused::Name { .. }), "{refused:?}");
    let refused = apply(&mut catalogue, 22, create("default", &[])).expect_err("there from the beginning");
    assert!(matches!(refused, Refused::TableExists { .. }), "{refused:?}");
}

#[test]
fn dials_that_these_regions_cannot_keep_are_refused_whatever_the_proposer_thought() {
    let mut catalogue = three_regions();
    apply(&mut catalogue, 20, create("carts", &[])).expect("new");
    let before = catalogue.clone();
    for (words, is_not_yet) in [
        (&[("ack", "regions(4)")][..], false),
        (&[("read", "quorum(4)")], false),
        (&[("placement", "paris,rome")], false),
        (&[("placement", "paris,oslo"), ("ack", "regions(3)")], false),
        (&[("writers", "consensus"), ("ack", "majority")], true),
        (&[("writers", "home")], true),
    ] {
        for change in [create("users", words), alter("carts", words, None), alter("default", words, None)] {
            match apply(&mut catalogue, 21, change).expect_err("cannot be kept") {
                Refused::Policy { not_yet, why, .. } => {
                    assert_eq!(not_yet, is_not_yet, "{words:?}");
                    assert!(why.contains("the nearest that can be kept is"), "{why}");
                }
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(catalogue, before);
}

/// Since when a table lies where it lies, as the data path is told.
fn placement_version(catalogue: &Catalogue, table: &str) -> u64 {
    catalogue.tables().named(table).expect("declared").placement_version
}

#[test]
fn a_placement_may_be_narrowed_online_and_says_since_when() {
    let mut catalogue = three_regions();
    apply(&mut catalogue, 20, create("carts", &[])).expect("new");
    assert_eq!(placement_version(&catalogue, "carts"), 0, "everywhere from the beginning");
    apply(&mut catalogue, 21, alter("carts", &[("placement", "oslo,paris")], None)).expect("fewer");
    assert_eq!(placement_version(&catalogue, "carts"), 3);
    apply(&mut catalogue, 22, alter("carts", &[("ack", "regions(2)")], None)).expect("two hold it");
    assert_eq!(placement_version(&catalogue, "carts"), 3, "another dial");
    let before = catalogue.clone();
    for (words, said) in [
        (&[("ack", "regions(3)")][..], "the table has 2"),
        (&[("placement", "oslo")], "ack=regions(2): asks for 2 regions, the table has 1"),
    ] {
        let refused = apply(&mut catalogue, 23, alter("carts", words, None)).expect_err("cannot be kept").to_string();
        assert!(refused.contains(said), "{refused}");
    }
    assert_eq!(catalogue, before);
    apply(&mut catalogue, 24, alter("carts", &[("placement", "oslo"), ("ack", "local")], None)).expect("fewer still");
    assert_eq!(placement_version(&catalogue, "carts"), 5);
}

#[test]
fn since_when_a_placement_stands_is_known_after_its_version_is_forgotten() {
    let mut catalogue = three_regions();
    apply(&mut catalogue, 20, create("carts", &[("placement", "oslo")])).expect("new");
    for wait_ms in 1..=150u64 {
        apply(&mut catalogue, 20 + wait_ms, alter("carts", &[("wait_ms", &wait_ms.to_string())], None)).expect("kept");
    }
    assert!(history(&catalogue, "carts").versions().all(|version| version.catalogue_version > 2));
    assert_eq!(placement_version(&catalogue, "carts"), 2);
    let restored = Catalogue::restore(&catalogue.snapshot()).expect("its own");
    assert_eq!(placement_version(&restored, "carts"), 2);
}

#[test]
fn numbers_that_could_not_be_read_again_are_not_kept() {
    let mut catalogue = three_regions();
    let wild = Policy { ledger_bytes_max: 0, ..Policy::default() };
    let change = Change::CreateTable { name: "carts".to_owned(), policy: wild.clone(), note: String::new() };
    apply(&mut catalogue, 20, change).expect_err("out of bounds");
    let alteration = Alteration::Replace(wild);
    let name = "default".to_owned();
    let change = Change::AlterTable { name, alteration, expect_version: None, collapse: true, note: String::new() };
    apply(&mut catalogue, 20, change).expect_err("out of bounds");
    assert_eq!(Catalogue::restore(&catalogue.snapshot()), Ok(catalogue));
}

#[test]
fn a_rule_that_hides_values_needs_agreement() {
    let mut catalogue = three_regions();
    apply(&mut catalogue, 20, create("carts", &[("merge", "siblings")])).expect("new");
    let to_lww = alter("carts", &[("merge", "lww")], None);
    let drain = catalogue.drain_of(&command(30, to_lww.clone())).expect("values are hidden");
    assert_eq!((drain.from.as_str(), drain.to.as_str()), ("siblings", "lww"));
    let refused = apply(&mut catalogue, 30, to_lww.clone()).expect_err("not agreed");
    let (from, to) = ("siblings".to_owned(), "lww".to_owned());
    assert_eq!(refused, Refused::NeedsCollapse { table: "carts".to_owned(), from, to });
    apply(&mut catalogue, 31, agreed(to_lww)).expect("agreed");
    // The other way round nothing is hidden.
    apply(&mut catalogue, 32, alter("carts", &[("merge", "siblings")], None)).expect("all are shown");
}

#[test]
fn keys_that_come_from_default_or_go_back_to_it_may_be_collapsed_too() {
    let mut catalogue = three_regions();
    let creation = command(20, create("bids", &[("merge", "max")]));
    assert_eq!(catalogue.drain_of(&creation).expect("from typed").from, "typed");
    catalogue.apply(&creation).expect("new");
    assert_eq!(catalogue.drain_of(&creation), None, "it is there already");
    assert_eq!(catalogue.drain_of(&command(30, drop("bids", None))).expect("to typed").to, "typed");
    assert_eq!(catalogue.drain_of(&command(30, alter("bids", &[("ack", "all")], None))), None);
}

#[test]
fn a_dropped_table_follows_default_and_goes_on_counting_when_it_is_back() {
    let mut catalogue = three_regions();
    let refused = apply(&mut catalogue, 20, drop("default", None)).expect_err("it stays");
    assert!(matches!(refused, Refused::DefaultStays { .. }), "{refused:?}");
    apply(&mut catalogue, 20, create("carts", &[("ack", "all")])).expect("new");
    let stale = apply(&mut catalogue, 21, drop("carts", Some(5)));
    assert_eq!(stale, Err(Refused::TableChanged { table: "carts".to_owned(), expected: 5, version: 1 }));
    let answer = apply(&mut catalogue, 22, drop("carts", Some(1))).expect("version 1");
    assert_eq!(answer.outcome, Outcome::Dropped { table: "carts".to_owned(), version: 2 });
    assert_eq!(catalogue.tables().of_key(b"carts:1").name, "default");
    assert_eq!(catalogue.declared().count(), 1);
    apply(&mut catalogue, 23, drop("carts", None)).expect_err("it is gone");
    // Somebody who looked at version 1 must not take the new table for the old one.
    let answer = apply(&mut catalogue, 24, create("carts", &[])).expect("back");
    assert_eq!(answer.outcome, declared("carts", 3));
    let carts = history(&catalogue, "carts");
    assert_eq!((carts.versions().len(), carts.created().at_ms), (3, 24));
}

#[test]
fn old_versions_of_a_table_are_counted_when_they_go() {
    let mut catalogue = three_regions();
    apply(&mut catalogue, 20, create("carts", &[])).expect("new");
    for wait_ms in 1..=150u64 {
        apply(&mut catalogue, 20 + wait_ms, alter("carts", &[("wait_ms", &wait_ms.to_string())], None)).expect("kept");
    }
    let carts = history(&catalogue, "carts");
    assert_eq!((carts.version(), carts.versions().len(), carts.forgotten()), (151, limits::VERSIONS_MAX, 51));
    assert_eq!(carts.versions().next().expect("oldest").version, 52);
    assert_eq!(Catalogue::restore(&catalogue.snapshot()), Ok(catalogue));
}

#[test]
fn tables_are_bounded_and_a_dropped_one_makes_room() {
    let mut catalogue = three_regions();
    for number in 1..limits::TABLES_MAX {
        apply(&mut catalogue, 20, create(&format!("t{number}"), &[])).expect("room");
    }
    let refused = apply(&mut catalogue, 20, create("more", &[])).expect_err("full");
    assert!(matches!(refused, Refused::Full { .. }), "{refused:?}");
    apply(&mut catalogue, 20, drop("t1", None)).expect("there");
    apply(&mut catalogue, 20, create("more", &[])).expect("room again");
}

/// An alteration with the longest note, which JSON makes twice as long, so that a few thousand fill the catalogue.
fn noted(name: &str, wait_ms: u64) -> Command {
    let words = [("wait_ms", wait_ms.to_string())];
    let words = words.iter().map(|(dial, setting)| (*dial, setting.as_str()));
    let change = PolicyChange::from_words(words).expect("a number");
    let alteration = Alteration::Change(change);
    let (name, note) = (name.to_owned(), "\"".repeat(limits::NOTE_BYTES_MAX));
    command(wait_ms, Change::AlterTable { name, alteration, expect_version: None, collapse: false, note })
}

#[test]
fn a_snapshot_always_fits_its_message() {
    let mut catalogue = three_regions();
    apply(&mut catalogue, 1, create("gone", &[])).expect("new");
    apply(&mut catalogue, 2, drop("gone", None)).expect("there");
    for table in 0..50 {
        apply(&mut catalogue, 3, create(&format!("t{table}"), &[])).expect("new");
        for wait_ms in 1..limits::VERSIONS_MAX as u64 {
            catalogue.apply(&noted(&format!("t{table}"), wait_ms)).expect("old versions make room");
        }
    }
    let snapshot = catalogue.snapshot();
    assert!(snapshot.len() < limits::SNAPSHOT_BYTES_MAX, "{}", snapshot.len());
    assert!(snapshot.len() > limits::VERSIONS_BYTES_MAX / 2, "{}", snapshot.len());
    // The oldest went first, a table that is no more with them; all dials in force are there.
    assert!(catalogue.history("gone").is_none());
    assert!(history(&catalogue, "t0").forgotten() > 0);
    assert_eq!((history(&catalogue, "t49").forgotten(), catalogue.declared().count()), (0, 51));
    // Version 2 of the forgotten table was its end: under its name, 3 is the next, as if it were remembered.
    let answer = apply(&mut catalogue, 9, create("gone", &[])).expect("new");
    assert!(matches!(answer.outcome, Outcome::Declared { version: 3, .. }), "{answer:?}");
    let restored = Catalogue::restore(&catalogue.snapshot()).expect("its own");
    assert_eq!(restored, catalogue);
}

#[test]
fn dials_in_force_that_fill_the_catalogue_refuse_the_next_and_lose_nothing() {
    let mut catalogue = three_regions();
    let rules: Vec<String> = (0..38).map(|rule| format!("{}{rule}: max", "f".repeat(200))).collect();
    let long = policy(&[("merge", &format!("json({})", rules.join(", ")))]);
    let creation = |table: u64| {
        let (name, note) = (format!("t{table}"), String::new());
        command(table, Change::CreateTable { name, policy: long.clone(), note })
    };
    let full = (0..limits::TABLES_MAX as u64).find_map(|table| catalogue.apply(&creation(table)).err());
    let refused = full.expect("6 MiB hold fewer than 1000 tables of 8 KiB");
    assert!(matches!(&refused, Refused::Full { .. }), "{refused:?}");
    let count = catalogue.declared().count();
    assert!((400..limits::TABLES_MAX).contains(&count), "{count}");
    assert!(catalogue.declared().all(|table| table.forgotten() == 0));
    assert!(catalogue.snapshot().len() < limits::SNAPSHOT_BYTES_MAX);
    // What takes room away is never refused, and makes room.
    apply(&mut catalogue, 5000, drop("t7", None)).expect("there");
    catalogue.apply(&creation(7777)).expect("room for one");
    assert_eq!(catalogue.declared().count(), count);
    assert_eq!(Catalogue::restore(&catalogue.snapshot()), Ok(catalogue));
}
