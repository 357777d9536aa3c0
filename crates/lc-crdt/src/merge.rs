//! What concurrent values of one string become: the rule is a table's, evaluated when somebody reads or replaces.
//!
//! Replicas keep every value that nobody who saw it has replaced, whatever the rule says: a rule never changes rows by
//! itself, so replicas that learn of a new rule at different times stay equal.

use std::sync::Arc;

use bytes::Bytes;

use crate::Sibling;
use crate::json_rules::JsonRules;

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
    /// The highest value wins, written later or not.
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
    /// What a reader sees.
    pub value: Bytes,
    /// Which sibling the value is, or leads it if it was put together.
    pub winner: usize,
    /// Siblings of which something is not in the value.
    pub losers: Vec<usize>,
}

impl Merge {
    /// The siblings of a cell as one value; `None` if there are none.
    pub fn of(&self, siblings: &[Sibling]) -> Option<Merged> {
        let winner = (0..siblings.len()).max_by_key(|&at| (siblings[at].hlc, siblings[at].dot))?;
        let losers = (0..siblings.len()).filter(|&at| siblings[at].value != siblings[winner].value).collect();
        Some(Merged { value: siblings[winner].value.clone(), winner, losers })
    }

    /// Whether increments, fields and members are kept as such (`typed`, and element by element `lww`).
    pub fn keeps_types(&self) -> bool {
        matches!(self, Merge::Typed | Merge::Lww)
    }

    /// Whether a value fits the rule.
    pub fn check_value(&self, _value: &[u8]) -> Result<(), String> {
        Ok(())
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        "merge"
    }

    /// Whether a value replaces the standing one, for `max` and `min`.
    pub fn beats(&self, new: &[u8], standing: &[u8]) -> bool {
        new > standing
    }
}
