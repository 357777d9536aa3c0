//! A sum over rows that two replicas can compare: equal vectors must mean equal digests.

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed, xxh3_128_with_seed};

/// Order does not matter, so it is kept up to date row by row: add the new row, take away the old one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Digest(pub u128);

impl Digest {
    /// Accounts for a row that changed.
    pub fn replace(&mut self, key: &[u8], old: Option<&[u8]>, new: Option<&[u8]>) {
        let seed = xxh3_64(key);
        if let Some(old) = old {
            self.0 = self.0.wrapping_sub(xxh3_128_with_seed(old, seed));
        }
        if let Some(new) = new {
            self.0 = self.0.wrapping_add(xxh3_128_with_seed(new, seed));
        }
    }
}

impl Digest {
    /// Of one row or cell, for sums that two replicas compare once: with another `salt` two that were taken for the same
    /// by chance are told apart.
    pub fn salted(salt: u64, name: &[u8], bytes: &[u8]) -> u64 {
        xxh3_64_with_seed(bytes, xxh3_64_with_seed(name, salt))
    }
}
