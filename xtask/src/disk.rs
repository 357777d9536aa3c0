//! A real server on a disk that fills up: `tests/disk/`.

use std::process::Command;

use crate::failure::Failure;
use crate::setup::python;
use crate::tally::Tally;
use crate::{process, workspace};

/// Arguments go to tests/disk/run.py.
pub fn run(arguments: &[String]) -> Result<(), Failure> {
    process::run(process::cargo().args(["build", "--release", "--package", "lightcone"]))?;
    process::run(test("disk")?.args(arguments))
}

/// Counted as the checks that the program makes. Where nobody may mount a small disk nothing is checked, and it says so.
pub fn check() -> Result<Tally, Failure> {
    let mounts = Command::new("unshare").args(["-Urm", "true"]).output().is_ok_and(|output| output.status.success());
    if !mounts {
        println!("not checked: this machine lets nobody make a user and mount namespace");
        return Ok(Tally { skipped: 1, ..Tally::default() });
    }
    crate::tally::counted(&mut test("disk-check")?)
}

fn test(world: &str) -> Result<Command, Failure> {
    let mut command = process::command(python::environment()?);
    command.arg("-u").arg(workspace::root().join("tests/disk/run.py"));
    command.arg("--binary").arg(workspace::release_binary("lightcone"));
    command.arg("--data").arg(workspace::target().join("worlds").join(world));
    Ok(command)
}
