//! What can go wrong at this door, and the one place where a refused command becomes `-CODE text`.

use std::io;
use std::net::SocketAddr;

use crate::Excess;

/// Writes a refused command's error reply.
///
/// The table from error to code is `lc_db::Error::code`: clients match on the code, people read the text.
pub(crate) fn push_refusal(error: &lc_db::Error, out: &mut Vec<u8>) {
    push_line(error.code(), &error.to_string(), out);
}

/// Writes the error reply that comes before the end of a connection whose bytes cannot be understood.
pub(crate) fn push_malformed(malformed: &Malformed, out: &mut Vec<u8>) {
    push_line("ERR", &format!("Protocol error: {malformed}"), out);
}

/// Writes the error reply for a client above the limit.
pub(crate) fn push_full(out: &mut Vec<u8>) {
    push_line("ERR", "max number of clients reached", out);
}

fn push_line(code: &str, text: &str, out: &mut Vec<u8>) {
    out.push(b'-');
    out.extend_from_slice(code.as_bytes());
    out.push(b' ');
    // A line break inside would end the reply early and let its rest pass for another one.
    out.extend(text.bytes().map(|byte| if byte.is_ascii_control() { b' ' } else { byte }));
    out.extend_from_slice(b"\r\n");
}

/// Bytes that are not a request. The connection cannot go on: nobody knows where the next one starts.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Malformed {
    /// A line without an end.
    #[error("too big inline request")]
    LongLine,
    /// A quote in a line that is never closed, or goes on after its end.
    #[error("unbalanced quotes in request")]
    Quotes,
    /// The number after `*`.
    #[error("invalid multibulk length")]
    WordCount,
    /// Many words from a client that has not authenticated.
    #[error("unauthenticated multibulk length")]
    StrangerWordCount,
    /// Something else where a `$` should be.
    #[error("expected '$', got '{}'", char::from(*.0))]
    NotBulk(u8),
    /// The number after `$`.
    #[error("invalid bulk length")]
    WordLength,
    /// A large word from a client that has not authenticated.
    #[error("unauthenticated bulk length")]
    StrangerWordLength,
    /// A bulk string that goes on after its length.
    #[error("bulk string is longer than its length says")]
    NoLineEnd,
    /// All words of one request together.
    #[error("request of more than {0} bytes")]
    LongRequest(usize),
}

/// Why the door could not open, or a connection ended early.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be listened on.
    #[error("listen on {address}: {source}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The other side is gone, or its bytes never came.
    #[error("connection: {0}")]
    Connection(#[from] io::Error),
    /// Nothing was asked for too long.
    #[error("idle for longer than the timeout")]
    Idle,
    /// A bound was reached that only ending the connection keeps.
    #[error("{0}")]
    Excess(Excess),
}

impl Error {
    /// What the owner of the door can do about it.
    pub fn fault(&self) -> lc_core::Fault {
        match self {
            Error::Listen { .. } => lc_core::Fault::Stop,
            Error::Connection(_) | Error::Idle | Error::Excess(_) => lc_core::Fault::Caller,
        }
    }
}
