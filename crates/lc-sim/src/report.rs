//! What a run found.

use std::collections::BTreeMap;
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
    /// Faults by kind.
    pub faults: BTreeMap<&'static str, u64>,
    /// Machines that lost power, those of blackouts each, and in the middle of a start.
    pub power_losses: u64,
    /// Processes that were killed, in the middle of a start too.
    pub kills: u64,
    /// Members that took no more writes because of what their disk did.
    pub given_up: u64,
    /// Starts that a broken disk prevented, or a crash interrupted.
    pub failed_starts: u64,
    /// Regions in the world.
    pub regions: usize,
    /// Reads of numbered keys that were checked against what their sessions, bounds and quorums owe.
    pub numbered_reads: u64,
    /// Writes that several regions had to hold.
    pub held: u64,
    /// Writes that lost, in all ledgers together.
    pub losses: u64,
    /// Changes of tables.
    pub policy_changes: u64,
    /// Keys that were collapsed.
    pub collapsed: u64,
    /// Times that a journal's oldest part was dropped.
    pub truncations: u64,
    /// Repairs that ended well.
    pub repairs: u64,
    /// Times that a region went on from records because nobody had the entries any more.
    pub catch_ups: u64,
    /// Answers that were merged, because neither side could get the other's entries any more.
    pub merges: u64,
    /// Commands that were refused, by the code of the error.
    pub refused: BTreeMap<&'static str, u64>,
    /// Hash of the trace.
    pub trace_hash: u128,
    /// The trace itself, if it was asked for.
    pub trace: String,
}
