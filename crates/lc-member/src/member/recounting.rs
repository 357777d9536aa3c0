//! When all rows are summed up anew, how fast, and what follows from it.

use lc_crdt::{Digest, Rows};
use lc_repl::Time;

use super::Member;
use crate::recount::{LAST_ROW, Recount};

/// What a member keeps about it.
#[derive(Default)]
pub(super) struct Recounting {
    begun: Option<Time>,
    stepped: Time,
    why: Why,
}

/// What a recount is for.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
enum Why {
    /// Now and then, in small steps.
    #[default]
    Routine,
    /// The last one found other sums. Rows that were changed in memory meanwhile may have mended it.
    Again,
    /// Records were replaced by a peer's: what they were may not have been what the sum said.
    Repair,
}

impl Member {
    /// Sums up some rows, if it is time.
    pub(super) fn recount(&mut self, now: Time) {
        let per_second = self.settings.disk.recount_rows_per_second;
        let routine = self.recounting.why == Why::Routine;
        let waits = routine && (per_second == 0 || now.saturating_sub(self.recounting.stepped) < STEP_EVERY);
        if self.broken || waits {
            return;
        }
        self.recounting.stepped = now;
        if self.records.recount.is_none() {
            let due = self.recounting.begun.is_none_or(|begun| now.saturating_sub(begun) >= EVERY);
            if routine && !due {
                return;
            }
            self.recounting.begun = Some(now);
            self.records.recount = Some(Recount::begin());
        }
        let rows = if routine { (per_second / STEPS_PER_SECOND).max(1) } else { ROWS_AT_ONCE };
        if let Some(sums) = self.recount_some(rows) {
            self.recounted(now, sums);
        }
    }

    /// Begins at once and goes on as fast as it may; the repair that asks for it ends with it.
    pub(super) fn recount_after_repair(&mut self) {
        self.records.recount = None;
        self.recounting.why = Why::Repair;
    }

    /// Gives the sums at the end.
    fn recount_some(&mut self, rows: u64) -> Option<(Digest, u64)> {
        let mut recount = self.records.recount.take()?;
        let (from, mut left) = (recount.place().to_vec(), rows);
        let scanned = self.records.scan(&from, LAST_ROW, &mut |row, value| {
            recount.add(row, value);
            left -= 1;
            left > 0
        });
        if scanned.is_err() {
            // Rows that cannot be read are told of by the store; they are looked at again another time.
            if std::mem::take(&mut self.recounting.why) == Why::Repair {
                self.end_repair(Err("some rows of this node cannot be read".to_owned()));
            }
            return None;
        }
        if left == 0 {
            self.records.recount = Some(recount);
            return None;
        }
        Some(recount.sums())
    }

    fn recounted(&mut self, now: Time, sums: (Digest, u64)) {
        let same = sums == (self.records.digest, self.records.keys);
        self.counters.recounts += 1;
        let why = std::mem::take(&mut self.recounting.why);
        self.recounting.begun = Some(now);
        match (why, same) {
            (Why::Routine, false) => {
                // Clean rows in memory may be what was written, where the disk has something else.
                self.records.table.forget_clean();
                self.recounting.why = Why::Again;
            }
            (Why::Again, false) => {
                self.take_over(sums);
                self.counters.recounts_differed += 1;
                self.counters.alarms += u64::from(self.health.rot(ROTTEN.to_owned()));
            }
            (Why::Repair, _) => {
                if !same {
                    self.counters.recounts_differed += 1;
                    self.take_over(sums);
                }
                self.health.forget_rot();
                self.end_repair(Ok(()));
            }
            (Why::Routine | Why::Again, true) => {}
        }
    }

    /// From here on the digest is that of the rows as they are, so that peers notice what rotted.
    fn take_over(&mut self, sums: (Digest, u64)) {
        let region = self.settings.region.clone();
        self.records.recounted(&region, sums);
    }
}

const ROTTEN: &str = "some records on this node's disk are not what was written there; what differs from other regions is in `diverged`, \
                      and `lightcone repair` replaces it by what another region has";
/// One ends, and so long after it the next begins.
const EVERY: Time = Time::from_secs(3600);
const STEP_EVERY: Time = Time::from_millis(100);
const STEPS_PER_SECOND: u64 = 10;
/// A few milliseconds.
const ROWS_AT_ONCE: u64 = 1500;
