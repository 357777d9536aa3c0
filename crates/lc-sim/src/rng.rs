//! The one source of randomness of a world.

use std::time::Duration;

use lc_env::{Random, SeededRandom};

pub(crate) struct Rng(SeededRandom);

impl Rng {
    pub(crate) fn new(seed: u64) -> Rng {
        Rng(SeededRandom::new(seed))
    }

    pub(crate) fn u64(&self) -> u64 {
        self.0.u64()
    }

    /// A number below `bound`, at least 1.
    pub(crate) fn below(&self, bound: u64) -> u64 {
        self.0.u64() % bound.max(1)
    }

    pub(crate) fn chance(&self, percent: f64) -> bool {
        (self.0.u64() >> 11) as f64 / (1u64 << 53) as f64 * 100.0 < percent
    }

    /// Between the two, in microseconds.
    pub(crate) fn between(&self, from: Duration, to: Duration) -> Duration {
        let span = to.saturating_sub(from).as_micros() as u64;
        from + Duration::from_micros(self.below(span + 1))
    }
}
