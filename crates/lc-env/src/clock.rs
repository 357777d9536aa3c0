//! What time it is.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A source of time.
pub trait Clock: Send + Sync + 'static {
    /// Milliseconds since 1970, as the machine believes; may jump either way.
    fn wall_ms(&self) -> u64;

    /// Time since some fixed moment before this clock was made; never goes back.
    fn monotonic(&self) -> Duration;
}

/// The machine's clock.
pub struct RealClock {
    start: Instant,
}

impl RealClock {
    /// A clock whose monotonic time starts now.
    #[allow(clippy::disallowed_methods, reason = "this is the seam")]
    pub fn new() -> RealClock {
        RealClock { start: Instant::now() }
    }
}

impl Default for RealClock {
    fn default() -> RealClock {
        RealClock::new()
    }
}

impl Clock for RealClock {
    #[allow(clippy::disallowed_methods, reason = "this is the seam")]
    fn wall_ms(&self) -> u64 {
        // A machine set before 1970 reads as 1970; the clock checks of a node then refuse it like any other wrong clock.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).expect("milliseconds since 1970 fit 64 bits")
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }
}

/// A clock that stands still until it is moved; wall and monotonic time move separately.
#[derive(Default)]
pub struct ManualClock {
    wall_ms: AtomicU64,
    monotonic_ns: AtomicU64,
}

impl ManualClock {
    /// A clock at `wall_ms` Unix milliseconds.
    pub fn at(wall_ms: u64) -> ManualClock {
        ManualClock { wall_ms: AtomicU64::new(wall_ms), monotonic_ns: AtomicU64::new(0) }
    }

    /// Sets the wall time; may go back. Monotonic time stays.
    pub fn set_wall_ms(&self, wall_ms: u64) {
        self.wall_ms.store(wall_ms, Ordering::SeqCst);
    }

    /// Sets the monotonic time; an earlier one is ignored. Wall time stays.
    pub fn set_monotonic(&self, since_start: Duration) {
        let ns = u64::try_from(since_start.as_nanos()).expect("584 years fit 64 bits of nanoseconds");
        self.monotonic_ns.fetch_max(ns, Ordering::SeqCst);
    }

    /// Lets `elapsed` pass on both; the wall moves by whole milliseconds.
    pub fn advance(&self, elapsed: Duration) {
        let ms = u64::try_from(elapsed.as_millis()).expect("a step fits 64 bits of milliseconds");
        self.wall_ms.fetch_add(ms, Ordering::SeqCst);
        self.set_monotonic(self.monotonic() + elapsed);
    }
}

impl Clock for ManualClock {
    fn wall_ms(&self) -> u64 {
        self.wall_ms.load(Ordering::SeqCst)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_nanos(self.monotonic_ns.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Clock, ManualClock, RealClock};

    #[test]
    fn the_real_clock_is_after_2024_and_moves_on() {
        let clock = RealClock::new();
        let before = clock.monotonic();
        assert!(clock.wall_ms() > 1_704_067_200_000);
        assert!(clock.monotonic() >= before);
    }

    #[test]
    fn a_wall_clock_set_back_leaves_monotonic_time_alone() {
        let clock = ManualClock::at(5_000);
        clock.advance(Duration::from_millis(20));
        clock.set_wall_ms(1_000);
        clock.set_monotonic(Duration::from_millis(5));
        assert_eq!((clock.wall_ms(), clock.monotonic()), (1_000, Duration::from_millis(20)));
    }
}
