//! Merging documents by rules.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{JsonRules, Rule, order};

/// A value and the document that it comes from; later documents have higher numbers.
#[derive(Clone, Copy)]
struct Part<'a> {
    from: usize,
    value: &'a Value,
}

/// Of which documents something is not in the result.
type Lost = BTreeSet<usize>;

pub(super) fn merge(rules: &JsonRules, oldest_first: &[Value]) -> (Value, Lost) {
    let mut lost = Lost::new();
    let parts: Vec<Part<'_>> = oldest_first.iter().enumerate().map(|(from, value)| Part { from, value }).collect();
    (merge_fields(rules, &parts, &mut lost), lost)
}

/// `parts` are not empty, here and below.
fn merge_value(rule: &Rule, parts: &[Part<'_>], lost: &mut Lost) -> Value {
    match rule {
        Rule::Lww => chosen(parts, parts[parts.len() - 1].value, lost),
        Rule::Max => best(parts, lost, order::compare),
        Rule::Min => best(parts, lost, |one, other| order::compare(other, one)),
        Rule::Union => union(parts),
        Rule::UnionBy { by, below } => union_by(by, below, parts, lost),
        Rule::Object(rules) if parts.iter().all(|part| part.value.is_object()) => merge_fields(rules, parts, lost),
        // Written before the table had this rule; there are no fields to go by.
        Rule::Object(_) => merge_value(&Rule::Lww, parts, lost),
    }
}

fn merge_fields(rules: &JsonRules, parts: &[Part<'_>], lost: &mut Lost) -> Value {
    let mut fields: BTreeMap<&String, Vec<Part<'_>>> = BTreeMap::new();
    for part in parts {
        for (name, value) in part.value.as_object().into_iter().flatten() {
            fields.entry(name).or_default().push(Part { from: part.from, value });
        }
    }
    let merged = fields.into_iter().map(|(name, parts)| {
        let rule = rules.fields.get(name).unwrap_or(&Rule::Lww);
        (name.clone(), merge_value(rule, &parts, lost))
    });
    Value::Object(merged.collect::<Map<String, Value>>())
}

fn chosen(parts: &[Part<'_>], value: &Value, lost: &mut Lost) -> Value {
    lost.extend(parts.iter().filter(|part| order::compare(part.value, value).is_ne()).map(|part| part.from));
    value.clone()
}

/// The highest by `compare`. Of equal ones that are written differently, the one whose text sorts first.
fn best(parts: &[Part<'_>], lost: &mut Lost, compare: impl Fn(&Value, &Value) -> Ordering) -> Value {
    let best = parts.iter().map(|part| part.value).reduce(|best, value| {
        let better = compare(value, best).then_with(|| best.to_string().cmp(&value.to_string()));
        if better.is_gt() { value } else { best }
    });
    chosen(parts, best.unwrap_or(&Value::Null), lost)
}

/// What is no array counts as an array of itself.
fn elements<'a>(parts: &[Part<'a>]) -> Vec<Part<'a>> {
    let of_part = |part: &Part<'a>| {
        let from = part.from;
        let values = part.value.as_array().map_or(std::slice::from_ref(part.value), Vec::as_slice);
        values.iter().map(move |value| Part { from, value })
    };
    parts.iter().flat_map(of_part).collect()
}

fn union(parts: &[Part<'_>]) -> Value {
    let mut values: Vec<Value> = elements(parts).into_iter().map(|part| part.value.clone()).collect();
    order::sort_distinct(&mut values);
    Value::Array(values)
}

fn compare_key(by: &str, one: &Part<'_>, other: &Part<'_>) -> Ordering {
    order::compare(one.value.get(by).unwrap_or(&Value::Null), other.value.get(by).unwrap_or(&Value::Null))
}

/// Matched elements by what they are matched by, then those that have nothing to be matched by, as they are.
fn union_by(by: &str, below: &JsonRules, parts: &[Part<'_>], lost: &mut Lost) -> Value {
    let (mut keyed, rest): (Vec<Part<'_>>, Vec<Part<'_>>) =
        elements(parts).into_iter().partition(|part| part.value.get(by).is_some());
    // Stable: elements with the same key stay in the order of their documents, oldest first.
    keyed.sort_by(|one, other| compare_key(by, one, other));
    let mut rules = below.clone();
    // Equal keys may be written differently; this takes the same one everywhere.
    rules.fields.insert(by.to_owned(), Rule::Min);
    let same = |one: &Part<'_>, other: &Part<'_>| compare_key(by, one, other).is_eq();
    let mut values: Vec<Value> = keyed.chunk_by(same).map(|matched| merge_fields(&rules, matched, lost)).collect();
    let mut unmatched: Vec<Value> = rest.into_iter().map(|part| part.value.clone()).collect();
    order::sort_distinct(&mut unmatched);
    values.append(&mut unmatched);
    Value::Array(values)
}
