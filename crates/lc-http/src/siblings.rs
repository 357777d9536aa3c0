//! All concurrent values of a record, with the context that replaces them, as `SIBLINGS` answers.

use bytes::Bytes;
use lc_db::Reply;
use serde_json::{Value, json};

use crate::errors::Kind;
use crate::{Problem, json_bytes, reply_shape};

/// A record's values at one moment.
pub(crate) struct Siblings {
    /// Names exactly these values; `-` if there are none.
    pub context: String,
    pub values: Vec<Sibling>,
}

/// One of them.
pub(crate) struct Sibling {
    pub value: Bytes,
    /// The write that made it.
    dot: String,
    /// When, Unix ms of the deciding region's clock.
    time_ms: i64,
}

/// A string with all that belongs to it, as `RECORD` answers.
pub(crate) struct StringRecord {
    /// What `GET` shows; `None`: there is none.
    pub value: Option<Bytes>,
    pub siblings: Siblings,
    /// Milliseconds until it ends; `None`: it does not.
    pub ttl_ms: Option<i64>,
}

impl StringRecord {
    /// Takes the reply apart.
    pub(crate) fn of(reply: Reply) -> Result<StringRecord, Problem> {
        let mut parts = reply_shape::list(reply)?.into_iter();
        let (Some(value), Some(siblings), Some(left), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(wrong());
        };
        Ok(StringRecord {
            value: reply_shape::bytes_or_none(value)?,
            siblings: Siblings::of(siblings)?,
            ttl_ms: Some(reply_shape::int(left)?).filter(|left| *left >= 0),
        })
    }
}

impl Siblings {
    /// Takes the reply apart.
    pub(crate) fn of(reply: Reply) -> Result<Siblings, Problem> {
        let mut parts = reply_shape::list(reply)?.into_iter();
        let (Some(context), Some(values), None) = (parts.next(), parts.next(), parts.next()) else {
            return Err(wrong());
        };
        let values = reply_shape::list(values)?.into_iter().map(Sibling::of).collect::<Result<_, _>>()?;
        Ok(Siblings { context: reply_shape::text(context)?, values })
    }

    /// As JSON shows them.
    pub(crate) fn show(&self) -> Value {
        let show =
            |one: &Sibling| json!({ "value": json_bytes::show(&one.value), "dot": one.dot, "time_ms": one.time_ms });
        self.values.iter().map(show).collect()
    }
}

impl Sibling {
    fn of(reply: Reply) -> Result<Sibling, Problem> {
        let mut parts = reply_shape::list(reply)?.into_iter();
        let (Some(value), Some(dot), Some(time_ms), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(wrong());
        };
        Ok(Sibling {
            value: reply_shape::bytes(value)?,
            dot: reply_shape::text(dot)?,
            time_ms: reply_shape::int(time_ms)?,
        })
    }
}

fn wrong() -> Problem {
    Problem::new(Kind::INTERNAL, "SIBLINGS answered in a shape that the door does not know")
}
