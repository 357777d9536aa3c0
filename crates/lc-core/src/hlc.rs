//! Hybrid logical clocks: causality first, wall time only where nothing else orders.
//!
//! Source: Kulkarni et al., "Logical Physical Clocks" (2014), section 3, with the two parts packed into 64 bits.

use std::fmt;

/// 48 bits of Unix milliseconds, then 16 bits that count within one millisecond.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Hlc(pub u64);

impl Hlc {
    /// The first stamp of a millisecond.
    pub fn from_ms(ms: u64) -> Hlc {
        Hlc(ms << 16)
    }

    /// Unix milliseconds.
    pub fn ms(self) -> u64 {
        self.0 >> 16
    }

    /// The count within the millisecond.
    pub fn logical(self) -> u16 {
        (self.0 & 0xffff) as u16
    }
}

impl fmt::Display for Hlc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.ms(), self.logical())
    }
}

/// A stamp further ahead of this node's clock than it accepts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TooFarAhead {
    /// How far ahead, in ms.
    pub ahead_ms: u64,
}

/// The highest stamp given or seen. It never goes back, whatever the wall clock does.
#[derive(Clone, Debug, Default)]
pub struct HlcClock {
    last: Hlc,
}

impl HlcClock {
    /// A clock that continues after `last`, as recovered from the journal.
    pub fn resume(last: Hlc) -> HlcClock {
        HlcClock { last }
    }

    /// A new stamp, later than all given and seen.
    pub fn next(&mut self, wall_ms: u64) -> Hlc {
        // Adding one carries a full logical part into the milliseconds, which keeps the order.
        self.last = Hlc::from_ms(wall_ms).max(Hlc(self.last.0 + 1));
        self.last
    }

    /// A stamp of `wall_ms`, even where later ones were given or seen: for a write whose place in causal order needs no
    /// stamp, because it names what it replaces.
    pub fn of_wall(&mut self, wall_ms: u64) -> Hlc {
        let stamp = Hlc::from_ms(wall_ms);
        self.last = self.last.max(stamp);
        stamp
    }

    /// Takes note of another replica's stamp; refused when more than `max_offset_ms` ahead of `wall_ms`.
    pub fn observe(&mut self, seen: Hlc, wall_ms: u64, max_offset_ms: u64) -> Result<(), TooFarAhead> {
        let ahead_ms = seen.ms().saturating_sub(wall_ms);
        if ahead_ms > max_offset_ms {
            return Err(TooFarAhead { ahead_ms });
        }
        self.last = self.last.max(seen);
        Ok(())
    }

    /// Takes note of a stamp that is already durable here, so cannot be refused any more.
    pub fn recover(&mut self, seen: Hlc) {
        self.last = self.last.max(seen);
    }

    /// The highest stamp given or seen.
    pub fn last(&self) -> Hlc {
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::{Hlc, HlcClock, TooFarAhead};

    #[test]
    fn stamps_grow_while_the_wall_clock_jumps_back() {
        let mut clock = HlcClock::default();
        let first = clock.next(1_000);
        let second = clock.next(10);
        assert!(second > first);
        assert_eq!(clock.next(2_000), Hlc::from_ms(2_000));
    }

    #[test]
    fn a_stamp_of_the_wall_clock_takes_nothing_back() {
        let mut clock = HlcClock::resume(Hlc::from_ms(5_000));
        assert_eq!(clock.of_wall(1_000), Hlc::from_ms(1_000));
        assert!(clock.next(1_000) > Hlc::from_ms(5_000));
        assert_eq!(clock.of_wall(9_000), clock.last());
    }

    #[test]
    fn a_stamp_from_the_far_future_is_refused_and_leaves_no_trace() {
        let mut clock = HlcClock::default();
        let refused = clock.observe(Hlc::from_ms(10_000), 1_000, 500);
        assert_eq!(refused, Err(TooFarAhead { ahead_ms: 9_000 }));
        assert_eq!(clock.last(), Hlc::default());
    }

    #[test]
    fn a_full_logical_part_carries_into_the_next_millisecond() {
        let mut clock = HlcClock::resume(Hlc(Hlc::from_ms(5).0 | 0xffff));
        assert_eq!(clock.next(5), Hlc::from_ms(6));
    }
}
