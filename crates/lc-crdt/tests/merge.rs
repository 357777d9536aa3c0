//! Merging by a rule: no order of arrival shows, merging again changes nothing, and no bytes stop it.
//!
//! `PROPTEST_CASES=20000 cargo nextest run -p lc-crdt --test merge` looks longer.

use std::sync::Arc;

use bytes::Bytes;
use lc_core::{Dot, Hlc, ReplicaId};
use lc_crdt::{JsonRules, Merge, Merged, Sibling};
use proptest::collection::{btree_map, hash_map, vec};
use proptest::option;
use proptest::prelude::{BoxedStrategy, Just, ProptestConfig, Strategy, any, prop_oneof, proptest};
use proptest::sample::select;
use serde_json::{Map, Value, json};

/// A failure is printed whole, shrunk; nothing is kept beside the tests.
fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

fn sibling(replica: usize, hlc: u64, value: Vec<u8>) -> Sibling {
    let dot = Dot::new(ReplicaId(replica as u16), 1);
    Sibling { dot, hlc: Hlc(hlc), value: Bytes::from(value), expires_ms: None, expiry_replaced: false }
}

/// Siblings of replicas 1, 2, 3 and so on; stamps may be equal.
fn siblings(values: BoxedStrategy<Vec<u8>>) -> impl Strategy<Value = Vec<Sibling>> {
    vec((0..4u64, values), 1..6).prop_map(|written| {
        written.into_iter().enumerate().map(|(at, (hlc, value))| sibling(at + 1, hlc, value)).collect()
    })
}

fn of(merge: &Merge, siblings: &[Sibling]) -> Merged {
    merge.of(siblings).expect("there are siblings")
}

/// What does not depend on where siblings stand in the list.
fn outcome(merge: &Merge, siblings: &[Sibling]) -> (Bytes, Dot, Vec<Dot>) {
    let merged = of(merge, siblings);
    let mut losers: Vec<Dot> = merged.losers.iter().map(|&at| siblings[at].dot).collect();
    losers.sort();
    (merged.value, siblings[merged.winner].dot, losers)
}

/// What somebody writes who was shown these merged: it replaces them.
fn written_back(merge: &Merge, siblings: &[Sibling], replica: usize) -> Sibling {
    let latest = siblings.iter().map(|sibling| sibling.hlc.0).max().expect("there are siblings");
    sibling(replica, latest, of(merge, siblings).value.to_vec())
}

/// Fifteen digits are what a JSON reader and writer keep of any float.
fn number() -> BoxedStrategy<Value> {
    prop_oneof![
        3 => (-3..4i64).prop_map(Value::from),
        1 => select(vec![json!(1.0), json!(-0.5), json!(2.25), json!(0.1), json!(123456.789012345), json!(9007199254740992.0)]),
        1 => select(vec![json!(9007199254740993_i64), json!(u64::MAX), json!(i64::MIN)]),
    ]
    .boxed()
}

fn scalar() -> BoxedStrategy<Value> {
    prop_oneof![4 => number(), 3 => select(&["a", "b", "ä\n"][..]).prop_map(Value::from), 1 => any::<bool>().prop_map(Value::from), 1 => Just(Value::Null)]
        .boxed()
}

/// Any JSON, not deep.
fn anything() -> BoxedStrategy<Value> {
    let inner = |depth: BoxedStrategy<Value>| {
        prop_oneof![
            vec(depth.clone(), 0..3).prop_map(Value::from),
            btree_map(select(&["a", "b"][..]), depth, 0..3)
                .prop_map(|fields| Value::from_iter(fields.into_iter().map(|(name, value)| (name.to_owned(), value)))),
        ]
        .boxed()
    };
    scalar().prop_recursive(3, 12, 3, inner).boxed()
}

fn arrays() -> BoxedStrategy<Vec<u8>> {
    prop_oneof![
        6 => vec(anything(), 0..4).prop_map(|elements| Value::from(elements).to_string().into_bytes()),
        1 => anything().prop_map(|value| value.to_string().into_bytes()),
        1 => select(&["[2 , 1]", "plain", "[1", ""][..]).prop_map(|text| text.as_bytes().to_vec()),
    ]
    .boxed()
}

/// Every field has a rule that goes by values.
const EVERY_FIELD: &str = "qty: max, low: min, tags: union, at.zip: max, items: union by sku (qty: max, tags: union, at.low: min, sub: union by k (n: max))";

fn comparable() -> BoxedStrategy<Value> {
    prop_oneof![3 => number(), 1 => select(&["x", "y"][..]).prop_map(Value::from)].boxed()
}

fn tags() -> BoxedStrategy<Value> {
    vec(scalar(), 0..4).prop_map(Value::from).boxed()
}

/// Some of these fields.
fn object(fields: Vec<(&'static str, BoxedStrategy<Value>)>) -> BoxedStrategy<Value> {
    let mut all = Just(Map::new()).boxed();
    for (name, values) in fields {
        all = (all, option::of(values))
            .prop_map(move |(mut object, value)| {
                value.map(|value| object.insert(name.to_owned(), value));
                object
            })
            .boxed();
    }
    all.prop_map(Value::Object).boxed()
}

/// Objects that all have this field, which is one of few values.
fn keyed(name: &'static str, objects: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    let keys = select(vec![json!(1), json!(1.0), json!(2), json!("a"), json!(true)]);
    let element = (keys, objects).prop_map(move |(key, mut object)| {
        object[name] = key;
        object
    });
    vec(element, 0..4).prop_map(Value::from).boxed()
}

fn documents() -> BoxedStrategy<Vec<u8>> {
    let subs = keyed("k", object(vec![("n", comparable())]));
    let places = |field| object(vec![(field, comparable())]);
    let items = object(vec![("qty", comparable()), ("tags", tags()), ("at", places("low")), ("sub", subs)]);
    let fields = vec![
        ("qty", comparable()),
        ("low", comparable()),
        ("tags", tags()),
        ("at", places("zip")),
        ("items", keyed("sku", items)),
    ];
    object(fields).prop_map(|document| document.to_string().into_bytes()).boxed()
}

fn loose_documents() -> BoxedStrategy<Vec<u8>> {
    let names = select(&["qty", "low", "tags", "at", "items", "note"][..]);
    let object = hash_map(names, anything(), 0..5)
        .prop_map(|fields| Value::from_iter(fields.into_iter().map(|(name, value)| (name.to_owned(), value))));
    prop_oneof![9 => object, 1 => anything()].prop_map(|value| value.to_string().into_bytes()).boxed()
}

fn numbers() -> BoxedStrategy<Vec<u8>> {
    select(
        &["1", "1.0", "2", "-3", "1e3", "9007199254740993", "9007199254740992.0", "a", "b", "", "nan", "inf", "-0"][..],
    )
    .prop_map(|text| text.as_bytes().to_vec())
    .boxed()
}

fn by_fields(rules: &str) -> Merge {
    Merge::Json(Arc::new(JsonRules::parse(rules).expect("right rules")))
}

/// Every rule with values that it is for, and with any bytes.
fn rules_and_siblings() -> impl Strategy<Value = (Merge, Vec<Sibling>)> {
    let bytes = || vec(any::<u8>(), 0..24).boxed();
    let plain = select(vec![Merge::Typed, Merge::Lww, Merge::Siblings, Merge::Max, Merge::Min]);
    prop_oneof![
        (plain, siblings(numbers())),
        (Just(Merge::Union), siblings(arrays())),
        (Just(by_fields(EVERY_FIELD)), siblings(documents())),
        (Just(by_fields(EVERY_FIELD)), siblings(loose_documents())),
        (select(vec![Merge::Max, Merge::Union, by_fields(EVERY_FIELD)]), siblings(bytes())),
    ]
}

/// Declarations that may contradict each other.
fn declarations() -> impl Strategy<Value = String> {
    let path = vec(select(&["a", "b", "ü-1"][..]), 1..4).prop_map(|names| names.join("."));
    let rule =
        select(&["lww", "max", "min", "union", "union by a", "union by k", "union by k (b: max, x.y: union)"][..]);
    vec((path, rule), 1..6).prop_map(|declared| {
        declared.into_iter().map(|(path, rule)| format!("{path}: {rule}")).collect::<Vec<_>>().join(", ")
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_order_of_siblings_does_not_show((merge, mut siblings) in rules_and_siblings(), turn in 0..6usize) {
        let right = outcome(&merge, &siblings);
        let by = turn % siblings.len();
        siblings.rotate_left(by);
        assert_eq!(outcome(&merge, &siblings), right);
        siblings.reverse();
        assert_eq!(outcome(&merge, &siblings), right);
    }

    #[test]
    fn what_was_merged_and_written_back_is_not_changed_by_what_it_was_merged_of((merge, mut siblings) in rules_and_siblings()) {
        let merged = written_back(&merge, &siblings, 100);
        siblings.push(merged.clone());
        let again = of(&merge, &siblings).value;
        // Several alike stay as they were written; the same, written by the rule, is compact.
        assert_eq!(again, merged.value);
    }

    #[test]
    fn unions_associate(siblings in siblings(arrays()), cut in 1..6usize) {
        associates(&Merge::Union, siblings, cut);
    }

    #[test]
    fn documents_associate_where_every_field_goes_by_values(siblings in siblings(documents()), cut in 1..6usize) {
        siblings.iter().for_each(|sibling| assert_eq!(by_fields(EVERY_FIELD).check_value(&sibling.value), Ok(())));
        associates(&by_fields(EVERY_FIELD), siblings, cut);
    }

    #[test]
    fn the_highest_and_the_lowest_associate(merge in select(vec![Merge::Max, Merge::Min]), siblings in siblings(numbers()), cut in 1..6usize) {
        let right = of(&merge, &siblings).value;
        let value = of(&merge, &in_two_steps(&merge, siblings, cut)).value;
        // Of equal numbers the later text stands, and a text that was written back is later.
        assert!(merge.beats(&value, &right) && merge.beats(&right, &value), "{value:?} {right:?}");
    }

    #[test]
    fn where_one_value_is_chosen_whole_exactly_those_that_differ_have_lost(merge in select(vec![Merge::Lww, Merge::Siblings, Merge::Max, Merge::Min]), siblings in siblings(numbers())) {
        let merged = of(&merge, &siblings);
        assert_eq!(siblings[merged.winner].value, merged.value);
        for (at, sibling) in siblings.iter().enumerate() {
            assert_eq!(merged.losers.contains(&at), sibling.value != merged.value);
        }
    }

    #[test]
    fn a_document_is_a_loser_if_a_number_of_it_is_not_in_the_result(siblings in siblings(documents())) {
        let merged = of(&by_fields(EVERY_FIELD), &siblings);
        let number = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).expect("JSON")["qty"].as_f64();
        let result = number(&merged.value);
        for (at, sibling) in siblings.iter().enumerate() {
            // Floats cannot tell some whole numbers apart, so this goes one way only.
            if number(&sibling.value).is_some_and(|of_sibling| Some(of_sibling) != result) {
                assert!(merged.losers.contains(&at));
            }
        }
    }

    #[test]
    fn no_bytes_stop_a_merge(one in vec(any::<u8>(), 0..64), other in vec(any::<u8>(), 0..64)) {
        for merge in [Merge::Max, Merge::Min, Merge::Union, by_fields(EVERY_FIELD)] {
            drop(merge.check_value(&one));
            merge.beats(&one, &other);
            of(&merge, &[sibling(1, 1, one.clone()), sibling(2, 1, other.clone())]);
        }
    }

    #[test]
    fn rules_come_back_from_their_text(text in declarations()) {
        if let Ok(rules) = JsonRules::parse(&text) {
            let canonical = rules.to_string();
            assert_eq!(JsonRules::parse(&canonical).as_ref(), Ok(&rules), "{canonical}");
        }
    }

    #[test]
    fn no_text_stops_the_reader_of_rules(bytes in vec(any::<u8>(), 0..64), pieces in vec(select(&["a", ".", ":", ",", "(", ")", " ", "union", "by", "max", "ü", "\"", "\n"][..]), 0..24)) {
        for text in [String::from_utf8_lossy(&bytes).into_owned(), pieces.concat()] {
            match JsonRules::parse(&text) {
                Ok(rules) => assert_eq!(JsonRules::parse(&rules.to_string()), Ok(rules)),
                Err(why) => assert!(why.starts_with("at character "), "{why}"),
            }
        }
    }
}

/// Some are merged and written back first, then merged with the rest.
fn in_two_steps(merge: &Merge, siblings: Vec<Sibling>, cut: usize) -> Vec<Sibling> {
    let (first, rest) = siblings.split_at(1 + cut % siblings.len());
    let mut left = vec![written_back(merge, first, 100)];
    left.extend_from_slice(rest);
    left
}

fn associates(merge: &Merge, siblings: Vec<Sibling>, cut: usize) {
    let right = of(merge, &siblings).value;
    assert_eq!(of(merge, &in_two_steps(merge, siblings, cut)).value, right);
}
