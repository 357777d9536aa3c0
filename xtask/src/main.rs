//! The project's chores: `cargo xtask dev` starts a world, `cargo xtask check` does everything CI does.
//!
//! In:    the workspace, and what is already installed on the machine.
//! Out:   a running world, a verdict with a table, or a page of numbers.
//! Never: edits a source file (`bench --write` edits one marked block of docs/benchmarks.md, and says so).
//! Proof: CI runs `cargo xtask check`; the rules that judge code have tests beside them.
//! Start: `COMMANDS` below, then `check::STEPS`.

// Chores measure and wait in real time; the seams of lc-env are for the database.
#![allow(clippy::disallowed_methods)]

mod backup;
mod bench;
mod catchup;
mod check;
mod clients;
mod crash;
mod dev;
mod disk;
mod failure;
mod flights;
mod fuzz;
mod graph;
mod house;
mod memory;
mod presets;
mod process;
mod runnable_docs;
mod setup;
mod sim;
mod tally;
mod upgrade;
mod workspace;
mod world;

use std::process::ExitCode;

use failure::Failure;

/// A chore: its name, what it is for, and the function that does it with the remaining arguments.
type Chore = (&'static str, &'static str, fn(&[String]) -> Result<(), Failure>);

const COMMANDS: &[Chore] = &[
    ("dev", "build, then start a three-region world on this machine (arguments go to `lightcone dev`)", dev::run),
    ("check", "everything CI runs; `check STEP…` runs some steps, `check --list` names them", check::run),
    ("sim", "the simulator (arguments go to lc-sim, e.g. --seeds 100)", sim::run),
    ("fuzz", "fuzz targets, a minute each: `fuzz [--seconds N] [TARGET…]`; --seeds writes the seeds anew", fuzz::run),
    ("flights", "a year of flights through three regions, with a cut and a kill: --all, or --sample N", flights::run),
    (
        "presets",
        "one world through every preset, with a cut and a kill; --json FILE for what was measured",
        presets::run,
    ),
    (
        "crash",
        "real servers, SIGKILL at random moments under load; --rounds N, --seed S, --json, --notices",
        crash::run,
    ),
    ("backup", "a region backed up under load, and a cluster of other regions made of it", backup::run),
    (
        "catchup",
        "regions that were away for too long, join or were emptied go on from records; --long, --json FILE, STORY…",
        catchup::run,
    ),
    ("disk", "a real server on a small disk that fills up, in a mount namespace of its own", disk::run),
    (
        "upgrade",
        "the release before this one, built, becomes this one under load; --previous FILE takes a built one, --json",
        upgrade::run,
    ),
    ("memory", "a real server whose clients never read, stop half-way, ask for too much or sit there", memory::run),
    (
        "clients",
        "redis-py's own tests, Node clients, redis-cli, redis-benchmark; `clients NAME…` for some",
        clients::run,
    ),
    ("docs", "runs the marked command blocks of README.md and docs/", runnable_docs::run),
    (
        "bench",
        "the numbers beside Redis; --short for a quick look, --write to put them into docs/benchmarks.md",
        bench::run,
    ),
    ("setup", "only installs what the other chores need", setup::run),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((name, rest)) = arguments.split_first() else {
        print_usage();
        return ExitCode::FAILURE;
    };
    let Some((_, _, chore)) = COMMANDS.iter().find(|(known, _, _)| known == name) else {
        print_usage();
        return if name == "help" || name == "--help" { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    };
    match chore(rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask {name}: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn print_usage() {
    eprintln!("cargo xtask COMMAND\n");
    for (name, purpose, _) in COMMANDS {
        eprintln!("  {name:<9}{purpose}");
    }
}
