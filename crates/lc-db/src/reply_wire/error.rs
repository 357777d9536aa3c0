//! An error's bytes: a tag for its variant, then its parts.

use std::borrow::Cow;

use lc_core::wire::{Malformed, Reader, put_varint};

use super::{tagged_bytes, text};
use crate::Error;

impl Error {
    /// Appends its bytes. What only the region that ran the command can act on, rows that do not decode and a command
    /// that still waits, crosses as `Unavailable` with the same text: the asking region's own rows are sound.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Error::WrongType => out.push(TAG_WRONG_TYPE),
            Error::Syntax => out.push(TAG_SYNTAX),
            Error::NotInteger => out.push(TAG_NOT_INTEGER),
            Error::NotFloat => out.push(TAG_NOT_FLOAT),
            Error::ExecAbort => out.push(TAG_EXEC_ABORT),
            Error::NoAuth => out.push(TAG_NO_AUTH),
            Error::WrongPass => out.push(TAG_WRONG_PASS),
            Error::NoProto => out.push(TAG_NO_PROTO),
            Error::Arity(command) => tagged_bytes(TAG_ARITY, command.as_bytes(), out),
            Error::NotOffered(text) => tagged_bytes(TAG_NOT_OFFERED, text.as_bytes(), out),
            Error::Caller(text) => tagged_bytes(TAG_CALLER, text.as_bytes(), out),
            Error::Unavailable(text) => tagged_bytes(TAG_UNAVAILABLE, text.as_bytes(), out),
            Error::Stale(text) => tagged_bytes(TAG_STALE, text.as_bytes(), out),
            Error::Behind(text) => tagged_bytes(TAG_BEHIND, text.as_bytes(), out),
            Error::Conflict(text) => tagged_bytes(TAG_CONFLICT, text.as_bytes(), out),
            Error::Token(text) => tagged_bytes(TAG_TOKEN, text.as_bytes(), out),
            Error::NotYet(text) => tagged_bytes(TAG_NOT_YET, text.as_bytes(), out),
            Error::Later
            | Error::JournalFull { .. }
            | Error::DiskFull(_)
            | Error::Rows(_)
            | Error::Elsewhere { .. } => {
                tagged_bytes(TAG_UNAVAILABLE, self.to_string().as_bytes(), out);
            }
            Error::TooLarge { what, bytes, max } => {
                tagged_bytes(TAG_TOO_LARGE, what.as_bytes(), out);
                put_varint(out, *bytes as u64);
                put_varint(out, *max as u64);
            }
            Error::ReplyTooLarge { unit, max } => {
                tagged_bytes(TAG_REPLY_TOO_LARGE, unit.as_bytes(), out);
                put_varint(out, *max as u64);
            }
            Error::NoAck { have, need, ack, waited_ms } => {
                tagged_bytes(TAG_NO_ACK, ack.as_bytes(), out);
                [u64::from(*have), u64::from(*need), u64::from(*waited_ms)]
                    .into_iter()
                    .for_each(|number| put_varint(out, number));
            }
            Error::NoQuorum { have, need, waited_ms, silent } => {
                tagged_bytes(TAG_NO_QUORUM, silent.as_bytes(), out);
                [u64::from(*have), u64::from(*need), u64::from(*waited_ms)]
                    .into_iter()
                    .for_each(|number| put_varint(out, number));
            }
        }
    }

    /// Reads what [`Error::encode`] wrote.
    pub fn decode(reader: &mut Reader) -> Result<Error, Malformed> {
        match reader.byte("error tag")? {
            TAG_WRONG_TYPE => Ok(Error::WrongType),
            TAG_SYNTAX => Ok(Error::Syntax),
            TAG_NOT_INTEGER => Ok(Error::NotInteger),
            TAG_NOT_FLOAT => Ok(Error::NotFloat),
            TAG_EXEC_ABORT => Ok(Error::ExecAbort),
            TAG_NO_AUTH => Ok(Error::NoAuth),
            TAG_WRONG_PASS => Ok(Error::WrongPass),
            TAG_NO_PROTO => Ok(Error::NoProto),
            TAG_ARITY => text(reader, "command").map(|command| Error::Arity(Cow::Owned(command))),
            TAG_NOT_OFFERED => text(reader, "error text").map(Error::NotOffered),
            TAG_CALLER => text(reader, "error text").map(Error::caller),
            TAG_UNAVAILABLE => text(reader, "error text").map(Error::Unavailable),
            TAG_STALE => text(reader, "error text").map(Error::Stale),
            TAG_BEHIND => text(reader, "error text").map(Error::Behind),
            TAG_CONFLICT => text(reader, "error text").map(Error::Conflict),
            TAG_TOKEN => text(reader, "error text").map(Error::Token),
            TAG_NOT_YET => text(reader, "error text").map(Error::NotYet),
            TAG_TOO_LARGE => decode_too_large(reader),
            TAG_REPLY_TOO_LARGE => decode_reply_too_large(reader),
            TAG_NO_ACK => decode_no_ack(reader),
            TAG_NO_QUORUM => decode_no_quorum(reader),
            _ => Err(Malformed::Unknown("error tag")),
        }
    }
}

fn decode_too_large(reader: &mut Reader) -> Result<Error, Malformed> {
    let named = text(reader, "what is too large")?;
    let what = MEASURED.iter().find(|known| **known == named).copied().unwrap_or("an argument");
    Ok(Error::TooLarge { what, bytes: count(reader)?, max: count(reader)? })
}

fn decode_reply_too_large(reader: &mut Reader) -> Result<Error, Malformed> {
    let unit = if text(reader, "unit")? == "elements" { "elements" } else { "bytes" };
    Ok(Error::ReplyTooLarge { unit, max: count(reader)? })
}

fn decode_no_ack(reader: &mut Reader) -> Result<Error, Malformed> {
    let ack = text(reader, "ack")?.into();
    Ok(Error::NoAck { ack, have: small(reader)?, need: small(reader)?, waited_ms: waited(reader)? })
}

fn decode_no_quorum(reader: &mut Reader) -> Result<Error, Malformed> {
    let silent = text(reader, "silent regions")?.into();
    Ok(Error::NoQuorum { silent, have: small(reader)?, need: small(reader)?, waited_ms: waited(reader)? })
}

fn small(reader: &mut Reader) -> Result<u16, Malformed> {
    Ok(reader.bounded(u64::from(u16::MAX), "regions")? as u16)
}

fn waited(reader: &mut Reader) -> Result<u32, Malformed> {
    Ok(reader.bounded(u64::from(u32::MAX), "wait")? as u32)
}

fn count(reader: &mut Reader) -> Result<usize, Malformed> {
    usize::try_from(reader.varint("count")?).map_err(|_| Malformed::OutOfBounds("count"))
}

/// What commands measure against a limit.
const MEASURED: &[&str] = &["key", "value", "field or member", "transaction", "client name"];

const TAG_WRONG_TYPE: u8 = 1;
const TAG_SYNTAX: u8 = 2;
const TAG_NOT_INTEGER: u8 = 3;
const TAG_NOT_FLOAT: u8 = 4;
const TAG_EXEC_ABORT: u8 = 5;
const TAG_NO_AUTH: u8 = 6;
const TAG_WRONG_PASS: u8 = 7;
const TAG_NO_PROTO: u8 = 8;
const TAG_ARITY: u8 = 9;
const TAG_NOT_OFFERED: u8 = 10;
const TAG_CALLER: u8 = 11;
const TAG_UNAVAILABLE: u8 = 12;
const TAG_STALE: u8 = 13;
const TAG_BEHIND: u8 = 14;
const TAG_CONFLICT: u8 = 15;
const TAG_TOKEN: u8 = 16;
const TAG_NOT_YET: u8 = 17;
const TAG_TOO_LARGE: u8 = 18;
const TAG_NO_ACK: u8 = 19;
const TAG_NO_QUORUM: u8 = 20;
const TAG_REPLY_TOO_LARGE: u8 = 21;
