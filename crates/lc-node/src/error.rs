//! Why a node does not start or cannot do what it was asked.

/// An error at start or from an operator's request.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The data directory cannot be used.
    #[error("data directory {directory}: {source}")]
    DataDirectory {
        /// Which.
        directory: String,
        /// Why.
        source: lc_env::Error,
    },
    /// The member does not open.
    #[error(transparent)]
    Member(#[from] lc_member::Error),
    /// The record store does not open.
    #[error("record store: {0}")]
    Store(#[from] lc_store::Error),
    /// Links do not start.
    #[error("links: {0}")]
    Links(#[from] lc_net::Error),
    /// Link shaping was asked of a node that does not allow it.
    #[error("links can only be shaped in a development world (emulation = true)")]
    NoEmulation,
    /// A node that the configuration does not name.
    #[error("node {0} is not among the configured peers")]
    UnknownPeer(u16),
}
