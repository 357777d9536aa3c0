//! What should come out, worked out from the commands alone: every write that no later one saw is kept, values are
//! ordered by their stamps, increments add up, the latest end of a key holds. It knows nothing of cells, running totals
//! or resets.

use std::collections::{BTreeMap, BTreeSet};

use lc_core::{Dot, Hlc, VersionVector};
use lc_crdt::Entry;
use proptest::prelude::{BoxedStrategy, Strategy, prop_oneof};

use crate::history::line;

/// All writes that were decided.
#[derive(Default)]
pub struct Intents {
    writes: Vec<Write>,
    cells: BTreeSet<Cell>,
}

/// The command that reads it, and the word that a write of it begins with, such as `HGET h x` for `HSET h x 1`.
type Cell = (&'static str, String);

struct Write {
    dot: Dot,
    hlc: Hlc,
    deps: VersionVector,
    /// What it is about: all, a key, or an element of it.
    about: Vec<String>,
    what: What,
    /// The end that it chooses for its key, Unix ms, if it chooses one.
    ends_ms: Option<u64>,
}

#[derive(Clone, Copy)]
enum What {
    Put(i64),
    Add(i64),
    Remove,
    /// Nothing of the value: `PEXPIREAT`, `PERSIST`.
    Keep,
}

impl Intents {
    /// Takes note of a command that became an entry.
    pub fn note(&mut self, command: &str, entry: &Entry) {
        let words: Vec<&str> = command.split(' ').collect();
        let number = |word: &str| word.parse::<i64>().expect("a number in the template");
        let ends_ms = match *words.as_slice() {
            ["SET", .., "PXAT", ms] | ["PEXPIREAT", _, ms] => Some(number(ms) as u64),
            ["SET" | "PERSIST", ..] => Some(NEVER),
            _ => None,
        };
        let (about, what, read) = match *words.as_slice() {
            ["PEXPIREAT", key, _] | ["PERSIST", key] => (vec![key], What::Keep, "PEXPIRETIME"),
            ["SET", key, value, ..] => (vec![key], What::Put(number(value)), "GET"),
            ["INCRBY", key, by] => (vec![key], What::Add(number(by)), "GET"),
            ["HSET", key, field, value] => (vec![key, field], What::Put(number(value)), "HGET"),
            ["HINCRBY", key, field, by] => (vec![key, field], What::Add(number(by)), "HGET"),
            ["SADD", key, member] => (vec![key, member], What::Put(1), "SISMEMBER"),
            ["ZADD", key, score, member] => (vec![key, member], What::Put(number(score)), "ZSCORE"),
            ["ZINCRBY", key, by, member] => (vec![key, member], What::Add(number(by)), "ZSCORE"),
            ["HDEL" | "SREM" | "ZREM", key, element] => (vec![key, element], What::Remove, ""),
            ["DEL", key] => (vec![key], What::Remove, ""),
            ["FLUSHALL"] => (Vec::new(), What::Remove, ""),
            _ => panic!("a command without a rule: {command}"),
        };
        if !read.is_empty() {
            self.cells.insert((read, about.join(" ")));
        }
        let about = about.into_iter().map(str::to_owned).collect();
        self.writes.push(Write { dot: entry.dot, hlc: entry.hlc, deps: entry.deps.clone(), about, what, ends_ms });
    }

    /// A command for each cell that was ever written, and what it must answer.
    pub fn expected(&self) -> BTreeMap<String, String> {
        self.cells.iter().map(|(read, cell)| (format!("{read} {cell}"), self.value(read, cell))).collect()
    }

    fn value(&self, read: &str, cell: &str) -> String {
        let address: Vec<&str> = cell.split(' ').collect();
        // A removal of a key or of all is about every cell below it.
        let is_about = |write: &&Write| {
            write.about.len() <= address.len() && address.iter().zip(&write.about).all(|(a, b)| a == b)
        };
        let about: Vec<&Write> = self.writes.iter().filter(is_about).collect();
        let kept = values(&about);
        if read == "PEXPIRETIME" {
            return if kept.is_empty() { "-2".to_owned() } else { ends(&about) };
        }
        let put =
            |write: &Write| if let What::Put(value) = write.what { Some((write.hlc, write.dot, value)) } else { None };
        let added = |write: &Write| if let What::Add(by) = write.what { Some(by) } else { None };
        let winner = kept.iter().filter_map(|write| put(write)).max();
        let increments: Vec<i64> = kept.iter().filter_map(|write| added(write)).collect();
        match (winner, increments.as_slice()) {
            (None, []) if read == "SISMEMBER" => "0".to_owned(),
            (None, []) => "nil".to_owned(),
            (winner, increments) => {
                (winner.map_or(0, |(_, _, value)| value) + increments.iter().sum::<i64>()).to_string()
            }
        }
    }
}

/// Values and increments that no write replaced.
fn values<'a>(writes: &[&'a Write]) -> Vec<&'a Write> {
    let replaced = |write: &Write| {
        writes.iter().any(|later| later.saw(write) && matches!(later.what, What::Put(_) | What::Remove))
    };
    writes
        .iter()
        .copied()
        .filter(|write| matches!(write.what, What::Put(_) | What::Add(_)) && !replaced(write))
        .collect()
}

/// When a key ends: the latest of the choices that no other choice and no removal saw.
fn ends(writes: &[&Write]) -> String {
    let replaces =
        |later: &Write| later.ends_ms.is_some() || matches!(later.what, What::Remove) || revives(later, writes);
    let replaced = |write: &Write| writes.iter().any(|later| later.saw(write) && replaces(later));
    let choices = writes.iter().filter(|write| !replaced(write)).filter_map(|write| write.ends_ms);
    choices.max().filter(|&ms| ms != NEVER).map_or("-1".to_owned(), |ms| ms.to_string())
}

/// Whether an increment made its key anew: it does not take on the end of an earlier one.
fn revives(write: &Write, writes: &[&Write]) -> bool {
    let seen: Vec<&Write> = writes.iter().copied().filter(|other| write.saw(other)).collect();
    matches!(write.what, What::Add(_)) && values(&seen).is_empty()
}

impl Write {
    fn saw(&self, other: &Write) -> bool {
        if self.dot.replica == other.dot.replica { self.dot.seq > other.dot.seq } else { self.deps.covers(other.dot) }
    }
}

const NEVER: u64 = u64::MAX;

/// Commands whose outcome the rule tells: one write each, a type of its own for each key.
pub fn plain_commands() -> BoxedStrategy<Vec<String>> {
    prop_oneof![5 => line(STRING), 3 => line(HASH), 2 => line(SET), 3 => line(SORTED_SET), 1 => line(&["FLUSHALL"])]
        .prop_map(|line| vec![line])
        .boxed()
}

const STRING: &[&str] = &[
    "SET n NUMBER",
    "SET n NUMBER PXAT 6000000",
    "INCRBY n NUMBER",
    "INCRBY n AMOUNT",
    "DEL n",
    "PEXPIREAT n 5000000",
    "PEXPIREAT n 7000000",
    "PERSIST n",
];
const HASH: &[&str] =
    &["HSET h FIELD NUMBER", "HINCRBY h FIELD NUMBER", "HINCRBY h FIELD AMOUNT", "HDEL h FIELD", "DEL h"];
const SET: &[&str] = &["SADD s FIELD", "SREM s FIELD", "DEL s"];
const SORTED_SET: &[&str] =
    &["ZADD q NUMBER FIELD", "ZINCRBY q NUMBER FIELD", "ZINCRBY q AMOUNT FIELD", "ZREM q FIELD", "DEL q"];
