//! A bound on bytes that are under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts bytes in use against a bound.
#[derive(Clone)]
pub(crate) struct BytesBudget {
    used: Arc<AtomicUsize>,
    bytes_max: usize,
}

impl BytesBudget {
    pub(crate) fn new(bytes_max: usize) -> BytesBudget {
        BytesBudget { used: Arc::default(), bytes_max }
    }

    /// Takes `bytes` and a fixed cost; nothing if that would pass the bound. Given back when the share is dropped.
    pub(crate) fn take(&self, bytes: usize) -> Option<Share> {
        let cost = bytes + COST_BYTES;
        let fits = |used: usize| Some(used + cost).filter(|wanted| *wanted <= self.bytes_max);
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).ok()?;
        Some(Share { used: Arc::clone(&self.used), cost })
    }
}

/// Bytes in use.
pub(crate) struct Share {
    used: Arc<AtomicUsize>,
    cost: usize,
}

impl Drop for Share {
    fn drop(&mut self) {
        self.used.fetch_sub(self.cost, Ordering::Relaxed);
    }
}

/// About what a task and its bookkeeping take beside the bytes, so that empty frames are bounded too.
const COST_BYTES: usize = 512;

#[cfg(test)]
mod tests {
    use super::BytesBudget;

    #[test]
    fn what_is_given_back_can_be_taken_again() {
        let budget = BytesBudget::new(2000);
        let first = budget.take(1000).unwrap();
        assert!(budget.take(1000).is_none());
        drop(first);
        assert!(budget.take(1000).is_some());
    }
}
