//! Why a command was refused, in words that Redis clients know where they know some.

use std::borrow::Cow;

use lc_core::Fault;
use lc_crdt::RowError;
use lc_policy::{Placement, Table};

/// A refused command. Nothing of it was done.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum Error {
    /// The key holds another type.
    #[error("Operation against a key holding the wrong kind of value")]
    WrongType,
    /// Arguments in the wrong shape.
    #[error("syntax error")]
    Syntax,
    /// Text that should be a whole number of 64 bits.
    #[error("value is not an integer or out of range")]
    NotInteger,
    /// Text that should be a float.
    #[error("value is not a valid float")]
    NotFloat,
    /// Too many or too few arguments.
    #[error("wrong number of arguments for '{0}' command")]
    Arity(Cow<'static, str>),
    /// A command of Redis, or of nobody, that is not offered.
    #[error("{0}")]
    NotOffered(String),
    /// Wrong in a way that the text says.
    #[error("{0}")]
    Caller(Cow<'static, str>),
    /// A key, field, value or transaction above its limit.
    #[error("{what} of {bytes} bytes is above the limit of {max} bytes")]
    TooLarge {
        /// What it is.
        what: &'static str,
        /// How large it is.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// A reply that is not made: it would be larger than one may be.
    #[error(
        "a reply of more than {max} {unit} is not made: ask for less at a time, with SCAN, HSCAN, SSCAN, ZSCAN, a LIMIT or fewer keys"
    )]
    ReplyTooLarge {
        /// `bytes` or `elements`.
        unit: &'static str,
        /// The limit.
        max: usize,
    },
    /// So much waits for the journal's disk that no more is taken now. Nothing of the write was done.
    #[error("the disk does not keep up: {pending_bytes_max} bytes of writes wait for it already")]
    JournalFull {
        /// The limit.
        pending_bytes_max: usize,
    },
    /// A transaction that had an error while it was queued.
    #[error("Transaction discarded because of previous errors.")]
    ExecAbort,
    /// Not authenticated.
    #[error("Authentication required.")]
    NoAuth,
    /// Wrong user or password.
    #[error("invalid username-password pair or user is disabled.")]
    WrongPass,
    /// A protocol version that is not spoken.
    #[error("unsupported protocol version")]
    NoProto,
    /// The node cannot take writes now, and why.
    #[error("{0}")]
    Unavailable(String),
    /// The disk has no room for this write, and why. Reads go on.
    #[error("{0}")]
    DiskFull(String),
    /// Not answered yet: what the command needs is on its way. Never leaves the node.
    #[error("the command waits for another region")]
    Later,
    /// A write that too few regions told in time that they have.
    #[error(
        "{have} of the {need} regions that {ack} asks for have this write after {waited_ms} ms; it is not undone and will still arrive"
    )]
    NoAck {
        /// Regions that have it, the deciding one among them.
        have: u16,
        /// Regions that should.
        need: u16,
        /// The setting that asks for them.
        ack: Box<str>,
        /// How long was waited.
        waited_ms: u32,
    },
    /// Too few regions answered a quorum read.
    #[error("{have} of the {need} regions that quorum({need}) asks for answered within {waited_ms} ms{silent}")]
    NoQuorum {
        /// Regions that answered, the asked one among them.
        have: u16,
        /// Regions that should.
        need: u16,
        /// How long was waited.
        waited_ms: u32,
        /// Who did not, to be read after the sentence.
        silent: Box<str>,
    },
    /// No reachable region is known to be fresh enough.
    #[error("{0}")]
    Stale(String),
    /// What the session has seen or written is not here, nor anywhere that can be reached.
    #[error("{0}")]
    Behind(String),
    /// The key is not as the condition says.
    #[error("{0}")]
    Conflict(String),
    /// A session token that cannot be used.
    #[error("session token: {0}")]
    Token(String),
    /// A key of a table that this region must not have.
    #[error("table {table} is held by {held_by} only, and its bytes must not come to {here}: ask there")]
    Elsewhere {
        /// The table.
        table: Box<str>,
        /// The regions that have it.
        held_by: Box<str>,
        /// The region that was asked.
        here: Box<str>,
    },
    /// A setting whose machinery does not exist yet.
    #[error("{0}")]
    NotYet(String),
    /// The rows cannot be read.
    #[error("{0}")]
    Rows(#[from] RowError),
}

impl Error {
    /// The key's records must not be in the region that was asked.
    pub fn elsewhere(table: &Table, here: &str) -> Error {
        let held_by = match &table.policy.placement {
            Placement::Everywhere => "every region".to_owned(),
            Placement::Regions(names) => names.join(", "),
        };
        Error::Elsewhere { table: table.name.as_str().into(), held_by: held_by.into(), here: here.into() }
    }

    /// A caller's error with a fixed text.
    pub fn caller(text: impl Into<Cow<'static, str>>) -> Error {
        Error::Caller(text.into())
    }

    /// The word that stands before the text in RESP.
    pub fn code(&self) -> &'static str {
        match self {
            Error::WrongType => "WRONGTYPE",
            Error::ExecAbort => "EXECABORT",
            Error::NoAuth => "NOAUTH",
            Error::WrongPass => "WRONGPASS",
            Error::NoProto => "NOPROTO",
            Error::Unavailable(_) | Error::JournalFull { .. } => "UNAVAILABLE",
            Error::DiskFull(_) => "DISKFULL",
            Error::Later => "LATER",
            Error::NoAck { .. } => "NOACK",
            Error::NoQuorum { .. } => "NOQUORUM",
            Error::Stale(_) => "STALE",
            Error::Behind(_) => "BEHIND",
            Error::Conflict(_) => "CONFLICT",
            Error::Token(_) => "TOKEN",
            Error::NotYet(_) => "NOTYET",
            Error::Elsewhere { .. } => "ELSEWHERE",
            Error::Rows(_) => "CORRUPT",
            Error::TooLarge { .. } | Error::ReplyTooLarge { .. } => "TOOLARGE",
            Error::Syntax
            | Error::NotInteger
            | Error::NotFloat
            | Error::Arity(_)
            | Error::NotOffered(_)
            | Error::Caller(_) => "ERR",
        }
    }

    /// What a caller can do about it.
    pub fn fault(&self) -> Fault {
        match self {
            Error::Unavailable(_)
            | Error::JournalFull { .. }
            | Error::DiskFull(_)
            | Error::NoAck { .. }
            | Error::NoQuorum { .. } => Fault::Unavailable,
            Error::Later | Error::Stale(_) | Error::Behind(_) => Fault::Retry,
            Error::Conflict(_) => Fault::Conflict,
            Error::Rows(_) => Fault::Stop,
            Error::ExecAbort
            | Error::WrongType
            | Error::Syntax
            | Error::NotInteger
            | Error::NotFloat
            | Error::Arity(_)
            | Error::NotOffered(_)
            | Error::Caller(_)
            | Error::TooLarge { .. }
            | Error::ReplyTooLarge { .. }
            | Error::NoAuth
            | Error::WrongPass
            | Error::NoProto
            | Error::Token(_)
            | Error::Elsewhere { .. }
            | Error::NotYet(_) => Fault::Caller,
        }
    }
}
