//! How often strangers may try: a few times at once, then once a second, all of them together.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lc_env::{Clock, RealClock};

/// Counts tries of callers who have shown nothing yet. One bound for all of them, because addresses are cheap.
pub(crate) struct Knocks {
    clock: RealClock,
    bucket: Mutex<Bucket>,
}

impl Knocks {
    pub(crate) fn new() -> Knocks {
        Knocks { clock: RealClock::default(), bucket: Mutex::new(Bucket { left: TRIES_MAX, at: Duration::ZERO }) }
    }

    /// Whether one more try is allowed now.
    pub(crate) fn take(&self) -> bool {
        // A panic elsewhere leaves the numbers whole.
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        bucket.take(self.clock.monotonic())
    }
}

struct Bucket {
    left: f64,
    at: Duration,
}

impl Bucket {
    fn take(&mut self, now: Duration) -> bool {
        let passed = now.saturating_sub(self.at);
        self.left = (self.left + passed.as_secs_f64() / TRY_EVERY.as_secs_f64()).min(TRIES_MAX);
        self.at = now;
        let allowed = self.left >= 1.0;
        if allowed {
            self.left -= 1.0;
        }
        allowed
    }
}

/// A region's nodes may join at once, each with a mistake or two.
const TRIES_MAX: f64 = 10.0;
/// A token has 256 random bits; what this bounds is the work that strangers can cause.
const TRY_EVERY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::{Bucket, Duration, TRIES_MAX};

    #[test]
    fn ten_tries_at_once_then_one_a_second() {
        let mut bucket = Bucket { left: TRIES_MAX, at: Duration::ZERO };
        let mut at = |ms: u64| bucket.take(Duration::from_millis(ms));
        assert_eq!((0..20).filter(|_| at(0)).count(), 10);
        assert_eq!((1..=5000).filter(|ms| at(*ms)).count(), 5);
        assert_eq!((0..20).filter(|_| at(3_600_000)).count(), 10, "patience is not saved up");
    }
}
