//! `lc-sim`: runs seeds, prints what they found.

mod catalogue;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use lc_env::Clock;
use lc_sim::{Bug, Report, Scenario, World};

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
    /// Put a bug into the world: a name, or `all` to see how many seeds each needs to be found.
    #[arg(long)]
    bug: Option<String>,
    /// Run worlds of the control plane instead: the catalogue on its consensus group.
    #[arg(long)]
    catalogue: bool,
    /// Print as JSON.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    if options.catalogue {
        return catalogue::run(&options);
    }
    let scenario =
        Scenario { regions: options.regions, busy: Duration::from_secs(options.busy_seconds), ..Scenario::default() };
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
    let clock = lc_env::RealClock::new();
    let (mut sum, mut bad) = (Sum::default(), 0);
    for seed in options.from..options.from + options.seeds {
        if options.seconds_max > 0 && clock.monotonic().as_secs() >= options.seconds_max {
            break;
        }
        let report = World::run(seed, scenario);
        sum.add(&report);
        if !report.violations.is_empty() {
            bad += 1;
            print_violations(&report);
            println!(
                "seed {seed} FAILED; see it with: cargo xtask sim --seed {seed} --busy-seconds {}",
                options.busy_seconds
            );
        }
    }
    sum.print(options.json, bad, clock.monotonic());
    exit(bad == 0)
}

/// Runs seeds with each bug until it is found.
fn hunt(options: &Options, scenario: &Scenario, bugs: &[Bug]) -> ExitCode {
    let mut missed = 0;
    for &bug in bugs {
        let scenario = Scenario { bug: Some(bug), ..scenario.clone() };
        let found = (options.from..options.from + options.seeds).find_map(|seed| {
            let report = World::run(seed, &scenario);
            report.violations.first().map(|violation| (seed, violation.clone()))
        });
        match found {
            Some((seed, violation)) => {
                println!("{:<26} found at seed {seed:<4} by {}", format!("{bug:?}"), violation.checker)
            }
            None => {
                missed += 1;
                println!("{:<26} NOT FOUND in {} seeds", format!("{bug:?}"), options.seeds);
            }
        }
    }
    println!("{} of {} seeded bugs found", bugs.len() - missed, bugs.len());
    exit(missed == 0)
}

fn print_violations(report: &Report) {
    for violation in report.violations.iter().take(20) {
        println!("seed {}: {}: {}", report.seed, violation.checker, violation.what);
    }
}

#[derive(Default)]
struct Sum {
    simulated: Duration,
    region_hours: f64,
    /// Whatever is counted, in the order in which it is printed.
    counts: Vec<(&'static str, u64)>,
    refused: BTreeMap<&'static str, u64>,
}

impl Sum {
    fn add(&mut self, report: &Report) {
        self.simulated += report.simulated;
        self.region_hours += report.simulated.as_secs_f64() * report.regions as f64 / 3600.0;
        let counts = [
            ("seeds", 1),
            ("commands", report.commands),
            ("acknowledged", report.acknowledged),
            ("faults", report.faults),
            ("numbered reads", report.numbered_reads),
            ("held writes", report.held),
            ("policy changes", report.policy_changes),
            ("losses kept", report.losses),
            ("collapsed keys", report.collapsed),
        ];
        self.counts.resize(counts.len(), ("", 0));
        for (sum, (name, count)) in self.counts.iter_mut().zip(counts) {
            *sum = (name, sum.1 + count);
        }
        for (code, count) in &report.refused {
            *self.refused.entry(code).or_default() += count;
        }
    }

    fn print(&self, json: bool, bad: u64, took: Duration) {
        let hours = self.simulated.as_secs_f64() / 3600.0;
        let took = took.as_secs_f64();
        if json {
            let counts: String =
                self.counts.iter().map(|(name, count)| format!(r#""{}":{count},"#, name.replace(' ', "_"))).collect();
            let refused: Vec<String> =
                self.refused.iter().map(|(code, count)| format!(r#""{code}":{count}"#)).collect();
            println!(
                r#"{{{counts}"failed":{bad},"simulated_hours":{hours:.3},"region_hours":{:.3},"refused":{{{}}},"real_seconds":{took:.1}}}"#,
                self.region_hours,
                refused.join(","),
            );
            return;
        }
        for (at, (name, count)) in self.counts.iter().enumerate() {
            println!("{name:<15} {count:>12}");
            if at == 0 {
                println!("failed          {bad:>12}");
                println!("simulated hours {hours:>12.2}");
                println!("region hours    {:>12.2}", self.region_hours);
            }
        }
        for (code, count) in &self.refused {
            println!("{:<15} {count:>12}", format!("refused {}", code.to_lowercase()));
        }
        println!("real seconds    {took:>12.1}");
    }
}

fn exit(good: bool) -> ExitCode {
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
