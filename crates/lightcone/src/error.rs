//! Why a command of the binary failed, with the next step where there is one.

use std::io;

use lc_core::Fault;

/// A failed command.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] crate::config::Error),
    /// The node did not start.
    #[error(transparent)]
    Node(#[from] lc_node::Error),
    /// Certificates cannot be made or used.
    #[error(transparent)]
    Certificates(#[from] lc_net::Error),
    /// The RESP door did not open.
    #[error("RESP door: {0}; stop what uses this address, or change resp.listen")]
    Resp(#[from] lc_resp::Error),
    /// The HTTP door did not open.
    #[error("HTTP door: {0}; stop what uses this address, or change http.listen")]
    Http(#[from] lc_http::Error),
    /// A file, a process or a signal.
    #[error("{what}: {source}")]
    System {
        /// What was being done, as a verb phrase.
        what: String,
        /// Why it failed.
        source: io::Error,
    },
    /// A request to a node or to the dev world was refused or not answered.
    #[error("{0}")]
    Asked(String),
    /// Wrong on the command line.
    #[error("{0}")]
    Usage(String),
}

impl Error {
    /// Says what was being done when the system refused.
    pub fn system(what: impl Into<String>) -> impl FnOnce(io::Error) -> Error {
        let what = what.into();
        move |source| Error::System { what, source }
    }

    /// What the caller can do about it.
    pub fn fault(&self) -> Fault {
        match self {
            Error::Config(error) => error.fault(),
            Error::Usage(_) => Fault::Caller,
            Error::Asked(_) => Fault::Unavailable,
            Error::Node(_) | Error::Certificates(_) | Error::Resp(_) | Error::Http(_) | Error::System { .. } => {
                Fault::Stop
            }
        }
    }

    /// 2 if the command line or the configuration is wrong, 1 for everything else.
    pub fn exit_code(&self) -> u8 {
        if self.fault() == Fault::Caller { 2 } else { 1 }
    }
}
