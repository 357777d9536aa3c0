use serde_json::{Value, json};

use super::JsonRules;

fn rules(text: &str) -> JsonRules {
    JsonRules::parse(text).expect(text)
}

fn refused(text: &str) -> String {
    JsonRules::parse(text).expect_err(text)
}

/// Merges documents, oldest first; gives the result and which ones lost something.
fn merged(text: &str, oldest_first: &[Value]) -> (Value, Vec<usize>) {
    let (value, lost) = rules(text).merge(oldest_first);
    (value, lost.into_iter().collect())
}

#[test]
fn carts_that_were_filled_in_two_regions_become_one() {
    let one =
        json!({"items": [{"sku": "pear", "qty": 1}, {"sku": "plum", "qty": 5}], "note": "ring", "coupons": ["A"]});
    let other = json!({"items": [{"sku": "plum", "qty": 2}, {"sku": "apple", "qty": 3}], "coupons": ["B", "A"]});
    let (cart, lost) = merged("items: union by sku (qty: max), coupons: union", &[one, other]);
    let items = json!([{"sku": "apple", "qty": 3}, {"sku": "pear", "qty": 1}, {"sku": "plum", "qty": 5}]);
    assert_eq!(cart, json!({"items": items, "coupons": ["A", "B"], "note": "ring"}));
    // Its two plums are not in the cart.
    assert_eq!(lost, [1]);
}

#[test]
fn a_name_alone_is_a_field_of_the_document_and_of_its_matched_elements() {
    let carts = rules("items: union by sku, qty: max");
    assert_eq!(carts.to_string(), "items: union by sku (qty: max), qty: max");
    assert_eq!(
        rules("items: union by sku (qty: min), qty: max").to_string(),
        "items: union by sku (qty: min), qty: max"
    );
    let (cart, _) = carts.merge(&[json!({"items": [{"sku": 1}], "qty": 9}), json!({"items": [{"sku": 2}], "qty": 4})]);
    assert_eq!(cart, json!({"items": [{"sku": 1}, {"sku": 2}], "qty": 9}));
}

#[test]
fn rules_of_elements_are_the_same_with_a_dot_and_in_parentheses_and_in_any_order() {
    let canonical =
        "address.city: min, items: union by sku (added: min, options: union by name (price: max), qty: max)";
    for text in [
        "items: union by sku (qty: max, added: min, options: union by name (price: max)), address.city: min",
        "items.qty: max, items.added:min,items.options.price: max ,address.city : min, items.options: union by name, items: union by sku",
        "items: union by sku(qty: max, options.price: max, options: union by name), items.added: min, address.city: min",
        canonical,
    ] {
        assert_eq!(rules(text).to_string(), canonical, "{text}");
        assert_eq!(rules(text), rules(canonical), "{text}");
    }
}

#[test]
fn a_wrong_rule_is_refused_with_its_place_its_path_and_what_would_be_right() {
    for (text, part) in [
        ("", "at character 1: a rule such as `qty: max` is missing"),
        ("qty: max,", "at character 10: a rule such as"),
        ("qty max", "at character 4, path `qty`: a colon is missing; write `qty: RULE`"),
        ("qty: maximum", "at character 6, path `qty`: `maximum` is not a rule; rules are lww, max, min, union"),
        ("total: sum", "at character 8, path `total`: there is no rule sum"),
        ("qty: max min: min", "at character 10: `m` is not expected; rules are separated by commas"),
        ("a..b: max", "path `a..b`: there is nothing before, after or between its dots"),
        (".a: max", "path `.a`: there is nothing"),
        ("a: max, b: min, a: min", "at character 17, path `a`: there are two rules for this path"),
        ("items: union by sku (qty: max), items.qty: min", "at character 33, path `items.qty`: there are two rules"),
        ("items: union, items.qty: max", "path `items.qty`: items is a plain union; write `items: union by FIELD`"),
        ("items: union (qty: max)", "at character 14: rules in parentheses follow `union by FIELD` only"),
        (
            "qty: max, qty.unit: lww",
            "path `qty.unit`: qty is decided as a whole by max; leave out this rule or `qty: max`",
        ),
        ("items: union by sku (sku: max)", "path `items.sku`: elements of items are matched by sku"),
        ("items: union by", "at character 16, path `items`: after `union by` stands one field name"),
        ("items: union by a.b", "at character 17, path `items`: after `union by`"),
        ("items: union by sku (qty: max", "at character 21, path `items`: this ( is not closed"),
        ("qty: max)", "at character 9: `)` is not expected"),
        ("\"qty\": max", "at character 1: names are written without quotes"),
        ("größe: max, größe: min", "at character 13, path `größe`: there are two rules"),
    ] {
        let why = refused(text);
        assert!(why.contains(part), "{text}\n  {why}");
    }
}

#[test]
fn rules_are_bounded_in_number_and_depth() {
    let many = |count: usize| (0..count).map(|at| format!("f{at}: max")).collect::<Vec<_>>().join(", ");
    assert_eq!(rules(&many(64)).to_string().matches("max").count(), 64);
    assert!(refused(&many(65)).contains("more than 64 rules"));
    assert!(JsonRules::parse(&format!("{}: max", ["a"; 16].join("."))).is_ok());
    assert!(refused(&format!("{}: max", ["a"; 17].join("."))).contains("it is 17 names deep; 16 is the most"));
    let nested = |depth: usize| "a: union by k (".repeat(depth) + "b: max" + &")".repeat(depth);
    assert!(JsonRules::parse(&nested(15)).is_ok());
    assert!(refused(&nested(100_000)).contains("16 is the most"));
}

#[test]
fn a_document_that_does_not_fit_is_refused_with_the_path() {
    let carts = rules("items: union by sku (qty: max), tags: union, total: min, address.city: max");
    let fits = |document: Value| carts.check(&document);
    assert_eq!(fits(json!({})), Ok(()));
    let whole = json!({"items": [{"sku": 1, "qty": 2, "x": null}], "tags": [1, "a"], "total": 1.5, "address": {"city": "Oslo"}});
    assert_eq!(fits(whole), Ok(()));
    for (document, part) in [
        (json!([]), "merge=json needs a JSON object; the value is an array"),
        (
            json!({"items": {}}),
            "`items` must be an array of objects, because its rule is union by sku; it is an object",
        ),
        (json!({"items": [{"sku": 1}, 7]}), "`items[1]` must be an object"),
        (json!({"items": [{"qty": 1}]}), "`items[0].sku` is missing"),
        (json!({"items": [{"sku": null}]}), "`items[0].sku` must be a string, a number, true or false"),
        (
            json!({"items": [{"sku": 1, "qty": [1]}]}),
            "`items[0].qty` must be a number or a string, because its rule is max",
        ),
        (json!({"tags": "a"}), "`tags` must be an array"),
        (json!({"tags": ["a", {}]}), "`tags[1]` must be a string"),
        (json!({"total": null}), "`total` must be a number or a string, because its rule is min; it is null"),
        (json!({"address": "Oslo"}), "`address` must be an object, because address.city has a rule; it is a string"),
        (json!({"address": [1]}), "for an array of objects declare `address: union by FIELD`"),
    ] {
        let why = fits(document.clone()).expect_err("does not fit");
        assert!(why.contains(part), "{document}\n  {why}");
    }
}

#[test]
fn a_field_that_one_document_lacks_stays() {
    let (value, lost) = merged("a: lww", &[json!({"a": 1, "b": {"c": 1}}), json!({"d": 2})]);
    assert_eq!(value, json!({"a": 1, "b": {"c": 1}, "d": 2}));
    assert!(lost.is_empty());
}

#[test]
fn a_field_without_a_rule_is_decided_as_a_whole_by_the_latest() {
    let (value, lost) =
        merged("x.y: max", &[json!({"b": {"c": 1, "d": 1}, "x": {"z": 1}}), json!({"b": {"c": 2}, "x": {"z": 2}})]);
    assert_eq!(value, json!({"b": {"c": 2}, "x": {"z": 2}}));
    assert_eq!(lost, [0]);
}

#[test]
fn numbers_compare_by_value_and_below_strings() {
    let (value, lost) = merged(
        "q: max, r: min",
        &[json!({"q": 9007199254740993_i64, "r": "a"}), json!({"q": 9007199254740992.0, "r": 7})],
    );
    assert_eq!(value, json!({"q": 9007199254740993_i64, "r": 7}));
    assert_eq!(lost, [0, 1]);
}

#[test]
fn what_was_written_before_the_rule_is_merged_as_well_as_can_be() {
    let text = "tags: union, items: union by sku (qty: max), at.x: max";
    let old = json!({"tags": "solo", "items": [{"sku": 1, "qty": 1}, {"name": "no sku"}, 5], "at": "nowhere"});
    let new = json!({"tags": ["a"], "items": {"sku": 1, "qty": 3}, "at": {"x": 1}});
    let (value, lost) = merged(text, &[old, new]);
    let items = json!([{"sku": 1, "qty": 3}, 5, {"name": "no sku"}]);
    assert_eq!(value, json!({"tags": ["a", "solo"], "items": items, "at": {"x": 1}}));
    assert_eq!(lost, [0]);
}

#[test]
fn equal_numbers_written_differently_are_one_and_its_text_is_the_same_everywhere() {
    let (one, other) = (json!({"t": [1.0, 2], "i": [{"k": 1.0}]}), json!({"t": [1, 2.0], "i": [{"k": 1}]}));
    let there = rules("t: union, i: union by k").merge(&[one.clone(), other.clone()]);
    let back = rules("t: union, i: union by k").merge(&[other, one]);
    assert_eq!(there.0.to_string(), r#"{"i":[{"k":1}],"t":[1,2]}"#);
    assert_eq!(there, back);
}
