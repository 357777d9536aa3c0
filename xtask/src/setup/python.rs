//! A Python environment under the target directory with the packages that `tests/requirements.txt` pins.

use std::path::{Path, PathBuf};

use crate::failure::{Failure, While};
use crate::setup::debian;
use crate::{process, workspace};

/// The interpreter of the environment, made or brought up to date first.
pub fn environment() -> Result<PathBuf, Failure> {
    let dir = workspace::target().join("python");
    let python = dir.join("bin/python");
    let wanted = std::fs::read_to_string(requirements()).during("read tests/requirements.txt")?;
    let stamp = dir.join("installed.txt");
    if python.exists() && std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    println!("setup: a Python environment in {}", workspace::shown(&dir));
    make_environment(&dir)?;
    // No dependencies of dependencies: the file pins all of them, and leaves out those that our use never imports.
    process::output(pip(&python).args(["install", "--no-deps", "--requirement"]).arg(requirements()))?;
    std::fs::write(&stamp, wanted).during("note what is installed")?;
    Ok(python)
}

/// The unpacked source distribution of the pinned redis-py, which carries its own tests.
pub fn redis_py_sources() -> Result<PathBuf, Failure> {
    let python = environment()?;
    let version = redis_py_version()?;
    let dir = workspace::target().join("redis-py");
    let sources = dir.join(format!("redis-{version}"));
    if sources.join("tests/conftest.py").exists() {
        return Ok(sources);
    }
    println!("setup: the source distribution of redis-py {version}");
    std::fs::create_dir_all(&dir).during("make a folder for redis-py")?;
    process::output(
        pip(&python)
            .args(["download", "--no-deps", "--no-binary", ":all:", "--dest"])
            .arg(&dir)
            .arg(format!("redis=={version}")),
    )?;
    let archive = dir.join(format!("redis-{version}.tar.gz"));
    process::output(process::command("tar").arg("xzf").arg(archive).arg("-C").arg(&dir))?;
    Ok(sources)
}

/// The version that tests/requirements.txt pins.
fn redis_py_version() -> Result<String, Failure> {
    let text = std::fs::read_to_string(requirements()).during("read tests/requirements.txt")?;
    let pinned = text.lines().find_map(|line| line.trim().strip_prefix("redis=="));
    pinned.map(str::to_owned).ok_or_else(|| Failure::new("tests/requirements.txt pins no redis"))
}

fn make_environment(dir: &Path) -> Result<(), Failure> {
    let make = || process::output(process::command("python3").args(["-m", "venv", "--clear"]).arg(dir));
    if make().is_ok() {
        return Ok(());
    }
    debian::python_venv()?;
    make().map(drop)
}

fn pip(python: &Path) -> std::process::Command {
    let mut command = process::command(python);
    command.args(["-m", "pip", "--quiet", "--disable-pip-version-check"]);
    command
}

fn requirements() -> PathBuf {
    workspace::root().join("tests/requirements.txt")
}
