//! `cargo xtask check`: everything CI runs, the same here and there. It never edits a source file.

mod room;
mod steps;

use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::tally::Tally;
use steps::STEPS;

/// One line of the table at the end.
struct Row {
    name: &'static str,
    took: Duration,
    result: Result<Tally, Failure>,
}

/// Runs all steps, or those that are named. Every step runs even if one before it failed, so that one run shows all there is to mend.
pub fn run(arguments: &[String]) -> Result<(), Failure> {
    if arguments.iter().any(|argument| argument == "--list") {
        STEPS.iter().for_each(|step| println!("{:<10}{}", step.name, step.purpose));
        return Ok(());
    }
    if let Some(unknown) = arguments.iter().find(|name| !STEPS.iter().any(|step| step.name == **name)) {
        return Err(Failure::new(format!("there is no step {unknown}; `cargo xtask check --list` names them")));
    }
    let chosen = STEPS.iter().filter(|step| arguments.is_empty() || arguments.iter().any(|name| name == step.name));
    room::warn_if_scarce();
    let rows: Vec<Row> = chosen.map(run_step).collect();
    summarize(&rows)
}

fn run_step(step: &steps::Step) -> Row {
    println!("\n=== {}: {}", step.name, step.purpose);
    let start = Instant::now();
    let result = (step.run)();
    if let Err(failure) = &result {
        println!("{failure}");
    }
    Row { name: step.name, took: start.elapsed(), result }
}

fn summarize(rows: &[Row]) -> Result<(), Failure> {
    println!("\n{:<10} {:>8} {:>8} {:>8} {:>8}", "step", "seconds", "passed", "failed", "skipped");
    let mut total = Tally::default();
    for row in rows {
        // A step that could not even count is one failure.
        let tally = row.result.as_ref().map_or(Tally::failure(), Clone::clone);
        let seconds = row.took.as_secs_f64();
        println!("{:<10} {seconds:>8.1} {:>8} {:>8} {:>8}", row.name, tally.passed, tally.failed, tally.skipped);
        total = total.and(&tally);
    }
    let minutes = rows.iter().map(|row| row.took).sum::<Duration>().as_secs_f64() / 60.0;
    println!("in {minutes:.1} minutes\n\n{} passed, {} failed", total.passed, total.failed);
    if total.failed == 0 { Ok(()) } else { Err(Failure::new(format!("{} failed", total.failed))) }
}
