//! What the ledger holds of one table, in numbers.

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

#[derive(PartialEq, Eq, Debug, Default)]
pub(super) struct Tally {
    pub losses: u64,
    pub bytes: u64,
    /// Nothing is held below this number.
    pub first: u64,
    /// Of what was evicted.
    pub evicted: Evictions,
    /// Losses held whose value is not whole.
    cut: u64,
    /// When the oldest that is held was noted.
    oldest: Hlc,
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

    /// The oldest losses went; `first` is the one that is now.
    pub(super) fn forget(&mut self, gone: &[Held], first: Option<&Held>) {
        let cut = gone.iter().filter(|held| held.cut).count() as u64;
        // Rows that changed under the ledger are not a reason to panic.
        self.losses = self.losses.saturating_sub(gone.len() as u64);
        self.bytes = self.bytes.saturating_sub(gone.iter().map(|held| held.bytes).sum());
        self.cut = self.cut.saturating_sub(cut);
        self.evicted.losses += gone.len() as u64;
        self.evicted.cut += cut;
        if let Some(held) = first {
            (self.first, self.oldest) = (held.number, held.noted);
        }
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
