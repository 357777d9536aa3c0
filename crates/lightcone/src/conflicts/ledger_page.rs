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
}

impl<'a> Ledger<'a> {
    /// At the beginning; only losses of `table` if one is given.
    pub fn new(door: &'a NodeDoor, table: Option<&'a str>) -> Ledger<'a> {
        Ledger { door, table, after: None }
    }

    /// The next losses; `None` if there are none now. Asked again later, it goes on behind them.
    pub async fn page(&mut self) -> Result<Option<Vec<Value>>, Error> {
        let body = self.door.ask("GET", &self.path(), None, &[]).await?;
        let (losses, answer) = (body.list("conflicts")?, body.json()?);
        let next = text(&answer["next"]).or_else(|| losses.last().and_then(|loss| text(&loss["cursor"])));
        if losses.is_empty() {
            return Ok(None);
        }
        // A cursor that stands still would give the same page for ever.
        match next {
            Some(next) if Some(&next) != self.after.as_ref() => self.after = Some(next),
            _ => {
                return Err(Error::Asked(format!("{} does not say where its next page begins", self.door.shown())));
            }
        }
        Ok(Some(losses))
    }

    /// Everything that has come since, a bounded number of pages of it.
    pub async fn rest(&mut self) -> Result<Vec<Value>, Error> {
        let mut losses = Vec::new();
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
