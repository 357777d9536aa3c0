//! One table for people: its dials, what they promise and cost, and what was measured.

use std::fmt::Write;

use serde_json::{Map, Value};

use super::dials::{BOUNDS, DIALS, named, of_answer};
use crate::shown::{UNKNOWN, label, printable, shown};
use crate::text_table::TextTable;

/// The page. Members of the explanation that this program does not know stand at the end under their own names, so a
/// newer node's are not lost.
pub fn text(table: &Value, bold: bool) -> String {
    let mut page = Page { text: String::new(), bold };
    page.heading(&title(table));
    let dials = of_answer(table);
    let dialled = DIALS.into_iter().chain(BOUNDS).filter(|name| !dials[name].is_null());
    let facts = dialled.map(|name| (spoken(name), shown(&dials[name])));
    page.facts(1, &facts.chain(moving(table)).collect::<Vec<_>>());
    for (name, heading) in SECTIONS {
        if let Some(value) = table.get(name) {
            page.text.push('\n');
            page.heading(heading);
            page.value(1, value);
        }
    }
    page.text
}

/// Which regions are being given the table's records, and which give theirs up then.
fn moving(table: &Value) -> impl Iterator<Item = (String, String)> {
    let about = |name: &str, words: &str| Some((name.to_owned(), format!("{} ({words})", named(table, name)?)));
    let arriving = about("arriving", "records are being copied; counts once they are here");
    arriving.into_iter().chain(about("leaving", "removes its copies once those have arrived"))
}

fn title(table: &Value) -> String {
    let mut title = shown(&table["name"]);
    for (name, what) in [("version", "version"), ("preset", "preset")] {
        if !table[name].is_null() {
            let _ = write!(title, ", {what} {}", shown(&table[name]));
        }
    }
    title
}

struct Page {
    text: String,
    bold: bool,
}

impl Page {
    fn heading(&mut self, heading: &str) {
        // Writing to a String cannot fail.
        let _ = match self.bold {
            true => writeln!(self.text, "\x1b[1m{heading}\x1b[0m"),
            false => writeln!(self.text, "{heading}"),
        };
    }

    fn facts(&mut self, depth: usize, facts: &[(String, String)]) {
        let width = facts.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        for (name, value) in facts {
            self.line(depth, &format!("{name:<width$}  {value}"));
        }
    }

    fn line(&mut self, depth: usize, line: &str) {
        let _ = writeln!(self.text, "{}{}", "  ".repeat(depth), line.trim_end());
    }

    /// Any value: text as lines, lists of objects as tables, everything else as names with values.
    fn value(&mut self, depth: usize, value: &Value) {
        match value {
            Value::Object(members) => self.members(depth, members),
            Value::Array(items) if items.is_empty() => self.line(depth, "none"),
            Value::Array(items) if items.iter().all(Value::is_object) => self.table(depth, &rows_of_list(items)),
            Value::Array(items) => items.iter().for_each(|item| self.line(depth, &shown(item))),
            Value::String(text) => text.lines().for_each(|line| self.line(depth, &printable(line))),
            other => self.line(depth, &shown(other)),
        }
    }

    fn members(&mut self, depth: usize, members: &Map<String, Value>) {
        if !members.is_empty() && members.values().all(Value::is_object) {
            return self.table(depth, &rows_of_map(members));
        }
        let mut members: Vec<(&String, &Value)> = members.iter().collect();
        members.sort_by_key(|(name, _)| KNOWN.iter().position(|(known, _)| known == name).unwrap_or(KNOWN.len()));
        let (short, long): (Vec<_>, Vec<_>) = members.into_iter().partition(|(_, value)| is_short(value));
        self.facts(depth, &short.iter().map(|(name, value)| (spoken(name), shown(value))).collect::<Vec<_>>());
        for (name, value) in long {
            self.line(depth, &format!("{}:", spoken(name)));
            self.value(depth + 1, value);
        }
    }

    fn table(&mut self, depth: usize, rows: &[Vec<(String, String)>]) {
        let mut columns: Vec<&str> = Vec::new();
        for (name, _) in rows.iter().flatten() {
            if !columns.contains(&name.as_str()) {
                columns.push(name);
            }
        }
        let mut table = TextTable::new(columns.iter().map(|name| spoken(name)));
        for row in rows {
            let cell = |column: &&str| row.iter().find(|(name, _)| name == column).map(|(_, value)| value.clone());
            table.row(columns.iter().map(|column| cell(column).unwrap_or_else(|| UNKNOWN.to_owned())));
        }
        table.text(false).lines().for_each(|line| self.line(depth, line));
    }
}

fn rows_of_list(items: &[Value]) -> Vec<Vec<(String, String)>> {
    items.iter().filter_map(Value::as_object).map(cells).collect()
}

/// Objects by name; the names are regions wherever a node answers so.
fn rows_of_map(members: &Map<String, Value>) -> Vec<Vec<(String, String)>> {
    let row = |(name, value): (&String, &Value)| {
        let first = ("region".to_owned(), printable(name));
        std::iter::once(first).chain(value.as_object().map(cells).unwrap_or_default()).collect()
    };
    members.iter().map(row).collect()
}

/// Who or what a row is about stands first.
fn cells(members: &Map<String, Value>) -> Vec<(String, String)> {
    let mut cells: Vec<(String, String)> = members.iter().map(|(name, value)| (name.clone(), shown(value))).collect();
    let order = |name: &str| SUBJECTS.iter().position(|subject| *subject == name).unwrap_or(SUBJECTS.len());
    cells.sort_by_key(|(name, _)| order(name));
    cells
}

fn is_short(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.contains('\n'),
        Value::Array(items) => {
            items.is_empty() || (items.iter().all(Value::is_string) && shown(value).len() <= SHORT_CHARS)
        }
        Value::Object(_) => false,
        _ => true,
    }
}

fn spoken(name: &str) -> String {
    KNOWN.iter().find(|(known, _)| *known == name).map_or_else(|| label(name), |(_, spoken)| (*spoken).to_owned())
}

/// What else a node says about a table, in this order.
const SECTIONS: [(&str, &str); 2] = [("explanation", "What this promises"), ("measured", "Measured")];

/// Names of members, in the order in which they are read, and how they are spoken.
const KNOWN: &[(&str, &str)] = &[
    ("pacelc", "PACELC"),
    ("decides", "decided by"),
    ("decider", "decided by"),
    ("regions", "regions (N)"),
    ("not_held_in", "not held in"),
    ("write_acks", "acks of a write (W)"),
    ("read_answers", "answers of a read (R)"),
    ("overlap", "W + R > N"),
    ("quorum", "W + R > N"),
    ("failures_write", "regions that may be lost, writing"),
    ("failures_read", "regions that may be lost, reading"),
    ("rpo", "lost with a region now"),
    ("rpo_ms", "lost with a region now, ms"),
    ("wan_bytes_per_write", "WAN bytes per write"),
    ("floors", "floor of each region"),
    ("floors_ms", "floor of each region, ms"),
    ("write_floor_ms", "write floor, ms"),
    ("read_floor_ms", "read floor, ms"),
    ("excludes", "excluded"),
    ("warnings", "mind"),
    ("ledger_bytes_max", "ledger, bytes"),
    ("ledger_age_max_s", "ledger, s"),
    ("ack_timeout_ms", "ack timeout, ms"),
    ("wait_ms", "read wait, ms"),
];
/// Columns that stand first in a row.
const SUBJECTS: [&str; 4] = ["region", "dial", "setting", "name"];
/// A list of names no longer than this stands beside its own name.
const SHORT_CHARS: usize = 60;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::text;

    #[test]
    fn a_table_is_explained_on_a_page() {
        let table = json!({
            "name": "carts", "version": 4, "preset": "leaderless",
            "policy": { "writers": "any", "ack": "regions(2)", "merge": "siblings", "placement": "everywhere",
                        "read": "quorum(2)", "ack_timeout_ms": 2000 },
            "explanation": {
                "excludes": [
                    { "dial": "writers", "setting": "any", "excludes": "one order of all writes" },
                    { "dial": "ack", "setting": "regions(2)", "excludes": "writing while cut off from every other region" },
                ],
                "floors": { "us-east": { "read_floor_ms": 82.0, "write_floor_ms": 82.0 }, "tokyo": { "read_floor_ms": 154.5 } },
                "pacelc": "PC/EC",
                "decides": "the region that is asked",
                "rpo": "nothing that was acknowledged",
                "wan_bytes_per_write": 212,
                "newer": "a fact of tomorrow",
            },
            "measured": null,
        });
        let expected = "\
carts, version 4, preset leaderless
  writers          any
  ack              regions(2)
  merge            siblings
  placement        everywhere
  read             quorum(2)
  ack timeout, ms  2000

What this promises
  PACELC                  PC/EC
  decided by              the region that is asked
  lost with a region now  nothing that was acknowledged
  WAN bytes per write     212
  newer                   a fact of tomorrow
  floor of each region:
    region   read floor, ms  write floor, ms
    tokyo             154.5  unknown
    us-east              82  82
  excluded:
    dial     setting     excluded
    writers  any         one order of all writes
    ack      regions(2)  writing while cut off from every other region

Measured
  unknown
";
        assert_eq!(text(&table, false), expected);
    }

    #[test]
    fn a_table_that_moves_names_who_is_arriving_and_who_is_leaving() {
        let table = json!({
            "name": "carts", "version": 4, "policy": { "ack": "local", "placement": ["eu-west", "us-east"] },
            "target": ["eu-west", "tokyo"], "arriving": ["tokyo"], "leaving": ["us-east"],
        });
        let expected = "\
carts, version 4
  ack        local
  placement  eu-west, us-east
  arriving   tokyo (records are being copied; counts once they are here)
  leaving    us-east (removes its copies once those have arrived)
";
        assert_eq!(text(&table, false), expected);
        let still =
            json!({ "name": "carts", "policy": { "ack": "local" }, "arriving": [], "leaving": [], "target": null });
        assert_eq!(text(&still, false), "carts\n  ack  local\n");
    }

    #[test]
    fn bold_is_only_for_headings_and_only_if_asked() {
        let table = json!({ "name": "carts\u{1b}[31m", "policy": { "ack": "local" }, "explanation": "one\ntwo" });
        assert_eq!(text(&table, false), "carts\u{fffd}[31m\n  ack  local\n\nWhat this promises\n  one\n  two\n");
        let bold = text(&table, true);
        assert_eq!(bold.matches("\x1b[1m").count(), 2);
    }
}
