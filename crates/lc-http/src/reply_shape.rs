//! Replies of commands, taken apart. A shape that a command does not answer is a defect, told as such.

use bytes::Bytes;
use lc_db::Reply;
use serde_json::Value;

use crate::errors::Kind;
use crate::{Problem, json_bytes};

/// A whole number.
pub(crate) fn int(reply: Reply) -> Result<i64, Problem> {
    match reply {
        Reply::Int(value) => Ok(value),
        Reply::Bool(yes) => Ok(i64::from(yes)),
        other => Err(unexpected(&other)),
    }
}

/// Bytes, or nothing.
pub(crate) fn bytes_or_none(reply: Reply) -> Result<Option<Bytes>, Problem> {
    match reply {
        Reply::Bulk(bytes) => Ok(Some(bytes)),
        Reply::Nil | Reply::NilArray => Ok(None),
        other => Err(unexpected(&other)),
    }
}

/// Bytes or a fixed word.
pub(crate) fn bytes(reply: Reply) -> Result<Bytes, Problem> {
    match reply {
        Reply::Bulk(bytes) => Ok(bytes),
        Reply::Word(word) => Ok(Bytes::from_static(word.as_bytes())),
        Reply::Text(text) => Ok(text.into()),
        other => Err(unexpected(&other)),
    }
}

/// Text.
pub(crate) fn text(reply: Reply) -> Result<String, Problem> {
    let bytes = bytes(reply)?;
    String::from_utf8(bytes.into()).map_err(|_| Problem::new(Kind::INTERNAL, "a reply that should be text is not"))
}

/// A list or set.
pub(crate) fn list(reply: Reply) -> Result<Vec<Reply>, Problem> {
    match reply {
        Reply::Array(items) | Reply::Set(items) => Ok(items),
        Reply::Nil | Reply::NilArray => Ok(Vec::new()),
        other => Err(unexpected(&other)),
    }
}

/// A list of bytes.
pub(crate) fn bytes_list(reply: Reply) -> Result<Vec<Bytes>, Problem> {
    list(reply)?.into_iter().map(bytes).collect()
}

/// A map, a list of pairs, or a flat list of twos.
pub(crate) fn pairs(reply: Reply) -> Result<Vec<(Reply, Reply)>, Problem> {
    match reply {
        Reply::Map(pairs) | Reply::Pairs(pairs) => Ok(pairs),
        other => {
            let mut items = list(other)?.into_iter();
            let mut pairs = Vec::with_capacity(items.len() / 2);
            while let Some(one) = items.next() {
                let other = items.next().ok_or_else(|| Problem::new(Kind::INTERNAL, "half a pair in a reply"))?;
                pairs.push((one, other));
            }
            Ok(pairs)
        }
    }
}

/// Names with values.
pub(crate) fn named(reply: Reply) -> Result<Vec<(Bytes, Bytes)>, Problem> {
    pairs(reply)?.into_iter().map(|(name, value)| Ok((bytes(name)?, bytes(value)?))).collect()
}

/// A page of a scan: where the next starts, if there is one, and what was found.
pub(crate) fn page(reply: Reply) -> Result<(Option<String>, Reply), Problem> {
    let mut parts = list(reply)?.into_iter();
    match (parts.next(), parts.next(), parts.next()) {
        (Some(cursor), Some(found), None) => Ok((Some(text(cursor)?).filter(|cursor| cursor != "0"), found)),
        _ => Err(Problem::new(Kind::INTERNAL, "a page that is not a cursor and a list")),
    }
}

/// A number in any of the ways that commands answer one.
pub(crate) fn number(reply: Reply) -> Result<Value, Problem> {
    match reply {
        Reply::Int(value) => Ok(Value::from(value)),
        Reply::Double(value) => Ok(json_bytes::show_score(value)),
        other => Ok(json_bytes::show_number(&text(other)?)),
    }
}

/// The shape of a reply is told, its content is not: it may be anybody's.
fn unexpected(reply: &Reply) -> Problem {
    let shape = match reply {
        Reply::Error(error) => return Problem::from(error.clone()),
        Reply::Word(_) => "a word",
        Reply::Int(_) => "a whole number",
        Reply::Bulk(_) => "bytes",
        Reply::Nil | Reply::NilArray => "nothing",
        Reply::Bool(_) => "yes or no",
        Reply::Double(_) => "a float",
        Reply::Array(_) => "a list",
        Reply::Map(_) => "a map",
        Reply::Pairs(_) => "a list of pairs",
        Reply::Set(_) => "a set",
        Reply::Text(_) => "a text",
    };
    Problem::new(Kind::INTERNAL, format!("a command answered {shape}, where the door knows no such reply"))
}
