//! What a client is told, before a door gives it bytes.

use bytes::Bytes;

use crate::{Error, float};

/// A reply. Doors turn it into RESP2, RESP3 or JSON.
#[derive(Clone, PartialEq, Debug)]
pub enum Reply {
    /// A fixed word such as `OK`.
    Word(&'static str),
    /// A whole number.
    Int(i64),
    /// Bytes.
    Bulk(Bytes),
    /// Nothing there.
    Nil,
    /// Nothing there, where RESP2 answers a null array.
    NilArray,
    /// RESP3 boolean, RESP2 1 or 0.
    Bool(bool),
    /// RESP3 double, RESP2 bulk text.
    Double(f64),
    /// A list.
    Array(Vec<Reply>),
    /// RESP3 map, RESP2 flat list.
    Map(Vec<(Reply, Reply)>),
    /// RESP3 list of lists of two, RESP2 flat list: members with their scores, fields picked with their values.
    Pairs(Vec<(Reply, Reply)>),
    /// RESP3 set, RESP2 list.
    Set(Vec<Reply>),
    /// Human-readable text (RESP3 verbatim string, RESP2 bulk).
    Text(String),
    /// An error in place of an element, as `EXEC` answers.
    Error(Error),
}

impl Reply {
    /// `+OK`.
    pub const OK: Reply = Reply::Word("OK");

    /// Copied bytes.
    pub fn bulk(bytes: impl AsRef<[u8]>) -> Reply {
        Reply::Bulk(Bytes::copy_from_slice(bytes.as_ref()))
    }

    /// Bytes, or nil.
    pub fn bulk_or_nil(bytes: Option<Bytes>) -> Reply {
        bytes.map_or(Reply::Nil, Reply::Bulk)
    }

    /// 1 or 0.
    pub fn flag(yes: bool) -> Reply {
        Reply::Int(i64::from(yes))
    }

    /// A count.
    pub fn count(count: usize) -> Reply {
        Reply::Int(count as i64)
    }

    /// A float as bulk text, for commands that answer text in both protocols.
    pub fn float_text(value: f64) -> Reply {
        Reply::bulk(float::format(value))
    }
}

impl From<Result<Reply, Error>> for Reply {
    fn from(result: Result<Reply, Error>) -> Reply {
        result.unwrap_or_else(Reply::Error)
    }
}
