//! What a disk can answer instead of doing it.

use std::io;

/// Shorthand for results of this room.
pub type Result<T> = std::result::Result<T, Error>;

/// Why the disk did not do it. All but [`Error::InUse`] and [`Error::Full`] (of anything but a sync) mean that the data can no longer be trusted.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused.
    #[error("{doing} {file}: {source}")]
    Io {
        /// What was being done, as a verb.
        doing: &'static str,
        /// To which file or directory.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// No room left; nothing that was written before is harmed.
    #[error("{doing} {file}: the disk is full")]
    Full {
        /// What was being done, as a verb.
        doing: &'static str,
        /// To which file.
        file: String,
    },
    /// Another process works in this directory.
    #[error("{dir} is in use by another process; one data directory belongs to one node")]
    InUse {
        /// The directory.
        dir: String,
    },
    /// A handle from before a simulated crash.
    #[error("{file}: this handle is from before the crash")]
    Crashed {
        /// The file of the handle.
        file: String,
    },
}

impl Error {
    pub(crate) fn io(doing: &'static str, file: impl Into<String>, source: io::Error) -> Error {
        let file = file.into();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::Full { doing, file },
            _ => Error::Io { doing, file, source },
        }
    }

    /// Whether there is no such file.
    pub fn is_missing(&self) -> bool {
        matches!(self, Error::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    /// Whether waiting for room may help. After a failed sync nothing helps.
    pub fn is_full(&self) -> bool {
        matches!(self, Error::Full { .. })
    }
}
