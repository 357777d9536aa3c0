//! `SESSION`: what this connection has seen, to take along; what it asks for instead of what tables say.

use std::fmt::Display;

use lc_policy::{Ack, Read};

use crate::arguments::{Args, is};
use crate::commands::subcommand::{Subcommand, help};
use crate::{Arity, Command, Engine, Error, Group, KeySpec, Reply, Run, Session, Wish};

pub(super) static COMMAND: Command = Command {
    name: "session",
    arity: Arity::AtLeast(1),
    group: Group::Consistency,
    keys: KeySpec::NONE,
    syntax: "TOKEN | RESUME token | RESET | ACK [level | TABLE] | READ [level | TABLE] | HELP",
    summary: "TOKEN: text that stands for everything that this connection may have written or seen. RESUME: from here on nothing that such a text stands for may be missing, whichever region wrote it. RESET: a new session, which has seen nothing. ACK, READ: the level that this connection asks for instead of what its tables say, or TABLE to do as they say; shown, if none is given.",
    concurrent: "",
    run: Run::Transaction(run),
};

fn run(session: &mut Session, engine: &mut dyn Engine, args: Args<'_>) -> Result<Reply, Error> {
    let sub = Subcommand::new("SESSION", args);
    match sub.lower().as_str() {
        "token" => {
            sub.exactly::<0>()?;
            session.token(engine).map(Reply::bulk)
        }
        "resume" => {
            let [token] = sub.exactly()?;
            session.resume(engine, token)?;
            Ok(Reply::OK)
        }
        "reset" => {
            sub.exactly::<0>()?;
            session.forget_session();
            Ok(Reply::OK)
        }
        "ack" => set_or_show(&sub, &mut session.wish.ack, ack),
        "read" => set_or_show(&sub, &mut session.wish.read, read),
        "help" => sub.exactly::<0>().map(|_| help(HELP)),
        _ => Err(sub.unknown()),
    }
}

fn set_or_show<Level: Display>(
    sub: &Subcommand<'_>,
    wish: &mut Option<Level>,
    parse: fn(&[u8]) -> Result<Level, Error>,
) -> Result<Reply, Error> {
    match *sub.args {
        [] => Ok(wish.as_ref().map_or(Reply::bulk("table"), |level| Reply::bulk(level.to_string()))),
        [level] => {
            *wish = if is(level, "table") { None } else { Some(parse(level)?) };
            Ok(Reply::OK)
        }
        _ => Err(sub.wrong_count()),
    }
}

/// Who must hold a write.
pub(super) fn ack(text: &[u8]) -> Result<Ack, Error> {
    text_of(text)?.parse::<Ack>().map_err(|error| Error::caller(error.to_string()))
}

/// How fresh a read must be.
pub(super) fn read(text: &[u8]) -> Result<Read, Error> {
    let read = text_of(text)?.parse::<Read>().map_err(|error| Error::caller(error.to_string()))?;
    Wish { read: Some(read), ..Wish::default() }.check()?;
    Ok(read)
}

fn text_of(level: &[u8]) -> Result<&str, Error> {
    std::str::from_utf8(level).map_err(|_| Error::Syntax)
}

const HELP: &[&str] = &[
    "SESSION subcommand ...:",
    "TOKEN -- text for everything that this connection may have written or seen",
    "RESUME token -- from here on nothing that the token stands for may be missing",
    "RESET -- a new session, which has seen nothing",
    "ACK [local | regions(n) | majority | all | TABLE] -- who must hold this connection's writes",
    "READ [eventual | causal | session | bounded(500ms) | quorum(n) | TABLE] -- how fresh its reads must be",
    "HELP -- this text",
];

#[cfg(test)]
mod tests;
