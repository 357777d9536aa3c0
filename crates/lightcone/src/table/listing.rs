//! Several tables or presets, a line each.

use serde_json::Value;

use super::dials::{DIALS, of_answer};
use crate::shown::{shortened, shown};
use crate::text_table::TextTable;

/// Every table with its version and dials.
pub fn tables(tables: &[Value], bold: bool) -> String {
    let mut text = TextTable::new(["table", "version"].into_iter().chain(DIALS));
    for table in tables {
        text.row([shown(&table["name"]), shown(&table["version"])].into_iter().chain(dials(table)));
    }
    text.text(bold)
}

/// Every preset with its dials, which of them are refused now and why, and how to see one as a file.
pub fn presets(presets: &[Value], bold: bool) -> String {
    let mut text = TextTable::new(["preset", "now"].into_iter().chain(DIALS));
    for preset in presets {
        text.row([shown(&preset["name"]), now(preset).to_owned()].into_iter().chain(dials(preset)));
    }
    let mut text = text.text(bold);
    let refused = presets.iter().filter(|preset| preset["refusal"].is_string());
    let refused = refused.map(|preset| format!("{}: {}\n", shown(&preset["name"]), shown(&preset["refusal"])));
    let refused: String = refused.collect();
    if !refused.is_empty() {
        text.push('\n');
        text.push_str(&refused);
    }
    format!("{text}\nAs a file to edit: lightcone table presets NAME > policy.toml\n")
}

/// Whether a preset can be had.
fn now(preset: &Value) -> &'static str {
    match (preset["available"].as_bool(), preset["why"].as_str()) {
        (Some(true), _) => "yes",
        (Some(false), Some("not_yet")) => "not yet",
        (Some(false), _) => "refused",
        (None, _) => "-",
    }
}

fn dials(answer: &Value) -> impl Iterator<Item = String> {
    let dials = of_answer(answer);
    DIALS.into_iter().map(|dial| match dials.get(dial) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(value) => shortened(&shown(value), DIAL_CHARS),
    })
}

/// Rules for JSON are the only long ones; `lightcone table show` has them whole.
const DIAL_CHARS: usize = 32;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{presets, tables};

    #[test]
    fn a_table_is_a_line() {
        let carts = json!({ "name": "carts", "version": 4, "policy": {
            "writers": "any", "ack": "majority", "merge": "json(items: union by sku, qty: max, note: lww)",
            "placement": ["eu-west", "us-east"], "read": "quorum(2)",
        } });
        let default = json!({ "name": "default", "version": 0, "policy": {
            "writers": "any", "ack": "local", "merge": "typed", "placement": "everywhere", "read": "session",
        } });
        let expected = "\
table    version  writers  ack       merge                             placement         read
default        0  any      local     typed                             everywhere        session
carts          4  any      majority  json(items: union by sku, qty...  eu-west, us-east  quorum(2)
";
        assert_eq!(tables(&[default, carts], false), expected);
    }

    #[test]
    fn a_preset_is_a_line_and_what_it_leaves_open_is_a_dash() {
        let text =
            presets(&[json!({ "name": "leaderless", "dials": { "writers": "any", "ack": "regions(2)" } })], false);
        assert!(text.contains("\nleaderless    -  any      regions(2)      -          -     -\n"), "{text}");
    }

    #[test]
    fn a_preset_that_is_refused_now_says_why() {
        let crdt =
            json!({ "name": "crdt", "available": true, "refusal": null, "why": null, "dials": { "ack": "local" } });
        let external = json!({
            "name": "external", "available": false, "why": "not_yet", "dials": { "ack": "majority" },
            "refusal": "writers=consensus: not yet: tables have no consensus groups yet",
        });
        let expected = "\
preset    now      writers  ack       merge  placement  read
crdt      yes            -  local         -          -     -
external  not yet        -  majority      -          -     -

external: writers=consensus: not yet: tables have no consensus groups yet

As a file to edit: lightcone table presets NAME > policy.toml
";
        assert_eq!(presets(&[crdt, external], false), expected);
    }
}
