//! Running other programs: quietly, loudly, or loudly while remembering what they said.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use crate::failure::{Failure, While};
use crate::workspace;

/// A command that starts in the workspace root.
pub fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(workspace::root());
    command
}

/// The cargo that runs us, so that a toolchain override stays in force.
pub fn cargo() -> Command {
    command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Builds `lightcone`, the simulator and the load generator for release. Always together: built one by one, cargo would
/// choose other features for what they share, and build that again each time.
pub fn build_programs() -> Result<(), Failure> {
    let programs = ["--package", "lightcone", "--package", "lc-sim", "--package", "lc-bench"];
    run(cargo().args(["build", "--release", "--bins"]).args(programs))
}

/// Runs it on our terminal; anything but success is a failure.
pub fn run(command: &mut Command) -> Result<(), Failure> {
    let shown = shown(command);
    let status = command.status().during(format!("start `{shown}`"))?;
    succeeded(status, &shown)
}

/// Runs it silently and returns what it printed; its error output is part of the failure.
pub fn output(command: &mut Command) -> Result<String, Failure> {
    let shown = shown(command);
    let output = command.stdin(Stdio::null()).output().during(format!("start `{shown}`"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaint = String::from_utf8_lossy(&output.stderr);
    succeeded(output.status, &shown).map_err(|failure| Failure::new(format!("{failure}\n{text}{complaint}")))?;
    Ok(text)
}

/// Runs it on our terminal and returns every line as well, both streams in the order they were written, with the status.
pub fn run_remembering(command: &mut Command) -> Result<(ExitStatus, Vec<String>), Failure> {
    let shown = shown(command);
    let (reader, writer) = std::io::pipe().during("open a pipe")?;
    command.stdout(writer.try_clone().during("copy a pipe")?).stderr(writer);
    let mut child = command.spawn().during(format!("start `{shown}`"))?;
    // The command still holds the writing end, and reading would never meet its end.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut lines = Vec::new();
    for line in BufReader::new(reader).split(b'\n') {
        let line = String::from_utf8_lossy(&line.during("read its output")?).into_owned();
        // A closed terminal is no reason to stop the check.
        let _ = writeln!(std::io::stdout(), "{line}");
        lines.push(line);
    }
    let status = child.wait().during(format!("wait for `{shown}`"))?;
    Ok((status, lines))
}

/// Whether a program of this name can be found.
pub fn on_path(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|dir| is_file(&dir.join(program))))
}

/// The command as one would type it.
pub fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| workspace::shown(Path::new(word))).collect::<Vec<_>>().join(" ")
}

/// Turns a status into our kind of result.
pub fn succeeded(status: ExitStatus, shown: &str) -> Result<(), Failure> {
    if status.success() { Ok(()) } else { Err(Failure::new(format!("`{shown}` ended with {status}"))) }
}

fn is_file(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file())
}
