//! Cuts, crashes, broken disks, and starts after all of them.

use std::time::Duration;

use super::{Event, Phase, World, ms};
use crate::Bug;
use crate::checkers;
use crate::faults::{self, Fault, FaultKind};
use crate::report::Violation;
use crate::store::Commit;

/// How a member ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ending {
    /// With its machine.
    Power,
    /// Alone: what it wrote stays in the page cache.
    Kill,
}

impl World {
    pub(super) fn on_fault(&mut self) {
        if self.phase != Phase::Busy {
            return;
        }
        self.after(self.rng.between(ms(100), self.calm_max), Event::NextFault);
        let Some(fault) = faults::random(&self.rng, &self.scenario.faults, self.regions.len()) else { return };
        *self.report.faults.entry(fault.kind.name()).or_default() += 1;
        self.trace.line(self.now, format_args!("{fault:?}"));
        let Fault { kind, region, other, lasts } = fault;
        match kind {
            FaultKind::Cut => {
                self.cut(region, other, lasts);
                if self.rng.chance(70.0) {
                    self.cut(other, region, lasts);
                }
            }
            FaultKind::Isolate => {
                for other in (0..self.regions.len()).filter(|&other| other != region) {
                    self.cut(region, other, lasts);
                    self.cut(other, region, lasts);
                }
            }
            FaultKind::Stall => {
                let all = self.rng.chance(60.0);
                for to in (0..self.regions.len()).filter(|&to| all || to == other) {
                    self.network.stall(region, to, self.now, self.now + lasts);
                }
            }
            FaultKind::PowerLoss => self.end(region, lasts, Ending::Power),
            FaultKind::Kill => self.end(region, lasts / 4, Ending::Kill),
            FaultKind::Blackout => {
                for region in 0..self.regions.len() {
                    self.end(region, self.rng.between(ms(50), lasts), Ending::Power);
                }
            }
            FaultKind::Clock => self.spoil_clock(region, lasts),
            _ => self.break_disk(kind, region, lasts),
        }
    }

    fn break_disk(&mut self, kind: FaultKind, index: usize, lasts: Duration) {
        let (rng, region) = (&self.rng, &mut self.regions[index]);
        match kind {
            FaultKind::SlowDisk => region.slow_until = self.now + lasts,
            FaultKind::SyncFails => {
                // A device that is about to fail takes long at first, so that more waits for the sync that does.
                region.slow_until = self.now + rng.between(ms(0), ms(1500));
                region.disk.fail_sync_after(rng.below(3));
            }
            FaultKind::FullDisk => {
                region.disk.leave_room(rng.below(1 << rng.below(18)));
                if rng.chance(50.0) {
                    region.store.set_commit(Commit::Full);
                }
            }
            FaultKind::Unreadable => (0..=rng.below(6)).for_each(|_| region.disk.spoil_block()),
            FaultKind::Rot => (0..=rng.below(6)).for_each(|_| region.disk.rot_bit()),
            FaultKind::StoreFails if rng.chance(50.0) => region.store.spoil(1 + rng.below(60), rng.u64()),
            FaultKind::StoreFails => region.store.set_commit(Commit::Fails { made: rng.chance(50.0) }),
            _ => {}
        }
        self.after(lasts, Event::Mend { region: index });
    }

    pub(super) fn on_mend(&mut self, index: usize) {
        self.trace.line(self.now, format_args!("{index} is mended"));
        self.regions[index].mend();
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

    /// Takes down what a member counted in the life that ends.
    pub(super) fn count_life(&mut self, index: usize) {
        let Some(member) = &self.regions[index].member else { return };
        let counters = member.snapshot().counters;
        self.report.truncations += counters.truncations;
        self.report.catch_ups += counters.catch_ups;
        self.report.repairs += counters.repairs;
        self.report.merges += counters.merges;
        self.history.merged |= counters.merges > 0;
    }

    /// A member ends and is started again later.
    pub(super) fn end(&mut self, index: usize, lasts: Duration, ending: Ending) {
        self.count_life(index);
        let region = &mut self.regions[index];
        if region.member.is_none() {
            return;
        }
        // What was under way has come to some point of it.
        let durable = region.member.take().map(|member| member.durable()).unwrap_or_default();
        if let Some(job) = region.sync_job.take()
            && self.rng.chance(70.0)
        {
            region.disk.stop_after(Some(self.rng.below(8)));
            drop(job.run());
        }
        if let Some((job, position)) = region.flush.take()
            && position <= durable
            && self.rng.chance(50.0)
        {
            if self.scenario.bug == Some(Bug::CommitTorn) {
                region.store.set_commit(Commit::Half);
            }
            drop(job.run());
            region.store.set_commit(Commit::Made);
        }
        self.end_machine(index, ending);
        if self.scenario.bug == Some(Bug::OldDisk) {
            self.regions[index].swap_old_disk(&self.rng);
        }
        self.drop_calls(index);
        self.history.counters_told.retain(|(region, _), _| *region != index);
        for other in (0..self.regions.len()).filter(|&other| other != index) {
            self.notice_down(index, other);
        }
        self.after(lasts, Event::Start { region: index });
    }

    fn end_machine(&mut self, index: usize, ending: Ending) {
        let disk = &self.regions[index].disk;
        self.trace.line(self.now, format_args!("{index} ends by {ending:?}"));
        // Nothing but a power cycle helps a file system that is read-only.
        if ending == Ending::Power || disk.is_read_only() {
            self.report.power_losses += 1;
            disk.power_loss();
        } else {
            self.report.kills += 1;
            disk.kill();
        }
    }

    /// Notices a member that gave up. Somebody starts it anew, which is the only way out.
    pub(super) fn look_after(&mut self, index: usize) {
        let region = &mut self.regions[index];
        let Some(member) = region.member.as_ref().filter(|_| !region.given_up) else { return };
        let Err(why) = member.health().writable() else { return };
        region.given_up = true;
        self.report.given_up += 1;
        let life = region.life;
        self.trace.line(self.now, format_args!("{index} gives up: {why}"));
        if region.failures() == region.failures_at_start {
            self.report.violations.push(Violation { checker: "health", what: format!("region {index}: {why}") });
        }
        // A file system that went read-only may show itself only later.
        if self.phase != Phase::Calm {
            self.after(self.rng.between(ms(1), ms(4000)), Event::Restart { region: index, life });
        }
    }

    /// Now and then the end comes soon after a start, or while rows are on their way to the store.
    pub(super) fn end_soon(&mut self, index: usize, life: u64) {
        if self.phase == Phase::Busy && self.scenario.faults.has(FaultKind::PowerLoss) && self.rng.chance(8.0) {
            self.after(self.rng.between(ms(0), ms(100 << self.rng.below(4))), Event::Restart { region: index, life });
        }
    }

    pub(super) fn on_restart(&mut self, index: usize, life: u64) {
        if self.regions[index].life == life && self.regions[index].member.is_some() {
            let ending = if self.rng.chance(50.0) { Ending::Power } else { Ending::Kill };
            self.end(index, self.rng.between(ms(1), ms(500)), ending);
        }
    }

    pub(super) fn start(&mut self, index: usize) {
        let bug = self.scenario.bug;
        let region = &mut self.regions[index];
        if region.member.is_some() {
            return;
        }
        let hours = self.rng.below(1000) * 3600;
        region.set_monotonic(self.now, Duration::from_secs(hours), self.rng.below(101) as i64 - 50);
        // A start may be the moment of the next crash.
        let interrupted = self.phase == Phase::Busy && region.life > 0 && self.rng.chance(10.0);
        region.disk.stop_after(interrupted.then(|| self.rng.below(12)));
        let started = region.start(bug);
        region.disk.stop_after(None);
        self.started_last = index;
        match started {
            Ok(()) => {
                self.trace.line(self.now, format_args!("{index} starts"));
                let life = region.life;
                self.after(ms(1), Event::Tick { region: index, life });
                self.after(self.rng.between(ms(200), ms(4000)), Event::Flush { region: index, life });
                self.end_soon(index, life);
                let unlike = checkers::unlike_decided(&self.regions[index], &self.history);
                self.report.violations.extend(unlike);
            }
            Err(error) => self.start_failed(index, &error),
        }
    }

    /// Only a disk that failed is a reason not to start.
    fn start_failed(&mut self, index: usize, error: &lc_member::Error) {
        self.trace.line(self.now, format_args!("{index} does not start: {error}"));
        self.report.failed_starts += 1;
        let region = &self.regions[index];
        if region.failures() == region.failures_at_start {
            let what = format!("region {index}: {error}");
            self.report.violations.push(Violation { checker: "start", what });
            return;
        }
        let ending = if self.rng.chance(50.0) { Ending::Power } else { Ending::Kill };
        self.end_machine(index, ending);
        self.after(self.rng.between(ms(10), ms(1000)), Event::Start { region: index });
    }
}
