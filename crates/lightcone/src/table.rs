//! `lightcone table`: tables, their dials, and what those promise.

mod dials;
mod explanation;
mod history;
mod listing;
mod preset;

use std::fmt::Write;

use serde_json::{Value, json};

use self::dials::Policy;
use crate::cli::{DialOptions, TableAction, TableOptions};
use crate::http_client::segment;
use crate::node_door::{Body, NextSteps, NodeDoor};
use crate::shown::shown;
use crate::{Error, terminal};

/// Asks the node and prints what it says.
pub async fn run(options: TableOptions) -> Result<(), Error> {
    terminal::print(&said(options, terminal::bold()).await?)
}

async fn said(options: TableOptions, bold: bool) -> Result<String, Error> {
    let door = NodeDoor::open(&options.door)?;
    let (body, text) = match options.action {
        TableAction::List => {
            let body = door.ask("GET", "/v1/tables", None, &[]).await?;
            let text = listing::tables(&body.list("tables")?, bold);
            (body, text)
        }
        TableAction::Show { name } => {
            let body = door.ask("GET", &path(&name), None, &[]).await?;
            let text = explanation::text(&body.json()?, bold);
            (body, text)
        }
        TableAction::Create { name, dials, dry_run, collapse } => {
            let mut wish = Policy::of(&dials)?.json();
            wish["name"] = json!(name);
            if collapse {
                wish["collapse"] = json!(true);
            }
            create(&door, &name, &wish, dry_run, bold).await?
        }
        TableAction::Alter { name, dials, dry_run, expect_version, collapse } => {
            let change = Change { name, dials: *dials, expect_version, collapse };
            if dry_run { change.preview(&door, bold).await? } else { change.make(&door, bold).await? }
        }
        TableAction::Drop { name } => {
            let body = door.ask("DELETE", &path(&name), None, &[]).await?;
            (body, format!("table {name} is no longer declared; its keys stay and belong to 'default' now\n"))
        }
        TableAction::History { name } => {
            let body = door.ask("GET", &format!("{}/history", path(&name)), None, &[]).await?;
            let text = history::text(&body.list("history")?, bold);
            (body, text)
        }
        TableAction::Presets { name } => {
            let body = door.ask("GET", "/v1/presets", None, &[]).await?;
            let presets = body.list("presets")?;
            let text = match name {
                None => listing::presets(&presets, bold),
                Some(name) => preset::toml(&presets, &name)?,
            };
            (body, text)
        }
    };
    Ok(if options.door.json { format!("{}\n", body.text) } else { text })
}

async fn create(door: &NodeDoor, name: &str, wish: &Value, dry_run: bool, bold: bool) -> Result<(Body, String), Error> {
    let path = if dry_run { "/v1/tables?dry_run=true" } else { "/v1/tables" };
    let body = door.ask("POST", path, Some(wish), CREATE_NEXT_STEPS).await?;
    let done = if dry_run { "would be declared; nothing was changed" } else { "is declared" };
    let answer = body.json()?;
    let moved = moved_lines(name, &answer, dry_run);
    let text = format!("table {name} {done}\n\n{}{moved}", explanation::text(&answer, bold));
    Ok((body, text))
}

/// A change of a table's dials.
struct Change {
    name: String,
    dials: DialOptions,
    expect_version: Option<u64>,
    collapse: bool,
}

impl Change {
    /// Says what it would become, and what it would collapse.
    async fn preview(&self, door: &NodeDoor, bold: bool) -> Result<(Body, String), Error> {
        let body = self.dry_run(door).await?;
        let answer = body.json()?;
        let collapse = match dials::collapsed(&answer) {
            None => "it would collapse nothing".to_owned(),
            Some(counts) => {
                format!("it would collapse {counts}: to agree to that, add --collapse")
            }
        };
        let page = explanation::text(&answer, bold);
        let moved = moved_lines(&self.name, &answer, true);
        let text = format!("table {} would be changed; nothing was changed\n\n{page}{moved}\n{collapse}\n", self.name);
        Ok((body, text))
    }

    /// Makes it; what it would collapse has to be agreed to.
    async fn make(&self, door: &NodeDoor, bold: bool) -> Result<(Body, String), Error> {
        if !self.collapse
            && let Some(counts) = dials::collapsed(&self.dry_run(door).await?.json()?)
        {
            return Err(Error::Usage(format!(
                "this change would collapse {counts}: of concurrent values one stays, the others go to the conflict ledger\n\
                 nothing was changed; to agree to that, add --collapse"
            )));
        }
        let body = door.ask("PATCH", &path(&self.name), Some(&self.wish()?), ALTER_NEXT_STEPS).await?;
        let answer = body.json()?;
        let version = answer.get("version").map(|version| format!(", version {}", shown(version))).unwrap_or_default();
        let collapsed = dials::collapsed(&answer).map(|counts| format!("; it collapses {counts}")).unwrap_or_default();
        let page = explanation::text(&answer, bold);
        let moved = moved_lines(&self.name, &answer, false);
        let text = format!("table {} is changed{version}{collapsed}\n\n{page}{moved}", self.name);
        Ok((body, text))
    }

    async fn dry_run(&self, door: &NodeDoor) -> Result<Body, Error> {
        let path = format!("{}?dry_run=true", path(&self.name));
        door.ask("PATCH", &path, Some(&self.wish()?), ALTER_NEXT_STEPS).await
    }

    fn wish(&self) -> Result<Value, Error> {
        let policy = Policy::of(&self.dials)?;
        if policy.is_empty() {
            return Err(Error::Usage(format!(
                "nothing to change: name at least one dial, such as --ack majority; `lightcone table show {}` tells how they stand",
                self.name
            )));
        }
        let mut wish = policy.json();
        if let Some(version) = self.expect_version {
            wish["expect_version"] = json!(version);
        }
        if self.collapse {
            wish["collapse"] = json!(true);
        }
        Ok(wish)
    }
}

/// Who removes copies and who is given some, below the page; nothing if nobody does.
fn moved_lines(name: &str, answer: &Value, dry_run: bool) -> String {
    let mut lines = dials::removed(answer).map(|removed| format!("\n{removed}\n")).unwrap_or_default();
    if let Some(arriving) = dials::named(answer, "arriving") {
        // Writing to a String cannot fail.
        let _ = match dry_run {
            true => writeln!(lines, "\nits records would be copied to {arriving}"),
            false => writeln!(
                lines,
                "\nits records are being copied to {arriving}: `lightcone table show {name}` tells when they are there"
            ),
        };
    }
    lines
}

fn path(table: &str) -> String {
    format!("/v1/tables/{}", segment(table))
}

const CREATE_NEXT_STEPS: NextSteps<'static> = &[
    ("already_exists", "change its dials with `lightcone table alter`; `lightcone table show` tells how they stand"),
    ("refused", "nothing was changed; `lightcone table presets` shows settings that go together"),
    ("not_offered", "nothing was changed; name a node of that region with --at"),
];
const ALTER_NEXT_STEPS: NextSteps<'static> = &[
    (
        "conflict",
        "nothing was changed; `lightcone table show` tells how it is now, `lightcone table history` who was first",
    ),
    ("not_offered", "nothing was changed; name a node of that region with --at"),
];

#[cfg(test)]
mod tests;
