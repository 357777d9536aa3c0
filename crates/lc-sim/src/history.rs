//! What was seen from outside while a world ran.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use lc_core::Dot;
use lc_policy::Read;

/// What clients and nodes were seen to do; the checkers' input.
#[derive(Default)]
pub(crate) struct History {
    /// How many regions the world has.
    pub regions: usize,
    /// Writes whose client heard OK, or that too few regions told in time that they have.
    pub acknowledged: Vec<Dot>,
    /// Every entry ever decided, with a hash of its bytes, lost ones too.
    pub decided: BTreeMap<Dot, u128>,
    /// Highest value of each pure counter that a client of a region was told since the region last started.
    pub counters_told: BTreeMap<(usize, Vec<u8>), i64>,
    /// Highest value of each pure counter that anybody was ever told.
    pub counters_max: BTreeMap<Vec<u8>, i64>,
    /// Somebody removed every key, counters too.
    pub flushed: bool,
    /// Records of two regions were merged that could not get each other's entries. Then increments that one of them had
    /// seen reset may count again.
    pub merged: bool,
    /// What sessions did to numbered keys, in the order in which it happened.
    pub steps: Vec<Step>,
    /// Writes that several regions had to hold, as they were answered.
    pub promises: Vec<Promised>,
    /// Keys that were collapsed, and which writes were to lose by that.
    pub collapsed: BTreeMap<Bytes, BTreeSet<Dot>>,
    /// Tables whose rule changed.
    pub merge_changed: BTreeSet<String>,
    /// What was refused although nothing was wrong with the world.
    pub refused_in_calm: Vec<String>,
}

/// Something about a numbered key: one session writes it, each write a higher number.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Step {
    /// A region decided a write.
    Decided { session: usize, key: String, number: u64, removes: bool },
    /// Its client was answered at `at`; OK if at least `held_by` regions, one or more, have it; 0: it heard that too few
    /// have it.
    Told { session: usize, key: String, number: u64, held_by: usize, at: Duration },
    /// A client was shown this number, or nothing, for what it had asked at `asked_at`.
    Shown {
        session: usize,
        key: String,
        number: Option<u64>,
        level: Read,
        /// By a quorum, perhaps: what it showed need not be in the asked region, and a write there need not follow it.
        glimpsed: bool,
        asked_at: Duration,
        at: Duration,
    },
}

/// A write that `need` regions had to hold.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Promised {
    pub dot: Dot,
    pub need: usize,
    /// `None`: its client heard OK; otherwise how many it was told have it.
    pub have: Option<usize>,
    /// How many regions really had it durably at that moment.
    pub truth: usize,
}
