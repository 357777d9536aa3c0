//! Values whose stamp lies ahead of the time, and writing them anew.

use bytes::Bytes;
use lc_core::Hlc;
use lc_crdt::Kind;
use lc_db::Reply;
use lc_journal::Position;
use lc_member::AheadStamp;
use serde_json::{Value, json};

use super::Refusal;
use super::conflicts::text_or_base64;
use crate::Node;

impl Node {
    /// Values stamped more than `ahead_ms` ahead of the time, in the order of the rows, after `next` of the page before.
    /// Looks through the records a stretch at a time, so that clients are served in between; dropped, it stops.
    pub async fn stamps(
        &self,
        ahead_ms: u64,
        table: Option<&str>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Value, Refusal> {
        if let Some(table) = table.filter(|table| !self.has_table(table) && *table != lc_policy::DEFAULT_TABLE) {
            return Err(Refusal::new(super::RefusalKind::NoSuchTable, format!("no table '{table}' is declared")));
        }
        let mut from = after.map(row_of).transpose()?;
        let (now_ms, than) = self.later_than(ahead_ms);
        let mut found: Vec<Value> = Vec::new();
        for _ in 0..STRETCHES_PER_PAGE {
            let most = limit - found.len();
            let stretch = self.member.read().stamps_ahead(than, table, from.as_deref(), (STRETCH_ROWS, most));
            let stretch = stretch.map_err(|error| Refusal::unavailable(error.to_string()))?;
            found.extend(stretch.found.iter().map(|ahead| self.shown_stamp(ahead, now_ms)));
            from = stretch.next;
            if from.is_none() || found.len() >= limit {
                break;
            }
            tokio::task::yield_now().await;
        }
        Ok(json!({
            "stamps": found,
            "next": from.map(|row| text_of(&row)),
            "now_ms": now_ms,
            "node_ahead_ms": self.member.read().hlc().ms().saturating_sub(now_ms),
        }))
    }

    /// Writes those of these keys anew, stamped by this node's clock. Dropped, some of it may still be done.
    pub async fn rewrite_stamps(&self, keys: &[Bytes], ahead_ms: u64) -> Result<Value, Refusal> {
        let (mut rewritten, mut hidden, mut last) = (0, Vec::new(), None);
        for key in keys {
            loop {
                let than = self.later_than(ahead_ms).1;
                let found = self.member.read().stamps_ahead_of(than, key, VALUES_PER_WRITE);
                let found = found.map_err(|error| Refusal::unavailable(error.to_string()))?;
                if found.is_empty() {
                    break;
                }
                let (done, end) = self.rewrite_found(found)?;
                (rewritten, last) = (rewritten + done, last.max(end));
                if done == 0 {
                    hidden.push(text_or_base64(key));
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        if let Some(last) = last {
            self.wakeup.urgent();
            self.durable(last).await.map_err(|error| Refusal::unavailable(error.to_string()))?;
        }
        let (now_ms, _) = self.later_than(0);
        let node_ahead_ms = self.member.read().hlc().ms().saturating_sub(now_ms);
        Ok(json!({ "rewritten": rewritten, "hidden": hidden, "node_ahead_ms": node_ahead_ms }))
    }

    fn rewrite_found(&self, found: Vec<AheadStamp>) -> Result<(u64, Option<Position>), Refusal> {
        let at: Vec<_> = found.into_iter().map(|ahead| ahead.at).collect();
        let (outcome, end) = self.member.write().rewrite_stamps(self.wall_ms(), self.seed(), &at);
        let reply = outcome.map_err(|error| Refusal::unavailable(error.to_string()))?;
        Ok((if let Reply::Int(count) = reply { count.unsigned_abs() } else { 0 }, end))
    }

    /// The time, and the last stamp that is not more than so much ahead of it.
    fn later_than(&self, ahead_ms: u64) -> (u64, Hlc) {
        let now_ms = self.member.read().right_ms(self.wall_ms());
        (now_ms, Hlc(Hlc::from_ms(now_ms.saturating_add(ahead_ms)).0 | 0xffff))
    }

    fn shown_stamp(&self, ahead: &AheadStamp, now_ms: u64) -> Value {
        let AheadStamp { at, hlc, dot } = ahead;
        json!({
            "table": self.tables().of_key(&at.key).name,
            "key": text_or_base64(&at.key),
            "type": at.kind.name(),
            "field": (at.kind != Kind::String).then(|| text_or_base64(&at.field)),
            "stamp": hlc.to_string(),
            "at_ms": hlc.ms(),
            "ahead_ms": hlc.ms().saturating_sub(now_ms),
            "dot": format!("{}-{}", dot.replica.0, dot.seq),
            "replica": dot.replica.to_string(),
            "region": self.region_of(dot.replica.node().0),
        })
    }
}

/// A row as a cursor.
fn text_of(row: &[u8]) -> String {
    row.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn row_of(cursor: &str) -> Result<Vec<u8>, Refusal> {
    let wrong = || Refusal::invalid("after: no cursor of this list; `next` of a page is one");
    let digits: Vec<u8> = cursor
        .chars()
        .map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<_>>()
        .ok_or_else(wrong)?;
    if digits.is_empty() || digits.len() % 2 == 1 {
        return Err(wrong());
    }
    Ok(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

/// Rows looked at while the member is held.
const STRETCH_ROWS: usize = 1000;
/// A page looks at 100,000 rows at most, well below the door's patience.
const STRETCHES_PER_PAGE: usize = 100;
const VALUES_PER_WRITE: usize = 256;

#[cfg(test)]
mod tests {
    use super::{row_of, text_of};

    #[test]
    fn a_cursor_is_a_row_and_nothing_else_is_one() {
        for row in [b"h".as_slice(), &[0, 255, 16], b"eabc"] {
            assert_eq!(row_of(&text_of(row)).as_deref(), Ok(row));
        }
        for wrong in ["", "6", "6g", "é0", "-1"] {
            assert!(row_of(wrong).is_err(), "{wrong}");
        }
    }
}
