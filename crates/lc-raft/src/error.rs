//! Why the group did not do it.

use lc_core::Fault;

/// Errors of a group.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Settings that contradict each other.
    #[error("settings of the group: {why}")]
    Settings {
        /// Which, and how.
        why: String,
    },
    /// No member that leads could be found. Nothing was proposed.
    #[error("no leader known after {waited_ms} ms; nothing was proposed")]
    NoLeader {
        /// How long was waited.
        waited_ms: u64,
    },
    /// The leader does not reach a majority. Nothing was proposed.
    #[error("no majority of members within {waited_ms} ms; nothing was proposed")]
    NoQuorum {
        /// How long was waited.
        waited_ms: u64,
    },
    /// It was proposed, and whether it was or will be decided is not known. Read before trying again.
    #[error("not decided within {waited_ms} ms; it may or may not be decided yet")]
    OutcomeUnknown {
        /// How long was waited.
        waited_ms: u64,
    },
    /// The command is larger than the bound.
    #[error("a command of {bytes} bytes; at most {bytes_max} are allowed")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The bound.
        bytes_max: usize,
    },
    /// Too much waits to be decided, or the log could not be shortened.
    #[error("the group is full: {why}")]
    Full {
        /// Of what.
        why: String,
    },
    /// The group will not do this, now or later.
    #[error("refused by the group: {why}")]
    Refused {
        /// Why not.
        why: String,
    },
    /// The group stopped on this member, on purpose or because its disk failed. It must be started anew.
    #[error("the group stopped on this member: {why}")]
    Stopped {
        /// What happened.
        why: String,
    },
    /// The disk failed while starting.
    #[error(transparent)]
    Disk(#[from] lc_env::Error),
    /// The log cannot be opened.
    #[error("log of the group: {0}")]
    Journal(#[from] lc_journal::Error),
    /// Bytes on disk are not what was written.
    #[error("corrupt: {what}")]
    Corrupt {
        /// What they should have been.
        what: String,
    },
}

impl Error {
    /// What a caller can do about it.
    pub fn fault(&self) -> Fault {
        match self {
            Error::Full { .. } => Fault::Retry,
            Error::NoLeader { .. } | Error::NoQuorum { .. } | Error::OutcomeUnknown { .. } => Fault::Unavailable,
            Error::TooLarge { .. } | Error::Refused { .. } | Error::Settings { .. } => Fault::Caller,
            Error::Stopped { .. } | Error::Disk(_) | Error::Journal(_) | Error::Corrupt { .. } => Fault::Stop,
        }
    }
}
