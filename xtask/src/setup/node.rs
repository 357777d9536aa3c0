//! The Node clients that `tests/clients/node/package-lock.json` pins, installed under the target directory.

use std::path::PathBuf;

use crate::failure::{Failure, While};
use crate::setup::debian;
use crate::{process, workspace};

/// The folder that holds `node_modules` and the smoke test.
pub fn modules() -> Result<PathBuf, Failure> {
    debian::node()?;
    let source = workspace::root().join("tests/clients/node");
    let dir = workspace::target().join("node");
    std::fs::create_dir_all(&dir).during("make a folder for Node packages")?;
    let lock = std::fs::read_to_string(source.join("package-lock.json")).during("read package-lock.json")?;
    let installed = dir.join("installed.json");
    for file in ["package.json", "package-lock.json", "smoke.mjs"] {
        std::fs::copy(source.join(file), dir.join(file)).during(format!("copy {file}"))?;
    }
    if std::fs::read_to_string(&installed).is_ok_and(|before| before == lock) {
        return Ok(dir);
    }
    println!("setup: Node packages in {}", workspace::shown(&dir));
    process::output(process::command("npm").args(["ci", "--ignore-scripts", "--no-audit"]).current_dir(&dir))?;
    std::fs::write(&installed, lock).during("note what is installed")?;
    Ok(dir)
}
