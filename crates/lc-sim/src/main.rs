//! `lc-sim`: runs seeds, prints what they found.

mod catalogue;
mod placement;
mod run;
mod sum;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use lc_sim::{Bug, FaultKind, FaultKinds, Report, Scenario, World};
use sum::Sum;

/// Runs the real member code in simulated worlds, one per seed.
#[derive(Parser)]
#[command(name = "sim")]
struct Options {
    /// How many seeds to run.
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// First seed.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Run this seed only and print its trace.
    #[arg(long)]
    seed: Option<u64>,
    /// Stop after this many seconds of real time; 0 for no bound.
    #[arg(long, default_value_t = 0)]
    seconds_max: u64,
    /// How long clients and faults are busy in each world, simulated seconds.
    #[arg(long, default_value_t = 20)]
    busy_seconds: u64,
    /// Regions; by default 3 to 5, as the seed decides.
    #[arg(long)]
    regions: Option<usize>,
    /// Kinds of faults: `all`, `none`, some by name with commas between them, or all but some: `-rot,-kill`.
    #[arg(long, default_value = "all", allow_hyphen_values = true)]
    faults: String,
    /// Worlds to run at the same time; by default one per core.
    #[arg(long)]
    jobs: Option<usize>,
    /// Tell members now and then to repair what differs from another, though nothing does.
    #[arg(long)]
    repairs: bool,
    /// Put a bug into the world: a name, or `all` to see how many seeds each needs to be found.
    #[arg(long)]
    bug: Option<String>,
    /// Run worlds of the control plane instead: the catalogue on its consensus group.
    #[arg(long)]
    catalogue: bool,
    /// Run worlds of tables that not every region may have instead.
    #[arg(long, conflicts_with = "catalogue")]
    placement: bool,
    /// Print as JSON.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    if options.catalogue {
        return catalogue::start(&options);
    }
    if options.placement {
        return placement::start(&options);
    }
    let faults = match FaultKinds::parse(&options.faults) {
        Ok(faults) => faults,
        Err(name) => {
            let all = FaultKind::ALL.map(FaultKind::name).join(", ");
            eprintln!("there is no fault {name:?}; there are: {all}");
            return ExitCode::from(2);
        }
    };
    let busy = Duration::from_secs(options.busy_seconds);
    let scenario = Scenario { regions: options.regions, busy, faults, repairs: options.repairs, ..Scenario::default() };
    match (options.seed, options.bug.as_deref()) {
        (Some(seed), bug) => one(seed, Scenario { keep_trace: true, bug: bug.and_then(Bug::named), ..scenario }),
        (None, Some("all")) => hunt(&options, &scenario, &Bug::ALL),
        (None, Some(name)) => match Bug::named(name) {
            Some(bug) => hunt(&options, &scenario, &[bug]),
            None => {
                eprintln!("there is no bug {name:?}; there are: {}", Bug::ALL.map(|bug| format!("{bug:?}")).join(", "));
                ExitCode::from(2)
            }
        },
        (None, None) => many(&options, &scenario),
    }
}

fn one(seed: u64, scenario: Scenario) -> ExitCode {
    let report = World::run(seed, &scenario);
    print!("{}", report.trace);
    print_violations(&report);
    println!("seed {seed}: trace {:032x}, {} violations", report.trace_hash, report.violations.len());
    exit(report.violations.is_empty())
}

fn many(options: &Options, scenario: &Scenario) -> ExitCode {
    let mut sum = Sum::default();
    let mut failed = 0;
    let took = run::each(options, scenario, |report| {
        sum.add(report);
        if !report.violations.is_empty() {
            failed += 1;
            print_violations(report);
            println!(
                "seed {} FAILED; see it with: cargo xtask sim --seed {} --busy-seconds {} --faults {}",
                report.seed, report.seed, options.busy_seconds, options.faults
            );
        }
        failed
    });
    sum.print(options.json, failed, took);
    exit(failed == 0)
}

/// Runs seeds with each bug until it is found.
fn hunt(options: &Options, scenario: &Scenario, bugs: &[Bug]) -> ExitCode {
    run::hunt(options, bugs, |bug| {
        let scenario = Scenario { bug: Some(bug), ..scenario.clone() };
        run::first_violation(options, &scenario).map(|(seed, violation)| (seed, violation.checker))
    })
}

fn print_violations(report: &Report) {
    for violation in report.violations.iter().take(20) {
        println!("seed {}: {}: {}", report.seed, violation.checker, violation.what);
    }
}

fn exit(good: bool) -> ExitCode {
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
