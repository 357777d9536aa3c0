//! The steps in the order in which they run: what is quick and most often wrong comes first.

use std::process::Command;

use crate::failure::Failure;
use crate::setup::cargo_deny;
use crate::tally::{Tally, counted};
use crate::{
    backup, bench, catchup, clients, crash, disk, flights, fuzz, graph, house, memory, presets, process, runnable_docs,
    sim, upgrade,
};

/// One thing that CI runs; `cargo xtask check NAME` runs it alone.
pub struct Step {
    pub name: &'static str,
    pub purpose: &'static str,
    pub run: fn() -> Result<Tally, Failure>,
}

pub const STEPS: &[Step] = &[
    Step { name: "format", purpose: "rustfmt would change nothing", run: format },
    Step { name: "graph", purpose: "the crate graph is as drawn", run: || ruled(graph::check()) },
    Step {
        name: "house",
        purpose: "functions fit a screen, names say something, doors have cards",
        run: || ruled(house::check()),
    },
    Step { name: "deny", purpose: "licences, banned crates and sources (deny.toml)", run: deny },
    Step { name: "clippy", purpose: "clippy on all targets, warnings are errors", run: clippy },
    Step { name: "docs", purpose: "rustdoc, warnings are errors", run: docs },
    Step { name: "tests", purpose: "unit tests, scripts and laws", run: tests },
    Step { name: "doctests", purpose: "examples in the documentation", run: doctests },
    Step {
        name: "fuzz",
        purpose: "every fuzz target for ten seconds; what they find becomes a test",
        run: fuzz::check,
    },
    Step { name: "build", purpose: "the programs that the next steps run, built for release", run: build },
    Step { name: "sim", purpose: "a minute of simulation", run: simulate },
    Step {
        name: "commands",
        purpose: "the marked commands of README.md and docs/ do what they say",
        run: runnable_docs::check,
    },
    Step {
        name: "flights",
        purpose: "a sample of flights through three regions, with a cut and a kill",
        run: flights::check,
    },
    Step {
        name: "presets",
        purpose: "every preset keeps its promises through a cut and a kill, and `table show` agrees with the clock",
        run: presets::check,
    },
    Step {
        name: "crash",
        purpose: "ten rounds of SIGKILL under load lose nothing, and the harness notices a loss",
        run: crash::check,
    },
    Step {
        name: "catchup",
        purpose: "regions away for longer than journals reach back, new ones, emptied ones and both sides of a long cut end equal",
        run: catchup::check,
    },
    Step {
        name: "disk",
        purpose: "a full disk refuses writes clearly, loses nothing, and takes them again by itself; the journal stays small",
        run: disk::check,
    },
    Step {
        name: "memory",
        purpose: "clients that never read, stop half-way or ask for too much, and a slow peer, cost a bounded part of memory each",
        run: memory::check,
    },
    Step {
        name: "backup",
        purpose: "a backup under load and its increments become a cluster of other regions with the same digests",
        run: backup::check,
    },
    Step {
        name: "upgrade",
        purpose: "data directories that earlier releases wrote are opened, and hold what they held",
        run: upgrade::check,
    },
    Step {
        name: "clients",
        purpose: "redis-py's own tests, Node clients, redis-cli, redis-benchmark",
        run: clients::check,
    },
    Step { name: "bench", purpose: "the benchmark runs end to end; its numbers are not judged", run: bench::check },
];

/// No world is started after this many seconds.
const SIM_SECONDS: &str = "60";

/// More than a minute can hold.
const SIM_SEEDS: &str = "1000000";

fn format() -> Result<Tally, Failure> {
    verdict(process::cargo().args(["fmt", "--all", "--check", "--", "-l"]))
}

fn deny() -> Result<Tally, Failure> {
    let binary = cargo_deny::binary()?;
    verdict(process::command(binary).args(["--all-features", "check", "licenses", "bans", "sources"]))
}

fn clippy() -> Result<Tally, Failure> {
    verdict(process::cargo().args(["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"]))
}

fn docs() -> Result<Tally, Failure> {
    let mut command = process::cargo();
    command.env("RUSTDOCFLAGS", "--deny warnings");
    verdict(command.args(["doc", "--workspace", "--no-deps", "--document-private-items"]))
}

fn tests() -> Result<Tally, Failure> {
    let mut command = process::cargo();
    if process::on_path("cargo-nextest") {
        command.args(["nextest", "run", "--workspace", "--no-fail-fast", "--status-level", "fail"]);
    } else {
        command.args(["test", "--workspace", "--all-targets", "--no-fail-fast"]);
    }
    counted(&mut command)
}

fn doctests() -> Result<Tally, Failure> {
    counted(process::cargo().args(["test", "--workspace", "--doc", "--no-fail-fast"]))
}

fn build() -> Result<Tally, Failure> {
    process::build_programs().map(|()| Tally::passed(1))
}

/// One verdict, however many seeds a minute held; each seed that failed counts.
fn simulate() -> Result<Tally, Failure> {
    let mut command = sim::simulator();
    command.args(["--seeds", SIM_SEEDS, "--seconds-max", SIM_SECONDS]);
    let (status, lines) = process::run_remembering(&mut command)?;
    let count = |name: &str| lines.iter().rev().find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok());
    let (Some(seeds @ 1..), Some(failed)) = (count("seeds "), count("failed ")) else {
        return Err(Failure::new(format!("the simulator did not say how many seeds it ran, and ended with {status}")));
    };
    if failed == 0 {
        process::succeeded(status, "the simulator")?;
    }
    println!("{seeds} seeds");
    Ok(Tally { passed: u64::from(failed == 0), failed, skipped: 0 })
}

/// Success or failure is all there is to know.
fn verdict(command: &mut Command) -> Result<Tally, Failure> {
    process::run(command).map(|()| Tally::passed(1))
}

/// Findings of our own rules, one per line.
fn ruled(result: Result<usize, Vec<String>>) -> Result<Tally, Failure> {
    match result {
        Ok(looked_at) => {
            println!("{looked_at} looked at");
            Ok(Tally::passed(1))
        }
        Err(findings) => {
            findings.iter().for_each(|finding| println!("{finding}"));
            Ok(Tally { passed: 0, failed: findings.len() as u64, skipped: 0 })
        }
    }
}
