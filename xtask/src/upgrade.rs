//! Two releases side by side: the previous one is built from its own sources, and becomes this one under load: `tests/upgrade/`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{Failure, While};
use crate::setup::python;
use crate::tally::Tally;
use crate::{process, workspace};

/// `--previous FILE` takes a program that is built already; all else goes to tests/upgrade/run.py.
pub fn run(arguments: &[String]) -> Result<(), Failure> {
    process::run(process::cargo().args(["build", "--release", "--package", "lightcone"]))?;
    let mut test = test("upgrade")?;
    if !arguments.iter().any(|argument| argument == "--previous") {
        let previous = Previous::named()?;
        test.arg("--previous").arg(previous.built()?).args(["--called", &previous.name]);
    }
    process::run(test.args(arguments))
}

/// Only what needs no second build: today's program opens the data directories that earlier releases wrote.
pub fn check() -> Result<Tally, Failure> {
    crate::tally::counted(&mut test("upgrade-check")?)
}

fn test(world: &str) -> Result<Command, Failure> {
    let mut command = process::command(python::environment()?);
    command.arg("-u").arg(folder().join("run.py"));
    command.arg("--binary").arg(workspace::release_binary("lightcone"));
    command.arg("--data").arg(workspace::target().join("worlds").join(world));
    Ok(command)
}

/// The release before this one.
struct Previous {
    /// A tag, or the beginning of a commit.
    name: String,
    /// The whole commit.
    commit: String,
}

impl Previous {
    /// The latest tag `v…` before this commit; without one, what `tests/upgrade/previous` names.
    fn named() -> Result<Previous, Failure> {
        let head = commit("HEAD")?;
        let words = ["tag", "--list", "v*", "--merged", "HEAD", "--sort=-v:refname"];
        let tags = process::output(git().args(words))?;
        for tag in tags.lines() {
            let commit = commit(tag)?;
            if commit != head {
                return Ok(Previous { name: tag.to_owned(), commit });
            }
        }
        let file = folder().join("previous");
        let text = std::fs::read_to_string(&file).during(format!("read {}", workspace::shown(&file)))?;
        let commit = commit(text.trim())?;
        Ok(Previous { name: commit[..12].to_owned(), commit })
    }

    /// Its program: built once for each commit, from a work tree of its own that is removed afterwards.
    fn built(&self) -> Result<PathBuf, Failure> {
        let home = workspace::target().join("upgrade");
        let kept = home.join(format!("lightcone-{}", self.commit));
        if kept.exists() {
            println!("the previous release is {}, built already", self.name);
            return Ok(kept);
        }
        let source = home.join("src");
        std::fs::create_dir_all(&home).during(format!("make {}", workspace::shown(&home)))?;
        // What an earlier run left when it was killed.
        forget(&source);
        println!("the previous release is {}: building it", self.name);
        process::run(git().args(["worktree", "add", "--detach", "--force"]).arg(&source).arg(&self.commit))?;
        let built = build(&source, &home.join("target"));
        forget(&source);
        std::fs::copy(built?, &kept).during(format!("copy its program to {}", workspace::shown(&kept)))?;
        Ok(kept)
    }
}

/// Its own lock file decides which versions it is built with.
fn build(source: &Path, target: &Path) -> Result<PathBuf, Failure> {
    let mut cargo = process::cargo();
    cargo.current_dir(source).env("CARGO_TARGET_DIR", target);
    process::run(cargo.args(["build", "--release", "--locked", "--package", "lightcone", "--bin", "lightcone"]))?;
    Ok(target.join("release/lightcone"))
}

/// Removes a work tree, whether git knows it or not.
fn forget(source: &Path) {
    if source.exists() {
        let removed = git().args(["worktree", "remove", "--force"]).arg(source).output();
        if removed.is_ok_and(|output| output.status.success()) {
            return;
        }
        // Git does not know it: then it is only a folder.
        let _ = std::fs::remove_dir_all(source);
    }
    let _ = git().args(["worktree", "prune"]).output();
}

fn commit(name: &str) -> Result<String, Failure> {
    let commit = process::output(git().args(["rev-parse", "--verify", "--quiet", &format!("{name}^{{commit}}")]));
    let commit =
        commit.map_err(|_| Failure::new(format!("{name} is no commit of this repository; is it a shallow clone?")))?;
    Ok(commit.trim().to_owned())
}

fn git() -> Command {
    process::command("git")
}

fn folder() -> PathBuf {
    workspace::root().join("tests/upgrade")
}
