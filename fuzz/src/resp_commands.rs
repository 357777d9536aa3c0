//! Commands on two replicas, from bytes of the protocol to rows and back: nothing panics, replies are well formed in both
//! protocols and cross between nodes unchanged, and replicas that know the same have the same rows.

use bytes::Bytes;
use lc_core::wire::Reader;
use lc_db::Reply;
use lc_db::testing::{Replica, merging, settle};
use lc_resp::{Limits, Parser, Protocol, encode};

/// Requests one after the other. `@` goes to the other replica, `@@` lets both know what the other knows, `@+` passes a
/// second on both.
///
/// # Panics
/// If a reply cannot be read, or replicas differ in the end.
pub fn run(data: &[u8]) {
    let tables = merging(TABLES);
    let mut replicas = [1, 2].map(|id| Replica::new(id).under(tables.clone()));
    let mut here = 0;
    let mut left = data;
    let mut parser = Parser::default();
    for _ in 0..COMMANDS_MAX {
        let Ok(Some(length)) = parser.parse(left, &Limits::CLIENT) else { break };
        match &*parser.words(left) {
            [] => {}
            [b"@"] => here = 1 - here,
            [b"@@"] => meet(&mut replicas),
            [b"@+"] => replicas.iter_mut().for_each(|replica| replica.now_ms += 1000),
            words => check(&replicas[here].reply(words)),
        }
        left = &left[length..];
    }
    meet(&mut replicas);
}

fn meet(replicas: &mut [Replica; 2]) {
    settle(&mut replicas.iter_mut().collect::<Vec<_>>());
}

fn check(reply: &Reply) {
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let mut out = Vec::new();
        encode(reply, protocol, &mut out);
        assert_eq!(skip(&out), Some(&[][..]), "not one whole reply: {}", out.escape_ascii());
    }
    // A word that no command answers which another region may run arrives as a bulk string, and stays one.
    let once = crossed(reply);
    let twice = crossed(&once);
    assert_eq!(bytes_of(&once), bytes_of(&twice), "a reply crosses between nodes unchanged");
    assert_eq!(bytes_of(reply).len(), bytes_of(&once).len(), "nothing of a reply is lost on the way");
}

fn crossed(reply: &Reply) -> Reply {
    Reply::decode(&mut Reader::new(Bytes::from(bytes_of(reply)))).expect("a reply of ours is read by others")
}

fn bytes_of(reply: &Reply) -> Vec<u8> {
    let mut out = Vec::new();
    reply.encode(&mut out);
    out
}

/// What follows the reply at the front; `None` if there is no whole one.
fn skip(bytes: &[u8]) -> Option<&[u8]> {
    let (&kind, rest) = bytes.split_first()?;
    let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
    let (line, rest) = (std::str::from_utf8(&rest[..end]).ok()?, &rest[end + 2..]);
    match kind {
        b'+' | b'-' | b',' | b'#' | b'_' => Some(rest),
        b':' => line.parse::<i64>().ok().map(|_| rest),
        b'$' | b'=' if line != "-1" => {
            let length: usize = line.parse().ok()?;
            rest.get(length..)?.strip_prefix(b"\r\n")
        }
        b'*' | b'~' if line != "-1" => skip_many(rest, line.parse().ok()?),
        b'%' => skip_many(rest, line.parse::<usize>().ok()? * 2),
        b'$' | b'*' => Some(rest),
        _ => None,
    }
}

fn skip_many(bytes: &[u8], count: usize) -> Option<&[u8]> {
    (0..count).try_fold(bytes, |rest, _| skip(rest))
}

/// Each merge rule, by the first letter.
const TABLES: &[(&str, &str)] = &[
    ("l", "lww"),
    ("s", "siblings"),
    ("m", "max"),
    ("n", "min"),
    ("u", "union"),
    ("j", "json(items: union by sku (qty: max), total: max, tags: union)"),
];
/// Every write copies all rows in this replica, so long stories cost much and show little.
const COMMANDS_MAX: usize = 64;
