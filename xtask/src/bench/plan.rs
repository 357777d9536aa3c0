//! How long each measurement is.

use std::time::Duration;

use crate::bench::Load;
use crate::failure::Failure;

/// Sizes of one run.
pub struct Plan {
    /// Keys on each side.
    pub keys: u64,
    /// Turns of each side per load.
    pub repetitions: u32,
    /// Length of the stream of writes whose arrival is watched.
    pub lag_seconds: u64,
    /// Length of one measurement of GETs.
    pub gets_seconds: u64,
    /// How long a node is left alone before its memory is read.
    pub idle: Duration,
    /// Whether docs/benchmarks.md gets the table.
    pub write: bool,
    /// The command that made it, for the page.
    pub command: String,
    durable_requests: u64,
    pipelined_requests: u64,
}

impl Plan {
    /// Understands `--short`, `--write` and `--repetitions N`.
    pub fn parse(arguments: &[String]) -> Result<Self, Failure> {
        let mut plan = Self::full();
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--short" => plan = Self { write: plan.write, ..Self::short() },
                "--write" => plan.write = true,
                "--repetitions" => {
                    let count = words.next().and_then(|count| count.parse().ok()).filter(|count| *count > 0);
                    plan.repetitions = count.ok_or_else(|| Failure::new("--repetitions needs a number"))?;
                }
                _ => return Err(Failure::new(format!("bench knows --short, --write and --repetitions N, not {word}"))),
            }
        }
        plan.command = std::iter::once("cargo xtask bench")
            .chain(arguments.iter().map(String::as_str))
            .collect::<Vec<_>>()
            .join(" ");
        Ok(plan)
    }

    fn full() -> Self {
        Self {
            keys: 1_000_000,
            repetitions: 5,
            lag_seconds: 30,
            gets_seconds: 8,
            idle: Duration::from_secs(10),
            write: false,
            command: String::new(),
            durable_requests: 100_000,
            pipelined_requests: 1_000_000,
        }
    }

    fn short() -> Self {
        Self {
            keys: 100_000,
            repetitions: 2,
            lag_seconds: 5,
            gets_seconds: 3,
            idle: Duration::from_secs(3),
            durable_requests: 20_000,
            pipelined_requests: 200_000,
            ..Self::full()
        }
    }

    /// Just enough to see that every part works.
    pub fn smallest() -> Self {
        Self {
            keys: 10_000,
            repetitions: 1,
            lag_seconds: 2,
            gets_seconds: 1,
            idle: Duration::from_secs(1),
            durable_requests: 5_000,
            pipelined_requests: 50_000,
            command: "cargo xtask check bench".to_owned(),
            ..Self::full()
        }
    }

    /// Each connection waits for each OK.
    pub fn set_durable(&self) -> Load {
        let title = "SET, no pipelining, durable before OK";
        Load { title, command: "set", requests: self.durable_requests, depth: 1, target: 0.7 }
    }

    /// Sixteen SETs per round trip.
    pub fn set_pipelined(&self) -> Load {
        let title = "SET, pipeline 16, durable before OK";
        Load { title, command: "set", requests: self.pipelined_requests, depth: 16, target: 0.5 }
    }

    /// Sixteen GETs per round trip.
    pub fn get_pipelined(&self) -> Load {
        Load {
            title: "GET, pipeline 16",
            command: "get",
            requests: self.pipelined_requests * 2,
            depth: 16,
            target: 0.8,
        }
    }
}
