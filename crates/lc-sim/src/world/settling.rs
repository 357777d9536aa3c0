//! The end of a run: no more faults, no more clients; everything must become equal within bounded time.

use std::time::Duration;

use super::{Event, World};
use crate::report::Violation;

impl World {
    pub(super) fn settle(&mut self) {
        self.calm = true;
        self.network.calm();
        for region in 0..self.regions.len() {
            self.after(Duration::from_millis(1), Event::Start { region });
        }
        let end = self.now + SETTLE_MAX;
        while self.now < end {
            let next = self.now + LOOK_EVERY;
            self.advance_to(next);
            if self.settled() && !self.expiry_pending() {
                return;
            }
        }
        let what = format!("not settled {} s after everything healed: {}", SETTLE_MAX.as_secs(), self.standings());
        self.report.violations.push(Violation { checker: "convergence", what });
    }

    fn settled(&self) -> bool {
        let mut vectors = self.regions.iter().map(|region| {
            region.member.as_ref().map(|member| {
                let snapshot = member.snapshot();
                (snapshot.applied == snapshot.durable).then_some(snapshot.applied)
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
                format!("{} applied {} durable {}", region.node, snapshot.applied, snapshot.durable)
            }
            None => format!("{} is down", region.node),
        };
        self.regions.iter().map(standing).collect::<Vec<_>>().join(", ")
    }
}

const SETTLE_MAX: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// The longest expiry that clients choose is 5.1 s, clocks are at most 0.4 s apart, and looks are 0.1 s apart.
const EXPIRIES_DONE: Duration = Duration::from_secs(7);
