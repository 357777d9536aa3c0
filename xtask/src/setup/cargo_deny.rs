//! cargo-deny, in one version, under the target directory.

use std::path::PathBuf;

use crate::failure::Failure;
use crate::{process, workspace};

const VERSION: &str = "0.20.2";

/// The program, built first if this checkout does not have that version yet (about two minutes on two cores).
pub fn binary() -> Result<PathBuf, Failure> {
    let root = workspace::target().join("tools");
    let binary = root.join("bin/cargo-deny");
    let current = format!("cargo-deny {VERSION}");
    if binary.exists() && process::output(process::command(&binary).arg("--version"))?.trim() == current {
        return Ok(binary);
    }
    println!("setup: building {current}");
    // Unoptimised: it runs for a second, and an optimised build takes minutes. Without its default features it does
    // not fetch advisories, which we do not ask it for.
    process::output(
        process::cargo()
            .args(["install", "--locked", "--debug", "--no-default-features", "--quiet", "--root"])
            .arg(&root)
            .arg("--target-dir")
            .arg(root.join("build"))
            .arg(format!("cargo-deny@{VERSION}")),
    )?;
    let _ = std::fs::remove_dir_all(root.join("build"));
    Ok(binary)
}
