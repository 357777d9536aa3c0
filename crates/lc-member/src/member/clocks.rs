//! What a member makes of its wall clock: how far a stamp follows it, whether it may decide writes by it, and what the
//! time probably is when it must not.

use std::time::Duration as Time;

use lc_core::NodeId;

use super::Member;
use super::clock_watch::{Apart, ClockWatch, PeerClock};

/// The clocks, and what was judged of them at the last tick.
#[derive(Debug)]
pub(super) struct Clocks {
    watch: ClockWatch,
    max_offset_ms: u64,
    /// What this node's clocks showed at the last tick.
    ticked: Option<(Time, u64)>,
    apart: Option<Apart>,
}

impl Clocks {
    pub(super) fn new(max_offset_ms: u64) -> Clocks {
        Clocks { watch: ClockWatch::new(max_offset_ms), max_offset_ms, ticked: None, apart: None }
    }

    /// A peer's clock showed this when it made a message that took at most `way_max` to come.
    pub(super) fn heard(&mut self, now: Time, peer: NodeId, wall_ms: u64, way_max: Time) {
        self.watch.heard(now, peer, wall_ms, way_max);
    }

    /// The clock as far as a write may follow it: not back behind what the last tick saw, and no further than a little
    /// past it. Whatever it did since, the next tick judges; until then a jump must not get into a stamp, where it would
    /// stay, nor into the end of a key.
    pub(super) fn believed(&self, wall_ms: u64) -> u64 {
        let far = |ticked_ms: u64| ticked_ms.saturating_add(self.max_offset_ms.min(FOLLOWED_MS));
        self.ticked.map_or(wall_ms, |(_, ticked_ms)| wall_ms.clamp(ticked_ms, far(ticked_ms)))
    }

    /// The time as most nodes see it, if this one's clock is apart from theirs; what its clock shows otherwise.
    pub(super) fn right(&self, wall_ms: u64) -> u64 {
        self.apart.map_or(wall_ms, |apart| wall_ms.saturating_add_signed(apart.by_ms))
    }

    /// What was heard and is not too old to say anything.
    pub(super) fn peers(&self) -> Vec<PeerClock> {
        self.ticked.map(|(now, wall_ms)| self.watch.peers(now, wall_ms).collect()).unwrap_or_default()
    }

    fn judge(&mut self, now: Time, wall_ms: u64, peers: usize) -> Option<Apart> {
        self.ticked = Some((now, wall_ms));
        self.apart = self.watch.judge(now, wall_ms, peers);
        self.apart
    }
}

impl Member {
    /// Decides whether writes may be stamped by this node's clock. Gives the time to go by until the next tick.
    pub(super) fn judge_clock(&mut self, now: Time, wall_ms: u64) -> u64 {
        let (me, peers) = (self.settings.node, &self.settings.peers);
        let others = |node| peers.iter().any(|peer| peer.node == node && node != me);
        self.clocks.watch.keep(others);
        let count = peers.iter().filter(|peer| peer.node != me).count();
        let why = match self.clocks.judge(now, wall_ms, count) {
            Some(apart) => Some(format!("{apart}; {APART}")),
            None if count > 0 => self.next_stamp_ahead(wall_ms).map(|ms| {
                format!("the stamps of this node's writes would be {ms} ms ahead of its clock, and its peers would not take them; {AHEAD}")
            }),
            None => None,
        };
        if self.health.clock(why) {
            self.counters.clock_apart += 1;
        }
        self.clocks.right(wall_ms)
    }

    /// How far the next stamp would be ahead of this node's clock, ms, if that is more than what peers bear. Its clock
    /// showed a later time when a write was decided, or a peer's did which this one agreed with then.
    fn next_stamp_ahead(&self, wall_ms: u64) -> Option<u64> {
        let ahead_ms = self.clock.last().ms().saturating_sub(wall_ms);
        // Peers whose clocks are fine may be as much as the bound ahead of this one, and so may their stamps.
        (ahead_ms > self.settings.max_offset_ms.saturating_mul(2)).then_some(ahead_ms)
    }
}

/// Ticks come a hundred times a second; a second without one is a node that stood still.
const FOLLOWED_MS: u64 = 1000;
const APART: &str =
    "set the machine's clock right: writes go on by themselves then, and reads and what peers send go on meanwhile";
const AHEAD: &str = "writes go on by themselves once its clock is there; if the clock is behind, set it right";
