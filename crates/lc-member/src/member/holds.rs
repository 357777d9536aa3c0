//! Writes whose clients wait until several regions have them.

use std::collections::{BTreeMap, BTreeSet};

use lc_core::{Dot, NodeId};
use lc_db::{Among, Promise, is_among};
use lc_policy::Tables;
use lc_repl::{Input, PeerView, Time};

use super::Member;
use super::requests::{Delivered, Settled, Ticket};

/// Writes that wait, in the order in which they were decided, by how many regions they need.
#[derive(Default)]
pub(super) struct Holds {
    pub(super) by_need: BTreeMap<Need, Vec<Hold>>,
}

/// How many regions, and which of them count.
pub(super) type Need = (usize, Among);

pub(super) struct Hold {
    pub(super) ticket: Ticket,
    pub(super) dot: Dot,
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
        let need = (promise.regions, promise.among.clone());
        let hold = Hold { ticket, dot, promise, since: now, deadline };
        self.holds.by_need.entry(need).or_default().push(hold);
        self.replicate(now, Input::Hurry { seq: dot.seq }, &mut Vec::new());
        ticket
    }

    /// A peer told what it has: lets go of every write that has enough.
    pub(super) fn release_holds(&mut self, now: Time) {
        let mut by_need = std::mem::take(&mut self.holds.by_need);
        for ((need, among), holds) in &mut by_need {
            let reached = self.held_by(*need, among);
            let ready = holds.iter().take_while(|hold| hold.dot.seq <= reached).count();
            for hold in holds.drain(..ready) {
                let regions = self.holders(hold.dot, among);
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
                    have: self.region_count_of(&self.holders(hold.dot, &hold.promise.among)) as u16,
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

    /// Placements have changed: regions that lost a table do not count any more. Which tables a write that waits is on is
    /// not known here, so that one of another table may count a region too few.
    pub(super) fn recount_holds(&mut self, tables: &Tables) {
        let moved = tables.restricted().iter().filter(|table| {
            let before = self.tables.named(&table.name).unwrap_or_else(|| self.tables.of_key(b""));
            before.policy.placement != table.policy.placement
        });
        let moved: Vec<_> = moved.cloned().collect();
        if moved.is_empty() {
            return;
        }
        let peers = self.settings.peers.iter().map(|peer| &peer.region);
        let regions: BTreeSet<String> = peers.chain([&self.settings.region]).cloned().collect();
        for ((need, among), mut holds) in std::mem::take(&mut self.holds.by_need) {
            let stays =
                |region: &&String| is_among(&among, region) && moved.iter().all(|table| table.is_held_in(region));
            let among: Among = Some(regions.iter().filter(stays).cloned().collect());
            holds.iter_mut().for_each(|hold| hold.promise.among = among.clone());
            self.holds.by_need.entry((need, among)).or_default().extend(holds);
        }
        self.holds.by_need.values_mut().for_each(|holds| holds.sort_by_key(|hold| hold.dot.seq));
    }

    /// Whether what a peer has is known to be all that it should have: it goes by no placement that is not known here.
    pub(super) fn is_whole_at(&self, view: &PeerView) -> bool {
        view.placement <= self.tables.version
    }

    /// The highest sequence of this replica that `need` regions have, this one among them.
    fn held_by(&self, need: usize, among: &Among) -> u64 {
        let mut by_region: BTreeMap<&str, u64> = BTreeMap::new();
        for (node, view) in self.replicator.peers() {
            let region = self.region_of(node);
            // Who is not among them was told of the write and nothing of what it says.
            if !is_among(among, region) || !self.is_whole_at(&view) {
                continue;
            }
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
    fn holders(&self, dot: Dot, among: &Among) -> Vec<NodeId> {
        let holds = |(node, view): &(NodeId, PeerView)| {
            view.have.covers(dot) && is_among(among, self.region_of(*node)) && self.is_whole_at(view)
        };
        let others = self.replicator.peers().filter(holds).map(|(node, _)| node);
        std::iter::once(self.settings.node).chain(others).collect()
    }
}
