//! `sim --placement`: worlds of tables that not every region may have, one per seed.

use std::process::ExitCode;
use std::time::Duration;

use lc_env::{Clock, RealClock};
use lc_sim::{PlacementBug, PlacementReport, PlacementWorld};

use crate::run::Threads;
use crate::{Options, exit, run};

pub(crate) fn start(options: &Options) -> ExitCode {
    match (options.seed, options.bug.as_deref()) {
        (Some(seed), bug) => one(seed, bug.and_then(PlacementBug::named)),
        (None, Some("all")) => hunt(options, &PlacementBug::ALL),
        (None, Some(name)) => match PlacementBug::named(name) {
            Some(bug) => hunt(options, &[bug]),
            None => {
                let all = PlacementBug::ALL.map(|bug| format!("{bug:?}")).join(", ");
                eprintln!("there is no bug {name:?} of placements; there are: {all}");
                ExitCode::from(2)
            }
        },
        (None, None) => many(options),
    }
}

fn one(seed: u64, bug: Option<PlacementBug>) -> ExitCode {
    let report = PlacementWorld::run(seed, bug, true);
    print!("{}", report.trace);
    print_violations(&report);
    println!("seed {seed}: trace {:032x}, {} violations", report.trace_hash, report.violations.len());
    exit(report.violations.is_empty())
}

fn many(options: &Options) -> ExitCode {
    let clock = RealClock::new();
    let (mut sum, mut seeds, mut bad) = (PlacementReport::default(), 0, 0);
    let threads = Threads::start(options, |seed| PlacementWorld::run(seed, None, false));
    for report in &threads.reports {
        seeds += 1;
        add(&mut sum, &report);
        if !report.violations.is_empty() {
            bad += 1;
            print_violations(&report);
            println!("seed {} FAILED; see it with: cargo xtask sim --placement --seed {}", report.seed, report.seed);
        }
        if options.seconds_max > 0 && clock.monotonic().as_secs() >= options.seconds_max {
            threads.stop();
        }
    }
    print(&sum, seeds, bad, clock.monotonic(), options.json);
    exit(bad == 0)
}

/// Runs seeds with each bug until it is found.
fn hunt(options: &Options, bugs: &[PlacementBug]) -> ExitCode {
    run::hunt(options, bugs, |bug| {
        (options.from..options.from + options.seeds).find_map(|seed| {
            let report = PlacementWorld::run(seed, Some(bug), false);
            report.violations.first().map(|violation| (seed, violation.checker))
        })
    })
}

fn add(sum: &mut PlacementReport, report: &PlacementReport) {
    sum.simulated += report.simulated;
    sum.commands += report.commands;
    sum.acknowledged += report.acknowledged;
    sum.held += report.held;
    sum.looks += report.looks;
    sum.changes += report.changes;
    sum.faults += report.faults;
    sum.stripped += report.stripped;
    sum.answers += report.answers;
    sum.compared += report.compared;
    sum.rows_removed += report.rows_removed;
    for (code, count) in &report.refused {
        *sum.refused.entry(code).or_default() += count;
    }
}

fn print(sum: &PlacementReport, seeds: u64, bad: u64, took: Duration, json: bool) {
    let (hours, took) = (sum.simulated.as_secs_f64() / 3600.0, took.as_secs_f64());
    let counts = [
        ("seeds", seeds),
        ("failed", bad),
        ("commands", sum.commands),
        ("acknowledged", sum.acknowledged),
        ("held writes", sum.held),
        ("owed members", sum.looks),
        ("changes", sum.changes),
        ("faults", sum.faults),
        ("entries stripped", sum.stripped),
        ("answers", sum.answers),
        ("digests compared", sum.compared),
        ("rows removed", sum.rows_removed),
    ];
    if json {
        let counts: String =
            counts.iter().map(|(name, count)| format!(r#""{}":{count},"#, name.replace(' ', "_"))).collect();
        println!(r#"{{{counts}"simulated_hours":{hours:.3},"real_seconds":{took:.1}}}"#);
        return;
    }
    for (name, count) in counts {
        println!("{name:<17} {count:>12}");
    }
    for (code, count) in &sum.refused {
        println!("{:<17} {count:>12}", format!("refused {}", code.to_lowercase()));
    }
    println!("simulated hours   {hours:>12.2}");
    println!("real seconds      {took:>12.1}");
}

fn print_violations(report: &PlacementReport) {
    for violation in report.violations.iter().take(20) {
        println!("seed {}: {}: {}", report.seed, violation.checker, violation.what);
    }
}
