//! Rows that the medium does not give back: how far that goes is looked for, the store is rebuilt from what can be read, and what was lost is
//! got from another region. Nobody has to start it, and everything else is served meanwhile.
//!
//! ```text
//! well -> look at all rows -> flush -> rebuild -> well, with keys missing -> they come by ranges -> well
//! ```
//!
//! What could not be read is *missing*, not absent ([`crate::missing`]). That is written with the rows of the moment from which on entries
//! are not applied to it, so a crash between any two steps leaves rows that are those of this replica, but for what is missing.
//!
//! What could not be opened at the start was put aside before ([`crate::open_records`]); it begins with the flush then, and what was put aside is removed
//! once nothing is missing.

use std::sync::Arc;

use bytes::Bytes;
use lc_core::{ReplicaId, Span};
use lc_crdt::{Entry, Op, RowError, Rows, key_span};
use lc_journal::Position;
use lc_repl::Time;
use lc_store::FlushJob;
use lc_store::{Gap, Store};
use parking_lot::Mutex;

use super::Member;
use crate::ledger::Ledger;
use crate::log::unreadable_upto;
use crate::ranges::{Purpose, Ranges};
use crate::records::{Records, Standing};
use crate::salvage::{Lost, Notes, Plan, Sums, keys_of_lost, look, lost_at_opening, rebuild};

/// What a member keeps about it.
#[derive(Default)]
pub(super) struct Mending {
    stage: Stage,
    /// Failed reads, and suspicions, that were looked after.
    seen: u64,
    suspected: u64,
    /// Since the store was whole last, reads have failed.
    has_failed: bool,
    /// Failed reads that were taken for what they are.
    noted: u64,
    outcome: Arc<Mutex<Option<Outcome>>>,
    lost: Lost,
    /// Gaps found at the start, until the store is rebuilt: what is read there is older than it was.
    known: Vec<Gap>,
    /// What the store stands at, once a flush has succeeded.
    flushed: Standing,
    now: Time,
    again_at: Time,
    trouble: Option<String>,
    /// Keys that the rebuilt store lacks.
    keys_missing: u64,
    /// How often something was found missing before what is missing began to come.
    misses: u64,
    /// Files that could not be opened, and their bytes.
    aside: Vec<(String, u64)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Stage {
    #[default]
    Well,
    /// All rows are to be looked at.
    Look,
    Looking,
    /// What is missing is to be written with everything else.
    Flush,
    Flushing,
    Rebuild,
    Rebuilding,
    /// What was put aside is being removed.
    Dropping,
}

/// What a job found or did.
enum Outcome {
    Looked(Result<Lost, lc_store::Error>),
    Rebuilt(Result<Sums, lc_store::Error>),
    Dropped(Result<(), lc_store::Error>),
}

impl Mending {
    /// With what opening the store found. What may be lacking is missing from here on.
    pub(super) fn open(records: &mut Records) -> Result<Mending, lc_store::Error> {
        let store = records.table.store().clone();
        let mut mending =
            Mending { aside: store.aside().files, keys_missing: keys_of_lost(&*store), ..Mending::default() };
        if let Some(lost) = lost_at_opening(&*store)? {
            if !lost.missing.is_empty() {
                records.miss(lost.missing.spans().iter().cloned());
            }
            mending.known.clone_from(&store.aside().gaps);
            (mending.lost, mending.stage, mending.has_failed) = (lost, Stage::Flush, true);
        }
        Ok(mending)
    }

    /// How many stretches could not be read when the store was opened.
    pub(super) fn stretches_at_opening(&self) -> u64 {
        self.lost.gaps.len() as u64
    }

    /// Files that were put aside, and their bytes.
    pub(super) fn put_aside(&self) -> (u64, u64) {
        (self.aside.len() as u64, self.aside.iter().map(|(_, bytes)| bytes).sum())
    }
}

/// What is being done about rows that cannot be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MendingView {
    /// What is going on, in words.
    pub doing: &'static str,
    /// Stretches of keys of which it is not known what they hold.
    pub stretches: usize,
    /// Keys that were lost there; 0 until the store was rebuilt without them.
    pub keys: u64,
    /// What keeps it from getting on.
    pub trouble: Option<String>,
}

/// Applies an entry but for what it does to missing keys: what comes in their place contains it. While they come, it is applied to them as in
/// a repair: what came before it lacks it, and what comes later replaces what it made of nothing. A key whose rows cannot be read is missing
/// from here on.
pub(super) fn apply_readable(records: &mut Records, ranges: &Ranges, entry: &Entry) -> Result<(), RowError> {
    let failed_before = records.table.store().corrupt_reads();
    let they_come = ranges.progress().is_some_and(|(purpose, _)| matches!(purpose, Purpose::Mend(_)));
    for op in &entry.ops {
        let is_missing = is_of_missing(records, op);
        if is_missing && !they_come {
            records.touched(op.key().map(AsRef::as_ref));
            if matches!(op, Op::Clear { .. }) {
                // Which keys it removes nobody can tell here; afterwards there is little to be got.
                records.miss([Span::all()]);
            }
            continue;
        }
        records.unguarded = is_missing;
        let outcome = ranges.apply_op(records, entry, op);
        records.unguarded = false;
        let Err(error) = outcome else { continue };
        if records.table.store().corrupt_reads() == failed_before {
            return Err(error);
        }
        records.miss([op.key().map_or_else(Span::all, |key| key_span(key))]);
    }
    Ok(())
}

/// Whether an op changes keys of which it is not known what they hold.
fn is_of_missing(records: &Records, op: &Op) -> bool {
    match op.key() {
        Some(key) => records.missing.has(key),
        None => matches!(op, Op::Clear { .. }) && !records.missing.is_empty(),
    }
}

impl Member {
    /// What is being done about rows that cannot be read; `None`: all can be.
    pub fn mending(&self) -> Option<MendingView> {
        let doing = match self.mending.stage {
            Stage::Well | Stage::Dropping if self.records.missing.is_empty() => return None,
            Stage::Well | Stage::Dropping => "getting what was lost from another region",
            Stage::Look | Stage::Looking => "looking how much cannot be read",
            Stage::Flush | Stage::Flushing => "writing what is in memory",
            Stage::Rebuild | Stage::Rebuilding => "rebuilding the record store from what can be read",
        };
        let (stretches, keys) = (self.records.missing.spans().len(), self.mending.keys_missing);
        Some(MendingView { doing, stretches, keys, trouble: self.mending.trouble.clone() })
    }

    /// Files of the record store that could not be opened and were put aside, and their bytes; they are removed once nothing is missing.
    pub fn put_aside(&self) -> &[(String, u64)] {
        &self.mending.aside
    }

    /// Whether a read failed just now because the medium does not give back what was written. Told once for each failure.
    pub(super) fn rot_was_met(&mut self) -> bool {
        let failed = self.records.table.store().corrupt_reads();
        let met = failed > self.mending.noted;
        self.mending.noted = failed;
        met
    }

    /// Notices reads that failed, those of clients among them.
    pub(super) fn look_for_rot(&mut self, now: Time) {
        self.mending.now = now;
        self.records.alone = self.settings.peers.is_empty();
        let store = self.records.table.store();
        let (failed, suspicions) = (store.corrupt_reads(), store.suspicions());
        let met = failed > self.mending.seen || suspicions > self.mending.suspected;
        if self.mending.stage != Stage::Well || !met || now < self.mending.again_at || self.health.writable().is_err() {
            return;
        }
        self.mending.stage = Stage::Look;
        self.counters.alarms += u64::from(failed > self.mending.seen);
        self.tell_rot();
    }

    /// Whether the store is about to be given other rows: no records may be got meanwhile.
    pub(super) fn is_rebuilding(&self) -> bool {
        match self.mending.stage {
            Stage::Well | Stage::Dropping => false,
            // What waits may have to wait for just that.
            Stage::Look => self.mending.now >= self.mending.again_at,
            _ => true,
        }
    }

    pub(super) fn mending_wants_flush(&self) -> bool {
        self.mending.stage == Stage::Flush
    }

    /// A flush begins that takes along everything that is in memory.
    pub(super) fn mending_flush_begins(&mut self, standing: &Standing) {
        match self.mending.stage {
            Stage::Flush => self.mending.stage = Stage::Flushing,
            Stage::Flushing | Stage::Rebuild => {}
            _ => return,
        }
        self.mending.flushed = standing.clone();
    }

    /// The next step that needs the store for itself, to be run as a flush is.
    pub(super) fn begin_mending(&mut self) -> Option<FlushJob<dyn Store>> {
        if self.mending.now < self.mending.again_at {
            return None;
        }
        let outcome = self.mending.outcome.clone();
        match self.mending.stage {
            Stage::Look => {
                let store = self.records.table.store();
                let (failed, suspicions) = (store.corrupt_reads(), store.suspicions());
                let known = self.mending.known.clone();
                let work = move |store: &dyn Store| *outcome.lock() = Some(Outcome::Looked(look(store, &known)));
                let job = self.records.table.begin_work(0, Box::new(work))?;
                self.mending.has_failed |= failed > self.mending.seen;
                (self.mending.seen, self.mending.suspected, self.mending.stage) = (failed, suspicions, Stage::Looking);
                Some(job)
            }
            Stage::Rebuild => {
                let plan = Plan {
                    lost: self.mending.lost.clone(),
                    missing: self.records.missing.clone(),
                    standing: self.mending.flushed.clone(),
                    // Being filled, it may have lost some of the ledger at a start, and goes on with the rest of it.
                    notes: (self.mending.lost.own && self.knows_own_notes()).then(|| self.own_notes()),
                };
                let bytes = usize::try_from(self.records.table.store().approximate_bytes()).unwrap_or(usize::MAX);
                let work = move |store: &dyn Store| *outcome.lock() = Some(Outcome::Rebuilt(rebuild(store, &plan)));
                let job = self.records.table.begin_work(bytes, Box::new(work))?;
                self.mending.stage = Stage::Rebuilding;
                Some(job)
            }
            Stage::Well if !self.mending.aside.is_empty() && self.records.missing.is_empty() => {
                let work = move |store: &dyn Store| *outcome.lock() = Some(Outcome::Dropped(store.drop_aside()));
                let job = self.records.table.begin_work(0, Box::new(work))?;
                self.mending.stage = Stage::Dropping;
                Some(job)
            }
            _ => None,
        }
    }

    /// A job or a flush succeeded.
    pub(super) fn mending_goes_on(&mut self) -> Result<(), crate::Error> {
        let outcome = self.mending.outcome.lock().take();
        match (self.mending.stage, outcome) {
            (Stage::Looking, Some(Outcome::Looked(Ok(lost)))) => self.looked(lost),
            (Stage::Looking, Some(Outcome::Looked(Err(error)))) => self.mend_again(Stage::Look, Some(&error)),
            (Stage::Looking, _) => self.mend_again(Stage::Look, None),
            (Stage::Flushing, _) => self.mending.stage = Stage::Rebuild,
            (Stage::Rebuilding, Some(Outcome::Rebuilt(Ok(sums)))) => return self.rebuilt(&sums),
            // More has rotted since.
            (Stage::Rebuilding, Some(Outcome::Rebuilt(Err(error @ lc_store::Error::Corrupt { .. })))) => {
                self.mend_again(Stage::Look, Some(&error));
            }
            (Stage::Rebuilding, Some(Outcome::Rebuilt(Err(error @ lc_store::Error::Engine { .. })))) => {
                // Which rows are there now only opening the store tells.
                self.health.fail(format!("record store: {error}"));
                return Err(error.into());
            }
            (Stage::Rebuilding, Some(Outcome::Rebuilt(Err(error)))) => self.mend_again(Stage::Rebuild, Some(&error)),
            (Stage::Rebuilding, _) => self.mend_again(Stage::Rebuild, None),
            (Stage::Dropping, outcome) => {
                self.mending.stage = Stage::Well;
                match outcome {
                    Some(Outcome::Dropped(Ok(()))) => self.mending.aside.clear(),
                    _ => self.mending.again_at = self.mending.now + LOOK_AGAIN_AFTER,
                }
            }
            _ => {}
        }
        self.tell_rot();
        Ok(())
    }

    /// Whether the job under way is not a flush.
    pub(super) fn has_worked(&self) -> bool {
        matches!(self.mending.stage, Stage::Looking | Stage::Rebuilding | Stage::Dropping)
    }

    /// After a while, from this step on. No error: there was no room on the disk.
    fn mend_again(&mut self, stage: Stage, error: Option<&lc_store::Error>) {
        self.mending.stage = stage;
        self.mending.again_at = self.mending.now + AGAIN_AFTER;
        self.mending.trouble =
            Some(error.map_or_else(
                || "the disk has no room for a second copy of the records".to_owned(),
                ToString::to_string,
            ));
    }

    fn looked(&mut self, lost: Lost) {
        self.mending.trouble = None;
        if lost.gaps.is_empty() && !self.mending.has_failed {
            // Something else had stopped the engine.
            self.mending.stage = Stage::Well;
            self.mending.again_at = self.mending.now + SUSPICION_AFTER;
            return;
        }
        if lost.own && !self.knows_own_notes() {
            // Being filled may end.
            self.mending.stage = Stage::Look;
            self.mending.again_at = self.mending.now + LOOK_AGAIN_AFTER;
            self.mending.trouble = Some(STUCK.to_owned());
            return;
        }
        self.counters.unreadable_stretches += lost.gaps.len() as u64;
        if !lost.missing.is_empty() {
            self.records.miss(lost.missing.spans().iter().cloned());
        }
        self.mending.lost = lost;
        self.mending.stage = Stage::Flush;
    }

    /// Whether all that this node keeps for itself in the store is known without the store.
    fn knows_own_notes(&self) -> bool {
        self.filling.is_even() && !self.filling.ranges.has_doubts() && self.filling.ranges.progress().is_none()
    }

    fn own_notes(&self) -> Notes {
        Notes { adopted: self.filling.adopted_row(), missing: self.records.missing.clone() }
    }

    fn rebuilt(&mut self, sums: &Sums) -> Result<(), crate::Error> {
        let was = (self.mending.flushed.digest, self.mending.flushed.keys);
        self.mending.keys_missing += was.1.saturating_sub(sums.keys);
        let region = self.settings.region.clone();
        self.records.rebuilt(&region, was, (sums.digest, sums.keys));
        if self.mending.lost.own {
            // What had lost is not known any more.
            self.ledger = Ledger::open(&self.records.table)?;
        }
        self.counters.rebuilds += 1;
        let store = self.records.table.store();
        (self.mending.seen, self.mending.suspected) = (store.corrupt_reads(), store.suspicions());
        self.mending.has_failed = false;
        self.mending.lost = Lost::default();
        self.mending.known.clear();
        self.mending.stage = Stage::Well;
        self.mending.again_at = self.mending.now + AGAIN_AFTER;
        self.tell_rot();
        Ok(())
    }

    /// Begins to get what is missing; says whether something is.
    pub(super) fn fetch_missing(&mut self, now: Time) -> bool {
        if self.records.missing.is_empty() || self.is_rebuilding() || self.mending.stage == Stage::Look {
            return !self.records.missing.is_empty();
        }
        let sources = self.holders_of_all(&self.replicator.sources());
        self.mending.trouble = sources.is_empty().then(|| self.why_nobody());
        if !sources.is_empty() {
            self.mending.misses = self.records.misses;
            self.begin_filling(now, Purpose::Mend(self.records.missing.spans().to_vec()), sources);
        }
        self.tell_rot();
        true
    }

    fn why_nobody(&self) -> String {
        let alone = self.settings.peers.is_empty();
        if alone { ALONE.to_owned() } else { "no region that has all tables of this one can be reached".to_owned() }
    }

    /// What is missing came. More may be missing by now.
    pub(super) fn mended(&mut self, spans: &[Span], bytes: u64) {
        self.counters.mended_bytes += bytes;
        let more = self.records.misses != self.mending.misses;
        let whole = !more && self.records.missing.spans().iter().all(|span| spans.contains(span));
        if !whole || self.mending.stage != Stage::Well {
            return;
        }
        self.records.miss_nothing();
        self.counters.mends += 1;
        self.counters.mended_keys += std::mem::take(&mut self.mending.keys_missing);
        self.health.forget_rot();
    }

    /// A part of the journal cannot be read: peers are told that their entries cannot be had here up to its end, so that they get them from
    /// another region, or records in their place, and do not wait for ever. Until the next start, which forgets it.
    pub(super) fn pass_over_damage(&mut self, now: Time, at: Position) {
        let upto = unreadable_upto(&self.journal, at, self.replicator.applied());
        let more: Vec<(ReplicaId, u64)> =
            upto.iter().filter(|&(replica, seq)| seq > self.filling.adopted.get(replica)).collect();
        if more.is_empty() {
            return;
        }
        more.into_iter().for_each(|(replica, seq)| self.filling.adopted.raise(replica, seq));
        self.tell_journal(now);
    }

    /// What operators are told first.
    fn tell_rot(&mut self) {
        let Some(view) = self.mending() else {
            self.health.forget_rot();
            return;
        };
        let lost = match view.keys {
            0 => String::new(),
            keys => format!(" ({keys} keys in {} stretches)", view.stretches),
        };
        let trouble = view.trouble.map(|why| format!(": {why}")).unwrap_or_default();
        let _ =
            self.health.rot(format!("some records on this node's disk cannot be read{lost}; {}{trouble}", view.doing));
    }
}

impl super::Filling {
    /// As the row says it, if there is any.
    pub(super) fn adopted_row(&self) -> Option<Bytes> {
        (!self.adopted.is_empty()).then(|| super::filling::adopted_bytes(&self.adopted))
    }
}

const AGAIN_AFTER: Time = Time::from_secs(10);
const LOOK_AGAIN_AFTER: Time = Time::from_secs(60);
/// Looking at everything for nothing should be rare.
const SUSPICION_AFTER: Time = Time::from_secs(600);
const STUCK: &str = "what this node keeps for itself beside the records cannot be read, while it is being filled; \
                     give the node an empty data directory and tell the others with `lightcone region renew-node`";
const ALONE: &str = "there is no other region to get them from; what is left is served, and what was lost is in no other place than a backup";
