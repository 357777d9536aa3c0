//! Writes whose clients wait until several regions have them.

use std::collections::BTreeMap;

use lc_core::{Dot, NodeId};
use lc_db::Promise;
use lc_repl::{Input, Time};

use super::Member;
use super::requests::{Delivered, Settled, Ticket};

/// Writes that wait, in the order in which they were decided, by how many regions they need.
#[derive(Default)]
pub(super) struct Holds {
    by_need: BTreeMap<usize, Vec<Hold>>,
}

struct Hold {
    ticket: Ticket,
    dot: Dot,
    promise: Promise,
    since: Time,
    deadline: Time,
}

impl Member {
    /// The write decided last is to be held by several regions; its ticket settles once they have told that they have it
    /// durably, or with an error when the time is up. The write itself stays, whatever becomes of the ticket.
    pub fn hold(&mut self, now: Time, dot: Dot, promise: Promise) -> Ticket {
        let ticket = self.requests.ticket();
        let deadline = now + Time::from_millis(promise.timeout_ms);
        let hold = Hold { ticket, dot, promise, since: now, deadline };
        self.holds.by_need.entry(promise.regions).or_default().push(hold);
        self.replicate(now, Input::Hurry { seq: dot.seq }, &mut Vec::new());
        ticket
    }

    /// A peer told what it has: lets go of every write that has enough.
    pub(super) fn release_holds(&mut self, now: Time) {
        let mut by_need = std::mem::take(&mut self.holds.by_need);
        for (&need, holds) in &mut by_need {
            let reached = self.held_by(need);
            let ready = holds.iter().take_while(|hold| hold.dot.seq <= reached).count();
            for hold in holds.drain(..ready) {
                let regions = self.holders(hold.dot);
                let waited = now.saturating_sub(hold.since);
                let delivered = Delivered { regions, waited, ..Delivered::default() };
                self.requests.settle(hold.ticket, Settled::Held(delivered));
            }
        }
        by_need.retain(|_, holds| !holds.is_empty());
        self.holds.by_need = by_need;
    }

    /// Gives up on writes whose time is up.
    pub(super) fn expire_holds(&mut self, now: Time) {
        let mut by_need = std::mem::take(&mut self.holds.by_need);
        for holds in by_need.values_mut() {
            let (late, left): (Vec<_>, Vec<_>) =
                std::mem::take(holds).into_iter().partition(|hold| hold.deadline <= now);
            *holds = left;
            for hold in late {
                let error = lc_db::Error::NoAck {
                    have: self.region_count_of(&self.holders(hold.dot)) as u16,
                    need: hold.promise.regions as u16,
                    ack: hold.promise.ack.to_string().into(),
                    waited_ms: now.saturating_sub(hold.since).as_millis() as u32,
                };
                self.requests.settle(hold.ticket, Settled::Failed(error));
            }
        }
        by_need.retain(|_, holds| !holds.is_empty());
        self.holds.by_need = by_need;
    }

    /// The highest sequence of this replica that `need` regions have, this one among them.
    fn held_by(&self, need: usize) -> u64 {
        let mut by_region: BTreeMap<&str, u64> = BTreeMap::new();
        for (node, view) in self.replicator.peers() {
            let region = self.region_of(node);
            let reached = by_region.entry(region).or_default();
            *reached = (*reached).max(view.have.get(self.me));
        }
        by_region.remove(self.settings.region.as_str());
        let mut reached: Vec<u64> = by_region.into_values().collect();
        reached.sort_unstable_by(|a, b| b.cmp(a));
        match need.checked_sub(2) {
            None => u64::MAX,
            Some(others) => reached.get(others).copied().unwrap_or(0),
        }
    }

    /// Nodes that have a write durably, this one first.
    fn holders(&self, dot: Dot) -> Vec<NodeId> {
        std::iter::once(self.settings.node).chain(self.replicator.holders(dot)).collect()
    }
}
