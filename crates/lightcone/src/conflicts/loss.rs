//! One loss for people: a row, or all of it.

use serde_json::Value;

use crate::shown::{UNKNOWN, printable, shortened, shown};
use crate::utc::utc;

/// Above the cells of [`row`].
pub const HEADINGS: [&str; 7] = ["id", "when (UTC)", "table/key/field", "rule", "winner", "loser", "clock gap"];

/// A loss in one line: values cut short, each with who wrote it.
pub fn row(loss: &Value) -> [String; 7] {
    let side =
        |name: &str| format!("{} ({})", shortened(&value(&loss[name]["value"]), VALUE_CHARS), writer(&loss[name]));
    [
        shown(&loss["id"]),
        when(&loss["noted_ms"]),
        shortened(&place(loss), PLACE_CHARS),
        shown(&loss["rule"]),
        side("winner"),
        side("loser"),
        gap(&loss["clock_gap_ms"]),
    ]
}

/// All of a loss, with what can be done about it.
pub fn text(loss: &Value) -> String {
    let mut text = format!(
        "{}  {}\n  noted      {}\n  rule       {}\n  clock gap  {}\n",
        shown(&loss["id"]),
        place(loss),
        when(&loss["noted_ms"]),
        shown(&loss["rule"]),
        gap(&loss["clock_gap_ms"]),
    );
    for side in ["winner", "loser"] {
        let kept = &loss[side];
        let whole = match (kept["value_bytes"].as_u64(), kept["value"].as_str()) {
            (Some(bytes), Some(text)) if text.len() as u64 != bytes => format!("; the beginning of {bytes} bytes"),
            _ => String::new(),
        };
        text.push_str(&format!(
            "\n{side}: write {} in {}, {}{whole}\n  {}\n",
            shown(&kept["dot"]),
            writer(kept),
            when(&kept["at_ms"]),
            value(&kept["value"])
        ));
    }
    text.push_str(&format!("\nTo write the loser's value again: lightcone conflicts restore {}\n", shown(&loss["id"])));
    text
}

fn place(loss: &Value) -> String {
    let field = loss["field"].as_str().filter(|field| !field.is_empty());
    let parts = [Some(shown(&loss["table"])), Some(value(&loss["key"])), field.map(printable)];
    parts.into_iter().flatten().collect::<Vec<_>>().join("/")
}

/// Bytes: as text, or in base64 where they are none.
fn value(bytes: &Value) -> String {
    match bytes.get("base64").and_then(Value::as_str) {
        Some(coded) => format!("base64:{}", printable(coded)),
        None => shown(bytes),
    }
}

fn writer(kept: &Value) -> String {
    let known = ["region", "replica", "dot"].into_iter().map(|name| &kept[name]).find(|value| !value.is_null());
    known.map_or(UNKNOWN.to_owned(), shown)
}

fn when(ms: &Value) -> String {
    ms.as_u64().map_or(UNKNOWN.to_owned(), utc)
}

/// How much later the winner's clock was; earlier if another rule than time decided.
fn gap(ms: &Value) -> String {
    ms.as_i64().map_or(UNKNOWN.to_owned(), |ms| format!("{ms} ms"))
}

const VALUE_CHARS: usize = 24;
const PLACE_CHARS: usize = 48;
