//! Replies as bytes, in RESP2 and RESP3.

use lc_db::{Reply, float};

use crate::errors;

/// Which of the two a client speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Protocol {
    /// What every client speaks.
    Resp2,
    /// After `HELLO 3`: maps, sets, doubles, booleans and nulls of their own.
    Resp3,
}

impl Protocol {
    /// From the number that `HELLO` takes; anything but 3 is RESP2.
    pub fn of(number: u8) -> Protocol {
        if number == 3 { Protocol::Resp3 } else { Protocol::Resp2 }
    }
}

/// Appends a reply to `out`.
pub fn encode(reply: &Reply, protocol: Protocol, out: &mut Vec<u8>) {
    let resp3 = protocol == Protocol::Resp3;
    match reply {
        Reply::Word(word) => push_line(b'+', word.as_bytes(), out),
        Reply::Int(value) => push_number(b':', *value, out),
        Reply::Bulk(bytes) => push_bulk(bytes, out),
        Reply::Nil | Reply::NilArray if resp3 => out.extend_from_slice(b"_\r\n"),
        Reply::Nil => out.extend_from_slice(b"$-1\r\n"),
        Reply::NilArray => out.extend_from_slice(b"*-1\r\n"),
        Reply::Bool(yes) if resp3 => out.extend_from_slice(if *yes { b"#t\r\n" } else { b"#f\r\n" }),
        Reply::Bool(yes) => push_number(b':', i64::from(*yes), out),
        Reply::Double(value) if resp3 => push_line(b',', float::format(*value).as_bytes(), out),
        Reply::Double(value) => push_bulk(float::format(*value).as_bytes(), out),
        Reply::Array(items) => push_list(b'*', items, protocol, out),
        Reply::Set(items) => push_list(if resp3 { b'~' } else { b'*' }, items, protocol, out),
        Reply::Pairs(pairs) => push_pairs(pairs, protocol, out),
        Reply::Map(pairs) => push_map(pairs, protocol, out),
        Reply::Text(text) if resp3 => push_verbatim(text, out),
        Reply::Text(text) => push_bulk(text.as_bytes(), out),
        Reply::Error(error) => errors::push_refusal(error, out),
    }
}

fn push_bulk(bytes: &[u8], out: &mut Vec<u8>) {
    push_number(b'$', bytes.len() as i64, out);
    out.reserve(bytes.len() + 2);
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

fn push_list(kind: u8, items: &[Reply], protocol: Protocol, out: &mut Vec<u8>) {
    push_number(kind, items.len() as i64, out);
    for item in items {
        encode(item, protocol, out);
    }
}

/// RESP3 nests each pair, RESP2 has one flat list.
fn push_pairs(pairs: &[(Reply, Reply)], protocol: Protocol, out: &mut Vec<u8>) {
    let count = pairs.len() as i64;
    push_number(b'*', if protocol == Protocol::Resp3 { count } else { count * 2 }, out);
    for (first, second) in pairs {
        if protocol == Protocol::Resp3 {
            out.extend_from_slice(b"*2\r\n");
        }
        encode(first, protocol, out);
        encode(second, protocol, out);
    }
}

fn push_map(pairs: &[(Reply, Reply)], protocol: Protocol, out: &mut Vec<u8>) {
    match protocol {
        Protocol::Resp3 => push_number(b'%', pairs.len() as i64, out),
        Protocol::Resp2 => push_number(b'*', pairs.len() as i64 * 2, out),
    }
    for (key, value) in pairs {
        encode(key, protocol, out);
        encode(value, protocol, out);
    }
}

fn push_verbatim(text: &str, out: &mut Vec<u8>) {
    push_number(b'=', text.len() as i64 + 4, out);
    out.extend_from_slice(b"txt:");
    push_line_end(text.as_bytes(), out);
}

fn push_line(kind: u8, text: &[u8], out: &mut Vec<u8>) {
    out.push(kind);
    push_line_end(text, out);
}

fn push_line_end(text: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(text);
    out.extend_from_slice(b"\r\n");
}

/// One digit at a time from the back: the formatter of the standard library costs more than the rest of a reply.
fn push_number(kind: u8, value: i64, out: &mut Vec<u8>) {
    let mut text = [0u8; NUMBER_BYTES_MAX];
    let mut at = NUMBER_BYTES_MAX - 2;
    text[at..].copy_from_slice(b"\r\n");
    let mut left = value.unsigned_abs();
    loop {
        at -= 1;
        text[at] = b'0' + (left % 10) as u8;
        left /= 10;
        if left == 0 {
            break;
        }
    }
    if value < 0 {
        at -= 1;
        text[at] = b'-';
    }
    at -= 1;
    text[at] = kind;
    out.extend_from_slice(&text[at..]);
}

/// The kind, a sign, 19 digits and the line end.
const NUMBER_BYTES_MAX: usize = 24;

#[cfg(test)]
mod tests;
