//! `RECEIPT`: what was really delivered for each command.

use crate::arguments::{Args, is};
use crate::{Arity, Command, Engine, Error, Group, KeySpec, Reply, Run, Session};

pub(super) static COMMAND: Command = Command {
    name: "receipt",
    arity: Arity::Exactly(1),
    group: Group::Consistency,
    keys: KeySpec::NONE,
    syntax: "ON | OFF | LAST",
    summary: "ON: from here on each reply is a list of the reply and its receipt: how many regions hold the write, where a read came from and how old it may be, regions and bytes involved, the wait, the reason if anything else was done than asked. LAST: the receipt of the command before.",
    concurrent: "",
    run: Run::Transaction(run),
};

fn run(session: &mut Session, engine: &mut dyn Engine, args: Args<'_>) -> Result<Reply, Error> {
    match args[0] {
        word if is(word, "on") => session.receipts = true,
        word if is(word, "off") => session.receipts = false,
        word if is(word, "last") => return Ok(engine.receipt().reply()),
        _ => return Err(Error::Syntax),
    }
    Ok(Reply::OK)
}
