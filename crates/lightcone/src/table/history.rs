//! The versions of a table's dials, and what each changed.

use serde_json::Value;

use super::dials::{BOUNDS, DIALS, of_answer};
use crate::shown::{UNKNOWN, shown};
use crate::text_table::TextTable;
use crate::utc::utc;

/// A line for each version, the first one first.
pub fn text(history: &[Value], bold: bool) -> String {
    let mut versions: Vec<&Value> = history.iter().collect();
    versions.sort_by_key(|version| version["version"].as_u64());
    let mut table = TextTable::new(["version", "when (UTC)", "asked at", "change"]);
    let mut before = None;
    for version in versions {
        let when = ["at_ms", "changed_ms"].into_iter().find_map(|name| version[name].as_u64());
        let by = ["by", "region"].into_iter().map(|name| &version[name]).find(|by| !by.is_null());
        table.row([
            shown(&version["version"]),
            when.map_or(UNKNOWN.to_owned(), utc),
            by.map_or("-".to_owned(), shown),
            change(version, before),
        ]);
        before = Some(version);
    }
    table.text(bold)
}

fn change(version: &Value, before: Option<&Value>) -> String {
    if version["dropped"] == true {
        return "dropped".to_owned();
    }
    let now = of_answer(version);
    let Some((last, before)) = before.filter(|before| before["dropped"] != true).map(|last| (last, of_answer(last)))
    else {
        let dials = DIALS.map(|dial| format!("{dial} {}", shown(&now[dial]))).join(", ");
        return std::iter::once(format!("created: {dials}"))
            .chain(moved(version, &Value::Null))
            .collect::<Vec<_>>()
            .join(", ");
    };
    let changed = DIALS.into_iter().chain(BOUNDS).filter(|dial| now[dial] != before[dial]);
    let changed = changed.map(|dial| format!("{dial} {} -> {}", shown(&before[dial]), shown(&now[dial])));
    let texts: Vec<String> = changed.chain(moved(version, &last["target"])).collect();
    if texts.is_empty() { "nothing".to_owned() } else { texts.join(", ") }
}

/// Where the table is on its way to from this version on, if it was not on its way there before.
fn moved(version: &Value, before: &Value) -> Option<String> {
    match &version["target"] {
        now if now == before => None,
        // It has come there, which its placement tells.
        Value::Null if of_answer(version)["placement"] == *before => None,
        Value::Null => Some(format!("no longer on its way to {}", shown(before))),
        now => Some(format!("on its way to {}", shown(now))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::text;

    #[test]
    fn a_table_s_way_to_other_regions_is_told_step_by_step() {
        let version = |number: u64, placement: Value, target: Value| {
            let policy =
                json!({ "writers": "any", "ack": "local", "merge": "lww", "placement": placement, "read": "session" });
            json!({ "version": number, "at_ms": 0, "by": "oslo", "policy": policy, "target": target })
        };
        let everywhere = || json!("everywhere");
        let history = [
            version(1, json!(["oslo"]), Value::Null),
            version(2, json!(["oslo"]), everywhere()),
            version(3, json!(["oslo", "rome"]), everywhere()),
            version(4, json!(["oslo", "rome"]), json!(["kyiv", "rome"])),
            version(5, json!(["kyiv", "rome"]), Value::Null),
            version(6, json!(["kyiv", "rome"]), everywhere()),
            version(7, json!(["kyiv", "rome"]), Value::Null),
            version(8, json!(["kyiv", "rome"]), Value::Null),
        ];
        let text = text(&history, false);
        let lines: Vec<&str> =
            text.lines().skip(2).map(|line| line.rsplit("oslo      ").next().expect("a line")).collect();
        assert_eq!(
            lines,
            [
                "on its way to everywhere",
                "placement oslo -> oslo, rome",
                "on its way to kyiv, rome",
                "placement oslo, rome -> kyiv, rome",
                "on its way to everywhere",
                "no longer on its way to everywhere",
                "nothing",
            ]
        );
    }

    #[test]
    fn each_version_says_what_it_changed() {
        let policy = |ack: &str, wait_ms: u64| json!({ "writers": "any", "ack": ack, "merge": "lww", "placement": "everywhere", "read": "session", "wait_ms": wait_ms });
        let history = [
            json!({ "version": 3, "at_ms": 1_234_567_890_123_u64, "by": "eu-west", "policy": policy("majority", 500) }),
            json!({ "version": 1, "at_ms": 0, "by": "us-east", "policy": policy("local", 1000) }),
        ];
        let expected = "\
version  when (UTC)               asked at  change
      1  1970-01-01 00:00:00.000  us-east   created: writers any, ack local, merge lww, placement everywhere, read session
      3  2009-02-13 23:31:30.123  eu-west   ack local -> majority, wait_ms 1000 -> 500
";
        assert_eq!(text(&history, false), expected);
    }
}
