//! How far a backup is, on standard error; and not faster than asked.

use std::io::{IsTerminal, stderr};
use std::time::Duration;

use lc_env::{Clock, RealClock};

/// Of one backup.
pub struct Progress {
    clock: RealClock,
    start: Duration,
    told: Duration,
    bytes: u64,
    expected_bytes: u64,
    limit_bytes_per_s: Option<f64>,
    quiet: bool,
}

impl Progress {
    /// About so many bytes are to come.
    pub fn new(expected_bytes: u64, limit_mb_per_s: Option<f64>, quiet: bool) -> Progress {
        let clock = RealClock::default();
        let start = clock.monotonic();
        let limit_bytes_per_s = limit_mb_per_s.map(|mb| mb * 1e6);
        Progress { clock, start, told: start, bytes: 0, expected_bytes, limit_bytes_per_s, quiet }
    }

    /// A piece came. Waits if it came too soon.
    pub async fn came(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
        if let Some(limit) = self.limit_bytes_per_s {
            let due = Duration::from_secs_f64(self.bytes as f64 / limit);
            tokio::time::sleep(due.saturating_sub(self.elapsed())).await;
        }
        let now = self.clock.monotonic();
        if !self.quiet && stderr().is_terminal() && now.saturating_sub(self.told) > TELL_EVERY {
            self.told = now;
            eprintln!("{}", self.text());
        }
    }

    /// Bytes so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Since the beginning.
    pub fn elapsed(&self) -> Duration {
        self.clock.monotonic().saturating_sub(self.start)
    }

    fn text(&self) -> String {
        let rate = self.bytes as f64 / self.elapsed().as_secs_f64().max(0.001);
        let left = self.expected_bytes.saturating_sub(self.bytes) as f64 / rate.max(1.0);
        let left = if self.bytes < self.expected_bytes { format!(", about {left:.0} s left") } else { String::new() };
        format!("{:.0} MB, {:.1} MB/s{left}", self.bytes as f64 / 1e6, rate / 1e6)
    }
}

const TELL_EVERY: Duration = Duration::from_secs(1);
