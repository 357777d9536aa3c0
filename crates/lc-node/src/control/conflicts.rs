//! Writes that lost, and putting one back.

use lc_member::ledger::{Cursor, Filter, KeptValue, LossId, LossRecord, NotACursor};
use serde_json::{Value, json};

use super::{Refusal, RefusalKind};
use crate::Node;

impl Node {
    /// Losing writes, oldest first, after a cursor.
    pub async fn conflicts(&self, table: Option<&str>, after: Option<&str>, limit: usize) -> Result<Value, Refusal> {
        let after = after.map(|after| self.cursor(after)).transpose()?;
        let filter = Filter { table, after, limit };
        let (page, wait) = {
            let member = self.member.read();
            (member.conflicts(&filter), member.appended())
        };
        let page = page.map_err(|error| Refusal::unavailable(error.to_string()))?;
        // After a crash, other losses could have the numbers of those that were not durable.
        self.wakeup.urgent();
        self.durable(wait).await.map_err(|error| Refusal::unavailable(error.to_string()))?;
        let losses: Vec<Value> = page.losses.iter().map(|loss| self.shown_loss(loss)).collect();
        let next = page.more.then(|| page.next.to_string());
        Ok(json!({ "conflicts": losses, "next": next }))
    }

    /// A cursor, or the id of a loss that is listed.
    fn cursor(&self, after: &str) -> Result<Cursor, Refusal> {
        let Ok(id) = after.parse::<LossId>() else {
            return after.parse().map_err(|error: NotACursor| Refusal::invalid(error.to_string()));
        };
        let record = self.member.read().conflict(id).map_err(|error| Refusal::unavailable(error.to_string()))?;
        record.map(|record| record.cursor).ok_or_else(|| {
            Refusal::new(RefusalKind::NotFound, format!("no conflict {id} is kept here: list from the beginning"))
        })
    }

    /// Writes a value that lost once more. Dropped, it may still be written.
    pub async fn restore_conflict(&self, id: &str) -> Result<Value, Refusal> {
        let id: LossId =
            id.parse().map_err(|error: lc_member::ledger::NotALossId| Refusal::invalid(error.to_string()))?;
        let record = self.member.read().conflict(id).map_err(|error| Refusal::unavailable(error.to_string()))?;
        let record = record.ok_or_else(|| {
            Refusal::new(
                RefusalKind::NotFound,
                format!("no conflict {id} is kept here: it may have been let go by age or size"),
            )
        })?;
        let (outcome, wait) = self.member.write().restore_conflict(self.wall_ms(), self.seed(), id);
        self.wakeup.urgent();
        outcome.map_err(|error| Refusal::invalid(error.to_string()))?;
        if let Some(wait) = wait {
            self.durable(wait).await.map_err(|error| Refusal::unavailable(error.to_string()))?;
        }
        Ok(json!({ "id": id.to_string(), "key": text_or_base64(&record.key), "field": field(&record) }))
    }

    fn shown_loss(&self, loss: &LossRecord) -> Value {
        json!({
            "id": loss.id.to_string(),
            "cursor": loss.cursor.to_string(),
            "table": loss.table,
            "key": text_or_base64(&loss.key),
            "kind": loss.kind.name(),
            "field": field(loss),
            "rule": loss.rule,
            "clock_gap_ms": loss.clock_gap_ms,
            "noted_ms": loss.noted_hlc.ms(),
            "winner": self.side(&loss.winner),
            "loser": self.side(&loss.loser),
        })
    }

    fn side(&self, kept: &KeptValue) -> Value {
        json!({
            "dot": format!("{}-{}", kept.dot.replica.0, kept.dot.seq),
            "region": self.region_of(kept.dot.replica.node().0),
            "replica": kept.dot.replica.to_string(),
            "at_ms": kept.hlc.ms(),
            "value": text_or_base64(&kept.shown),
            "value_bytes": kept.value_bytes,
            "whole": kept.value.is_some(),
        })
    }
}

fn field(loss: &LossRecord) -> Option<Value> {
    (loss.kind != lc_crdt::Kind::String).then(|| text_or_base64(&loss.field))
}

pub(crate) fn text_or_base64(bytes: impl AsRef<[u8]>) -> Value {
    match std::str::from_utf8(bytes.as_ref()) {
        Ok(text) => json!(text),
        Err(_) => json!({ "base64": base64(bytes.as_ref()) }),
    }
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for at in 0..4 {
            let digit = bits >> (18 - 6 * at) & 63;
            text.push(if at <= chunk.len() { char::from(DIGITS[digit as usize]) } else { '=' });
        }
    }
    text
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn bytes_that_are_no_text_come_as_base64() {
        let pairs: [(&[u8], &str); 4] = [(b"", ""), (b"f", "Zg=="), (b"fo", "Zm8="), (b"foobar", "Zm9vYmFy")];
        for (bytes, text) in pairs {
            assert_eq!(base64(bytes), text);
        }
    }
}
