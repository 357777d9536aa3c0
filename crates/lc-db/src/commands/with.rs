//! `WITH`: one command with other levels than its tables and its connection have.

use super::session::{ack, read};
use crate::arguments::{Args, is};
use crate::consistency::Wish;
use crate::{Arity, Command, Engine, Error, Group, KeySpec, Reply, Run, Session};

pub(super) static COMMAND: Command = Command {
    name: "with",
    arity: Arity::AtLeast(1),
    group: Group::Consistency,
    // Where the command begins depends on the words before it, which no key specification can say.
    keys: KeySpec::NONE,
    syntax: "[ACK level] [READ level] command [argument ...]",
    summary: "Runs one command that reads or writes records, with the levels given here instead of those of its tables and its connection.",
    concurrent: "",
    run: Run::Transaction(run),
};

fn run(session: &mut Session, engine: &mut dyn Engine, args: Args<'_>) -> Result<Reply, Error> {
    let (wish, words) = parse(args)?;
    let name = words.first().ok_or(Error::Arity("with".into()))?;
    let about_records = |command: &Command| matches!(command.run, Run::Read(_) | Run::Write(_));
    if super::find(name).is_some_and(|command| !about_records(command)) {
        return Err(Error::caller("WITH goes before a command that reads or writes records"));
    }
    session.with(wish, words, engine)
}

fn parse<'a>(mut words: Args<'a>) -> Result<(Wish, Args<'a>), Error> {
    let mut wish = Wish::default();
    loop {
        match *words {
            [word, level, ref rest @ ..] if is(word, "ack") => {
                once(wish.ack.replace(ack(level)?))?;
                words = rest;
            }
            [word, level, ref rest @ ..] if is(word, "read") => {
                once(wish.read.replace(read(level)?))?;
                words = rest;
            }
            _ => return Ok((wish, words)),
        }
    }
}

fn once<Level>(earlier: Option<Level>) -> Result<(), Error> {
    if earlier.is_some() { Err(Error::Syntax) } else { Ok(()) }
}
