//! Loads that redis-benchmark does not make: a prefill, a reader so cheap that the server is what is measured, and a
//! steady stream of writes whose arrival in another region is watched.
//!
//! Each command prints one JSON object. `cargo xtask bench` runs them and makes the table.

// A load generator lives in real time; the seams of lc-env are for the database.
#![allow(clippy::disallowed_methods)]

mod connection;
mod cpu;
mod dice;
mod fill;
mod gets;
mod lag;
mod options;

use std::process::ExitCode;

use options::Options;

/// What went wrong, for the person at the terminal.
type Failure = Box<dyn std::error::Error + Send + Sync>;

const USAGE: &str = "lc-bench COMMAND
  fill --port P --keys N                                  every key once, 160-byte values
  gets --port P --keys N --connections C --depth D --seconds S    pipelines of D GETs of random keys
  lag  --write-port P --read-port P --rate N --seconds S  open-loop SETs here, seen when there?";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.split_first() {
        Some((command, rest)) => Options::parse(rest).and_then(|options| run(command, &options)),
        None => Err(USAGE.into()),
    };
    match outcome {
        Ok(json) => {
            println!("{json}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("lc-bench: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &str, options: &Options) -> Result<String, Failure> {
    match command {
        "fill" => fill::run(options),
        "gets" => gets::run(options),
        "lag" => lag::run(options),
        _ => Err(USAGE.into()),
    }
}
