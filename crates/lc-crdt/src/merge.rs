//! What concurrent values of one string become: the rule is a table's, evaluated when somebody reads or replaces.
//!
//! Replicas keep every value that nobody who saw it has replaced, whatever the rule says: a rule never changes rows by
//! itself, so replicas that learn of a new rule at different times stay equal.
//!
//! All rules look at the whole list at once and choose by what stands in it, never by its order, so they commute and
//! repeat harmlessly. `max`, `min` and `union` also associate: merging what was merged before changes nothing. What is
//! chosen by time, `lww` and the fields of a document without another rule, associates as far as stamps do: a value that
//! was merged and written back carries the stamp of that write.
//!
//! Numbers in JSON: whole ones of 64 bits, and fractions written with up to fifteen digits and no exponent, come out as
//! they went in. Other floats may come out of a merge changed in the last digit, the same in every region; if they are
//! elements of a union, one that was written back so stands beside the one it came from.

pub(crate) mod exact;

use std::cmp::Ordering;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

use crate::json_rules::{JsonRules, order};
use crate::{Number, Sibling};
use exact::Exact;

/// A table's `merge` dial.
#[derive(Clone, PartialEq, Debug, Default)]
pub enum Merge {
    /// Counters add up, sets and maps keep what was added, strings are last-writer-wins.
    #[default]
    Typed,
    /// The highest (hybrid logical clock, dot) wins; increments are plain writes.
    Lww,
    /// All concurrent values are shown, until a write names those that it replaces.
    Siblings,
    /// The highest value wins, written later or not. Numbers compare as numbers, and are lower than all else, which
    /// compares byte by byte.
    Max,
    /// The lowest value wins.
    Min,
    /// Values are JSON arrays; what any of them holds.
    Union,
    /// Values are JSON documents, merged field by field.
    Json(Arc<JsonRules>),
}

/// Concurrent values as one.
#[derive(Clone, PartialEq, Debug)]
pub struct Merged {
    /// What a reader sees. Of one value, or several alike, it is that value as written; put together from different ones
    /// it is compact JSON with sorted keys, and may be larger than a value may be when it is written.
    pub value: Bytes,
    /// Which sibling the value is, or leads it if it was put together.
    pub winner: usize,
    /// Siblings of which something is not in the value.
    pub losers: Vec<usize>,
}

impl Merge {
    /// The siblings of a cell as one value; `None` if there are none.
    pub fn of(&self, siblings: &[Sibling]) -> Option<Merged> {
        let latest = (0..siblings.len()).max_by_key(|&at| by_time(&siblings[at]))?;
        if siblings.iter().all(|sibling| sibling.value == siblings[latest].value) {
            return Some(one_of(siblings, latest));
        }
        Some(match self {
            Merge::Typed | Merge::Lww | Merge::Siblings => one_of(siblings, latest),
            Merge::Max | Merge::Min => one_of(siblings, self.best(siblings)?),
            Merge::Union => union(siblings, latest),
            Merge::Json(rules) => documents(rules, siblings, latest),
        })
    }

    /// Whether increments, fields and members are kept as such (`typed`, and element by element `lww`).
    pub fn keeps_types(&self) -> bool {
        matches!(self, Merge::Typed | Merge::Lww)
    }

    /// Whether a value fits the rule; if not, why, and what would.
    pub fn check_value(&self, value: &[u8]) -> Result<(), String> {
        match self {
            Merge::Typed | Merge::Lww | Merge::Siblings | Merge::Max | Merge::Min => Ok(()),
            Merge::Union => match parsed(value)? {
                Value::Array(_) => Ok(()),
                other => Err(format!(
                    "merge=union needs a JSON array, such as [\"a\"]; the value is {}",
                    order::what(&other)
                )),
            },
            Merge::Json(rules) => rules.check(&parsed(value)?),
        }
    }

    /// Its name, as the dial is set.
    pub fn name(&self) -> &'static str {
        match self {
            Merge::Typed => "typed",
            Merge::Lww => "lww",
            Merge::Siblings => "siblings",
            Merge::Max => "max",
            Merge::Min => "min",
            Merge::Union => "union",
            Merge::Json(_) => "json",
        }
    }

    /// Whether a value written now replaces the standing one. Only `max` and `min` let a later value lose; of values that
    /// are equal as numbers the later one stands, as it does among siblings.
    pub fn beats(&self, new: &[u8], standing: &[u8]) -> bool {
        match self {
            Merge::Max => compare(new, standing) != Ordering::Less,
            Merge::Min => compare(new, standing) != Ordering::Greater,
            _ => true,
        }
    }

    /// The highest or lowest value; of equal ones the latest.
    fn best(&self, siblings: &[Sibling]) -> Option<usize> {
        (0..siblings.len()).max_by(|&one, &other| {
            let (one, other) = (&siblings[one], &siblings[other]);
            let upward = compare(&one.value, &other.value);
            let order = if *self == Merge::Min { upward.reverse() } else { upward };
            order.then_with(|| by_time(one).cmp(&by_time(other)))
        })
    }
}

fn by_time(sibling: &Sibling) -> impl Ord + use<> {
    (sibling.hlc, sibling.dot)
}

fn one_of(siblings: &[Sibling], winner: usize) -> Merged {
    let losers = (0..siblings.len()).filter(|&at| siblings[at].value != siblings[winner].value).collect();
    Merged { value: siblings[winner].value.clone(), winner, losers }
}

/// Numbers in the order of their values, then everything else byte by byte.
fn compare(one: &[u8], other: &[u8]) -> Ordering {
    match (Number::parse(one), Number::parse(other)) {
        (Some(one), Some(other)) => Exact::from(one).compare(Exact::from(other)),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => one.cmp(other),
    }
}

fn parsed(value: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(value).map_err(|error| format!("the value is not JSON that can be read: {error}"))
}

fn union(siblings: &[Sibling], winner: usize) -> Merged {
    let mut elements = Vec::new();
    let mut losers = Vec::new();
    for (at, sibling) in siblings.iter().enumerate() {
        match serde_json::from_slice(&sibling.value) {
            Ok(Value::Array(of_sibling)) => elements.extend(of_sibling),
            Ok(other) => elements.push(other),
            // Written before the table had this rule. As text it can be an element; bytes that are no text change.
            Err(_) => {
                if std::str::from_utf8(&sibling.value).is_err() {
                    losers.push(at);
                }
                elements.push(Value::String(String::from_utf8_lossy(&sibling.value).into_owned()));
            }
        }
    }
    order::sort_distinct(&mut elements);
    Merged { value: Value::Array(elements).to_string().into(), winner, losers }
}

fn documents(rules: &JsonRules, siblings: &[Sibling], latest: usize) -> Merged {
    let mut at_by_time: Vec<usize> = (0..siblings.len()).collect();
    at_by_time.sort_by_key(|&at| by_time(&siblings[at]));
    let read = |&at: &usize| serde_json::from_slice::<Value>(&siblings[at].value).ok().filter(Value::is_object);
    let Some(oldest_first) = at_by_time.iter().map(read).collect::<Option<Vec<Value>>>() else {
        // Fields can only be compared among documents, so one that is none makes it last-writer-wins for all.
        return one_of(siblings, latest);
    };
    let (document, lost) = rules.merge(&oldest_first);
    let mut losers: Vec<usize> = lost.into_iter().map(|rank| at_by_time[rank]).collect();
    losers.sort_unstable();
    Merged { value: document.to_string().into(), winner: latest, losers }
}

#[cfg(test)]
mod tests;
