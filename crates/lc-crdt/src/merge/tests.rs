use std::sync::Arc;

use bytes::Bytes;
use lc_core::{Dot, Hlc, ReplicaId};

use super::{Merge, Merged};
use crate::{JsonRules, Sibling};

/// Siblings of different replicas, each later than the one before.
fn siblings(values: &[&[u8]]) -> Vec<Sibling> {
    let sibling = |(at, value): (usize, &&[u8])| Sibling {
        dot: Dot::new(ReplicaId(at as u16 + 1), 1),
        hlc: Hlc(at as u64 + 1),
        value: Bytes::copy_from_slice(value),
        expires_ms: None,
        expiry_replaced: false,
    };
    values.iter().enumerate().map(sibling).collect()
}

fn merged(merge: &Merge, values: &[&str]) -> (String, usize, Vec<usize>) {
    let values: Vec<&[u8]> = values.iter().map(|value| value.as_bytes()).collect();
    let Merged { value, winner, losers } = merge.of(&siblings(&values)).expect("there are siblings");
    (String::from_utf8(value.to_vec()).expect("text"), winner, losers)
}

fn json(rules: &str) -> Merge {
    Merge::Json(Arc::new(JsonRules::parse(rules).expect("right rules")))
}

#[test]
fn no_values_merge_to_none() {
    assert_eq!(Merge::Max.of(&[]), None);
}

#[test]
fn the_latest_wins_where_time_decides() {
    for merge in [Merge::Typed, Merge::Lww, Merge::Siblings] {
        assert_eq!(merged(&merge, &["b", "a", "b"]), ("b".to_owned(), 2, vec![1]));
    }
}

#[test]
fn the_highest_bid_wins_whoever_came_last() {
    assert_eq!(merged(&Merge::Max, &["9", "100", "20"]), ("100".to_owned(), 1, vec![0, 2]));
    assert_eq!(merged(&Merge::Min, &["9", "100", "20"]), ("9".to_owned(), 0, vec![1, 2]));
    assert_eq!(merged(&Merge::Max, &["text", "100"]).0, "text");
    assert_eq!(merged(&Merge::Min, &["text", "100"]).0, "100");
    assert_eq!(merged(&Merge::Max, &["-2", "-1.5"]).0, "-1.5");
}

#[test]
fn numbers_beyond_what_a_float_can_tell_apart_are_compared_exactly() {
    assert_eq!(merged(&Merge::Max, &["9007199254740993", "9007199254740992"]).0, "9007199254740993");
    assert_eq!(merged(&Merge::Max, &["9007199254740993", "9007199254740992.0"]).0, "9007199254740993");
    assert_eq!(merged(&Merge::Min, &["9223372036854775807", "9.3e18"]).0, "9223372036854775807");
}

#[test]
fn of_equal_numbers_the_later_text_stands() {
    assert_eq!(merged(&Merge::Max, &["1.0", "1"]), ("1".to_owned(), 1, vec![0]));
    assert_eq!(merged(&Merge::Min, &["1", "1.0"]), ("1.0".to_owned(), 1, vec![0]));
    for merge in [Merge::Max, Merge::Min] {
        assert!(merge.beats(b"1", b"1.0") && merge.beats(b"1.0", b"1") && merge.beats(b"-0", b"0"));
    }
}

#[test]
fn a_value_beats_another_as_it_would_among_siblings() {
    assert!(Merge::Max.beats(b"10", b"9") && !Merge::Max.beats(b"9", b"10"));
    assert!(Merge::Min.beats(b"9", b"10") && !Merge::Min.beats(b"10", b"9"));
    assert!(Merge::Max.beats(b"a", b"10") && !Merge::Min.beats(b"a", b"10"));
    assert!(Merge::Lww.beats(b"1", b"2"));
}

#[test]
fn a_union_holds_every_element_once_in_an_order_of_its_own() {
    let (value, _, losers) = merged(&Merge::Union, &[r#"["b", 2, {"y":1,"x":2}]"#, r#"[2.0,"a",{"x":2,"y":1},null]"#]);
    assert_eq!(value, r#"[null,2,"a","b",{"x":2,"y":1}]"#);
    assert!(losers.is_empty());
}

#[test]
fn what_is_no_array_is_one_element_of_a_union() {
    assert_eq!(merged(&Merge::Union, &["[1]", "7", "plain text", r#""plain text""#]).0, r#"[1,7,"plain text"]"#);
    let merged = Merge::Union.of(&siblings(&[b"[1]", b"\xff"])).expect("there are siblings");
    assert_eq!((merged.value.as_ref(), merged.losers), ("[1,\"\u{fffd}\"]".as_bytes(), vec![1]));
}

#[test]
fn documents_merge_field_by_field() {
    let cart = json("items: union by sku (qty: max)");
    let values = [r#"{"note":"x","items":[{"sku":"a","qty":2}]}"#, r#"{"items":[{"qty":1,"sku":"a"}],"paid":false}"#];
    let value = r#"{"items":[{"qty":2,"sku":"a"}],"note":"x","paid":false}"#;
    assert_eq!(merged(&cart, &values), (value.to_owned(), 1, vec![1]));
}

#[test]
fn a_rule_of_a_name_alone_holds_in_matched_elements_too() {
    let cart = json("items: union by sku, qty: max");
    let values = [r#"{"items":[{"sku":"a","qty":2}]}"#, r#"{"items":[{"sku":"a","qty":1},{"sku":"b","qty":5}]}"#];
    let value = r#"{"items":[{"qty":2,"sku":"a"},{"qty":5,"sku":"b"}]}"#;
    assert_eq!(merged(&cart, &values).0, value);
}

#[test]
fn a_value_that_is_no_document_makes_it_last_writer_wins_for_all() {
    for latest in ["{}", "[1]", "no json", r#"{"a":"#] {
        let before = if latest == "{}" { "[]" } else { r#"{"a":1}"# };
        assert_eq!(merged(&json("a: max"), &[r#"{"a":2}"#, before, latest]), (latest.to_owned(), 2, vec![0, 1]));
    }
}

#[test]
fn values_that_are_alike_stay_as_they_were_written() {
    assert_eq!(merged(&Merge::Union, &["[2, 1]", "[2, 1]"]), ("[2, 1]".to_owned(), 1, vec![]));
    assert_eq!(merged(&json("a: max"), &["{ }"]), ("{ }".to_owned(), 0, vec![]));
}

#[test]
fn values_that_do_not_fit_are_refused() {
    assert_eq!(Merge::Max.check_value(b"\xff"), Ok(()));
    assert_eq!(Merge::Union.check_value(b" [1] "), Ok(()));
    assert!(Merge::Union.check_value(b"{}").expect_err("an object").contains("needs a JSON array"));
    assert!(Merge::Union.check_value(b"[1").expect_err("cut off").contains("not JSON"));
    assert_eq!(json("a: max").check_value(b"{\"a\":1}"), Ok(()));
    assert!(json("a: max").check_value(b"{\"a\":{}}").expect_err("no number").contains("`a` must be a number"));
    assert!(json("a: max").check_value(b"\xff").expect_err("no text").contains("not JSON"));
}

#[test]
fn a_document_nested_without_end_is_refused_not_followed() {
    let (deep, deeper) = ("[".repeat(100_000), format!("{}{}", r#"{"a":"#.repeat(100_000), "}"));
    assert!(Merge::Union.check_value(deep.as_bytes()).is_err());
    assert!(json("a: max").check_value(deeper.as_bytes()).is_err());
    assert_eq!(merged(&json("a: max"), &["{}", &deeper]).0, deeper);
}

#[test]
fn every_rule_has_the_name_that_the_dial_is_set_by() {
    let all = [Merge::Typed, Merge::Lww, Merge::Siblings, Merge::Max, Merge::Min, Merge::Union, json("a: max")];
    assert_eq!(all.map(|merge| merge.name()), ["typed", "lww", "siblings", "max", "min", "union", "json"]);
}
