//! `cargo xtask sim`: the simulator, built for release; all arguments are its own.

use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::failure::Failure;
use crate::{process, workspace};

/// Builds, then turns this process into `lc-sim`.
pub fn run(arguments: &[String]) -> Result<(), Failure> {
    process::build_programs()?;
    let error = simulator().args(arguments).exec();
    Err(Failure::new(format!("start the simulator: {error}")))
}

/// The simulator that was built.
pub fn simulator() -> Command {
    process::command(workspace::release_binary("lc-sim"))
}
