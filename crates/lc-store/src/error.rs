//! Why the store did not do it.

use lc_core::Fault;

/// Errors of the store.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The engine or the disk under it failed.
    #[error("{doing}: {why}")]
    Engine {
        /// What was being done, as a verb phrase.
        doing: &'static str,
        /// What the engine said.
        why: String,
    },
    /// The disk is full. Whether the rows were written does not matter: the same commit is right again once there is room.
    #[error("{doing}: the disk is full")]
    Full {
        /// What was being done, as a verb phrase.
        doing: &'static str,
    },
    /// Stored bytes are not what was written: the medium rots. Other rows can still be read.
    #[error("{doing}: stored bytes are not what was written ({why})")]
    Corrupt {
        /// What was being done, as a verb phrase.
        doing: &'static str,
        /// What the engine said.
        why: String,
    },
    /// A row key that no engine takes; nothing of its batch was written.
    #[error("a row key of {bytes} bytes; 1 to {} are allowed", crate::ROW_KEY_BYTES_MAX)]
    KeyLength {
        /// Its length.
        bytes: usize,
    },
    /// Rows came in the wrong order; nothing of their batch was written.
    #[error("rows must come in ascending order of their keys, each once")]
    Order,
}

impl Error {
    /// What a caller can do about it.
    pub fn fault(&self) -> Fault {
        match self {
            Error::Full { .. } => Fault::Unavailable,
            Error::Engine { .. } | Error::Corrupt { .. } | Error::KeyLength { .. } | Error::Order => Fault::Stop,
        }
    }
}
