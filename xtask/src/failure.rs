//! Why a chore stopped: a sentence for the person at the terminal. Nobody branches on it.

use std::fmt;

/// A sentence that says what went wrong and, where it helps, what to do.
#[derive(Debug)]
pub struct Failure(String);

impl Failure {
    /// A failure from a sentence.
    pub fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Adds what was being done ("read deny.toml") to an error that does not know it.
pub trait While<T> {
    /// `doing` is a verb phrase.
    fn during(self, doing: impl fmt::Display) -> Result<T, Failure>;
}

impl<T, E: fmt::Display> While<T> for Result<T, E> {
    fn during(self, doing: impl fmt::Display) -> Result<T, Failure> {
        self.map_err(|error| Failure(format!("{doing}: {error}")))
    }
}
