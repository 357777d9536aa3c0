//! `cargo xtask sim`: the simulator, built for release; all arguments are its own.

use std::os::unix::process::CommandExt;

use crate::failure::Failure;
use crate::process;

/// Turns this process into `lc-sim`.
pub fn run(arguments: &[String]) -> Result<(), Failure> {
    let error = simulator().args(arguments).exec();
    Err(Failure::new(format!("start cargo: {error}")))
}

/// The command that builds and runs the simulator; arguments go after it.
pub fn simulator() -> std::process::Command {
    let mut command = process::cargo();
    command.args(["run", "--quiet", "--release", "--package", "lc-sim", "--"]);
    command
}
