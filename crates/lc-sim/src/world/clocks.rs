//! A wall clock that goes wrong, and what a region may still decide by it.

use std::time::Duration;

use bytes::Bytes;
use lc_crdt::Entry;

use super::{World, ms};
use crate::region::{EPOCH_MS, WallClock};
use crate::report::Violation;

impl World {
    /// The world's bad clock goes wrong for a while. Only where its member can notice: one that has never heard most of the others
    /// cannot know, and what it stamps would keep out of the others for as many hours as it is off.
    pub(super) fn spoil_clock(&mut self, index: usize, lasts: Duration) {
        let index = *self.bad_clock.get_or_insert(index);
        let others = self.regions.len() - 1;
        let region = &mut self.regions[index];
        let heard = region.member.as_ref().map_or(0, |member| member.snapshot().clocks.len());
        if heard * 2 <= others + 1 || region.wall != WallClock::Right {
            return;
        }
        let hours = 1 + self.rng.below(1 << self.rng.below(8)) as i64;
        let by_ms = hours * HOUR_MS + self.rng.below(HOUR_MS as u64) as i64;
        region.wall = match self.rng.below(3) {
            0 => WallClock::Off { by_ms, since: self.now },
            1 => WallClock::Off { by_ms: -by_ms, since: self.now },
            _ => WallClock::Frozen { at: self.now },
        };
        self.trace.line(self.now, format_args!("the clock of {index} is {:?}", region.wall));
        self.after(lasts, super::Event::ClockRight { region: index });
    }

    pub(super) fn on_clock_right(&mut self, index: usize) {
        self.regions[index].wall = WallClock::Right;
    }

    /// Nothing is stamped far ahead of the world's time, and a region whose clock is hours off decides nothing once it has
    /// looked at it.
    pub(super) fn check_clock(&mut self, index: usize, entry: Bytes) {
        let Ok(entry) = Entry::decode(entry) else { return };
        let ahead_ms = entry.hlc.ms().saturating_sub(EPOCH_MS + self.now.as_millis() as u64);
        let mut report = |what: String| self.report.violations.push(Violation { checker: "clocks", what });
        if ahead_ms > AHEAD_MS_MAX {
            report(format!("region {index} stamped {} {ahead_ms} ms ahead", entry.dot));
        }
        if let WallClock::Off { by_ms, since } = self.regions[index].wall
            && self.now > since + LOOKS_WITHIN
        {
            report(format!("region {index} decided {} although its clock is {by_ms} ms off", entry.dot));
        }
    }
}

const HOUR_MS: i64 = 3_600_000;
/// A clock 0.2 s ahead, followed 0.5 s further before it is looked at; a peer's stamps, 0.5 s ahead of that.
const AHEAD_MS_MAX: u64 = 1500;
/// Members tick every 10 ms.
const LOOKS_WITHIN: Duration = ms(50);
