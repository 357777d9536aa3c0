//! `OBJECT`: how a value would be kept by Redis, for clients that ask.
//!
//! Cost: `ENCODING` looks at up to 512 elements; `IDLETIME` of a collection looks at all.

use lc_crdt::{Cell, Head, Kind, Number};

use crate::arguments::Args;
use crate::commands::subcommand::{Subcommand, help};
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, View};

pub(super) static COMMAND: Command = Command {
    name: "object",
    arity: Arity::AtLeast(1),
    group: Group::Keys,
    keys: KeySpec { first: 2, last: 2, step: 1 },
    syntax: "ENCODING key | REFCOUNT key | IDLETIME key | FREQ key | HELP",
    summary: "The encoding that Redis would choose for a value of this size; references, always 1; seconds since the last write that is still visible. FREQ is refused: nothing is evicted, so accesses are not counted.",
    concurrent: "",
    run: Run::Read(run),
};

fn run(view: &View<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let sub = Subcommand::new("OBJECT", args);
    let answer: fn(&View<'_>, &[u8], &Head) -> Result<Reply, Error> = match sub.lower().as_str() {
        "encoding" => |view, key, head| encoding(view, key, head).map(Reply::bulk),
        "refcount" => |_, _, _| Ok(Reply::Int(1)),
        "idletime" => idle_time,
        "freq" => |_, _, _| Err(Error::caller("accesses are not counted: no key is ever evicted")),
        "help" => return sub.exactly::<0>().map(|_| help(HELP)),
        _ => return Err(sub.unknown()),
    };
    let [key] = sub.exactly()?;
    match view.head(key)? {
        Some(head) => answer(view, key, &head),
        None => Ok(Reply::Nil),
    }
}

fn encoding(view: &View<'_>, key: &[u8], head: &Head) -> Result<&'static str, Error> {
    match head.kind() {
        None | Some(Kind::String) => Ok(string_encoding(&view.string(key)?.unwrap_or_default())),
        Some(Kind::Hash) => {
            let small = |field: &[u8], cell: Cell| {
                field.len() <= 64 && cell.winner().is_none_or(|sibling| sibling.value.len() <= 64)
            };
            Ok(if all(view, key, head, Kind::Hash, 128, small)? { "listpack" } else { "hashtable" })
        }
        Some(Kind::Set) => {
            let whole = |member: &[u8], _| Number::parse_int(member).is_some();
            Ok(if all(view, key, head, Kind::Set, 512, whole)? { "intset" } else { "hashtable" })
        }
        Some(Kind::Sorted) => {
            let small = |member: &[u8], _| member.len() <= 64;
            Ok(if all(view, key, head, Kind::Sorted, 128, small)? { "listpack" } else { "skiplist" })
        }
    }
}

fn string_encoding(text: &[u8]) -> &'static str {
    match text {
        _ if Number::parse_int(text).is_some() => "int",
        _ if text.len() <= 44 => "embstr",
        _ => "raw",
    }
}

/// Whether there are at most `count` elements, and all of them are `such`.
fn all(
    view: &View<'_>,
    key: &[u8],
    head: &Head,
    kind: Kind,
    count: u64,
    such: impl Fn(&[u8], Cell) -> bool,
) -> Result<bool, Error> {
    let mut every = head.length(kind) <= count;
    if every {
        view.each_element(key, kind, 0, &mut |_, field, cell| {
            every = such(field, cell);
            every
        })?;
    }
    Ok(every)
}

/// Increments do not say when they were made, so a counter that was only incremented reads 0.
fn idle_time(view: &View<'_>, key: &[u8], head: &Head) -> Result<Reply, Error> {
    let written = |cell: &Cell| {
        if cell.counts.is_empty() { cell.winner().map(|sibling| sibling.hlc.ms()) } else { Some(view.now_ms()) }
    };
    let mut latest = written(&head.string);
    if let Some(kind) = head.kind().filter(|&kind| kind != Kind::String) {
        view.each_element(key, kind, 0, &mut |_, _, cell| {
            latest = latest.max(written(&cell));
            true
        })?;
    }
    let idle_ms = latest.map_or(0, |ms| view.now_ms().saturating_sub(ms));
    Ok(Reply::Int((idle_ms / 1000) as i64))
}

const HELP: &[&str] = &[
    "OBJECT subcommand key:",
    "ENCODING key -- how Redis would keep a value of this size",
    "REFCOUNT key -- always 1",
    "IDLETIME key -- seconds since the last write that is still visible",
    "FREQ key -- refused: accesses are not counted",
    "HELP -- this text",
];

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn encodings_follow_the_size() {
        let mut paris = Replica::new(1);
        let long = "x".repeat(65);
        let mut encoding = |fill: &str| {
            paris.run("DEL a");
            paris.run(fill);
            paris.run("OBJECT ENCODING a")
        };
        assert_eq!(encoding("SET a 12345"), "int");
        assert_eq!(encoding("SET a 012"), "embstr");
        assert_eq!(encoding(&format!("SET a {long}")), "raw");
        assert_eq!(encoding("HSET a f v"), "listpack");
        assert_eq!(encoding(&format!("HSET a f {long}")), "hashtable");
        assert_eq!(encoding("SADD a 1 2 3"), "intset");
        assert_eq!(encoding("SADD a 1 two"), "hashtable");
        assert_eq!(encoding("ZADD a 1 x"), "listpack");
        assert_eq!(encoding(&format!("ZADD a 1 {long}")), "skiplist");
        let many: String = (0..129).map(|n| format!(" {n} m{n}")).collect();
        assert_eq!(encoding(&format!("ZADD a{many}")), "skiplist");
    }

    #[test]
    fn what_else_clients_ask() {
        let mut paris = Replica::new(1);
        paris.run("SET a x");
        paris.run("SADD s x");
        paris.now_ms += 3_000;
        paris.run("SADD s y");
        paris.now_ms += 2_000;
        assert_eq!(paris.run("OBJECT REFCOUNT a"), "1");
        assert_eq!((paris.run("OBJECT IDLETIME a"), paris.run("OBJECT IDLETIME s")), ("5".into(), "2".into()));
        assert_eq!(paris.run("OBJECT FREQ a"), "ERR accesses are not counted: no key is ever evicted");
        assert_eq!(paris.run("OBJECT FREQ none"), "nil");
        assert_eq!(paris.run("OBJECT ENCODING none"), "nil");
        assert_eq!(paris.run("OBJECT ENCODING"), "ERR wrong number of arguments for 'object|encoding' command");
        assert_eq!(paris.run("OBJECT FOO a"), "ERR unknown subcommand 'FOO'. Try OBJECT HELP.");
        assert!(paris.run("OBJECT HELP").contains("ENCODING"));
    }
}
