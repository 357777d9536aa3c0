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
    let Some(before) = before.filter(|before| before["dropped"] != true).map(of_answer) else {
        return format!("created: {}", DIALS.map(|dial| format!("{dial} {}", shown(&now[dial]))).join(", "));
    };
    let changed = DIALS.into_iter().chain(BOUNDS).filter(|dial| now[dial] != before[dial]);
    let texts: Vec<String> =
        changed.map(|dial| format!("{dial} {} -> {}", shown(&before[dial]), shown(&now[dial]))).collect();
    if texts.is_empty() { "nothing".to_owned() } else { texts.join(", ") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::text;

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
