//! What can go wrong on a link, and what the caller can do about it.

use std::net::SocketAddr;
use std::path::PathBuf;

use lc_core::Fault;

use crate::certificate::NodeName;

/// A link, or the start of all links, failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A name that cannot stand in a certificate.
    #[error("region {region:?}: use 1 to 40 of a-z, 0-9 and '-', not beginning or ending with '-'")]
    RegionName {
        /// What was given.
        region: String,
    },
    /// A setting out of its bounds.
    #[error("link setting {setting}: {reason}")]
    Setting {
        /// The setting's name.
        setting: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The certificate, key or authority could not be made, read or used.
    #[error("certificate: {what}: {reason}")]
    Certificate {
        /// What was being done.
        what: &'static str,
        /// Why it failed.
        reason: String,
    },
    /// A request for a certificate cannot be granted.
    #[error("signing request refused: {reason}")]
    Request {
        /// What is wrong with it.
        reason: String,
    },
    /// A certificate or key file could not be read or written.
    #[error("{what} {path}: {source}")]
    File {
        /// What was being done.
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The certificate names another node than was expected.
    #[error("the certificate presented is of {presented}, expected {expected}")]
    Identity {
        /// The node that the certificate names.
        presented: NodeName,
        /// Who may be at this end.
        expected: String,
    },
    /// The address is taken or not ours.
    #[error("listen for links on {address} (udp): {source}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// Why it failed.
        source: std::io::Error,
    },
    /// No answer within the dial time-out.
    #[error("no answer from {address} within {waited_ms} ms")]
    NoAnswer {
        /// Whom we dialled.
        address: SocketAddr,
        /// How long we waited, in milliseconds.
        waited_ms: u128,
    },
    /// The peer speaks, but the first control frames do not fit together.
    #[error("refused: {reason}")]
    Refused {
        /// What does not fit.
        reason: String,
    },
    /// The connection ended.
    #[error("connection lost: {reason}")]
    Lost {
        /// As QUIC or the peer put it.
        reason: String,
    },
    /// The peer sent bytes that are no frames.
    #[error("broken frames from peer: {reason}")]
    Malformed {
        /// What was wrong with them.
        reason: String,
    },
    /// A newer connection of the same peer took this one's place.
    #[error("replaced by a newer connection of the same peer")]
    Replaced,
    /// Another process runs under the peer's id, and its link is alive.
    #[error("{node} is connected already from {from}; two processes run under one node id: stop one of them")]
    ConnectedAlready {
        /// The node that both say they are.
        node: NodeName,
        /// Where the one is whose link lives.
        from: SocketAddr,
    },
    /// The peer has a link with another process of this node's id.
    #[error("peer says: {reason}")]
    TurnedAway {
        /// In the peer's words.
        reason: String,
    },
    /// The peer's address changed while it was dialled.
    #[error("the peer's address changed")]
    Moved,
    /// This node ended the link: it is closing, or the peer was removed or moved.
    #[error("link ended by this node")]
    Stopped,
    /// The operating system or a library ran out of something.
    #[error("{what}: {source}")]
    System {
        /// What was being done.
        what: &'static str,
        /// Why it failed.
        source: std::io::Error,
    },
}

impl Error {
    /// What the caller can do. No `_` arm: a new variant has to choose.
    pub fn fault(&self) -> Fault {
        match self {
            Self::RegionName { .. }
            | Self::Setting { .. }
            | Self::Certificate { .. }
            | Self::Request { .. }
            | Self::Identity { .. } => Fault::Caller,
            Self::File { .. } | Self::Listen { .. } | Self::System { .. } => Fault::Unavailable,
            Self::NoAnswer { .. }
            | Self::Refused { .. }
            | Self::Lost { .. }
            | Self::Malformed { .. }
            | Self::Replaced
            | Self::Moved
            | Self::ConnectedAlready { .. }
            | Self::TurnedAway { .. }
            | Self::Stopped => Fault::Retry,
        }
    }
}

impl From<quinn::ConnectionError> for Error {
    fn from(error: quinn::ConnectionError) -> Error {
        let reason = match error {
            // This node ends a connection itself only for a newer one, or when the peer was stopped: asked first.
            quinn::ConnectionError::LocallyClosed => return Error::Replaced,
            quinn::ConnectionError::ApplicationClosed(closed)
                if closed.error_code == CLOSE_CONNECTED_ALREADY.into() =>
            {
                return Error::TurnedAway { reason: presentable(&String::from_utf8_lossy(&closed.reason)) };
            }
            quinn::ConnectionError::ApplicationClosed(closed) if !closed.reason.is_empty() => {
                format!("peer says: {}", presentable(&String::from_utf8_lossy(&closed.reason)))
            }
            quinn::ConnectionError::TimedOut => "nothing heard from the peer".to_owned(),
            other => presentable(&other.to_string()),
        };
        Error::Lost { reason }
    }
}

/// A text that may hold what anyone on the network wrote: one line, bounded.
fn presentable(text: &str) -> String {
    let shown = |c: char| if c.is_control() { '?' } else { c };
    text.chars().take(TEXT_CHARS_MAX).map(shown).collect()
}

/// The close code that tells a second process of one node id from all else that can go wrong.
pub(crate) const CLOSE_CONNECTED_ALREADY: u32 = 4;
/// Holds our own longest reason, with two names in it.
const TEXT_CHARS_MAX: usize = 400;

impl From<quinn::WriteError> for Error {
    fn from(error: quinn::WriteError) -> Error {
        match error {
            quinn::WriteError::ConnectionLost(lost) => lost.into(),
            other => Error::Lost { reason: other.to_string() },
        }
    }
}

impl From<quinn::ReadError> for Error {
    fn from(error: quinn::ReadError) -> Error {
        match error {
            quinn::ReadError::ConnectionLost(lost) => lost.into(),
            other => Error::Lost { reason: other.to_string() },
        }
    }
}

/// A frame was not accepted. Nothing of it was sent.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// No such peer is configured.
    #[error("node {peer} is not a peer of this node")]
    UnknownPeer {
        /// The node id asked for.
        peer: u16,
    },
    /// No connection now; a `LinkEvent::Up` will tell when there is one.
    #[error("no link to node {peer} now")]
    Down {
        /// The node id asked for.
        peer: u16,
    },
    /// The peer's queue is full: send again when `Links::queued_bytes` has fallen.
    #[error("{queued_bytes} bytes already wait for node {peer}, the bound is {limit_bytes}")]
    Full {
        /// The node id asked for.
        peer: u16,
        /// What waits now.
        queued_bytes: usize,
        /// The bound.
        limit_bytes: usize,
    },
    /// The frame is larger than any peer would take.
    #[error("a frame of {frame_bytes} bytes, the bound is {limit_bytes}")]
    TooLarge {
        /// The frame's length.
        frame_bytes: usize,
        /// The bound.
        limit_bytes: usize,
    },
}

impl SendError {
    /// What the caller can do. No `_` arm: a new variant has to choose.
    pub fn fault(&self) -> Fault {
        match self {
            Self::UnknownPeer { .. } | Self::TooLarge { .. } => Fault::Caller,
            Self::Down { .. } => Fault::Unavailable,
            Self::Full { .. } => Fault::Retry,
        }
    }
}
