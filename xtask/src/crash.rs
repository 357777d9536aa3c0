//! Real servers killed with SIGKILL at random moments under load: `tests/crash/`.

use std::process::Command;

use crate::failure::Failure;
use crate::setup::python;
use crate::tally::Tally;
use crate::{process, workspace};

/// What CI plays: one of each kind of kill, at least.
const ROUNDS: &str = "10";

/// Arguments go to tests/crash/run.py: `--rounds N` (200), `--seed S`, `--json [FILE]`, `--notices`.
pub fn run(arguments: &[String]) -> Result<(), Failure> {
    process::run(process::cargo().args(["build", "--release", "--package", "lightcone"]))?;
    process::run(test("crash")?.args(arguments))
}

/// A round is a check, and so is each way of spoiling a world that must be noticed.
pub fn check() -> Result<Tally, Failure> {
    crate::tally::counted(test("crash-check")?.args(["--rounds", ROUNDS, "--notices"]))
}

fn test(world: &str) -> Result<Command, Failure> {
    let mut command = process::command(python::environment()?);
    command.arg("-u").arg(workspace::root().join("tests/crash/run.py"));
    command.arg("--binary").arg(workspace::release_binary("lightcone"));
    command.arg("--data").arg(workspace::target().join("worlds").join(world));
    Ok(command)
}
