//! What the ledger holds of one table, in numbers.

use std::collections::VecDeque;

use lc_core::Hlc;

use super::Bounds;
use super::format::{Evictions, Held};

/// One table's losses, counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Totals {
    /// In the ledger now.
    pub losses: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Ever noted; one that was evicted and noted again counts twice.
    pub noted_total: u64,
    /// Ever evicted, by age or bytes.
    pub evicted_total: u64,
    /// Ever noted without room for the whole value, so it cannot be put back from here.
    pub too_large_total: u64,
}

#[derive(Debug, Default)]
pub(super) struct Tally {
    pub losses: u64,
    pub bytes: u64,
    /// Nothing is held below this number.
    pub first: u64,
    /// When the oldest that is held was noted.
    pub oldest: Hlc,
    /// Losses held whose value is not whole.
    pub cut: u64,
    /// Of what was evicted.
    pub evicted: Evictions,
    /// The oldest losses, as far as somebody has looked: a full table evicts at each note, and must not scan each time.
    pub oldest_seen: VecDeque<Held>,
}

impl Tally {
    /// A loss later than those held.
    pub(super) fn add(&mut self, held: &Held) {
        if self.losses == 0 {
            (self.first, self.oldest) = (held.number, held.noted);
        }
        self.losses += 1;
        self.bytes += held.bytes;
        self.cut += u64::from(held.cut);
    }

    /// The oldest `count` of those seen go; gives them. One more must be seen, if there is one.
    pub(super) fn forget(&mut self, count: usize) -> Vec<Held> {
        let gone: Vec<Held> = self.oldest_seen.drain(..count).collect();
        let cut = gone.iter().filter(|held| held.cut).count() as u64;
        // Rows that changed under the ledger are not a reason to panic.
        self.losses = self.losses.saturating_sub(count as u64);
        self.bytes = self.bytes.saturating_sub(gone.iter().map(|held| held.bytes).sum());
        self.cut = self.cut.saturating_sub(cut);
        self.evicted.losses += count as u64;
        self.evicted.cut += cut;
        if let Some(held) = self.oldest_seen.front() {
            (self.first, self.oldest) = (held.number, held.noted);
        }
        gone
    }

    /// Where those begin that nobody has looked at.
    pub(super) fn unseen(&self) -> u64 {
        self.oldest_seen.back().map_or(self.first, |held| held.number + 1)
    }

    /// Whether something has to go.
    pub(super) fn is_due(&self, bounds: Bounds, now_ms: u64) -> bool {
        self.losses > 0 && (self.bytes > bounds.bytes_max || is_too_old(self.oldest, bounds, now_ms))
    }

    pub(super) fn totals(&self) -> Totals {
        // Rows say what is held and what was evicted, so the sums cannot disagree with them.
        Totals {
            losses: self.losses,
            bytes: self.bytes,
            noted_total: self.losses + self.evicted.losses,
            evicted_total: self.evicted.losses,
            too_large_total: self.cut + self.evicted.cut,
        }
    }
}

pub(super) fn is_too_old(noted: Hlc, bounds: Bounds, now_ms: u64) -> bool {
    now_ms.saturating_sub(noted.ms()) > bounds.age_max_ms
}
