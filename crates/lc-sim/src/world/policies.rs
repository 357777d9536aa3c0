//! Tables whose dials change while the world runs, and reach regions one by one.

use std::collections::BTreeSet;

use bytes::Bytes;
use lc_core::Dot;
use lc_crdt::{Head, RowKind, head_of};
use lc_policy::table_of;

use super::{Event, Phase, World, ms};
use crate::Bug;
use crate::report::Violation;

impl World {
    /// Somebody changes a table.
    pub(super) fn on_policy(&mut self) {
        if self.phase != Phase::Busy {
            return;
        }
        self.after(self.rng.between(ms(500), ms(6000)), Event::NextPolicy);
        let what = self.plan.change(&self.rng);
        self.announce(&what);
    }

    /// The last change is often one after which there is something to collapse.
    pub(super) fn change_policy_at_last(&mut self) {
        if self.restless && self.rng.chance(60.0) {
            let what = self.plan.stop_showing_siblings(&self.rng);
            self.announce(&what);
        }
    }

    /// The newest version goes to all regions, each in its own time.
    fn announce(&mut self, what: &str) {
        self.report.policy_changes += 1;
        let version = self.plan.versions.len() - 1;
        self.trace.line(self.now, format_args!("tables {version}: {what}"));
        for region in 0..self.regions.len() {
            self.after(self.rng.between(ms(1), ms(3000)), Event::Tables { region, version });
        }
    }

    /// A version reaches a region; if it is down or cut off, later.
    pub(super) fn on_tables(&mut self, index: usize, version: usize) {
        let others = (0..self.regions.len()).filter(|&other| other != index);
        let alone = !others.into_iter().any(|other| self.network.connectable(index, other));
        if alone || self.regions[index].member.is_none() {
            self.after(self.rng.between(ms(50), ms(800)), Event::Tables { region: index, version });
            return;
        }
        let tables = &self.plan.versions[version];
        // Two versions may overtake each other.
        if tables.version > self.regions[index].tables.version {
            self.trace.line(self.now, format_args!("{index} has tables {version}"));
            self.regions[index].set_tables(tables.clone(), self.scenario.bug);
        }
    }

    pub(super) fn all_have_last_tables(&self) -> bool {
        self.regions.iter().all(|region| region.tables.version == self.plan.last().version)
    }

    /// Makes one value of what keys hold whose table had a rule for several, at one region.
    pub(super) fn collapse_all(&mut self) {
        self.history.merge_changed = self.plan.merge_changed.clone();
        let index = self.rng.below(self.regions.len() as u64) as usize;
        for table in self.plan.to_collapse() {
            let old_rule = self.scenario.bug == Some(Bug::CollapsedUnderOldRule);
            if old_rule {
                let tables = self.plan.versions[0].clone();
                self.regions[index].member.iter_mut().for_each(|member| member.set_tables(tables.clone()));
            }
            self.note_collapsible(index, &table);
            self.collapse(index, &table);
            if old_rule {
                let tables = self.plan.last().clone();
                self.regions[index].member.iter_mut().for_each(|member| member.set_tables(tables.clone()));
            }
        }
    }

    fn collapse(&mut self, index: usize, table: &str) {
        let mut from: Option<Vec<u8>> = None;
        loop {
            let region = &mut self.regions[index];
            let wall_ms = region.wall_ms(self.now);
            let Some(member) = &mut region.member else { return };
            let found = match member.collapsible(table, from.as_deref(), 3) {
                Ok(found) => found,
                Err(error) => {
                    self.report.violations.push(Violation { checker: "collapsed", what: error.to_string() });
                    return;
                }
            };
            if !found.keys.is_empty() {
                let decided = member.snapshot().counters.entries_decided;
                let (reply, _) = member.collapse(wall_ms, 1, &found.keys);
                self.report.collapsed += found.found.keys;
                self.trace.line(self.now, format_args!("{index} collapses {:?}: {reply:?}", found.keys));
                let dot = self.note_decided(index, decided);
                self.history.acknowledged.extend(dot);
                self.sync_soon(index);
            }
            match found.next {
                Some(next) => from = Some(next),
                None => return,
            }
        }
    }

    /// What a collapse is going to take away, read from the rows themselves.
    fn note_collapsible(&mut self, index: usize, table: &str) {
        let Some(member) = &self.regions[index].member else { return };
        let collapsed = &mut self.history.collapsed;
        let visited = member.each_row(&mut |row, bytes| {
            let key = head_of(row);
            if RowKind::of(row) == RowKind::Head
                && table_of(key) == table.as_bytes()
                && let Ok(head) = Head::decode(bytes.clone())
                && head.string.siblings.len() > 1
            {
                collapsed.insert(Bytes::copy_from_slice(key), losers(&head));
            }
        });
        if let Err(error) = visited {
            self.report.violations.push(Violation { checker: "collapsed", what: error.to_string() });
        }
    }

    /// What all ledgers hold.
    pub(super) fn losses(&self) -> u64 {
        let members = self.regions.iter().filter_map(|region| region.member.as_ref());
        members.flat_map(lc_member::Member::conflict_totals).map(|(_, totals)| totals.losses).sum()
    }
}

/// Values other than the latest one.
fn losers(head: &Head) -> BTreeSet<Dot> {
    let siblings = &head.string.siblings;
    let latest = siblings.iter().max_by_key(|sibling| (sibling.hlc, sibling.dot));
    let lost = siblings.iter().filter(|sibling| latest.is_some_and(|latest| latest.value != sibling.value));
    lost.map(|sibling| sibling.dot).collect()
}
