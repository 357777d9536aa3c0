//! A command in the shapes of `COMMAND INFO` and `COMMAND DOCS`.

use super::key_arguments::counted_at;
use crate::catalogue::Command;
use crate::{Group, KeySpec, Reply, Run};

/// The ten fields of `COMMAND INFO`.
pub(super) fn info(command: &Command) -> Reply {
    let KeySpec { first, last, step } = command.keys;
    Reply::Array(vec![
        Reply::bulk(command.name),
        Reply::Int(command.arity.redis()),
        words(&flags(command)),
        Reply::Int(i64::from(first)),
        Reply::Int(i64::from(last)),
        Reply::Int(i64::from(step)),
        words(&categories(command)),
        Reply::Set(Vec::new()),
        Reply::Set(key_specifications(command)),
        Reply::Set(Vec::new()),
    ])
}

/// The map of `COMMAND DOCS`, and in it what concurrent uses become.
pub(super) fn docs(command: &Command) -> Reply {
    let mut fields = vec![("summary", Reply::bulk(command.summary)), ("group", Reply::bulk(group(command.group)))];
    if !command.syntax.is_empty() {
        // The whole syntax as one argument: what a shell shows behind the name while somebody types.
        fields.push((
            "arguments",
            Reply::Array(vec![map([("name", Reply::bulk(command.syntax)), ("type", Reply::bulk("string"))])]),
        ));
    }
    if !command.concurrent.is_empty() {
        fields.push(("concurrent", Reply::bulk(command.concurrent)));
    }
    map(fields)
}

/// The labels that `COMMAND LIST FILTERBY ACLCAT` goes by, with their `@`.
pub(super) fn categories(command: &Command) -> Vec<&'static str> {
    let of_group = match command.group {
        Group::Strings | Group::Counters => "@string",
        Group::Hashes => "@hash",
        Group::Sets => "@set",
        Group::SortedSets => "@sortedset",
        Group::Keys => "@keyspace",
        Group::Transactions => "@transaction",
        Group::Consistency => "@consistency",
        Group::Connection => "@connection",
        Group::Server => "@admin",
    };
    match command.run {
        Run::Read(_) => vec!["@read", of_group],
        Run::Write(_) => vec!["@write", of_group],
        Run::Session(_) | Run::Transaction(_) => vec![of_group],
    }
}

fn flags(command: &Command) -> Vec<&'static str> {
    let mut flags = match command.run {
        Run::Read(_) => vec!["readonly"],
        Run::Write(_) => vec!["write"],
        Run::Session(_) => vec!["fast"],
        Run::Transaction(_) => vec!["fast", "no_multi"],
    };
    if counted_at(command).is_some() {
        flags.push("movablekeys");
    }
    flags
}

/// Redis' names of the groups, where it has them.
fn group(group: Group) -> &'static str {
    match group {
        Group::Strings | Group::Counters => "string",
        Group::Hashes => "hash",
        Group::Sets => "set",
        Group::SortedSets => "sorted-set",
        Group::Keys => "generic",
        Group::Transactions => "transactions",
        Group::Consistency => "consistency",
        Group::Connection => "connection",
        Group::Server => "server",
    }
}

fn key_specifications(command: &Command) -> Vec<Reply> {
    let KeySpec { first, last, step } = command.keys;
    let mut specifications = Vec::new();
    if first > 0 {
        // Counted from the first key; a negative one from the end.
        let last = if last < 0 { last } else { last - first };
        let range = [("lastkey", i64::from(last)), ("keystep", i64::from(step)), ("limit", 0)];
        specifications.push(key_specification(command, i64::from(first), "range", range));
    }
    if let Some(at) = counted_at(command) {
        let counted = [("keynumidx", 0), ("firstkey", 1), ("keystep", 1)];
        specifications.push(key_specification(command, at as i64 + 1, "keynum", counted));
    }
    specifications
}

fn key_specification(command: &Command, index: i64, kind: &str, found: [(&'static str, i64); 3]) -> Reply {
    let flags: &[&'static str] = if command.run.writes() { &["RW", "update"] } else { &["RO", "access"] };
    map([
        ("flags", words(flags)),
        ("begin_search", map([("type", Reply::bulk("index")), ("spec", map([("index", Reply::Int(index))]))])),
        (
            "find_keys",
            map([("type", Reply::bulk(kind)), ("spec", map(found.map(|(name, value)| (name, Reply::Int(value)))))]),
        ),
    ])
}

fn map(fields: impl IntoIterator<Item = (&'static str, Reply)>) -> Reply {
    Reply::Map(fields.into_iter().map(|(name, value)| (Reply::bulk(name), value)).collect())
}

fn words(words: &[&'static str]) -> Reply {
    Reply::Set(words.iter().map(|word| Reply::Word(word)).collect())
}
