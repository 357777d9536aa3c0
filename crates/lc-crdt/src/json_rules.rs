//! Field-wise rules for JSON documents: `items: union by sku, qty: max`.

/// The rules of one table, as declared.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct JsonRules {}
