//! The `merge` dial as text: `typed`, `lww`, `siblings`, `max`, `min`, `union`, `json(items: union by sku, qty: max)`.
//! What a rule does is in lc-crdt.

use std::sync::Arc;

use lc_crdt::{JsonRules, Merge};
use serde::{Deserializer, Serializer};

use crate::text::{self, Words};
use crate::{Dial, Error};

/// A rule from its text.
pub fn parse(text: &str) -> Result<Merge, Error> {
    if text.len() > BYTES_MAX {
        return Err(text::wrong(
            Dial::Merge,
            text,
            format!("{} bytes of rules, at most {BYTES_MAX} are read", text.len()),
        ));
    }
    let words = Words::of(Dial::Merge, text)?;
    match (words.word.as_str(), words.argument) {
        ("typed", None) => Ok(Merge::Typed),
        ("lww", None) => Ok(Merge::Lww),
        ("siblings", None) => Ok(Merge::Siblings),
        ("max", None) => Ok(Merge::Max),
        ("min", None) => Ok(Merge::Min),
        ("union", None) => Ok(Merge::Union),
        ("json", Some(rules)) => match JsonRules::parse(rules) {
            Ok(rules) => Ok(Merge::Json(Arc::new(rules))),
            Err(why) => Err(words.wrong(why)),
        },
        _ => Err(words.unknown(&[
            "typed",
            "lww",
            "siblings",
            "max",
            "min",
            "union",
            "json(items: union by sku, qty: max)",
        ])),
    }
}

/// The text of a rule, from which [`parse`] makes the same one.
pub fn print(merge: &Merge) -> String {
    match merge {
        Merge::Typed => "typed".to_owned(),
        Merge::Lww => "lww".to_owned(),
        Merge::Siblings => "siblings".to_owned(),
        Merge::Max => "max".to_owned(),
        Merge::Min => "min".to_owned(),
        Merge::Union => "union".to_owned(),
        Merge::Json(rules) => format!("json({rules})"),
    }
}

/// For `#[serde(with = "lc_policy::merge_text")]`.
pub fn serialize<S: Serializer>(merge: &Merge, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&print(merge))
}

/// For `#[serde(with = "lc_policy::merge_text")]`.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Merge, D::Error> {
    text::deserialize::<Text, D>(deserializer).map(|text| text.0)
}

/// [`Merge`] belongs to another room, so `FromStr` has to be written for something of ours.
struct Text(Merge);

impl std::str::FromStr for Text {
    type Err = Error;

    fn from_str(text: &str) -> Result<Text, Error> {
        parse(text).map(Text)
    }
}

/// Rules are read by people; what is longer is not meant.
const BYTES_MAX: usize = 8 << 10;

#[cfg(test)]
mod tests {
    use lc_crdt::Merge;

    use super::{parse, print};

    #[test]
    fn every_rule_is_read_as_it_is_printed() {
        for merge in [Merge::Typed, Merge::Lww, Merge::Siblings, Merge::Max, Merge::Min, Merge::Union] {
            assert_eq!(parse(&print(&merge)), Ok(merge));
        }
        for text in [
            "json(items: union by sku, qty: max)",
            "json(items: union by sku (qty: max), note: lww)",
            "JSON( items : union by sku , items.qty : max )",
            "json(qty:max)",
        ] {
            let merge = parse(text).unwrap_or_else(|error| panic!("{error}"));
            assert!(matches!(merge, Merge::Json(_)), "{text}");
            assert_eq!(parse(&print(&merge)), Ok(merge), "{text}");
        }
    }

    #[test]
    fn a_wrong_rule_is_told_what_would_be_right() {
        for (text, why) in [
            ("lwww", "merge=lwww: unknown setting; did you mean lww? settings: typed, lww, siblings, max"),
            ("json", "merge=json: write json(items: union by sku, qty: max)"),
            ("json(items: union", "merge=json(items: union: a bracket is not closed"),
            ("max(qty)", "merge=max(qty): write max"),
            ("json(qty: biggest)", "merge=json(qty: biggest): "),
        ] {
            let error = parse(text).expect_err(text).to_string();
            assert!(error.starts_with(why), "{error}");
        }
        let long = format!("json({})", "a: max, ".repeat(2000));
        assert!(parse(&long).expect_err("long").to_string().ends_with("16006 bytes of rules, at most 8192 are read"));
    }
}
