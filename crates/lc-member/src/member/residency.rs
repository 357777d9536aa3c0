//! Keeping to placements: what this region must not have is not decided, kept or told here.

use bytes::Bytes;
use lc_core::NodeId;
use lc_crdt::{Entry, Op, Rows, forget_row};
use lc_db::{Among, Demand, held_here};
use lc_repl::Digests;

use super::Member;
use crate::placement;
use crate::shares::LAST_ROW;

impl Member {
    /// Refuses what a write decided about keys that must not be here.
    pub(super) fn check_residency(&self, ops: &[Op]) -> Result<(), lc_db::Error> {
        let region = &self.settings.region;
        let Some(withheld) = self.tables.withheld_from(region).next() else { return Ok(()) };
        if ops.iter().any(|op| matches!(op, Op::Clear { .. })) {
            // It would clear keys that this region cannot see.
            return Err(lc_db::Error::elsewhere(withheld, region));
        }
        let keys: Vec<&[u8]> = ops.iter().filter_map(|op| op.key().map(AsRef::as_ref)).collect();
        held_here(&self.tables, region, &keys)
    }

    /// Refuses reads of keys that must not be here.
    pub(super) fn check_read(&self, keys: &[&[u8]]) -> Result<(), lc_db::Error> {
        if self.tables.restricted().is_empty() {
            return Ok(());
        }
        held_here(&self.tables, &self.settings.region, keys)
    }

    /// Whether an entry that came can be taken: nothing was withheld from it that this region should have, and the
    /// catalogue here is as new as the sender's was.
    pub(super) fn is_understood(&self, entry: &Entry) -> bool {
        placement::is_understood(entry, &self.tables, &self.settings.region)
    }

    /// An entry as it is applied and kept here: the tables may have changed since its sender looked.
    pub(super) fn as_held_here(&self, entry: &Entry) -> Option<(Entry, Bytes)> {
        placement::stripped(entry, &self.tables, &self.settings.region)
    }

    /// Whether a peer may be given these keys' records, and this region has them: one that must not have them any more
    /// would answer that there are none.
    pub(super) fn may_have(&self, peer: NodeId, keys: &[Bytes]) -> Result<(), lc_db::Error> {
        let keys: Vec<&[u8]> = keys.iter().map(AsRef::as_ref).collect();
        held_here(&self.tables, &self.settings.region, &keys)?;
        held_here(&self.tables, self.region_of(peer), &keys)
    }

    /// Whether a peer may be given the reply to a command that reads, and this region has what it reads; gives the regions
    /// that have it.
    pub(super) fn may_answer(&self, peer: NodeId, words: &[Bytes]) -> Result<Among, lc_db::Error> {
        let words: Vec<&[u8]> = words.iter().map(AsRef::as_ref).collect();
        lc_db::may_answer(&words, &self.tables, &self.settings.region)?;
        lc_db::may_answer(&words, &self.tables, self.region_of(peer))
    }

    /// Whether a peer may be asked this: the question alone tells the keys, and tables may have changed since it was made.
    pub(super) fn may_be_asked(&self, peer: NodeId, demand: &Demand) -> bool {
        match &demand.quorum {
            Some(quorum) => self.may_have(peer, &quorum.keys).is_ok(),
            None => self.may_answer(peer, &demand.words).is_ok(),
        }
    }

    /// Digests to compare with peers, each over the rows that it may have too.
    pub(super) fn digests(&self) -> Digests {
        let (all, shares) = (self.records.digest, &self.records.shares);
        // Some stretches have had more than what is applied says, so that equal vectors would not mean equal rows.
        if !self.filling.is_even() || self.filling.ranges.has_doubts() || !self.records.missing.is_empty() {
            return Digests::default();
        }
        if self.tables.restricted().is_empty() {
            return Digests::of_all(all.0);
        }
        let peers = self.settings.peers.iter();
        Digests {
            shared: None,
            apart: peers.map(|peer| (peer.node, shares.with(all, &peer.region))).collect(),
            placement: self.tables.placement_version(),
        }
    }

    /// Walks on over the rows where placements have changed, removing what must not be here any more.
    pub(super) fn walk_placements(&mut self) {
        let Some(from) = self.records.shares.walk_from().map(<[u8]>::to_vec) else { return };
        let mut rows = Vec::new();
        let scanned = self.records.scan(&from, LAST_ROW, &mut |row, value| {
            rows.push((Bytes::copy_from_slice(row), value.clone()));
            rows.len() < ROWS_AT_ONCE
        });
        if scanned.is_err() && self.rot_was_met() {
            return;
        }
        let ends = rows.len() < ROWS_AT_ONCE;
        let tables = self.tables.clone();
        let astray = self.records.shares.walked(&tables, rows, ends);
        self.counters.rows_removed_elsewhere += astray.len() as u64;
        let removed = astray.iter().try_for_each(|(row, value)| forget_row(&mut self.records, row, value));
        if let Err(error) = scanned.and(removed) {
            self.health.fail(format!("rows that must not be here: {error}"));
        }
        if self.records.shares.walk_from().is_none() {
            self.forget_conflicts_elsewhere();
        }
    }

    /// Losses of keys that must not be here, whatever their table was called when they lost.
    fn forget_conflicts_elsewhere(&mut self) {
        let (tables, region) = (self.tables.clone(), &self.settings.region);
        if tables.not_received_in(region).next().is_none() {
            return;
        }
        if let Err(error) = self.ledger.forget_keys(&mut self.records.table, &|key| !tables.may_receive(region, key)) {
            self.health.fail(format!("conflict ledger: {error}"));
        }
    }
}

/// Rows that are walked before others have a turn.
const ROWS_AT_ONCE: usize = 1000;
