//! `sim --catalogue`: worlds of the control plane, one per seed.

use std::process::ExitCode;
use std::time::Duration;

use lc_env::Clock;
use lc_sim::{CatalogueBug, CatalogueReport, CatalogueWorld};

use crate::{Options, exit, run};

pub(crate) fn start(options: &Options) -> ExitCode {
    match (options.seed, options.bug.as_deref()) {
        (Some(seed), bug) => one(seed, bug.and_then(CatalogueBug::named)),
        (None, Some("all")) => hunt(options, &CatalogueBug::ALL),
        (None, Some(name)) => match CatalogueBug::named(name) {
            Some(bug) => hunt(options, &[bug]),
            None => {
                let all = CatalogueBug::ALL.map(|bug| format!("{bug:?}")).join(", ");
                eprintln!("there is no bug {name:?} of the catalogue; there are: {all}");
                ExitCode::from(2)
            }
        },
        (None, None) => many(options),
    }
}

fn one(seed: u64, bug: Option<CatalogueBug>) -> ExitCode {
    let report = CatalogueWorld::run(seed, bug, true);
    print!("{}", report.trace);
    print_violations(&report);
    println!("seed {seed}: trace {:032x}, {} violations", report.trace_hash, report.violations.len());
    exit(report.violations.is_empty())
}

fn many(options: &Options) -> ExitCode {
    let clock = lc_env::RealClock::new();
    let (mut sum, mut bad) = (CatalogueReport::default(), 0);
    let mut seeds = 0;
    for seed in options.from..options.from + options.seeds {
        if options.seconds_max > 0 && clock.monotonic().as_secs() >= options.seconds_max {
            break;
        }
        let report = CatalogueWorld::run(seed, None, false);
        seeds += 1;
        add(&mut sum, &report);
        if !report.violations.is_empty() {
            bad += 1;
            print_violations(&report);
            println!("seed {seed} FAILED; see it with: cargo xtask sim --catalogue --seed {seed}");
        }
    }
    print(&sum, seeds, bad, clock.monotonic(), options.json);
    exit(bad == 0)
}

/// Runs seeds with each bug until it is found.
fn hunt(options: &Options, bugs: &[CatalogueBug]) -> ExitCode {
    run::hunt(options, bugs, |bug| {
        (options.from..options.from + options.seeds).find_map(|seed| {
            let report = CatalogueWorld::run(seed, Some(bug), false);
            report.violations.first().map(|violation| (seed, violation.checker))
        })
    })
}

fn add(sum: &mut CatalogueReport, report: &CatalogueReport) {
    sum.simulated += report.simulated;
    sum.changed += report.changed;
    sum.refused += report.refused;
    sum.reads += report.reads;
    sum.unknown += report.unknown;
    sum.crashes += report.crashes;
    sum.cuts += report.cuts;
}

fn print(sum: &CatalogueReport, seeds: u64, bad: u64, took: Duration, json: bool) {
    let (hours, took) = (sum.simulated.as_secs_f64() / 3600.0, took.as_secs_f64());
    let counts = [
        ("seeds", seeds),
        ("failed", bad),
        ("changes", sum.changed),
        ("too late", sum.refused),
        ("reads", sum.reads),
        ("unknown", sum.unknown),
        ("crashes", sum.crashes),
        ("cuts", sum.cuts),
    ];
    if json {
        let counts: String =
            counts.iter().map(|(name, count)| format!(r#""{}":{count},"#, name.replace(' ', "_"))).collect();
        println!(r#"{{{counts}"simulated_hours":{hours:.3},"real_seconds":{took:.1}}}"#);
        return;
    }
    for (name, count) in counts {
        println!("{name:<15} {count:>12}");
    }
    println!("simulated hours {hours:>12.2}");
    println!("real seconds    {took:>12.1}");
}

fn print_violations(report: &CatalogueReport) {
    for violation in report.violations.iter().take(20) {
        println!("seed {}: {}: {}", report.seed, violation.checker, violation.what);
    }
}
