//! Chance as a number, for jitter and emulated loss.

use lc_env::Random;

/// Evenly in 0.0 to 1.0, 1.0 excluded.
pub(crate) fn fraction(random: &impl Random) -> f64 {
    // 53 bits: what an f64 holds exactly.
    (random.u64() >> 11) as f64 / (1_u64 << 53) as f64
}
