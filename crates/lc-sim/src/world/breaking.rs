//! Cuts, crashes and starts.

use std::time::Duration;

use super::{Event, Phase, World, ms};
use crate::Bug;
use crate::faults::{self, Fault};
use crate::report::Violation;

impl World {
    pub(super) fn on_fault(&mut self) {
        if self.phase != Phase::Busy {
            return;
        }
        self.after(self.rng.between(ms(100), ms(4000)), Event::NextFault);
        self.report.faults += 1;
        let fault = faults::random(&self.rng, self.regions.len());
        self.trace.line(self.now, format_args!("{fault:?}"));
        match fault {
            Fault::Cut { from, to, both, lasts } => {
                self.cut(from, to, lasts);
                if both {
                    self.cut(to, from, lasts);
                }
            }
            Fault::Isolate { region, lasts } => {
                for other in (0..self.regions.len()).filter(|&other| other != region) {
                    self.cut(region, other, lasts);
                    self.cut(other, region, lasts);
                }
            }
            Fault::Stall { from, to, lasts } => {
                for other in (0..self.regions.len()).filter(|&other| to.is_none_or(|to| to == other)) {
                    self.network.stall(from, other, self.now, self.now + lasts);
                }
            }
            Fault::Crash { region, lasts } => self.crash(region, lasts),
        }
    }

    fn cut(&mut self, from: usize, to: usize, lasts: Duration) {
        self.network.set_cut(from, to, true);
        self.after(lasts, Event::Heal { from, to });
        self.notice_down(from, to);
    }

    /// The two ends notice after a while; a connection that is made anew before that is another one.
    fn notice_down(&mut self, a: usize, b: usize) {
        let connection = self.network.connection(a, b);
        let delay = self.rng.between(ms(50), ms(3000));
        self.after(delay, Event::Down { a, b, connection });
    }

    fn crash(&mut self, index: usize, lasts: Duration) {
        let rng = &self.rng;
        let region = &mut self.regions[index];
        if region.member.take().is_none() {
            return;
        }
        // A sync that was under way has written some of its bytes, perhaps torn, and none for certain.
        if let Some(job) = region.sync_job.take() {
            region.disk.fail_next_sync();
            drop(job.run());
        }
        match rng.chance(50.0) {
            true => region.disk.crash(|_, unsynced| rng.below(unsynced + 1)),
            false => region.disk.crash_scattered(|_, _| rng.chance(50.0)),
        }
        if self.scenario.bug == Some(Bug::OldDisk) {
            self.regions[index].swap_old_disk();
        }
        self.drop_calls(index);
        self.history.counters_told.retain(|(region, _), _| *region != index);
        for other in (0..self.regions.len()).filter(|&other| other != index) {
            self.notice_down(index, other);
        }
        self.after(lasts, Event::Start { region: index });
    }

    pub(super) fn start(&mut self, index: usize) {
        let bug = self.scenario.bug;
        let region = &mut self.regions[index];
        if region.member.is_some() {
            return;
        }
        let hours = self.rng.below(1000) * 3600;
        region.set_monotonic(self.now, Duration::from_secs(hours), self.rng.below(101) as i64 - 50);
        let started = region.start(bug);
        self.started_last = index;
        self.trace.line(self.now, format_args!("{index} starts"));
        match started {
            Ok(()) => {
                let life = region.life;
                self.after(ms(1), Event::Tick { region: index, life });
                self.after(self.rng.between(ms(200), ms(4000)), Event::Flush { region: index, life });
            }
            Err(error) => {
                self.report.violations.push(Violation { checker: "start", what: format!("region {index}: {error}") })
            }
        }
    }
}
