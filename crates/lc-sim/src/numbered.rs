//! Numbered keys: each is written by one session only, its writes count up, and its value is the number. So whatever a
//! reader is shown tells exactly which writes it was shown.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::Step;

/// Which numbers of a key are removals; a reader is shown nothing by them, as by number 0, before the first.
#[derive(Default)]
pub(crate) struct Removals(BTreeMap<String, BTreeSet<u64>>);

impl Removals {
    pub(crate) fn of(steps: &[Step]) -> Removals {
        let mut removals = Removals::default();
        for step in steps {
            if let Step::Decided { key, number, removes: true, .. } = step {
                removals.0.entry(key.clone()).or_default().insert(*number);
            }
        }
        removals
    }

    /// The lowest number from `floor` on that can have been shown; `None` if there is none. `made` is the highest
    /// number that was decided by then.
    pub(crate) fn least(&self, key: &str, shown: Option<u64>, floor: u64, made: u64) -> Option<u64> {
        match shown {
            Some(number) => (number >= floor && number <= made).then_some(number),
            None if floor == 0 => Some(0),
            None => self.0.get(key)?.range(floor..=made.max(floor)).next().copied().filter(|number| *number <= made),
        }
    }
}
