//! Why the journal did not do it.

use lc_core::Fault;

use crate::Position;

/// Errors of the journal.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk failed while opening, reading or truncating.
    #[error(transparent)]
    Disk(#[from] lc_env::Error),
    /// Bytes that were durable are not what was written.
    #[error("journal segment {file}: bytes at {offset} are not what was written")]
    Corrupt {
        /// The segment's file.
        file: String,
        /// Byte offset in the file.
        offset: u64,
    },
    /// A segment is missing between two others, or the journal does not begin where it should.
    #[error("journal segment {file} begins at {found}, expected {expected}; a segment is missing or foreign")]
    Gap {
        /// The segment's file.
        file: String,
        /// Position it begins at.
        found: Position,
        /// Position the one before it ends at.
        expected: Position,
    },
    /// A segment in a format of another release.
    #[error("journal segment {file} has format {version}; this release reads format 1")]
    Version {
        /// The segment's file.
        file: String,
        /// The format it says it has.
        version: u32,
    },
    /// Too much waits to become durable; sync first.
    #[error("{pending_bytes_max} bytes wait for the journal's disk already")]
    Full {
        /// The bound, in bytes.
        pending_bytes_max: usize,
    },
    /// The payload is larger than an entry may be.
    #[error("an entry of {bytes} bytes; at most {bytes_max} are allowed")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The bound.
        bytes_max: usize,
    },
    /// An earlier write or sync failed. What it covered may be lost, and nothing can be appended until the node restarts.
    #[error("the journal stopped: {why}")]
    Stopped {
        /// What failed.
        why: String,
    },
    /// The disk is full. Nothing is lost or done: what waited is tried again by the next [`crate::SyncJob`].
    #[error("no room for the journal: {why}")]
    NoRoom {
        /// What the disk said.
        why: String,
    },
    /// The position was truncated away.
    #[error("journal position {asked} is gone; the journal begins at {first}")]
    Gone {
        /// What was asked for.
        asked: Position,
        /// Where the journal begins.
        first: Position,
    },
    /// The position is not one where a record begins, or not durable yet.
    #[error("journal position {asked} is not where a durable record begins")]
    NotARecord {
        /// What was asked for.
        asked: Position,
    },
    /// A job is still out.
    #[error("a sync or a truncation of the journal is under way")]
    Busy,
}

impl Error {
    /// What a caller can do about it.
    pub fn fault(&self) -> Fault {
        match self {
            Error::Full { .. } | Error::Busy => Fault::Retry,
            Error::TooLarge { .. } => Fault::Caller,
            Error::Gone { .. } | Error::NoRoom { .. } => Fault::Unavailable,
            Error::Disk(_)
            | Error::Corrupt { .. }
            | Error::Gap { .. }
            | Error::Version { .. }
            | Error::Stopped { .. }
            | Error::NotARecord { .. } => Fault::Stop,
        }
    }
}
