//! `cargo xtask fuzz [--seconds N] [TARGET…]`: the targets of fuzz/, built with the stable compiler.
//!
//! libFuzzer comes with the crate `libfuzzer-sys`; the coverage it steers by is put in by the compiler's own pass, asked
//! for with flags. So nothing has to be installed, and cargo-fuzz works in the same folder for whoever has it.

use std::path::PathBuf;
use std::process::Command;

use crate::failure::{Failure, While};
use crate::tally::Tally;
use crate::{process, workspace};

/// What one target did.
#[derive(Debug, Default, PartialEq, Eq)]
struct Report {
    /// Places in the code that are watched; none: the flags did nothing.
    counters: u64,
    executed: u64,
    covered: u64,
    features: u64,
}

/// Runs all targets, or those that are named, a minute each or as long as asked. `--seeds` writes the seeds anew instead.
pub fn run(arguments: &[String]) -> Result<(), Failure> {
    let mut seconds = SECONDS;
    let mut named = Vec::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--seeds" => return write_seeds(),
            "--seconds" => {
                let number = rest.next().and_then(|text| text.parse().ok()).filter(|seconds| *seconds > 0);
                seconds = number.ok_or_else(|| Failure::new("--seconds takes a whole number from 1"))?;
            }
            name => named.push(name.to_owned()),
        }
    }
    let tally = fuzz(&named, seconds)?;
    println!("total: {} passed, {} failed", tally.passed, tally.failed);
    if tally.failed == 0 { Ok(()) } else { Err(Failure::new("a target found something")) }
}

/// The short form: that every seed still means something, and ten seconds for each target.
pub fn check() -> Result<Tally, Failure> {
    let seeds = crate::tally::counted(&mut tests()?)?;
    fuzz(&[], CHECK_SECONDS).map(|tally| tally.and(&seeds))
}

fn fuzz(named: &[String], seconds: u64) -> Result<Tally, Failure> {
    let targets = targets()?;
    if let Some(unknown) = named.iter().find(|name| !targets.contains(name)) {
        return Err(Failure::new(format!("there is no target {unknown}; there are {}", targets.join(", "))));
    }
    process::run(cargo("build")?.arg("--bins"))?;
    let mut tally = Tally::default();
    let mut lines = Vec::new();
    for target in targets.iter().filter(|target| named.is_empty() || named.contains(target)) {
        let outcome = if target == CANARY { find_canary() } else { run_target(target, seconds) };
        lines.push(format!("{target:<18}{}", shown(&outcome)));
        tally = tally.and(&if outcome.is_ok() { Tally::passed(1) } else { Tally::failure() });
    }
    println!("\n{:<18}{:>12} {:>9} {:>9} {:>9}", "target", "executed", "covered", "features", "counters");
    lines.iter().for_each(|line| println!("{line}"));
    Ok(tally)
}

/// Every target, by the name of its file.
fn targets() -> Result<Vec<String>, Failure> {
    let entries = std::fs::read_dir(workspace::root().join("fuzz/fuzz_targets")).during("list the fuzz targets")?;
    let stem = |path: PathBuf| Some(path.file_stem()?.to_str()?.to_owned());
    let mut targets: Vec<String> = entries.flatten().filter_map(|entry| stem(entry.path())).collect();
    targets.sort();
    Ok(targets)
}

fn run_target(target: &str, seconds: u64) -> Result<Report, Failure> {
    let mut command = fuzzer(target, seconds)?;
    let (status, lines) = process::run_remembering(&mut command)?;
    let report = read(&lines);
    process::succeeded(status, target).map_err(|failure| {
        Failure::new(format!("{failure}; the input is in {}", workspace::shown(&place("artifacts", target))))
    })?;
    match report {
        Report { counters: 0, .. } => Err(Failure::new(format!("{target} was built without coverage"))),
        Report { executed: 0, .. } => Err(Failure::new(format!("{target} executed nothing"))),
        report => Ok(report),
    }
}

/// The canary's mistake must be found; from nothing, whatever earlier runs knew.
fn find_canary() -> Result<Report, Failure> {
    let corpus = place("corpus", CANARY);
    let _ = std::fs::remove_dir_all(&corpus);
    let output = fuzzer(CANARY, CANARY_SECONDS)?.output().during("start the canary")?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let report = read(&text.lines().map(str::to_owned).collect::<Vec<_>>());
    match !output.status.success() && text.contains("planted") {
        true => Ok(report),
        false => Err(Failure::new(format!("the canary's mistake was not found within {CANARY_SECONDS} s"))),
    }
}

/// What is found stays under the build directory: seeds are changed on purpose only.
fn fuzzer(target: &str, seconds: u64) -> Result<Command, Failure> {
    let (found, artifacts) = (place("corpus", target), place("artifacts", target));
    for dir in [&found, &artifacts] {
        std::fs::create_dir_all(dir).during(format!("make {}", dir.display()))?;
    }
    let fuzz = workspace::root().join("fuzz");
    let mut command = process::command(home().join(machine()?).join("release").join(target));
    command.args([&found, &fuzz.join("corpus").join(target)].into_iter().filter(|dir| dir.exists()));
    command.arg(format!("-artifact_prefix={}/", artifacts.display())).arg(format!("-max_total_time={seconds}"));
    command.args(["-print_final_stats=1", "-rss_limit_mb=1024", "-timeout=5", "-max_len=8192", "-use_value_profile=0"]);
    if seconds == CHECK_SECONDS {
        // What CI tries should differ little between two runs of the same code.
        command.arg("-seed=1");
    }
    let dictionary = fuzz.join("dictionaries").join(format!("{target}.dict"));
    if dictionary.exists() {
        command.arg(format!("-dict={}", dictionary.display()));
    }
    Ok(command)
}

fn write_seeds() -> Result<(), Failure> {
    process::run(tests()?.env("UPDATE", "1"))
}

/// The tests of the fuzz crate, with the same flags, so that what was built for the targets is not built again.
fn tests() -> Result<Command, Failure> {
    cargo("test")
}

fn cargo(verb: &str) -> Result<Command, Failure> {
    let mut command = process::cargo();
    command.current_dir(workspace::root().join("fuzz"));
    command.env("RUSTFLAGS", FLAGS.join(" ")).env("CARGO_TARGET_DIR", home());
    // With a target, even if it is this machine, the flags leave build scripts and macros alone.
    command.args([verb, "--quiet", "--release", "--target"]).arg(machine()?);
    Ok(command)
}

/// The compiler's name for this machine.
fn machine() -> Result<String, Failure> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let text = process::output(process::command(rustc).arg("-vV"))?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| Failure::new("rustc -vV names no host"))
}

fn home() -> PathBuf {
    workspace::target().join("fuzz")
}

fn place(what: &str, target: &str) -> PathBuf {
    home().join(what).join(target)
}

fn shown(outcome: &Result<Report, Failure>) -> String {
    match outcome {
        Ok(report) => {
            let Report { executed, covered, features, counters } = report;
            format!("{executed:>12} {covered:>9} {features:>9} {counters:>9}")
        }
        Err(failure) => failure.to_string(),
    }
}

/// What libFuzzer says: how many counters there are, how many places and features were reached, how often it ran.
fn read(lines: &[String]) -> Report {
    let mut report = Report::default();
    for line in lines {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let after = |name: &str| words.windows(2).find(|pair| pair[0] == name).and_then(|pair| pair[1].parse().ok());
        if line.starts_with("INFO: Loaded") && line.contains("8-bit counters") {
            report.counters = words.iter().find_map(|word| word.strip_prefix('(')?.parse().ok()).unwrap_or(0);
        }
        report.executed = after("stat::number_of_executed_units:").unwrap_or(report.executed);
        report.covered = after("cov:").unwrap_or(report.covered);
        report.features = after("ft:").unwrap_or(report.features);
    }
    report
}

/// The long form.
const SECONDS: u64 = 60;
/// The short form.
const CHECK_SECONDS: u64 = 10;
/// A target with a mistake on purpose, and how long finding it may take; one second is usual.
const CANARY: &str = "canary";
const CANARY_SECONDS: u64 = 30;

/// Counters at every edge of the code, and what is compared with what: the same that cargo-fuzz asks for, but for the
/// address sanitizer, which only a nightly compiler has and safe code needs least.
const FLAGS: &[&str] = &[
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "--cfg=fuzzing",
];

#[cfg(test)]
mod tests {
    use super::{Report, read};

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn what_libfuzzer_prints_is_understood() {
        let said = "INFO: Loaded 1 modules   (51234 inline 8-bit counters): 51234 [0x1, 0x2), \n\
                    INFO: Loaded 1 PC tables (51234 PCs): 51234 [0x1,0x2), \n\
                    #12\tNEW    cov: 100 ft: 120 corp: 5/3Kb lim: 4 exec/s: 0 rss: 31Mb\n\
                    #900\tDONE   cov: 1801 ft: 2412 corp: 50/3Kb lim: 4 exec/s: 90 rss: 31Mb\n\
                    stat::number_of_executed_units: 900";
        let report = Report { counters: 51234, executed: 900, covered: 1801, features: 2412 };
        assert_eq!(read(&lines(said)), report);
    }

    #[test]
    fn a_build_without_coverage_shows() {
        assert_eq!(read(&lines("INFO: Running with entropic power schedule (0xFF, 100).")), Report::default());
    }
}
