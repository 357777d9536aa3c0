//! What the catalogue says of a command; `COMMAND`, help and the compatibility page are made from it.

use crate::arguments::Args;
use crate::{Engine, Error, Host, Reply, Session, Txn, View};

/// One command: everything there is to know of it, kept in one file.
pub struct Command {
    /// Lower-case name.
    pub name: &'static str,
    /// How many arguments, without the name.
    pub arity: Arity,
    /// Where it stands in help.
    pub group: Group,
    /// Which arguments are keys.
    pub keys: KeySpec,
    /// Arguments, as in Redis' documentation.
    pub syntax: &'static str,
    /// What it does, in one sentence.
    pub summary: &'static str,
    /// What concurrent uses in several regions become; empty where nothing is written.
    pub concurrent: &'static str,
    /// How it is carried out.
    pub run: Run,
}

impl Command {
    /// Whether it gathers nothing: what it answers is a part of one value.
    pub(crate) fn looks_at_one_value(&self) -> bool {
        self.group == Group::Strings && self.keys == KeySpec::FIRST
    }

    /// Those of its arguments that are keys by their place; keys that follow a count are not among them.
    pub(crate) fn keys_in<'a>(&self, args: Args<'a>) -> Vec<&'a [u8]> {
        let spec = self.keys;
        if spec.first == 0 {
            return Vec::new();
        }
        let last = if spec.last < 0 { args.len() } else { args.len().min(spec.last as usize) };
        args.get(spec.first as usize - 1..last)
            .unwrap_or_default()
            .iter()
            .step_by(spec.step as usize)
            .copied()
            .collect()
    }
}

/// How many arguments a command takes, without its name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arity {
    /// This many.
    Exactly(usize),
    /// This many or more.
    AtLeast(usize),
    /// From the first to the second, both included.
    Between(usize, usize),
}

impl Arity {
    /// Whether `count` arguments will do.
    pub fn allows(self, count: usize) -> bool {
        match self {
            Arity::Exactly(exact) => count == exact,
            Arity::AtLeast(least) => count >= least,
            Arity::Between(least, most) => (least..=most).contains(&count),
        }
    }

    /// As Redis' `COMMAND` tells it: counts the name, negative for "at least".
    pub fn redis(self) -> i64 {
        match self {
            Arity::Exactly(exact) => exact as i64 + 1,
            Arity::AtLeast(least) | Arity::Between(least, _) => -(least as i64 + 1),
        }
    }
}

/// Which arguments are keys, as in Redis' `COMMAND`: first, last (-1: the last), step; all 0 for none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeySpec {
    /// Position of the first key, the name being 0.
    pub first: i32,
    /// Position of the last; -1 the last argument.
    pub last: i32,
    /// Distance between keys.
    pub step: i32,
}

impl KeySpec {
    /// No keys.
    pub const NONE: KeySpec = KeySpec { first: 0, last: 0, step: 0 };
    /// The first argument.
    pub const FIRST: KeySpec = KeySpec { first: 1, last: 1, step: 1 };
    /// Every argument.
    pub const ALL: KeySpec = KeySpec { first: 1, last: -1, step: 1 };
    /// Every second argument from the first.
    pub const PAIRS: KeySpec = KeySpec { first: 1, last: -1, step: 2 };
    /// The first two.
    pub const TWO: KeySpec = KeySpec { first: 1, last: 2, step: 1 };
}

/// Where a command stands in help.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[allow(missing_docs)]
pub enum Group {
    Strings,
    Counters,
    Hashes,
    Sets,
    SortedSets,
    Keys,
    Transactions,
    Consistency,
    Connection,
    Server,
}

impl Group {
    /// In the order of help.
    pub const ALL: [Group; 10] = [
        Group::Strings,
        Group::Counters,
        Group::Hashes,
        Group::Sets,
        Group::SortedSets,
        Group::Keys,
        Group::Transactions,
        Group::Consistency,
        Group::Connection,
        Group::Server,
    ];

    /// Its heading.
    pub fn name(self) -> &'static str {
        match self {
            Group::Strings => "strings",
            Group::Counters => "counters",
            Group::Hashes => "hashes",
            Group::Sets => "sets",
            Group::SortedSets => "sorted sets",
            Group::Keys => "keys and expiry",
            Group::Transactions => "transactions",
            Group::Consistency => "tables and sessions",
            Group::Connection => "connection",
            Group::Server => "server",
        }
    }
}

/// How a command is carried out.
#[derive(Clone, Copy)]
pub enum Run {
    /// Reads records.
    Read(fn(&View<'_>, Args<'_>) -> Result<Reply, Error>),
    /// Reads and changes records.
    Write(fn(&mut Txn<'_>, Args<'_>) -> Result<Reply, Error>),
    /// Asks or changes the connection or the node; never queued by `MULTI` unless it only asks.
    Session(fn(&mut Session, &dyn Host, Args<'_>) -> Result<Reply, Error>),
    /// `MULTI`, `EXEC`, `DISCARD`, `WATCH`, `UNWATCH`: never queued.
    Transaction(fn(&mut Session, &mut dyn Engine, Args<'_>) -> Result<Reply, Error>),
}

impl Run {
    /// Whether it may change records.
    pub fn writes(self) -> bool {
        matches!(self, Run::Write(_))
    }
}
