//! What a run found.

use std::time::Duration;

/// One broken promise.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// Which checker noticed.
    pub checker: &'static str,
    /// What is wrong, and where.
    pub what: String,
}

/// A run's result.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// Broken promises; none is good.
    pub violations: Vec<Violation>,
    /// How much time passed in the simulated world.
    pub simulated: Duration,
    /// Commands that clients sent.
    pub commands: u64,
    /// Writes that were acknowledged.
    pub acknowledged: u64,
    /// Crashes, cuts and other faults.
    pub faults: u64,
    /// Regions in the world.
    pub regions: usize,
    /// Hash of the trace.
    pub trace_hash: u128,
    /// The trace itself, if it was asked for.
    pub trace: String,
}
