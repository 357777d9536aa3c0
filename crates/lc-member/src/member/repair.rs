//! Replicas that should be equal and are not: finding what differs, and replacing what is here by what a peer has.
//!
//! Both go through all records once, as a catch-up does ([`super::filling`]). Which side is right nobody here knows, so
//! finding begins by itself and replacing only when an operator says so.

use std::collections::BTreeMap;

use bytes::Bytes;
use lc_core::{NodeId, VersionVector};
use lc_repl::{Alarm, Time};

use super::Member;
use crate::ranges::Purpose;

/// What differs from a peer, as far as it was found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Differences {
    /// Stretches of about four records in which something differs.
    pub stretches: u64,
    /// Keys; one so large that it is compared in parts counts for each of them.
    pub records: u64,
    /// Rows: a string, or an element of a collection, and what is kept of the whole key.
    pub rows: u64,
    /// Keys by table.
    pub tables: BTreeMap<String, u64>,
    /// Some of the keys.
    pub examples: Vec<Bytes>,
    /// There may be more: so much differs that not all of it was looked at.
    pub more: bool,
}

/// A peer that has the same entries and other records.
#[derive(Clone, PartialEq, Debug)]
pub struct Divergence {
    /// The peer.
    pub peer: NodeId,
    /// What both had applied when it was noticed.
    pub at: VersionVector,
    /// What differs, once it is known.
    pub found: Option<Differences>,
    /// When it was compared last.
    compared: Option<Time>,
}

/// A repair: what differs from a peer is replaced by what the peer has.
#[derive(Clone, PartialEq, Debug)]
pub struct Repair {
    /// The peer.
    pub from: NodeId,
    /// When it began.
    pub began: Time,
    /// How it goes.
    pub state: RepairState,
    /// Bytes of records that came.
    pub bytes: u64,
    /// What differed and was replaced so far.
    pub replaced: Differences,
}

/// How a repair goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RepairState {
    /// Records are compared, got and replaced.
    Replacing,
    /// All is replaced and on the disk; the sum of all records is made anew.
    Counting,
    /// At this time all was as the peer has it.
    Done(Time),
    /// At this time, for this reason. What was replaced until then stays.
    GivenUp(Time, String),
}

/// Why a repair does not begin.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RepairRefused {
    /// One goes on.
    #[error("a repair is under way already")]
    UnderWay,
    /// Records are being got for another reason.
    #[error(
        "this node is catching up from other regions: it gets what differs by that; repair once it has ended, if it is needed then"
    )]
    CatchingUp,
    /// There is no link to the peer, or it does not know of records by ranges.
    #[error("it cannot be reached now")]
    Unreachable,
    /// The peer does not have all of a table yet, so what it lacks would be removed here.
    #[error("table '{0}' is still arriving there: what it lacks of it yet would be removed here")]
    Arriving(String),
    /// This node takes nothing from others.
    #[error("{0}")]
    NotWell(String),
}

/// What a member keeps about it.
#[derive(Default)]
pub(super) struct Repairs {
    diverged: BTreeMap<NodeId, Divergence>,
    repair: Option<Repair>,
    /// What is found now, by a comparison or a repair.
    found: Differences,
    /// How far the work under way was, and since when it has been no further.
    stands: Option<((u64, u64, u64), Time)>,
}

impl Repairs {
    /// A node is no peer any more.
    pub(super) fn forget(&mut self, node: NodeId) {
        self.diverged.remove(&node);
    }
}

impl Differences {
    pub(super) fn add(&mut self, table: &str, key: &Bytes, rows: u64) {
        self.records += 1;
        self.rows += rows;
        *self.tables.entry(table.to_owned()).or_default() += 1;
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push(key.clone());
        }
    }
}

impl Repair {
    /// Whether it still goes on.
    pub fn is_under_way(&self) -> bool {
        matches!(self.state, RepairState::Replacing | RepairState::Counting)
    }
}

impl Member {
    /// Peers that have the same entries and other records.
    pub fn diverged(&self) -> impl Iterator<Item = &Divergence> {
        self.repairs.diverged.values()
    }

    /// The repair that goes on, or the last one since the member opened.
    pub fn repair(&self) -> Option<&Repair> {
        self.repairs.repair.as_ref()
    }

    /// Whether a node can send records by ranges now.
    pub fn reaches(&self, node: NodeId) -> bool {
        self.replicator.sources().contains(&node)
    }

    /// The nearest node in reach that holds every table of which this region has anything.
    pub fn nearest_holder(&self) -> Option<NodeId> {
        self.holders_of_all(&self.replicator.sources()).first().copied()
    }

    /// Compares all records with those of a peer, and replaces what differs by what it has. Entries go on meanwhile: what is
    /// decided here and the peer lacks is waited for there before it answers, so nothing of it is lost. How it goes is told by
    /// [`Member::repair`].
    ///
    /// # Errors
    /// Why it cannot begin now.
    pub fn begin_repair(&mut self, now: Time, from: NodeId) -> Result<(), RepairRefused> {
        if self.repair().is_some_and(Repair::is_under_way) {
            return Err(RepairRefused::UnderWay);
        }
        if !self.health.may_be_filled() {
            return Err(RepairRefused::NotWell(self.health.decides().err().unwrap_or_default()));
        }
        if self.filling.is_comparing() {
            self.filling.ranges.give_up_filling();
        }
        if !self.filling.is_even() || self.filling.ranges.progress().is_some() {
            return Err(RepairRefused::CatchingUp);
        }
        if !self.replicator.sources().contains(&from) {
            return Err(RepairRefused::Unreachable);
        }
        let (here, there) = (&self.settings.region, self.region_of(from));
        let arriving = |table: &&std::sync::Arc<lc_policy::Table>| {
            table.receives(here) && table.receives(there) && !table.is_held_in(there)
        };
        if let Some(table) = self.tables.restricted().iter().find(arriving) {
            return Err(RepairRefused::Arriving(table.name.clone()));
        }
        // What is on the disk is compared and replaced, whatever is still in memory of what it was.
        self.records.table.forget_clean();
        let (replaced, state) = (Differences::default(), RepairState::Replacing);
        self.repairs.repair = Some(Repair { from, began: now, state, bytes: 0, replaced });
        (self.repairs.found, self.repairs.stands) = (Differences::default(), None);
        self.begin_filling(now, Purpose::Fill(Bytes::new()), vec![from]);
        Ok(())
    }

    /// An alarm of replication, once for each time that it begins.
    pub(super) fn on_alarm(&mut self, alarm: Alarm) {
        if let Alarm::Diverged { peer, at } = &alarm {
            self.counters.divergences += 1;
            let of_peer = Divergence { peer: *peer, at: at.clone(), found: None, compared: None };
            self.repairs.diverged.insert(*peer, of_peer);
        }
        self.counters.alarms += u64::from(self.health.alarm(alarm));
    }

    /// A peer has the same records again.
    pub(super) fn on_agreed(&mut self, peer: NodeId) {
        self.repairs.diverged.remove(&peer);
        self.health.agreed(peer);
        if self.repairs.diverged.is_empty() {
            self.health.forget_rot();
        }
    }

    /// Records of these keys were others than the peer's; so many rows of each.
    pub(super) fn on_differed(&mut self, differed: &BTreeMap<Bytes, u64>) {
        let tables = self.tables.clone();
        self.repairs.found.stretches += 1;
        for (key, rows) in differed {
            self.repairs.found.add(&tables.of_key(key).name, key, *rows);
        }
        self.note_progress();
    }

    /// Begins to look for what differs from a peer that has diverged and was not compared lately.
    pub(super) fn compare_diverged(&mut self, now: Time) {
        let sources = self.replicator.sources();
        let due = |divergence: &&mut Divergence| {
            sources.contains(&divergence.peer)
                && divergence.compared.is_none_or(|at| divergence.found.is_none() && now.saturating_sub(at) >= AGAIN)
        };
        let Some(divergence) = self.repairs.diverged.values_mut().find(due) else { return };
        divergence.compared = Some(now);
        let peer = divergence.peer;
        (self.repairs.found, self.repairs.stands) = (Differences::default(), None);
        self.begin_filling(now, Purpose::Compare, vec![peer]);
    }

    /// All was compared with the peer that it began with.
    pub(super) fn on_compared(&mut self, peer: Option<NodeId>) {
        let found = std::mem::take(&mut self.repairs.found);
        if let Some(divergence) = peer.and_then(|peer| self.repairs.diverged.get_mut(&peer)) {
            divergence.found = Some(found);
        }
    }

    /// All that differed is replaced; to be flushed.
    pub(super) fn on_replaced(&mut self, bytes: u64) {
        self.note_progress();
        if let Some(repair) = &mut self.repairs.repair {
            repair.bytes = bytes;
        }
    }

    /// All that differed is replaced, and on the disk.
    pub(super) fn on_repaired(&mut self) {
        self.counters.repairs += 1;
        self.counters.repaired_stretches += self.repairs.found.stretches;
        self.note_progress();
        if let Some(repair) = &mut self.repairs.repair {
            repair.state = RepairState::Counting;
        }
        self.recount_after_repair();
    }

    pub(super) fn end_repair(&mut self, outcome: Result<(), String>) {
        let now = self.filling.now();
        if let Some(repair) = self.repairs.repair.as_mut().filter(|repair| repair.is_under_way()) {
            repair.state = match outcome {
                Ok(()) => {
                    // What was found before is not what differs now.
                    self.repairs.diverged.values_mut().for_each(|it| (it.found, it.compared) = (None, None));
                    RepairState::Done(now)
                }
                Err(why) => RepairState::GivenUp(now, why),
            };
        }
    }

    /// Gives up a comparison or a repair whose peer has not answered for long, and a comparison that finds too much.
    pub(super) fn look_at_progress(&mut self, now: Time) {
        let Some(view) = self.filling.ranges.view() else { return };
        if view.left.is_some() {
            self.filling.comes_since.get_or_insert(now);
        }
        if *view.purpose != Purpose::Compare && *view.purpose != Purpose::Fill(Bytes::new()) {
            return;
        }
        let (from, replaces) = (view.from, *view.purpose != Purpose::Compare);
        let stands = (view.progress.bytes, view.progress.stretches, view.moved);
        let since = match self.repairs.stands {
            Some((before, since)) if before == stands => since,
            _ => now,
        };
        self.repairs.stands = Some((stands, since));
        if !replaces && stands.0 > COMPARED_BYTES_MAX {
            self.repairs.found.more = true;
            self.filling.ranges.give_up_filling();
            return self.on_compared(from);
        }
        self.note_progress();
        let reached = from.is_some_and(|from| self.replicator.sources().contains(&from));
        let (patience, why) = match reached {
            true => (PATIENCE, "has not sent anything for 30 s"),
            false => (PATIENCE_WITHOUT_LINK, "cannot be reached any more"),
        };
        if now.saturating_sub(since) < patience {
            return;
        }
        self.filling.ranges.give_up_filling();
        if replaces {
            let region = from.map_or("an unknown region", |from| self.region_of(from)).to_owned();
            self.end_repair(Err(format!("{region} {why}")));
        }
    }

    fn note_progress(&mut self) {
        let bytes = self.filling.ranges.progress().map(|(_, progress)| progress.bytes);
        let found = &self.repairs.found;
        if let Some(repair) = self.repairs.repair.as_mut().filter(|repair| repair.state == RepairState::Replacing) {
            repair.bytes = bytes.unwrap_or(0).max(repair.bytes);
            repair.replaced = found.clone();
        }
    }
}

const EXAMPLES_MAX: usize = 10;
/// Records that are sent to be looked at and not to be kept; whoever differs by more has to be repaired anyway.
const COMPARED_BYTES_MAX: u64 = 32 << 20;
/// A comparison that came to nothing is tried again after so long.
const AGAIN: Time = Time::from_secs(60);
const PATIENCE: Time = Time::from_secs(30);
const PATIENCE_WITHOUT_LINK: Time = Time::from_secs(5);
