//! Many worlds at the same time, one per thread, shown in the order in which they end.

use std::fmt;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use lc_env::{Clock, RealClock, spawn_thread};
use lc_sim::{Report, Scenario, Violation, World};

use crate::{Options, exit};

/// Runs all seeds and shows each report, which answers how many have failed so far. Gives how long it took.
pub(crate) fn each(options: &Options, scenario: &Scenario, mut show: impl FnMut(&Report) -> u64) -> Duration {
    let clock = RealClock::new();
    let mut progress = Progress { seeds: options.seeds, done: 0, simulated: Duration::ZERO, told: Duration::ZERO };
    let enough = || options.seconds_max > 0 && clock.monotonic().as_secs() >= options.seconds_max;
    let threads = Threads::of_worlds(options, scenario);
    for report in &threads.reports {
        let failed = show(&report);
        progress.tell(&report, failed, clock.monotonic());
        if enough() {
            threads.stop();
        }
    }
    clock.monotonic()
}

/// The lowest seed with a violation, as far as can be told without running all of them.
pub(crate) fn first_violation(options: &Options, scenario: &Scenario) -> Option<(u64, Violation)> {
    let threads = Threads::of_worlds(options, scenario);
    let mut found: Option<(u64, Violation)> = None;
    for report in &threads.reports {
        if let Some(violation) = report.violations.first() {
            threads.stop();
            if found.as_ref().is_none_or(|(seed, _)| report.seed < *seed) {
                found = Some((report.seed, violation.clone()));
            }
        }
    }
    found
}

/// Lets each bug be found, by `find`, which gives the seed and the checker.
pub(crate) fn hunt<B: Copy + fmt::Debug>(
    options: &Options,
    bugs: &[B],
    find: impl Fn(B) -> Option<(u64, &'static str)>,
) -> ExitCode {
    let mut missed = 0;
    for &bug in bugs {
        match find(bug) {
            Some((seed, checker)) => println!("{:<26} found at seed {seed:<4} by {checker}", format!("{bug:?}")),
            None => {
                missed += 1;
                println!("{:<26} NOT FOUND in {} seeds", format!("{bug:?}"), options.seeds);
            }
        }
    }
    println!("{} of {} seeded bugs found", bugs.len() - missed, bugs.len());
    exit(missed == 0)
}

/// Threads that take one seed after the other.
pub(crate) struct Threads<R> {
    next: Arc<AtomicU64>,
    /// Ends when all threads have.
    pub(crate) reports: mpsc::Receiver<R>,
}

impl Threads<Report> {
    fn of_worlds(options: &Options, scenario: &Scenario) -> Threads<Report> {
        let scenario = scenario.clone();
        Threads::start(options, move |seed| World::run(seed, &scenario))
    }
}

impl<R: Send + 'static> Threads<R> {
    pub(crate) fn start(options: &Options, run: impl Fn(u64) -> R + Clone + Send + 'static) -> Threads<R> {
        let next = Arc::new(AtomicU64::new(options.from));
        let end = options.from + options.seeds;
        // A thread that is ahead waits for reports to be taken.
        let (send, reports) = mpsc::sync_channel(REPORTS_MAX);
        for _ in 0..jobs(options) {
            let (next, send, run) = (next.clone(), send.clone(), run.clone());
            spawn_thread("worlds", move || {
                loop {
                    let seed = next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |seed| seed.checked_add(1));
                    let Some(seed) = seed.ok().filter(|seed| *seed < end) else { return };
                    if send.send(run(seed)).is_err() {
                        return;
                    }
                }
            });
        }
        Threads { next, reports }
    }

    /// No thread begins another seed.
    pub(crate) fn stop(&self) {
        self.next.store(u64::MAX, Ordering::Relaxed);
    }
}

fn jobs(options: &Options) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    options.jobs.unwrap_or_else(cores).max(1)
}

/// What is told while it goes on, on the error output.
struct Progress {
    seeds: u64,
    done: u64,
    simulated: Duration,
    told: Duration,
}

impl Progress {
    fn tell(&mut self, report: &Report, failed: u64, now: Duration) {
        self.done += 1;
        self.simulated += report.simulated;
        if now < self.told + TELL_EVERY {
            return;
        }
        self.told = now;
        let rate = self.done as f64 / now.as_secs_f64();
        let left = self.seeds.saturating_sub(self.done) as f64 / rate / 60.0;
        let hours = self.simulated.as_secs_f64() / 3600.0;
        eprintln!(
            "{} of {} seeds, {failed} failed; {rate:.1} seeds/s, {:.2} simulated hours per minute, {left:.1} minutes left",
            self.done,
            self.seeds,
            hours * 60.0 / now.as_secs_f64()
        );
    }
}

const TELL_EVERY: Duration = Duration::from_secs(10);
const REPORTS_MAX: usize = 16;
