//! What the door asks of the node it stands in: health, status, numbers, and the shapes of a development world's links.

use serde::{Deserialize, Serialize};

use crate::Problem;
use crate::prometheus::Sample;

/// The node behind the door.
pub trait Inside: Send + Sync + 'static {
    /// Told when a connection was given up because its client did not take its answer.
    fn left_unread(&self) {}

    /// Whether it takes reads and writes; if not, why.
    fn health(&self) -> Result<(), String>;

    /// Everything an operator may want to know at once.
    fn status(&self) -> serde_json::Value;

    /// Every number.
    fn samples(&self) -> Vec<Sample>;

    /// Whether links may be shaped; if not, the path for it does not exist.
    fn emulation_allowed(&self) -> bool;

    /// Makes the link to one peer as slow and lossy as asked.
    fn emulate(&self, link: &LinkEmulation) -> Result<(), Problem>;
}

/// Body of `POST /emulation`: shapes of links, each replacing the one before.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Emulation {
    /// One for each peer; peers not named keep theirs.
    pub links: Vec<LinkEmulation>,
}

/// What distance does to datagrams from this node to one peer.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkEmulation {
    /// The peer's node id.
    pub peer: u16,
    /// Added to each datagram, ms; at most a minute.
    #[serde(default)]
    pub one_way_ms: f64,
    /// Up to this much more, ms; at most a minute.
    #[serde(default)]
    pub jitter_ms: f64,
    /// Chance of each datagram to be lost, 0 to 100.
    #[serde(default)]
    pub loss_percent: f64,
    /// The wire's rate, at least 1000; none: unlimited.
    #[serde(default)]
    pub bandwidth_bytes_per_s: Option<u64>,
    /// Nothing gets through.
    #[serde(default)]
    pub cut: bool,
}

impl LinkEmulation {
    /// Checks every bound, NaN included; the error says which number and what would be right.
    pub fn check(&self) -> Result<(), String> {
        let within = |name: &str, value: f64, max: f64| match (0.0..=max).contains(&value) {
            true => Ok(()),
            false => Err(format!("{name} = {value}: must be from 0 to {max}")),
        };
        within("one_way_ms", self.one_way_ms, DELAY_MS_MAX)?;
        within("jitter_ms", self.jitter_ms, DELAY_MS_MAX)?;
        within("loss_percent", self.loss_percent, 100.0)?;
        match self.bandwidth_bytes_per_s {
            Some(rate) if rate < BANDWIDTH_MIN => {
                Err(format!("bandwidth_bytes_per_s = {rate}: must be at least {BANDWIDTH_MIN}"))
            }
            _ => Ok(()),
        }
    }
}

/// Longer than any link on Earth, satellites included.
const DELAY_MS_MAX: f64 = 60_000.0;
/// One datagram a second or so; less would be a cut.
const BANDWIDTH_MIN: u64 = 1000;
