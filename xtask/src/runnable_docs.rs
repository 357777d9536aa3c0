//! The commands in our documents, run as written. A fenced block marked `sh run` is run line by line:
//!
//! - `cargo xtask dev …` and `lightcone dev …` are started, and are ready before the next line;
//! - `command   # => text` must print `text`, within ten seconds, since regions agree a moment later;
//! - every other line must succeed; what follows a lone `#` is for the reader.
//!
//! One document is one world: what its first block starts, its last block may use. A document whose first line starts
//! none gets the one of `cargo xtask dev`.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use crate::failure::{Failure, While};
use crate::setup::debian;
use crate::tally::Tally;
use crate::{process, workspace, world};

/// How long a line has to print what it promises.
const PATIENCE: Duration = Duration::from_secs(10);

/// A line to run, and what it must print, if it promises something.
#[derive(Debug, PartialEq, Eq)]
struct Line {
    number: usize,
    command: String,
    prints: Option<String>,
}

/// Runs all documents, or those that are named.
pub fn run(arguments: &[String]) -> Result<(), Failure> {
    process::run(process::cargo().args(["build", "--release", "--package", "lightcone"]))?;
    let tally = run_documents(&documents(arguments)?)?;
    println!("total: {} passed, {} failed", tally.passed, tally.failed);
    if tally.failed == 0 { Ok(()) } else { Err(Failure::new("a document promises what does not happen")) }
}

/// All documents.
pub fn check() -> Result<Tally, Failure> {
    run_documents(&documents(&[])?)
}

fn documents(named: &[String]) -> Result<Vec<PathBuf>, Failure> {
    if !named.is_empty() {
        return Ok(named.iter().map(|name| workspace::root().join(name)).collect());
    }
    let mut found = vec![workspace::root().join("README.md")];
    collect_markdown(&workspace::root().join("docs"), &mut found)?;
    found[1..].sort();
    Ok(found)
}

fn collect_markdown(dir: &Path, found: &mut Vec<PathBuf>) -> Result<(), Failure> {
    for entry in std::fs::read_dir(dir).during("list docs/")?.flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect_markdown(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
    Ok(())
}

fn run_documents(documents: &[PathBuf]) -> Result<Tally, Failure> {
    debian::redis()?;
    let mut tally = Tally::default();
    for path in documents {
        let text = std::fs::read_to_string(path).during(format!("read {}", workspace::shown(path)))?;
        let lines = runnable_lines(&text);
        if !lines.is_empty() {
            println!("--- {}", workspace::shown(path));
            tally = tally.and(&run_document(&lines));
        }
    }
    if tally.passed == 0 { Err(Failure::new("no document has a block marked `sh run`")) } else { Ok(tally) }
}

/// Stops at the first line that does not hold: what comes after it builds on it. At least one line.
fn run_document(lines: &[Line]) -> Tally {
    let mut world = None;
    let mut passed = 0;
    let given = Line { number: lines[0].number, command: "cargo xtask dev".to_owned(), prints: None };
    let given = (!starts_a_world(&lines[0].command)).then_some(&given);
    for line in given.into_iter().chain(lines) {
        match run_line(line, &mut world) {
            Ok(()) => passed += 1,
            Err(failure) => {
                println!("line {}: {failure}", line.number);
                return Tally { passed, failed: 1, skipped: 0 };
            }
        }
    }
    Tally::passed(passed)
}

fn run_line(line: &Line, world: &mut Option<Running>) -> Result<(), Failure> {
    println!("$ {}", line.command);
    if starts_a_world(&line.command) {
        *world = None;
        *world = Some(Running::start(&line.command)?);
        return Ok(());
    }
    let Some(prints) = &line.prints else {
        return process::output(&mut shell(&line.command)).map(drop);
    };
    let deadline = Instant::now() + PATIENCE;
    loop {
        let printed = process::output(&mut shell(&line.command));
        if printed.as_ref().is_ok_and(|text| text.trim() == prints) {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(Failure::new(format!("promises `{prints}` and prints {printed:?}")));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn starts_a_world(command: &str) -> bool {
    command.starts_with("cargo xtask dev") || command.starts_with("lightcone dev")
}

/// Bash with our programs first on the path, as the README tells its reader to have them.
fn shell(line: &str) -> Command {
    let inherited = std::env::var_os("PATH").unwrap_or_default();
    let ours = std::iter::once(workspace::target().join("release")).chain(std::env::split_paths(&inherited));
    let mut command = process::command("bash");
    command.env("PATH", std::env::join_paths(ours).unwrap_or(inherited)).args(["-c", line]);
    command
}

/// A world that a document started; it ends with the document.
struct Running(Child);

impl Running {
    fn start(line: &str) -> Result<Self, Failure> {
        let log = workspace::target().join("worlds/docs-log.txt");
        std::fs::create_dir_all(workspace::target().join("worlds")).during("make a folder for the log")?;
        world::start_until_ready(&mut shell(&format!("exec {line}")), &log, Duration::from_secs(900)).map(Self)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        world::end(&mut self.0);
    }
}

/// The lines of all blocks whose fence says `sh run`.
fn runnable_lines(text: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut running = false;
    for (index, line) in text.lines().enumerate() {
        if let Some(fence) = line.trim_start().strip_prefix("```") {
            running = !running && fence.trim() == "sh run";
        } else if running {
            lines.extend(runnable_line(index + 1, line));
        }
    }
    lines
}

fn runnable_line(number: usize, line: &str) -> Option<Line> {
    let (command, prints) = match line.split_once(" # => ") {
        Some((command, prints)) => (command, Some(prints.trim().to_owned())),
        None => (line.split(" # ").next().unwrap_or(line), None),
    };
    let command = command.trim();
    (!command.is_empty() && !command.starts_with('#')).then(|| Line { number, command: command.to_owned(), prints })
}

#[cfg(test)]
mod tests {
    use super::{Line, runnable_lines};

    #[test]
    fn only_marked_blocks_are_run_and_promises_are_read() {
        let text =
            "```sh\nrm -rf /\n```\n```sh run\n# a word\nredis-cli SET a b   # sets\nredis-cli GET a # => b\n```\n";
        let line = |number, command: &str, prints: Option<&str>| Line {
            number,
            command: command.to_owned(),
            prints: prints.map(str::to_owned),
        };
        assert_eq!(runnable_lines(text), [line(6, "redis-cli SET a b", None), line(7, "redis-cli GET a", Some("b"))]);
    }
}
