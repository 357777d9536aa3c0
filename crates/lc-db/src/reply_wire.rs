//! A reply's bytes between nodes: one region ran a command for another.
//!
//! A tag, then what the tag says; numbers and lengths as in [`lc_core::wire`]. Errors cross as values, so that the asking
//! region's doors answer with the same code, status and text as the region that ran the command.

use lc_core::wire::{Malformed, Reader, put_bytes, put_signed, put_varint};

use crate::{Error, Reply};

mod error;

impl Reply {
    /// Appends its bytes. A reply nested deeper than [`REPLY_DEPTH_MAX`] has bytes too, which nobody reads.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Reply::Word(word) => tagged_bytes(TAG_WORD, word.as_bytes(), out),
            Reply::Int(value) => {
                out.push(TAG_INT);
                put_signed(out, *value);
            }
            Reply::Bulk(bytes) => tagged_bytes(TAG_BULK, bytes, out),
            Reply::Nil => out.push(TAG_NIL),
            Reply::NilArray => out.push(TAG_NIL_ARRAY),
            Reply::Bool(false) => out.push(TAG_FALSE),
            Reply::Bool(true) => out.push(TAG_TRUE),
            Reply::Double(value) => {
                out.push(TAG_DOUBLE);
                out.extend_from_slice(&value.to_bits().to_le_bytes());
            }
            Reply::Array(items) => encode_list(TAG_ARRAY, items, out),
            Reply::Set(items) => encode_list(TAG_SET, items, out),
            Reply::Map(pairs) => encode_pairs(TAG_MAP, pairs, out),
            Reply::Pairs(pairs) => encode_pairs(TAG_PAIRS, pairs, out),
            Reply::Text(text) => tagged_bytes(TAG_TEXT, text.as_bytes(), out),
            Reply::Error(error) => {
                out.push(TAG_ERROR);
                error.encode(out);
            }
        }
    }

    /// Reads what [`Reply::encode`] wrote. What it allocates is bounded by the bytes that are there, about 60 times as
    /// much for a list of nothing but nils.
    pub fn decode(reader: &mut Reader) -> Result<Reply, Malformed> {
        decode_within(reader, REPLY_DEPTH_MAX)
    }
}

/// How deep lists may stand in lists; `EXEC` over `ZRANGE ... WITHSCORES` needs four.
pub const REPLY_DEPTH_MAX: usize = 8;

fn decode_within(reader: &mut Reader, depth: usize) -> Result<Reply, Malformed> {
    let depth_left = depth.checked_sub(1).ok_or(Malformed::OutOfBounds("depth of a reply"))?;
    match reader.byte("reply tag")? {
        TAG_WORD => Ok(word(any_bytes(reader)?)),
        TAG_INT => Ok(Reply::Int(reader.signed("integer")?)),
        TAG_BULK => Ok(Reply::Bulk(any_bytes(reader)?)),
        TAG_NIL => Ok(Reply::Nil),
        TAG_NIL_ARRAY => Ok(Reply::NilArray),
        TAG_FALSE => Ok(Reply::Bool(false)),
        TAG_TRUE => Ok(Reply::Bool(true)),
        TAG_DOUBLE => Ok(Reply::Double(f64::from_bits(reader.fixed_u64("double")?))),
        TAG_ARRAY => decode_list(reader, depth_left).map(Reply::Array),
        TAG_SET => decode_list(reader, depth_left).map(Reply::Set),
        TAG_MAP => decode_pairs(reader, depth_left).map(Reply::Map),
        TAG_PAIRS => decode_pairs(reader, depth_left).map(Reply::Pairs),
        TAG_TEXT => text(reader, "text").map(Reply::Text),
        TAG_ERROR => Error::decode(reader).map(Reply::Error),
        _ => Err(Malformed::Unknown("reply tag")),
    }
}

fn tagged_bytes(tag: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    put_bytes(out, bytes);
}

fn encode_list(tag: u8, items: &[Reply], out: &mut Vec<u8>) {
    out.push(tag);
    put_varint(out, items.len() as u64);
    items.iter().for_each(|item| item.encode(out));
}

fn encode_pairs(tag: u8, pairs: &[(Reply, Reply)], out: &mut Vec<u8>) {
    out.push(tag);
    put_varint(out, pairs.len() as u64);
    for (one, other) in pairs {
        one.encode(out);
        other.encode(out);
    }
}

fn decode_list(reader: &mut Reader, depth: usize) -> Result<Vec<Reply>, Malformed> {
    // Nothing is allocated ahead: each item takes a byte, so a lying count runs into the end.
    let count = reader.bounded(reader.remaining() as u64, "list length")?;
    (0..count).map(|_| decode_within(reader, depth)).collect()
}

fn decode_pairs(reader: &mut Reader, depth: usize) -> Result<Vec<(Reply, Reply)>, Malformed> {
    let count = reader.bounded(reader.remaining() as u64, "count of pairs")?;
    (0..count).map(|_| Ok((decode_within(reader, depth)?, decode_within(reader, depth)?))).collect()
}

/// Bounded by what there is: the frame around it has its own limit.
fn any_bytes(reader: &mut Reader) -> Result<bytes::Bytes, Malformed> {
    reader.bytes(reader.remaining(), "bytes")
}

fn text(reader: &mut Reader, what: &'static str) -> Result<String, Malformed> {
    String::from_utf8(any_bytes(reader)?.into()).map_err(|_| Malformed::OutOfBounds(what))
}

/// One of the words that commands answer; another, of a newer node perhaps, reads the same as bytes.
fn word(bytes: bytes::Bytes) -> Reply {
    match WORDS.iter().find(|word| word.as_bytes() == bytes) {
        Some(word) => Reply::Word(word),
        None => Reply::Bulk(bytes),
    }
}

const WORDS: &[&str] = &["OK", "QUEUED", "PONG", "RESET", "none", "string", "hash", "set", "zset"];

const TAG_WORD: u8 = 1;
const TAG_INT: u8 = 2;
const TAG_BULK: u8 = 3;
const TAG_NIL: u8 = 4;
const TAG_NIL_ARRAY: u8 = 5;
const TAG_FALSE: u8 = 6;
const TAG_TRUE: u8 = 7;
const TAG_DOUBLE: u8 = 8;
const TAG_ARRAY: u8 = 9;
const TAG_SET: u8 = 10;
const TAG_MAP: u8 = 11;
const TAG_PAIRS: u8 = 12;
const TAG_TEXT: u8 = 13;
const TAG_ERROR: u8 = 14;

#[cfg(test)]
mod tests;
