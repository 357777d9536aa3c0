//! One three-region world through every preset there is, with a cut and a kill: `tests/presets/`.

use std::process::Command;

use crate::failure::Failure;
use crate::setup::python;
use crate::tally::Tally;
use crate::world::{DEFAULT_REGIONS, World};
use crate::{process, workspace};

/// Arguments go to tests/presets/run.py.
pub fn run(arguments: &[String]) -> Result<(), Failure> {
    process::run(process::cargo().args(["build", "--release", "--package", "lightcone"]))?;
    let world = World::start("presets", DEFAULT_REGIONS, &[])?;
    process::run(test(&world)?.args(arguments))
}

/// Counted as the checks that the program makes.
pub fn check() -> Result<Tally, Failure> {
    let world = World::start("presets", DEFAULT_REGIONS, &[])?;
    crate::tally::counted(&mut test(&world)?)
}

fn test(world: &World) -> Result<Command, Failure> {
    let mut command = process::command(python::environment()?);
    command.arg("-u").arg(workspace::root().join("tests/presets/run.py"));
    command.arg("--world").arg(world.description()?);
    Ok(command)
}
