//! One order of all JSON values, the same everywhere.

use std::cmp::Ordering;

use serde_json::Value;

use crate::merge::exact::Exact;

/// null, false, true, numbers by value, strings byte by byte, arrays, objects. Equal is JSON equality: `1` and `1.0` are
/// the same number, and the order of an object's fields means nothing.
pub(crate) fn compare(one: &Value, other: &Value) -> Ordering {
    match (one, other) {
        (Value::Bool(one), Value::Bool(other)) => one.cmp(other),
        (Value::Number(one), Value::Number(other)) => Exact::from(one).compare(Exact::from(other)),
        (Value::String(one), Value::String(other)) => one.cmp(other),
        (Value::Array(one), Value::Array(other)) => {
            let unequal = one.iter().zip(other).map(|(one, other)| compare(one, other)).find(|order| order.is_ne());
            unequal.unwrap_or_else(|| one.len().cmp(&other.len()))
        }
        (Value::Object(one), Value::Object(other)) => {
            let fields = one
                .iter()
                .zip(other)
                .map(|((name, one), (other_name, other))| name.cmp(other_name).then_with(|| compare(one, other)));
            fields.into_iter().find(|order| order.is_ne()).unwrap_or_else(|| one.len().cmp(&other.len()))
        }
        _ => rank(one).cmp(&rank(other)),
    }
}

/// Like [`compare`], but of equal values that are written differently the one whose text sorts first is lower. Choosing
/// the lowest makes the text, too, the same everywhere.
pub(crate) fn compare_text(one: &Value, other: &Value) -> Ordering {
    compare(one, other).then_with(|| one.to_string().cmp(&other.to_string()))
}

/// Sorts, and keeps one of those that are equal.
pub(crate) fn sort_distinct(values: &mut Vec<Value>) {
    values.sort_by(compare_text);
    values.dedup_by(|later, kept| compare(later, kept).is_eq());
}

/// What a value is, in words.
pub(crate) fn what(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        Value::String(_) => 3,
        Value::Array(_) => 4,
        Value::Object(_) => 5,
    }
}
