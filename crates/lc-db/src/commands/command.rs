//! `COMMAND`: which commands there are, all told from the catalogue.

use crate::arguments::{Args, is};
use crate::catalogue::Command;
use crate::commands::subcommand::{Subcommand, help};
use crate::commands::{COMMANDS, find};
use crate::{Arity, Error, Group, KeySpec, Reply, Run, glob};

mod description;
mod key_arguments;

pub(crate) use key_arguments::of as keys_of;

pub(super) static COMMAND: Command = Command {
    name: "command",
    arity: Arity::AtLeast(0),
    group: Group::Server,
    keys: KeySpec::NONE,
    syntax: "[COUNT | LIST [FILTERBY MODULE name | FILTERBY ACLCAT category | FILTERBY PATTERN pattern] | INFO [name ...] | DOCS [name ...] | GETKEYS command [arg ...] | HELP]",
    summary: "What commands there are, their arguments, keys and meaning.",
    concurrent: "",
    run: Run::Session(|_, _, args| run(args)),
};

fn run(args: Args<'_>) -> Result<Reply, Error> {
    if args.is_empty() {
        return Ok(info(args));
    }
    let sub = Subcommand::new("COMMAND", args);
    match sub.lower().as_str() {
        "count" => sub.exactly::<0>().map(|_| Reply::count(COMMANDS.len())),
        "list" => list(sub.args),
        "info" => Ok(info(sub.args)),
        "docs" => Ok(docs(sub.args)),
        "getkeys" => get_keys(sub.at_least(1)?),
        "getkeysandflags" => {
            Err(sub.not_offered("COMMAND GETKEYS tells the keys, COMMAND INFO whether the command writes"))
        }
        "help" => sub.exactly::<0>().map(|_| help(HELP)),
        _ => Err(sub.unknown()),
    }
}

fn list(args: Args<'_>) -> Result<Reply, Error> {
    let listed = |wanted: &dyn Fn(&Command) -> bool| {
        Ok(Reply::Array(
            COMMANDS.iter().filter(|command| wanted(command)).map(|command| Reply::bulk(command.name)).collect(),
        ))
    };
    match *args {
        [] => listed(&|_| true),
        [word, by, value] if is(word, "filterby") => match by {
            // There are no modules.
            _ if is(by, "module") => listed(&|_| false),
            _ if is(by, "aclcat") => {
                listed(&|command| description::categories(command).iter().any(|category| is(value, &category[1..])))
            }
            _ if is(by, "pattern") => {
                listed(&|command| glob::matches(&value.to_ascii_lowercase(), command.name.as_bytes()))
            }
            _ => Err(Error::Syntax),
        },
        _ => Err(Error::Syntax),
    }
}

fn info(names: Args<'_>) -> Reply {
    let one = |name: &&[u8]| find(name).map_or(Reply::Nil, description::info);
    match names {
        [] => Reply::Array(COMMANDS.iter().map(|command| description::info(command)).collect()),
        names => Reply::Array(names.iter().map(one).collect()),
    }
}

fn docs(names: Args<'_>) -> Reply {
    let wanted: Vec<&Command> = match names {
        [] => COMMANDS.to_vec(),
        names => names.iter().filter_map(|name| find(name)).collect(),
    };
    Reply::Map(wanted.into_iter().map(|command| (Reply::bulk(command.name), description::docs(command))).collect())
}

fn get_keys(words: Args<'_>) -> Result<Reply, Error> {
    let (name, args) = words.split_first().expect("the caller checked that there is a command");
    let command = find(name).ok_or(Error::caller("Invalid command specified"))?;
    if key_arguments::none(command) {
        return Err(Error::caller("The command has no key arguments"));
    }
    if !command.arity.allows(args.len()) {
        return Err(Error::caller("Invalid number of arguments specified for command"));
    }
    let keys = key_arguments::of(command, args)?;
    Ok(Reply::Array(keys.into_iter().map(Reply::bulk).collect()))
}

const HELP: &[&str] = &[
    "COMMAND subcommand ...:",
    "(nothing), INFO [name ...] -- arity, flags and keys of all commands or some",
    "COUNT -- how many commands there are",
    "LIST [FILTERBY MODULE|ACLCAT|PATTERN value] -- their names",
    "DOCS [name ...] -- what they do, and what concurrent uses in several regions become",
    "GETKEYS command [arg ...] -- which arguments of a whole command are keys",
    "HELP -- this text",
];

#[cfg(test)]
mod tests;
