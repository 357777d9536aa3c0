//! `lightcone stamps`: values whose stamp is ahead of the time, and writing them anew.

use serde_json::{Value, json};

use crate::cli::{StampsAction, StampsOptions};
use crate::http_client::segment;
use crate::node_door::NodeDoor;
use crate::shown::{UNKNOWN, printable, shortened, shown};
use crate::text_table::TextTable;
use crate::utc::utc;
use crate::{Error, terminal};

/// Lists them, or writes them anew. Each page is a request of its own, so it can be dropped any time.
pub async fn run(options: StampsOptions) -> Result<(), Error> {
    let door = NodeDoor::open(&options.door)?;
    match &options.action {
        None => terminal::print(&list(&door, &options).await?),
        Some(StampsAction::Rewrite { keys, all }) => {
            let outcome = match all {
                true => rewrite_all(&door, &options).await?,
                false => rewrite(&door, keys.iter().map(|key| json!(key)).collect(), options.ahead).await?,
            };
            let text = if options.door.json { format!("{}\n", outcome.json()) } else { outcome.text() };
            terminal::print(&text)
        }
    }
}

async fn list(door: &NodeDoor, options: &StampsOptions) -> Result<String, Error> {
    let (mut stamps, mut after, mut node_ahead_ms) = (Vec::new(), None, 0);
    while let Some(page) = page(door, options, &mut after).await? {
        stamps.extend(page.stamps);
        node_ahead_ms = page.node_ahead_ms;
        if after.is_none() || stamps.len() >= options.limit as usize {
            break;
        }
    }
    stamps.truncate(options.limit as usize);
    if options.door.json {
        return Ok(stamps.iter().map(|stamp| format!("{stamp}\n")).collect());
    }
    let mut text = match stamps.is_empty() {
        true => format!("no value is stamped more than {} ms ahead\n", options.ahead),
        false => table(&stamps).text(terminal::bold()),
    };
    text.push_str(&of_the_node(node_ahead_ms, options.ahead));
    Ok(text)
}

/// Page after page, from the beginning: what is rewritten is not listed again.
async fn rewrite_all(door: &NodeDoor, options: &StampsOptions) -> Result<Rewritten, Error> {
    let (mut total, mut after) = (Rewritten::default(), None);
    while let Some(page) = page(door, options, &mut after).await? {
        let mut keys: Vec<Value> = page.stamps.into_iter().map(|stamp| stamp["key"].clone()).collect();
        keys.dedup();
        if !keys.is_empty() {
            total.add(rewrite(door, keys, options.ahead).await?);
        }
        if after.is_none() {
            break;
        }
    }
    total.hidden.dedup();
    Ok(total)
}

async fn rewrite(door: &NodeDoor, keys: Vec<Value>, ahead_ms: u64) -> Result<Rewritten, Error> {
    let mut total = Rewritten { ahead_ms, ..Rewritten::default() };
    for keys in keys.chunks(KEYS_PER_REQUEST) {
        let order = json!({ "keys": keys, "ahead_ms": ahead_ms });
        let answer = door.ask("POST", "/v1/stamps/rewrite", Some(&order), &[]).await?.json()?;
        total.add(Rewritten {
            values: answer["rewritten"].as_u64().unwrap_or_default(),
            hidden: answer["hidden"].as_array().cloned().unwrap_or_default(),
            node_ahead_ms: answer["node_ahead_ms"].as_u64().unwrap_or_default(),
            ahead_ms,
        });
    }
    Ok(total)
}

/// What was rewritten, and what could not be.
#[derive(Default)]
struct Rewritten {
    values: u64,
    hidden: Vec<Value>,
    node_ahead_ms: u64,
    ahead_ms: u64,
}

impl Rewritten {
    fn add(&mut self, more: Rewritten) {
        self.values += more.values;
        self.hidden.extend(more.hidden);
        (self.node_ahead_ms, self.ahead_ms) = (more.node_ahead_ms, more.ahead_ms);
    }

    fn json(&self) -> Value {
        json!({ "rewritten": self.values, "hidden": self.hidden, "node_ahead_ms": self.node_ahead_ms })
    }

    fn text(&self) -> String {
        let values = if self.values == 1 { "value" } else { "values" };
        let mut text = format!("{} {values} written anew\n", self.values);
        for key in &self.hidden {
            text.push_str(&format!("{}: left, a value of another type hides it\n", bytes(key)));
        }
        text + &of_the_node(self.node_ahead_ms, self.ahead_ms)
    }
}

/// What the next ordinary write would be stamped, if that is ahead too.
fn of_the_node(node_ahead_ms: u64, ahead_ms: u64) -> String {
    if node_ahead_ms <= ahead_ms {
        return String::new();
    }
    format!(
        "this node has seen stamps {node_ahead_ms} ms ahead: until then its ordinary writes are stamped later than those\n"
    )
}

struct Page {
    stamps: Vec<Value>,
    node_ahead_ms: u64,
}

/// The next page; `after` is where it begins, and then where the one after it does.
async fn page(door: &NodeDoor, options: &StampsOptions, after: &mut Option<String>) -> Result<Option<Page>, Error> {
    let mut path = format!("/v1/stamps?ahead_ms={}&limit={PAGE_STAMPS}", options.ahead);
    for (name, value) in [("table", options.table.as_deref()), ("after", after.as_deref())] {
        if let Some(value) = value {
            path.push_str(&format!("&{name}={}", segment(value)));
        }
    }
    let body = door.ask("GET", &path, None, &[]).await?;
    let (stamps, answer) = (body.list("stamps")?, body.json()?);
    let next = answer["next"].as_str().map(str::to_owned);
    // A cursor that stands still would give the same page for ever.
    if next.is_some() && next == *after {
        return Err(Error::Asked(format!("{} does not say where its next page begins", door.shown())));
    }
    *after = next;
    Ok(Some(Page { stamps, node_ahead_ms: answer["node_ahead_ms"].as_u64().unwrap_or_default() }))
}

fn table(stamps: &[Value]) -> TextTable {
    let mut table = TextTable::new(["table/key/field", "type", "stamped (UTC)", "ahead", "by"]);
    for stamp in stamps {
        let field = Some(&stamp["field"]).filter(|field| !field.is_null()).map(bytes);
        let parts = [Some(shown(&stamp["table"])), Some(bytes(&stamp["key"])), field];
        table.row([
            shortened(&parts.into_iter().flatten().collect::<Vec<_>>().join("/"), PLACE_CHARS),
            shown(&stamp["type"]),
            stamp["at_ms"].as_u64().map_or(UNKNOWN.to_owned(), utc),
            ahead(&stamp["ahead_ms"]),
            format!("{} ({})", shown(&stamp["region"]), shown(&stamp["replica"])),
        ]);
    }
    table
}

fn ahead(ms: &Value) -> String {
    match ms.as_u64() {
        None => UNKNOWN.to_owned(),
        Some(ms) if ms < 120_000 => format!("{:.1} s", ms as f64 / 1000.0),
        Some(ms) if ms < 7_200_000 => format!("{} min", ms / 60_000),
        Some(ms) => format!("{} h", ms / 3_600_000),
    }
}

/// Bytes: as text, or in base64 where they are none.
fn bytes(value: &Value) -> String {
    match value.get("base64").and_then(Value::as_str) {
        Some(coded) => format!("base64:{}", printable(coded)),
        None => shown(value),
    }
}

const PAGE_STAMPS: usize = 500;
const KEYS_PER_REQUEST: usize = 500;
const PLACE_CHARS: usize = 60;

#[cfg(test)]
mod tests;
