//! `cargo xtask dev`: build, then become `lightcone dev`.

use std::os::unix::process::CommandExt;

use crate::failure::Failure;
use crate::{process, workspace};

/// Builds the binary and turns this process into it, so that Ctrl-C and the exit status are its own.
pub fn run(arguments: &[String]) -> Result<(), Failure> {
    process::run(process::cargo().args(["build", "--release", "--package", "lightcone"]))?;
    let binary = workspace::release_binary("lightcone");
    let error = process::command(&binary).arg("dev").args(arguments).exec();
    Err(Failure::new(format!("start {}: {error}", workspace::shown(&binary))))
}
