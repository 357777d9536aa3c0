//! What can be wrong with a configuration file, in words that say what would be right.

use std::io;
use std::path::PathBuf;

/// A configuration that cannot be used. Nothing was started.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file, or one that it names, cannot be read.
    #[error("{}: {key}cannot be read: {source}", file.display())]
    Read {
        /// Which file.
        file: PathBuf,
        /// The setting that names it, or nothing.
        key: String,
        /// Why not.
        source: io::Error,
    },
    /// Not TOML.
    #[error("{}: not TOML: {what}", file.display())]
    Syntax {
        /// Which file.
        file: PathBuf,
        /// Where and why.
        what: String,
    },
    /// A setting that does not exist.
    #[error("{}: unknown setting '{key}'{suggestion}", file.display())]
    Unknown {
        /// Which file.
        file: PathBuf,
        /// As written.
        key: String,
        /// The nearest right name, if there is one, as text to add.
        suggestion: String,
    },
    /// A setting that must be there.
    #[error("{}: {key} is missing: add {example}", file.display())]
    Missing {
        /// Which file.
        file: PathBuf,
        /// Its name.
        key: String,
        /// A line that would do.
        example: String,
    },
    /// A value of the wrong kind, or out of its bounds.
    #[error("{}: {key} = {value}: must be {right}", file.display())]
    Value {
        /// Which file.
        file: PathBuf,
        /// Which setting.
        key: String,
        /// As written.
        value: String,
        /// What would be right.
        right: String,
    },
    /// Settings that do not go together.
    #[error("{}: {key} = {value}: {what}", file.display())]
    Together {
        /// Which file.
        file: PathBuf,
        /// The setting to change first.
        key: String,
        /// As written.
        value: String,
        /// What does not fit, and what to do.
        what: String,
    },
}

impl Error {
    /// A configuration is its author's to put right.
    pub fn fault(&self) -> lc_core::Fault {
        lc_core::Fault::Caller
    }
}
