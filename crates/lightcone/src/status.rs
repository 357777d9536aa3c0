//! `lightcone status`: a node's own word on how it is, for people.

use std::fmt::Write;

use serde_json::Value;

use crate::cli::StatusOptions;
use crate::node_door::NodeDoor;
use crate::shown::{UNKNOWN, printable, shown};
use crate::text_table::TextTable;
use crate::{Error, terminal};

/// Asks the node and prints what it says.
pub async fn run(options: StatusOptions) -> Result<(), Error> {
    let door = NodeDoor::open(&options.door)?;
    let body = door.ask("GET", "/status", None, &[]).await?;
    if options.door.json {
        return terminal::print(&format!("{}\n", body.text));
    }
    terminal::print(&text(&body.json()?, terminal::bold()))
}

/// Every fact that is missing or null shows as unknown, never as 0.
fn text(status: &Value, bold: bool) -> String {
    let health = match (status["takes_writes"].as_bool(), status["trouble"].as_str()) {
        (Some(true), None | Some("")) => "takes reads and writes".to_owned(),
        (Some(true), Some(trouble)) => format!("takes reads and writes, but: {trouble}"),
        (_, trouble) => format!("takes no writes: {}", trouble.unwrap_or(UNKNOWN)),
    };
    let mut out = format!(
        "{} (node {}, replica {}) of {}, up {}: {health}\n",
        shown(&status["region"]),
        shown(&status["node_id"]),
        shown(&status["replica"]),
        shown(&status["cluster"]),
        duration(&status["uptime_s"]),
    );
    let facts = [
        ("keys", shown(&status["keys"])),
        ("clients", shown(&status["clients"])),
        ("journal", journal(status)),
        ("records", bytes(&status["store_bytes"])),
        ("disk", room(&status["disk"])),
        ("applied", vector(&status["applied"])),
        ("durable", vector(&status["durable"])),
        ("digest", shown(&status["digest"])),
        ("tables", catalogue(&status["control_plane"])),
        ("clock", clock(&status["clock"])),
    ];
    for (name, value) in facts.into_iter().chain(arriving(&status["filling"])) {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "  {name:<8} {value}");
    }
    let peers = status["peers"].as_array().map(Vec::as_slice).unwrap_or_default();
    differing(status, &mut out);
    if !peers.is_empty() {
        let _ = write!(out, "\n{}", peer_table(peers).text(bold));
    }
    for peer in peers {
        if let (Some(false), Some(error)) = (peer["up"].as_bool(), peer["last_error"].as_str()) {
            let _ = writeln!(out, "{}: {error}", shown(&peer["region"]));
        }
    }
    refused_links(&status["links_refused"], &mut out);
    out
}

/// How much, from when on, and who holds it back.
fn journal(status: &Value) -> String {
    let mut text = bytes(&status["journal_bytes"]);
    if status["journal"]["oldest_s"].is_u64() {
        let _ = write!(text, ", the last {}", duration(&status["journal"]["oldest_s"]));
    }
    if let Some(kept_for) = status["journal"]["kept_for"].as_str() {
        let _ = write!(text, ", kept for {}", printable(kept_for));
    }
    text
}

fn room(disk: &Value) -> String {
    format!("{} free", bytes(&disk["free_bytes"]))
}

/// Records that come from another region; only while some do.
fn arriving(filling: &Value) -> Option<(&'static str, String)> {
    let name = match filling["kind"].as_str()? {
        "catch_up" => "catch-up",
        "repair" => "repair",
        "comparison" => "compares",
        "mend" => "mends",
        _ => "arriving",
    };
    Some((name, how_far(filling)))
}

/// From whom, how much, how fast, and what is left of it; what is not known yet is left out.
pub fn how_far(filling: &Value) -> String {
    let mut text = filling["table"].as_str().map_or(String::new(), |table| format!("table {} ", printable(table)));
    let _ = write!(text, "from {}, {} so far", shown(&filling["from"]), bytes(&filling["bytes"]));
    let percent = |share: f64| format!("{:.0} %", 100.0 * share);
    match (filling["share_left"].as_f64(), filling["share_looked"].as_f64()) {
        (Some(left), _) => {
            let _ = write!(text, ", {} still to come", percent(left));
        }
        (None, Some(looked)) => {
            let _ = write!(text, ", {} of the records here compared", percent(looked));
        }
        (None, None) => text.push_str(", waits to know what differs"),
    }
    if filling["bytes_per_second"].is_u64() {
        let _ = write!(text, ", {}/s", bytes(&filling["bytes_per_second"]));
    }
    if filling["seconds_left"].is_u64() {
        let _ = write!(text, ", about {} to go", duration(&filling["seconds_left"]));
    }
    text
}

/// Regions that have other records, what differs, and what to do; only if there are any.
fn differing(status: &Value, out: &mut String) {
    let diverged = status["diverged"].as_array().map(Vec::as_slice).unwrap_or_default();
    for region in diverged {
        let found = differences(&region["found"]);
        let _ = writeln!(
            out,
            "  DIFFERS  {} has applied the same and has other records: {found}",
            shown(&region["region"])
        );
    }
    if !diverged.is_empty() {
        let peers = status["peers"].as_array().map(Vec::as_slice).unwrap_or_default();
        let alike = |alike: bool| peers.iter().filter(|peer| peer["agrees"].as_bool() == Some(alike)).count();
        let _ = writeln!(
            out,
            "           of the regions in reach {} have what this one has, {} have not; in the one that is wrong: `lightcone repair --from REGION`",
            alike(true),
            alike(false)
        );
    }
}

/// How many, where, and an example.
pub fn differences(found: &Value) -> String {
    let Some(records) = found["records"].as_u64() else { return "what differs is not known yet".to_owned() };
    let least = if found["more"].as_bool() == Some(true) { "at least " } else { "" };
    let tables: Vec<String> =
        found["tables"].as_object().into_iter().flatten().map(|(name, _)| printable(name)).collect();
    let mut text = format!("{least}{records} {}", if records == 1 { "record" } else { "records" });
    if !tables.is_empty() {
        let _ = write!(text, " in {}", tables.join(", "));
    }
    if let Some(key) = found["examples"].get(0) {
        let key = key.get("base64").map_or_else(|| shown(key), |coded| format!("base64:{}", shown(coded)));
        let _ = write!(text, ", such as {key}");
    }
    text
}

/// Only if there were any: a stranger's attempts are no fact about this node, a second process of a peer is one about it.
fn refused_links(refused: &Value, out: &mut String) {
    if let (Some(count @ 1..), Some(last)) = (refused["count"].as_u64(), refused["last"].as_str()) {
        let _ = writeln!(out, "links refused: {count}, the last from {}", printable(last));
    }
}

fn peer_table(peers: &[Value]) -> TextTable {
    let mut table = TextTable::new([
        "peer",
        "link",
        "RTT ms",
        "heard",
        "stale ms",
        "lag entries",
        "sent",
        "received",
        "queued",
        "clock ms",
        "has",
    ]);
    for peer in peers {
        let link = match peer["up"].as_bool() {
            Some(true) => "up",
            Some(false) => "down",
            None => UNKNOWN,
        };
        let heard =
            peer["silent_ms"].as_u64().map_or("never".to_owned(), |ms| format!("{:.1} s ago", ms as f64 / 1000.0));
        let rtt = peer["rtt_ms"].as_f64().map_or(UNKNOWN.to_owned(), |ms| format!("{ms:.1}"));
        table.row([
            shown(&peer["region"]),
            link.to_owned(),
            rtt,
            heard,
            shown(&peer["staleness_ms"]),
            shown(&peer["unconfirmed_entries"]),
            bytes(&peer["wire_sent_bytes"]),
            bytes(&peer["wire_received_bytes"]),
            bytes(&peer["queued_bytes"]),
            clock_offset(peer),
            vector(&peer["have"]),
        ]);
    }
    table
}

/// Whether peers' clocks are like this one, and whether stamps are.
fn clock(clock: &Value) -> String {
    let mut text = match (clock["trouble"].as_str(), clock["apart_count"].as_u64()) {
        (Some(trouble), _) if !trouble.is_empty() => printable(trouble),
        (Some(_), Some(0)) => "not apart".to_owned(),
        (Some(_), Some(count)) => format!("not apart now; {count} times since the start"),
        _ => UNKNOWN.to_owned(),
    };
    if let Some(ms) = clock["stamps_ahead_ms"].as_u64().filter(|ms| *ms > STAMPS_AHEAD_SHOWN_MS) {
        let _ = write!(text, "; stamps {ms} ms ahead of it were seen (`lightcone stamps`)");
    }
    text
}

/// The peer's minus this node's, and how much that may be off.
fn clock_offset(peer: &Value) -> String {
    match (peer["clock_offset_ms"].as_i64(), peer["clock_error_ms"].as_u64()) {
        (Some(offset), Some(error)) => format!("{offset:+} ±{error}"),
        _ => UNKNOWN.to_owned(),
    }
}

/// The catalogue's version here, and who leads it; tables serve without a leader.
fn catalogue(control_plane: &Value) -> String {
    let leader =
        control_plane["leader"].as_str().map_or("no leader known".to_owned(), |leader| format!("led by {leader}"));
    match control_plane["trouble"].as_str() {
        Some(trouble) if !trouble.is_empty() => format!("stopped here: {trouble}"),
        _ => format!("catalogue version {}, {leader}", shown(&control_plane["catalogue_version"])),
    }
}

fn vector(value: &Value) -> String {
    let Some(map) = value.as_object() else { return UNKNOWN.to_owned() };
    let seqs: Vec<String> = map.iter().map(|(replica, seq)| format!("{replica}:{seq}")).collect();
    if seqs.is_empty() { "nothing yet".to_owned() } else { seqs.join(" ") }
}

pub fn bytes(value: &Value) -> String {
    let Some(count) = value.as_f64() else { return UNKNOWN.to_owned() };
    let (unit, scale) =
        [("GB", 1e9), ("MB", 1e6), ("kB", 1e3)].into_iter().find(|(_, scale)| count >= *scale).unwrap_or(("B", 1.0));
    if scale == 1.0 { format!("{count} B") } else { format!("{:.1} {unit}", count / scale) }
}

pub fn duration(value: &Value) -> String {
    match value.as_u64() {
        None => UNKNOWN.to_owned(),
        Some(s) if s < 120 => format!("{s} s"),
        Some(s) if s < 7200 => format!("{} min", s / 60),
        Some(s) => format!("{} h", s / 3600),
    }
}

/// Clocks that differ by less are everywhere.
const STAMPS_AHEAD_SHOWN_MS: u64 = 1000;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::text;

    #[test]
    fn a_status_is_a_page_for_people() {
        let status = json!({
            "cluster": "dev", "region": "us-east", "node_id": 1, "replica": "r1", "uptime_s": 75, "takes_writes": true, "trouble": "",
            "keys": 3, "clients": 2, "journal_bytes": 1_500_000, "store_bytes": 12, "applied": { "r1": 4, "r2": 1 }, "durable": {}, "digest": "00ff",
            "journal": { "oldest_s": 90, "kept_for": "eu-west (node 2): it has r1 up to 2, and 4 must be there first" }, "disk": { "free_bytes": 2_000_000 },
            "control_plane": { "leader": "eu-west", "voters": [], "catalogue_version": 4, "trouble": "" },
            "clock": { "trouble": "", "apart_count": 0, "stamps_ahead_ms": 60_000 },
            "links_refused": { "count": 3, "last": "10.0.0.9:7379: node 2 in eu-west is connected already from 10.0.0.2:7379" },
            "peers": [
                { "region": "eu-west", "up": true, "rtt_ms": 82.04, "silent_ms": 120, "staleness_ms": 210, "unconfirmed_entries": 2, "wire_sent_bytes": 10, "wire_received_bytes": 2000, "queued_bytes": 0, "clock_offset_ms": 12, "clock_error_ms": 42, "have": { "r1": 2 } },
                { "region": "ap-northeast", "up": false, "rtt_ms": null, "silent_ms": null, "unconfirmed_entries": 4, "last_error": "no answer" },
            ],
        });
        let expected = "\
us-east (node 1, replica r1) of dev, up 75 s: takes reads and writes
  keys     3
  clients  2
  journal  1.5 MB, the last 90 s, kept for eu-west (node 2): it has r1 up to 2, and 4 must be there first
  records  12 B
  disk     2.0 MB free
  applied  r1:4 r2:1
  durable  nothing yet
  digest   00ff
  tables   catalogue version 4, led by eu-west
  clock    not apart; stamps 60000 ms ahead of it were seen (`lightcone stamps`)

peer          link  RTT ms   heard      stale ms  lag entries  sent     received  queued   clock ms  has
eu-west       up    82.0     0.1 s ago  210                 2  10 B     2.0 kB    0 B      +12 ±42   r1:2
ap-northeast  down  unknown  never      unknown             4  unknown  unknown   unknown  unknown   unknown
ap-northeast: no answer
links refused: 3, the last from 10.0.0.9:7379: node 2 in eu-west is connected already from 10.0.0.2:7379
";
        assert_eq!(text(&status, false), expected);
    }

    #[test]
    fn records_that_arrive_and_records_that_differ_are_told_with_what_is_known_of_them() {
        let begins =
            json!({ "kind": "catch_up", "from": "eu-west", "bytes": 0, "share_looked": 0.4, "share_left": null });
        assert_eq!(super::how_far(&begins), "from eu-west, 0 B so far, 40 % of the records here compared");
        let goes_on = json!({ "kind": "table", "table": "users", "from": "eu-west", "bytes": 12_400_000, "share_looked": null, "share_left": 0.31, "bytes_per_second": 2_000_000, "seconds_left": 4 });
        let status = json!({
            "filling": goes_on,
            "diverged": [{ "region": "oslo", "found": { "records": 2, "tables": { "users": 2 }, "examples": ["users:1"], "more": true } }],
            "peers": [{ "region": "oslo", "agrees": false }, { "region": "rome", "agrees": true }],
        });
        let page = text(&status, false);
        let line =
            "  arriving table users from eu-west, 12.4 MB so far, 31 % still to come, 2.0 MB/s, about 4 s to go\n";
        assert!(page.contains(line), "{page}");
        let line = "  DIFFERS  oslo has applied the same and has other records: at least 2 records in users, such as users:1\n";
        assert!(page.contains(line), "{page}");
        assert!(page.contains("1 have what this one has, 1 have not"), "{page}");
    }

    #[test]
    fn a_node_in_trouble_says_so_first() {
        let status = json!({ "region": "us-east", "takes_writes": false, "trouble": "the journal failed" });
        assert!(text(&status, false).starts_with(
            "us-east (node unknown, replica unknown) of unknown, up unknown: takes no writes: the journal failed\n"
        ));
    }
}
