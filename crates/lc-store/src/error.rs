//! What can go wrong with stored rows.

use lc_core::Fault;

/// The store failed; what it has cannot be trusted until somebody has looked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The engine under the store failed.
    #[error("{doing}: {source}")]
    Engine {
        /// What was being done.
        doing: &'static str,
        /// What the engine said.
        source: fjall::Error,
    },
    /// Rows of a commit are not in ascending order.
    #[error("rows of a commit are not in ascending order")]
    Unordered,
}

impl Error {
    /// What a caller can do.
    pub fn fault(&self) -> Fault {
        match self {
            Error::Engine { .. } | Error::Unordered => Fault::Stop,
        }
    }
}
