//! What is wrong with a policy as it is written. What is wrong with one that can be read is a [`Refusal`](crate::Refusal).

use lc_core::Fault;

use crate::Dial;
use crate::preset::Preset;

/// A text that is no policy.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Error {
    /// No dial has this name.
    #[error("unknown dial '{name}'{}dials: {}", after(suggestion), Dial::names())]
    UnknownDial {
        /// As it was written, shortened.
        name: String,
        /// `; did you mean 'NAME'?`, or empty.
        suggestion: String,
    },
    /// The dial has no such setting.
    #[error("{dial}={text}: {why}")]
    WrongSetting {
        /// Which dial.
        dial: Dial,
        /// As it was written, shortened.
        text: String,
        /// What is wrong, and what would be right.
        why: String,
    },
    /// A dial that is named twice: nobody can say which one was meant.
    #[error("{dial} is set twice")]
    Twice {
        /// Which dial.
        dial: Dial,
    },
    /// No preset has this name.
    #[error("unknown preset '{name}'{}presets: {}", after(suggestion), Preset::names())]
    UnknownPreset {
        /// As it was written, shortened.
        name: String,
        /// `; did you mean 'NAME'?`, or empty.
        suggestion: String,
    },
    /// The document cannot be read.
    #[error("policy, line {line}: {what}")]
    Document {
        /// From 1.
        line: usize,
        /// What is wrong there.
        what: String,
    },
    /// The document is larger than any policy.
    #[error("a policy of {bytes} bytes: at most {bytes_max} are read")]
    TooLong {
        /// Its size.
        bytes: usize,
        /// The bound.
        bytes_max: usize,
    },
}

impl Error {
    /// What the caller can do: write it differently.
    pub fn fault(&self) -> Fault {
        match self {
            Error::UnknownDial { .. }
            | Error::WrongSetting { .. }
            | Error::Twice { .. }
            | Error::UnknownPreset { .. }
            | Error::Document { .. }
            | Error::TooLong { .. } => Fault::Caller,
        }
    }
}

/// A question ends with its own mark; without one a sentence goes on after a semicolon.
pub(crate) fn after(suggestion: &str) -> String {
    if suggestion.is_empty() { "; ".to_owned() } else { format!("{suggestion} ") }
}
