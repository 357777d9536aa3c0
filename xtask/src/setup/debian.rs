//! Debian packages, only those whose program is missing.

use std::path::Path;

use crate::failure::{Failure, While};
use crate::process;

/// `redis-server`, `redis-cli` and `redis-benchmark`. Debian would start a server on 6379 at once: it is not left running.
pub fn redis() -> Result<(), Failure> {
    if ["redis-server", "redis-cli", "redis-benchmark"].into_iter().all(process::on_path) {
        return Ok(());
    }
    let _no_services = NoServices::declared()?;
    install(&["redis-server", "redis-tools"])
}

/// Node.js with npm.
pub fn node() -> Result<(), Failure> {
    if ["node", "npm"].into_iter().all(process::on_path) { Ok(()) } else { install(&["nodejs", "npm"]) }
}

/// The module that makes Python environments, which Debian packs by itself.
pub fn python_venv() -> Result<(), Failure> {
    install(&["python3-venv", "python3-pip"])
}

fn install(packages: &[&str]) -> Result<(), Failure> {
    println!("setup: apt-get install {}", packages.join(" "));
    let apt = || {
        let mut command = process::command("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive").arg("--quiet=2");
        command
    };
    let wanted = |command: &mut std::process::Command| {
        process::output(command.args(["install", "--yes", "--no-install-recommends"]).args(packages))
    };
    // The lists of packages may be old or absent; fetch them only when the first attempt says so.
    if wanted(&mut apt()).is_ok() {
        return Ok(());
    }
    process::output(apt().arg("update"))?;
    wanted(&mut apt()).map(drop)
}

/// While this lives, Debian's scripts start no service. A policy that somebody else declared stays as it is.
struct NoServices {
    ours: bool,
}

const POLICY: &str = "/usr/sbin/policy-rc.d";

impl NoServices {
    fn declared() -> Result<Self, Failure> {
        if Path::new(POLICY).exists() {
            return Ok(Self { ours: false });
        }
        std::fs::write(POLICY, "#!/bin/sh\nexit 101\n").during("declare that no service be started (are you root?)")?;
        process::output(process::command("chmod").args(["755", POLICY]))?;
        Ok(Self { ours: true })
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if self.ours {
            // Left behind it would only keep services from starting; say so instead of failing.
            if let Err(error) = std::fs::remove_file(POLICY) {
                eprintln!("setup: remove {POLICY} by hand: {error}");
            }
        }
    }
}
