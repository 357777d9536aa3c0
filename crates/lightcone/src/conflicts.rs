//! `lightcone conflicts`: writes that lost against one that did not know of them.

mod ledger_page;
mod loss;

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::Value;

use self::ledger_page::Ledger;
use crate::cli::{ConflictsAction, ConflictsOptions};
use crate::http_client::segment;
use crate::node_door::{NextSteps, NodeDoor};
use crate::shown::shown;
use crate::text_table::TextTable;
use crate::{Error, terminal};

/// Lists, follows, shows or restores. Each page is a request of its own, so it can be dropped any time.
pub async fn run(options: ConflictsOptions) -> Result<(), Error> {
    let door = NodeDoor::open(&options.door)?;
    let mut ledger = Ledger::new(&door, options.table.as_deref());
    match &options.action {
        Some(ConflictsAction::Show { id }) => terminal::print(&show(&mut ledger, id, options.door.json).await?),
        Some(ConflictsAction::Restore { id }) => terminal::print(&restore(&door, id, options.door.json).await?),
        None => list(&mut ledger, &options).await,
    }
}

async fn list(ledger: &mut Ledger<'_>, options: &ConflictsOptions) -> Result<(), Error> {
    let newest = newest(ledger, options.limit as usize).await?;
    let mut rows = Rows { json: options.door.json, bold: terminal::bold(), widths: Vec::new() };
    match newest.is_empty() && !options.door.json {
        true => terminal::print("no conflicts are kept\n")?,
        false => terminal::print(&rows.text(&newest))?,
    }
    if !options.follow {
        return Ok(());
    }
    loop {
        tokio::time::sleep(FOLLOW_PAUSE).await;
        match ledger.rest().await {
            Ok(losses) => terminal::print(&rows.text(&losses))?,
            // The node may be restarting: what it notes meanwhile is not lost to us, the cursor stays.
            Err(error) => eprintln!("lightcone: {error}\ntrying again"),
        }
    }
}

/// The ledger is read from its oldest loss on; only the newest are kept here.
async fn newest(ledger: &mut Ledger<'_>, limit: usize) -> Result<Vec<Value>, Error> {
    let mut newest = VecDeque::new();
    while let Some(page) = ledger.page().await? {
        newest.extend(page);
        newest.drain(..newest.len().saturating_sub(limit));
    }
    Ok(newest.into())
}

async fn show(ledger: &mut Ledger<'_>, id: &str, json: bool) -> Result<String, Error> {
    while let Some(page) = ledger.page().await? {
        if let Some(loss) = page.iter().find(|loss| loss["id"].as_str() == Some(id)) {
            return Ok(if json { format!("{loss}\n") } else { loss::text(loss) });
        }
    }
    Err(Error::Asked(format!(
        "no conflict {id} is kept here: `lightcone conflicts` lists those that are; old ones go when the table's bounds are reached"
    )))
}

async fn restore(door: &NodeDoor, id: &str, json: bool) -> Result<String, Error> {
    let path = format!("/v1/conflicts/{}/restore", segment(id));
    let body = door.ask("POST", &path, None, NEXT_STEPS).await?;
    if json {
        return Ok(format!("{}\n", body.text));
    }
    let answer = body.json()?;
    let of = |name: &str| answer.get(name).filter(|value| !value.is_null()).map(|value| format!(" {}", shown(value)));
    let what = of("key").map(|key| format!(" of{key}{}", of("field").unwrap_or_default())).unwrap_or_default();
    Ok(format!("the value{what} that lost is written again, as a new write\n"))
}

/// Rows of one table, batch after batch; or lines of JSON.
struct Rows {
    json: bool,
    bold: bool,
    widths: Vec<usize>,
}

impl Rows {
    fn text(&mut self, losses: &[Value]) -> String {
        if losses.is_empty() || self.json {
            return losses.iter().map(|loss| format!("{loss}\n")).collect();
        }
        let mut table = TextTable::new(loss::HEADINGS);
        losses.iter().for_each(|loss| table.row(loss::row(loss)));
        table.text_below(&mut self.widths, self.bold)
    }
}

const NEXT_STEPS: NextSteps<'static> = &[
    ("not_found", "`lightcone conflicts` lists those that are kept; another region's node may still have it"),
    ("invalid_request", "`lightcone conflicts` lists the ids"),
];

/// How late a new loss may show.
const FOLLOW_PAUSE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
