//! A year of real flights through three regions at once, with a cut and a kill in the middle: `tests/flights/`.

use std::process::Command;

use crate::failure::Failure;
use crate::setup::python;
use crate::tally::Tally;
use crate::world::World;
use crate::{process, workspace};

/// Three regions of one country, because these flights are: each is the nearest one to some of the airports.
const REGIONS: &[&str] = &["us-east", "us-central", "us-west"];

/// What CI sends through.
const SAMPLE: &str = "20000";

/// `--all`, or `--sample N`; other arguments go to tests/flights/run.py.
pub fn run(arguments: &[String]) -> Result<(), Failure> {
    process::run(process::cargo().args(["build", "--release", "--package", "lightcone"]))?;
    let world = World::start("flights", REGIONS, &[])?;
    process::run(test(&world)?.args(arguments))
}

/// The sample, counted as the checks that the program makes at the end.
pub fn check() -> Result<Tally, Failure> {
    let world = World::start("flights", REGIONS, &[])?;
    crate::tally::counted(test(&world)?.args(["--sample", SAMPLE]))
}

fn test(world: &World) -> Result<Command, Failure> {
    let mut command = process::command(python::environment()?);
    command.arg("-u").arg(workspace::root().join("tests/flights/run.py"));
    command.arg("--world").arg(world.description()?);
    Ok(command)
}
