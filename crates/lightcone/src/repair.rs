//! `lightcone repair`: what differs in a node is replaced by what another region has.

use std::fmt::Write;
use std::io::{IsTerminal, stderr};
use std::time::Duration;

use serde_json::{Value, json};

use crate::cli::RepairOptions;
use crate::node_door::{Body, NextSteps, NodeDoor};
use crate::shown::{UNKNOWN, printable, shown};
use crate::status::{bytes, differences, duration, how_far};
use crate::{Error, terminal};

/// Begins a repair and waits until it has ended, or shows what there is. Dropped, the repair goes on in the node.
pub async fn run(options: RepairOptions) -> Result<(), Error> {
    let door = NodeDoor::open(&options.door)?;
    let body = if options.show {
        door.ask("GET", "/v1/repairs", None, &[]).await?
    } else {
        let begun = begin(&door, options.from.as_deref()).await?;
        if options.no_wait { begun } else { wait(&door, options.door.json).await? }
    };
    let told = body.json()?;
    let page = if options.show { overview(&told) } else { ended(&told["repair"]) };
    terminal::print(&if options.door.json { format!("{}\n", body.text) } else { page })?;
    match told["repair"]["state"].as_str() {
        Some("given_up") if !options.show => Err(Error::Asked(format!(
            "the repair was given up: {}; what it had replaced until then stays, and another one begins anew",
            told["repair"]["why"].as_str().map_or(UNKNOWN.to_owned(), printable)
        ))),
        _ => Ok(()),
    }
}

async fn begin(door: &NodeDoor, from: Option<&str>) -> Result<Body, Error> {
    let wish = from.map_or_else(|| json!({}), |from| json!({ "from": from }));
    door.ask("POST", "/v1/repairs", Some(&wish), NEXT_STEPS).await
}

async fn wait(door: &NodeDoor, quiet: bool) -> Result<Body, Error> {
    let (mut pause, mut told_at) = (PAUSE_MIN, String::new());
    loop {
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
        let body = door.ask("GET", "/v1/repairs", None, &[]).await?;
        let now = body.json()?;
        match now["repair"]["state"].as_str() {
            Some("replacing" | "counting") => {}
            Some(_) => return Ok(body),
            None => {
                return Err(Error::Asked(
                    "the node knows of no repair any more: it was started anew meanwhile; begin again".to_owned(),
                ));
            }
        }
        let line = progress(&now);
        if !quiet && stderr().is_terminal() && line != told_at {
            eprintln!("{line}");
        }
        told_at = line;
    }
}

fn progress(now: &Value) -> String {
    match (now["repair"]["state"].as_str(), now["filling"]["kind"].as_str()) {
        (Some("counting"), _) => "all is replaced; the digest is made anew".to_owned(),
        (_, Some("repair")) => how_far(&now["filling"]),
        _ => "what was replaced is written to the disk".to_owned(),
    }
}

fn ended(repair: &Value) -> String {
    let from = shown(&repair["from"]);
    match repair["state"].as_str() {
        Some("done") => {
            let replaced = &repair["replaced"];
            let what = match replaced["records"].as_u64() {
                Some(0) => "nothing differed".to_owned(),
                _ => format!("{} replaced", differences(replaced)),
            };
            format!(
                "repaired from {from} in {}: {what}; {} came\n",
                duration(&repair["seconds"]),
                bytes(&repair["bytes"])
            )
        }
        Some("given_up") => format!("{} replaced from {from} before it ended\n", differences(&repair["replaced"])),
        _ => format!("a repair from {from} has begun; `lightcone repair --show` says how far it is\n"),
    }
}

fn overview(told: &Value) -> String {
    let mut text = String::new();
    for region in told["diverged"].as_array().map(Vec::as_slice).unwrap_or_default() {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "differs from {}: {}", shown(&region["region"]), differences(&region["found"]));
    }
    if text.is_empty() {
        text.push_str("no region in reach is known to have other records\n");
    }
    match told["repair"]["state"].as_str() {
        None => text.push_str("no repair since the node was started\n"),
        Some("replacing" | "counting") => {
            let _ = writeln!(text, "a repair from {}: {}", shown(&told["repair"]["from"]), progress(told));
        }
        Some(_) => {
            let _ = write!(text, "the last repair: {}", ended(&told["repair"]));
        }
    }
    text
}

const NEXT_STEPS: NextSteps<'static> = &[
    ("not_found", "`lightcone region list` shows the regions"),
    ("repair_under_way", "`lightcone repair --show` says how far it is"),
    ("catching_up", "`lightcone status` says how far it is"),
    ("unreachable", "`lightcone status` shows which regions this node reaches; --from names another"),
    ("conflict", "wait until the table has arrived there, or name another region with --from"),
];

const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{ended, overview, progress};

    #[test]
    fn what_became_of_a_repair_is_one_line() {
        let replaced = json!({ "records": 2, "stretches": 2, "rows": 3, "tables": { "users": 2 }, "examples": ["users:1"], "more": false });
        let done = json!({ "from": "oslo", "state": "done", "seconds": 3, "bytes": 480, "replaced": replaced });
        assert_eq!(
            ended(&done),
            "repaired from oslo in 3 s: 2 records in users, such as users:1 replaced; 480 B came\n"
        );
        let nothing =
            json!({ "from": "oslo", "state": "done", "seconds": 0, "bytes": 0, "replaced": { "records": 0 } });
        assert_eq!(ended(&nothing), "repaired from oslo in 0 s: nothing differed; 0 B came\n");
    }

    #[test]
    fn what_goes_on_is_told_as_far_as_it_is_known() {
        let filling = json!({ "kind": "repair", "from": "oslo", "bytes": 10, "share_left": 0.5 });
        let told = json!({ "repair": { "from": "oslo", "state": "replacing" }, "filling": filling, "diverged": [] });
        assert_eq!(progress(&told), "from oslo, 10 B so far, 50 % still to come");
        assert_eq!(
            overview(&told),
            "no region in reach is known to have other records\na repair from oslo: from oslo, 10 B so far, 50 % still to come\n"
        );
        let told = json!({ "repair": null, "filling": null, "diverged": [{ "region": "rome", "found": null }] });
        assert_eq!(
            overview(&told),
            "differs from rome: what differs is not known yet\nno repair since the node was started\n"
        );
    }
}
