//! What happened, as text; two runs of a seed must give the same.

use std::fmt::Write;
use std::time::Duration;

use xxhash_rust::xxh3::Xxh3;

/// Keeps a running hash of every line, and the lines themselves if asked.
pub(crate) struct Trace {
    hash: Xxh3,
    lines: Option<String>,
    buffer: String,
}

impl Trace {
    pub(crate) fn new(keep_lines: bool) -> Trace {
        Trace { hash: Xxh3::new(), lines: keep_lines.then(String::new), buffer: String::new() }
    }

    pub(crate) fn line(&mut self, now: Duration, text: std::fmt::Arguments<'_>) {
        self.buffer.clear();
        // Writing to a String cannot fail.
        let _ = writeln!(self.buffer, "{:>12} {text}", now.as_micros());
        self.hash.update(self.buffer.as_bytes());
        if let Some(lines) = &mut self.lines {
            lines.push_str(&self.buffer);
        }
    }

    pub(crate) fn finish(self) -> (u128, String) {
        (self.hash.digest128(), self.lines.unwrap_or_default())
    }
}
