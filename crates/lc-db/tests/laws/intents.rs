//! What should come out, worked out from the commands alone: every write that no later one saw is kept, values are
//! ordered by their stamps, increments add up. It knows nothing of cells, running totals or resets.

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
}

#[derive(Clone, Copy)]
enum What {
    Put(i64),
    Add(i64),
    Remove,
}

impl Intents {
    /// Takes note of a command that became an entry.
    pub fn note(&mut self, command: &str, entry: &Entry) {
        let words: Vec<&str> = command.split(' ').collect();
        let number = |word: &str| word.parse::<i64>().expect("a number in the template");
        let (about, what, read) = match *words.as_slice() {
            ["SET", key, value] => (vec![key], What::Put(number(value)), "GET"),
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
        self.writes.push(Write { dot: entry.dot, hlc: entry.hlc, deps: entry.deps.clone(), about, what });
    }

    /// A command for each cell that was ever written, and what it must answer.
    pub fn expected(&self) -> BTreeMap<String, String> {
        self.cells.iter().map(|(read, cell)| (format!("{read} {cell}"), self.value(read, cell))).collect()
    }

    fn value(&self, read: &str, cell: &str) -> String {
        let address: Vec<&str> = cell.split(' ').collect();
        // A removal of a key or of all is about every cell below it.
        let about: Vec<&Write> = self.writes.iter().filter(|write| address.iter().zip(&write.about).all(|(a, b)| a == b) && write.about.len() <= address.len()).collect();
        let kept: Vec<&Write> = about.iter().copied().filter(|write| !about.iter().any(|later| later.replaces(write))).collect();
        let put = |write: &Write| if let What::Put(value) = write.what { Some((write.hlc, write.dot, value)) } else { None };
        let added = |write: &Write| if let What::Add(by) = write.what { Some(by) } else { None };
        let winner = kept.iter().filter_map(|write| put(write)).max();
        let increments: Vec<i64> = kept.iter().filter_map(|write| added(write)).collect();
        match (winner, increments.as_slice()) {
            (None, []) if read == "SISMEMBER" => "0".to_owned(),
            (None, []) => "nil".to_owned(),
            (winner, increments) => (winner.map_or(0, |(_, _, value)| value) + increments.iter().sum::<i64>()).to_string(),
        }
    }
}

impl Write {
    fn replaces(&self, other: &Write) -> bool {
        let saw = if self.dot.replica == other.dot.replica { self.dot.seq > other.dot.seq } else { self.deps.covers(other.dot) };
        saw && !matches!(self.what, What::Add(_))
    }
}

/// Commands whose outcome the rule tells: one write each, a type of its own for each key.
pub fn plain_commands() -> BoxedStrategy<Vec<String>> {
    prop_oneof![3 => line(STRING), 3 => line(HASH), 2 => line(SET), 3 => line(SORTED_SET), 1 => line(&["FLUSHALL"])].prop_map(|line| vec![line]).boxed()
}

const STRING: &[&str] = &["SET n NUMBER", "INCRBY n NUMBER", "INCRBY n AMOUNT", "DEL n"];
const HASH: &[&str] = &["HSET h FIELD NUMBER", "HINCRBY h FIELD NUMBER", "HINCRBY h FIELD AMOUNT", "HDEL h FIELD", "DEL h"];
const SET: &[&str] = &["SADD s FIELD", "SREM s FIELD", "DEL s"];
const SORTED_SET: &[&str] = &["ZADD q NUMBER FIELD", "ZINCRBY q NUMBER FIELD", "ZINCRBY q AMOUNT FIELD", "ZREM q FIELD", "DEL q"];
