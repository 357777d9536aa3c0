//! What was seen from outside while a world ran.

use std::collections::BTreeMap;

use lc_core::Dot;

/// What clients and nodes were seen to do; the checkers' input.
#[derive(Default)]
pub(crate) struct History {
    /// Writes whose client heard OK.
    pub acknowledged: Vec<Dot>,
    /// Every entry ever decided, with a hash of its bytes, lost ones too.
    pub decided: BTreeMap<Dot, u128>,
    /// Highest value of each pure counter that a client of a region was told since the region last started.
    pub counters_told: BTreeMap<(usize, Vec<u8>), i64>,
    /// Highest value of each pure counter that anybody was ever told.
    pub counters_max: BTreeMap<Vec<u8>, i64>,
    /// Somebody removed every key, counters too.
    pub flushed: bool,
}
