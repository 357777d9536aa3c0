//! Removing what has ended, as entries like any other, so that replicas with equal vectors stay equal.

use bytes::Bytes;
use lc_crdt::{Rows, expiry_of, expiry_span};
use lc_db::Reply;

use super::Member;
use crate::records::expiry_owner;

impl Member {
    /// Readers see expired keys as gone at once; this removes their rows. The replica that chose the expiry does it;
    /// another only after a while, in case that one is away.
    pub(super) fn remove_expired(&mut self, wall_ms: u64) {
        if wall_ms.saturating_sub(self.expiry_looked_ms) < LOOK_EVERY_MS && wall_ms >= self.expiry_looked_ms {
            return;
        }
        self.expiry_looked_ms = wall_ms;
        let due = self.due(wall_ms);
        if due.is_empty() || self.health.writable().is_err() {
            return;
        }
        let removed = due.len() as u64;
        let outcome = self.decide(wall_ms, 0, &mut |txn| {
            due.iter().try_for_each(|key| txn.remove_due(key))?;
            Ok(Reply::OK)
        });
        // A refused removal is tried again at the next look; rows stay hidden from readers meanwhile.
        if outcome.is_ok() {
            self.counters.keys_expired += removed;
        }
    }

    fn due(&self, wall_ms: u64) -> Vec<Bytes> {
        let (from, to) = expiry_span(wall_ms);
        let (mut due, mut looked) = (Vec::new(), 0);
        let scanned = self.records.scan(&from, &to, &mut |row, _| {
            let (due_ms, key) = expiry_of(row);
            looked += 1;
            if self.may_remove(key, wall_ms.saturating_sub(due_ms)) {
                due.push(Bytes::copy_from_slice(key));
            }
            due.len() < REMOVED_AT_ONCE && looked < LOOKED_AT_ONCE
        });
        if scanned.is_ok() { due } else { Vec::new() }
    }

    fn may_remove(&self, key: &[u8], overdue_ms: u64) -> bool {
        let Ok(Some(bytes)) = self.records.get(&lc_crdt::head_row(key)) else { return false };
        let Ok(head) = lc_crdt::Head::decode(bytes) else { return false };
        match expiry_owner(&head) {
            Some(owner) if owner == self.me => true,
            // Ranked by node id, so that two replicas that stand in do not both write the same removal.
            _ => overdue_ms > STAND_IN_AFTER_MS * u64::from(self.settings.node.0),
        }
    }
}

const LOOK_EVERY_MS: u64 = 100;
const REMOVED_AT_ONCE: usize = 256;
/// Rows that belong to somebody else are passed over, but not without end.
const LOOKED_AT_ONCE: usize = 4096;
const STAND_IN_AFTER_MS: u64 = 10_000;
