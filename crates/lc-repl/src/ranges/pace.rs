//! So many bytes a second, with a little saved up.

use crate::Time;

/// A bucket that fills with time and may go into debt: what is too large for it is let through once it is not empty, and
/// then paid for.
#[derive(Clone, Debug)]
pub struct Pace {
    bytes_per_second: u64,
    left: i64,
    at: Time,
}

impl Pace {
    /// `bytes_per_second` at 0 means no limit.
    pub fn new(bytes_per_second: u64) -> Pace {
        Pace { bytes_per_second, left: 0, at: Time::ZERO }
    }

    /// Whether something may go now.
    pub fn allows(&mut self, now: Time) -> bool {
        let gained = now.saturating_sub(self.at).as_micros().min(SAVED_US) as u64 * self.bytes_per_second / 1_000_000;
        // The rest of a second that does not make a byte is not lost.
        if gained > 0 || self.at == Time::ZERO {
            self.at = now;
        }
        let most = (self.bytes_per_second as u128 * SAVED_US / 1_000_000) as i64;
        self.left = self.left.saturating_add(gained as i64).min(most);
        self.bytes_per_second == 0 || self.left >= 0
    }

    /// Accounts for what went.
    pub fn spend(&mut self, bytes: usize) {
        self.left = self.left.saturating_sub(bytes as i64);
    }
}

/// A tenth of a second's worth may be saved up; a longer time than a second is not counted at once.
const SAVED_US: u128 = 100_000;

#[cfg(test)]
mod tests {
    use super::Pace;
    use crate::Time;

    #[test]
    fn over_ten_seconds_as_much_goes_as_it_says() {
        let (mut pace, mut sent) = (Pace::new(1_000_000), 0u64);
        for ms in (0..10_000).step_by(10) {
            while pace.allows(Time::from_millis(ms)) && sent < 1 << 40 {
                pace.spend(30_000);
                sent += 30_000;
            }
        }
        assert!((9_900_000..10_200_000).contains(&sent), "{sent}");
    }
}
