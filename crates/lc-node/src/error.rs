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
    /// The control plane's group does not start.
    #[error("control plane: {0}")]
    Group(#[from] lc_raft::Error),
    /// A file of the data directory cannot be read or written.
    #[error("data directory: {0}")]
    Disk(#[from] lc_env::Error),
    /// The file `instance` is not what was written.
    #[error("data directory: the file 'instance' holds {0:?}, not 16 hexadecimal digits")]
    Instance(String),
    /// A backup does not become a data directory.
    #[error("restore: {0}")]
    Restore(String),
    /// Link shaping was asked of a node that does not allow it.
    #[error("links can only be shaped in a development world (emulation = true)")]
    NoEmulation,
    /// A node that the configuration does not name.
    #[error("node {0} is not among the configured peers")]
    UnknownPeer(u16),
}
