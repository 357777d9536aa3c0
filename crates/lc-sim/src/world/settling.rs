//! The end of a run: no more faults, no more clients; everything must become equal within bounded time.

use std::time::Duration;

use super::breaking::Ending;
use super::{Event, Phase, World};
use crate::report::Violation;

impl World {
    /// Nothing is wrong any more, and everybody learns of the newest tables.
    pub(super) fn heal(&mut self) {
        self.network.calm();
        self.change_policy_at_last();
        let version = self.plan.versions.len() - 1;
        self.phase = Phase::Settling;
        for region in 0..self.regions.len() {
            self.regions[region].mend();
            self.on_clock_right(region);
            self.regions[region].slow_until = Duration::ZERO;
            if self.regions[region].given_up {
                self.end(region, Duration::from_millis(1), Ending::Kill);
            }
            self.after(Duration::from_millis(1), Event::Start { region });
            self.after(Duration::from_millis(2), Event::Tables { region, version });
        }
    }

    pub(super) fn settle(&mut self) {
        self.phase = Phase::Settling;
        let begun = self.now;
        while self.now < begun + SETTLE_MAX {
            let next = self.now + LOOK_EVERY;
            self.advance_to(next);
            if self.settled() && !self.expiry_pending() {
                return;
            }
        }
        let what = format!("not settled {} s after everything healed: {}", SETTLE_MAX.as_secs(), self.standings());
        self.report.violations.push(Violation { checker: "convergence", what });
    }

    /// Clients go on for a while in a world where nothing is wrong.
    pub(super) fn live_calmly(&mut self) {
        self.phase = Phase::Calm;
        self.calm_since = self.now;
        let quiet = self.roamers.is_empty();
        self.advance_to(self.now + if quiet { LOOK_EVERY } else { CALM });
    }

    fn settled(&self) -> bool {
        let answered = self.calls.iter().all(Vec::is_empty);
        if !answered || !self.all_have_last_tables() {
            return false;
        }
        let mut vectors = self.regions.iter().map(|region| {
            region.member.as_ref().map(|member| {
                let snapshot = member.snapshot();
                let still = snapshot.applied == snapshot.durable && !member.is_filling();
                still.then_some(snapshot.applied)
            })
        });
        let Some(Some(Some(first))) = vectors.next() else { return false };
        vectors.all(|vector| vector.flatten().is_some_and(|vector| vector == first))
    }

    /// A key whose end lies ahead will change the world once more; wait for it, so that what is checked is at rest.
    fn expiry_pending(&self) -> bool {
        self.now < self.scenario.busy + EXPIRIES_DONE
    }

    fn standings(&self) -> String {
        let standing = |region: &crate::region::Region| match &region.member {
            Some(member) => {
                let snapshot = member.snapshot();
                let calls = self.calls[usize::from(region.node.0) - 1].len();
                let filling = member.filling().map_or_else(String::new, |filling| format!(", {filling:?}"));
                format!(
                    "{} applied {} durable {}, {calls} requests wait{filling}",
                    region.node, snapshot.applied, snapshot.durable
                )
            }
            None => format!("{} is down", region.node),
        };
        self.regions.iter().map(standing).collect::<Vec<_>>().join(", ")
    }
}

const SETTLE_MAX: Duration = Duration::from_secs(120);
const CALM: Duration = Duration::from_secs(4);
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// The longest expiry that clients choose is 5.1 s, clocks are at most 0.4 s apart, and looks are 0.1 s apart.
const EXPIRIES_DONE: Duration = Duration::from_secs(7);
