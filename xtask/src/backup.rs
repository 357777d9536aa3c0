//! A region backed up while it is written to, and a cluster of other regions made of it: `tests/backup/`.

use std::process::Command;

use crate::failure::Failure;
use crate::setup::python;
use crate::tally::Tally;
use crate::{process, workspace};

/// Arguments go to tests/backup/run.py.
pub fn run(arguments: &[String]) -> Result<(), Failure> {
    process::run(process::cargo().args(["build", "--release", "--package", "lightcone"]))?;
    process::run(test("backup")?.args(arguments))
}

/// Counted as the checks that the program makes.
pub fn check() -> Result<Tally, Failure> {
    crate::tally::counted(&mut test("backup-check")?)
}

fn test(world: &str) -> Result<Command, Failure> {
    let mut command = process::command(python::environment()?);
    command.arg("-u").arg(workspace::root().join("tests/backup/run.py"));
    command.arg("--binary").arg(workspace::release_binary("lightcone"));
    command.arg("--data").arg(workspace::target().join("worlds").join(world));
    Ok(command)
}
