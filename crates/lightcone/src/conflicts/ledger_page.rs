//! The conflict ledger of one node, page by page, from its oldest loss on.

use serde_json::Value;

use crate::Error;
use crate::http_client::segment;
use crate::node_door::NodeDoor;

/// A reader of the ledger, and how far it has read.
pub struct Ledger<'a> {
    door: &'a NodeDoor,
    table: Option<&'a str>,
    after: Option<String>,
    at_end: bool,
}

impl<'a> Ledger<'a> {
    /// At the beginning; only losses of `table` if one is given.
    pub fn new(door: &'a NodeDoor, table: Option<&'a str>) -> Ledger<'a> {
        Ledger { door, table, after: None, at_end: false }
    }

    /// The next losses; `None` at the end of what was there.
    pub async fn page(&mut self) -> Result<Option<Vec<Value>>, Error> {
        if self.at_end {
            return Ok(None);
        }
        let body = self.door.ask("GET", &self.path(), None, &[]).await?;
        let (losses, next) = (body.list("conflicts")?, text(&body.json()?["next"]));
        self.at_end = next.is_none() || losses.is_empty();
        // Behind the last page, the last loss says where to go on when more has come.
        let behind = losses.last().and_then(|loss| text(&loss["cursor"]).or_else(|| text(&loss["id"])));
        if let Some(after) = next.or(behind) {
            // A cursor that stands still would give the same page for ever.
            if !losses.is_empty() && self.after.as_ref() == Some(&after) {
                return Err(Error::Asked(format!("{} does not say where its next page begins", self.door.shown())));
            }
            self.after = Some(after);
        }
        Ok((!losses.is_empty()).then_some(losses))
    }

    /// What has come since the end, a bounded number of pages of it.
    pub async fn rest(&mut self) -> Result<Vec<Value>, Error> {
        let mut losses = Vec::new();
        self.at_end = false;
        for _ in 0..PAGES_AT_ONCE {
            match self.page().await? {
                Some(page) => losses.extend(page),
                None => break,
            }
        }
        Ok(losses)
    }

    fn path(&self) -> String {
        let mut path = format!("/v1/conflicts?limit={PAGE_LOSSES}");
        for (name, value) in [("table", self.table), ("after", self.after.as_deref())] {
            if let Some(value) = value {
                path.push_str(&format!("&{name}={}", segment(value)));
            }
        }
        path
    }
}

/// A cursor may be a text or a number.
fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned).or_else(|| value.as_u64().map(|number| number.to_string()))
}

const PAGE_LOSSES: usize = 200;
const PAGES_AT_ONCE: usize = 10;
