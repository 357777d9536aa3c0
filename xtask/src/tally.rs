//! How many tests passed, read from what test runners print.

use std::process::Command;

use crate::failure::Failure;
use crate::process;

/// Counts of one step. A step that is a single verdict counts as one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Ran and held.
    pub passed: u64,
    /// Ran and did not hold, or could not run.
    pub failed: u64,
    /// Did not run, for a stated reason.
    pub skipped: u64,
}

impl Tally {
    /// `count` things were looked at and all were well.
    pub fn passed(count: u64) -> Self {
        Self { passed: count, ..Self::default() }
    }

    /// One thing went wrong.
    pub fn failure() -> Self {
        Self { failed: 1, ..Self::default() }
    }

    /// Both together.
    pub fn and(&self, other: &Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            skipped: self.skipped + other.skipped,
        }
    }

    /// Adds up every summary line of nextest, `cargo test` and pytest, and of our own programs, which print
    /// `N passed, N failed, N skipped`.
    pub fn read(lines: &[String]) -> Self {
        lines.iter().filter(|line| is_summary(line)).fold(Self::default(), |sum, line| sum.and(&read_line(line)))
    }
}

fn is_summary(line: &str) -> bool {
    let line = line.trim();
    let ours = line.strip_prefix("total: ").is_some_and(|rest| rest.contains(" passed"));
    ours || line.starts_with("Summary [") || line.starts_with("test result: ")
}

fn read_line(line: &str) -> Tally {
    let words: Vec<&str> = line.split([' ', ',', ';', '.', ':']).filter(|word| !word.is_empty()).collect();
    let mut tally = Tally::default();
    for pair in words.windows(2) {
        let Ok(count) = pair[0].parse::<u64>() else { continue };
        match pair[1] {
            "passed" => tally.passed += count,
            "failed" | "timed" | "exec" => tally.failed += count,
            "skipped" | "ignored" => tally.skipped += count,
            _ => {}
        }
    }
    tally
}

/// The runner's own counts. A run that failed without a failed test did not get as far as counting.
pub fn counted(command: &mut Command) -> Result<Tally, Failure> {
    let (status, lines) = process::run_remembering(command)?;
    let tally = Tally::read(&lines);
    if status.success() || tally.failed > 0 {
        return Ok(tally);
    }
    process::succeeded(status, &process::shown(command)).map(|()| tally)
}

#[cfg(test)]
mod tests {
    use super::Tally;

    fn read(line: &str) -> (u64, u64, u64) {
        let tally = Tally::read(&[line.to_owned()]);
        (tally.passed, tally.failed, tally.skipped)
    }

    #[test]
    fn the_summaries_of_all_runners_are_understood() {
        assert_eq!(read("     Summary [   0.021s] 12 tests run: 11 passed (1 slow), 1 failed, 2 skipped"), (11, 1, 2));
        assert_eq!(
            read("     Summary [   0.021s] 3 tests run: 1 passed, 1 timed out, 1 exec failed, 0 skipped"),
            (1, 2, 0)
        );
        assert_eq!(read("test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out"), (3, 0, 1));
        assert_eq!(read("total: 800 passed, 0 failed, 300 skipped"), (800, 0, 300));
    }

    #[test]
    fn other_lines_count_nothing() {
        assert_eq!(read("retrying: 3 passed so far"), (0, 0, 0));
    }
}
