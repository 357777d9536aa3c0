//! Field-wise rules for JSON documents: `items: union by sku (qty: max), total: max, note: lww`.
//!
//! A field that a document lacks is not a wish to remove it: what any document has stays. A field without a rule is
//! last-writer-wins, as a whole.

mod documents;
pub(crate) mod order;
mod shape;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;

/// The rules of one table, as declared.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct JsonRules {
    fields: BTreeMap<String, Rule>,
}

/// What concurrent values of one field become.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Rule {
    /// That of the latest document which has the field.
    Lww,
    /// The highest: numbers by value, strings byte by byte.
    Max,
    /// The lowest.
    Min,
    /// Arrays: every element that any of them has, once.
    Union,
    /// Arrays of objects: those with the same `by` are one, merged field by field.
    UnionBy { by: String, below: JsonRules },
    /// An object, merged field by field.
    Object(JsonRules),
}

impl JsonRules {
    /// Reads rules, separated by commas:
    ///
    /// ```text
    /// PATH: lww | max | min | union | union by FIELD [ ( rules for matched elements ) ]
    /// ```
    ///
    /// A path is field names with dots between them; below `items: union by sku`, `items.qty` is a field of each element.
    /// A rule of a name alone holds for fields of this name in matched elements of the document's arrays too, where those have no rule of their
    /// own for it: `items: union by sku, qty: max` merges a shopping cart as one would expect. At most 64 rules, paths at most 16 names deep. The error says where, and what would be right.
    pub fn parse(text: &str) -> Result<JsonRules, String> {
        let mut rules = text::parse(text)?;
        rules.hand_down();
        Ok(rules)
    }

    /// Gives matched elements the rules of the fields beside their array.
    fn hand_down(&mut self) {
        let plain = |rule: &Rule| matches!(rule, Rule::Lww | Rule::Max | Rule::Min | Rule::Union);
        let beside: Vec<(String, Rule)> = self
            .fields
            .iter()
            .filter(|(_, rule)| plain(rule))
            .map(|(name, rule)| (name.clone(), rule.clone()))
            .collect();
        for rule in self.fields.values_mut() {
            if let Rule::UnionBy { by, below } = rule {
                for (name, rule) in beside.iter().filter(|(name, _)| name != by) {
                    below.fields.entry(name.clone()).or_insert_with(|| rule.clone());
                }
            }
        }
    }

    /// Whether a document fits: a path that exists must have the shape that its rule needs. The error names the path.
    pub(crate) fn check(&self, document: &Value) -> Result<(), String> {
        shape::check(self, document)
    }

    /// Objects as one, given oldest first, and which of them something was lost of.
    pub(crate) fn merge(&self, oldest_first: &[Value]) -> (Value, BTreeSet<usize>) {
        documents::merge(self, oldest_first)
    }
}

/// The canonical text: paths sorted, rules of elements in parentheses. [`JsonRules::parse`] reads it back.
impl fmt::Display for JsonRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        text::write(self, f)
    }
}

#[cfg(test)]
mod tests;
