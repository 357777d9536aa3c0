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
            Error::Engine { .. } | Error::KeyLength { .. } | Error::Order => Fault::Stop,
        }
    }
}
