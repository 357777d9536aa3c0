//! `CLIENT`: this connection and the others of this node.

use bytes::Bytes;

use crate::arguments::{Args, int, is, shown};
use crate::commands::subcommand::{Subcommand, help};
use crate::{Arity, Command, Error, Group, Host, KeySpec, Reply, Run, Session};

mod kill;

pub(super) static COMMAND: Command = Command {
    name: "client",
    arity: Arity::AtLeast(1),
    group: Group::Connection,
    keys: KeySpec::NONE,
    syntax: "ID | GETNAME | SETNAME name | SETINFO LIB-NAME name | SETINFO LIB-VER version | LIST [TYPE type] [ID id ...] | INFO | KILL filter ... | REPLY ON|OFF|SKIP | NO-EVICT ON|OFF | NO-TOUCH ON|OFF | UNBLOCK id [TIMEOUT | ERROR] | TRACKINGINFO | GETREDIR | HELP",
    summary: "Asks and sets what the node knows of its connections, and ends them.",
    concurrent: "",
    run: Run::Session(run),
};

fn run(session: &mut Session, host: &dyn Host, args: Args<'_>) -> Result<Reply, Error> {
    let sub = Subcommand::new("CLIENT", args);
    match sub.lower().as_str() {
        "id" => sub.exactly::<0>().map(|_| Reply::Int(session.id as i64)),
        "getname" => sub
            .exactly::<0>()
            .map(|_| if session.name.is_empty() { Reply::Nil } else { Reply::Bulk(session.name.clone()) }),
        "setname" => set_name(session, sub.exactly()?),
        "setinfo" => set_info(session, sub.exactly()?),
        "list" => list(host, sub.args),
        "info" => sub.exactly::<0>().map(|_| Reply::Text(own_line(session, host))),
        "kill" => kill::run(session, host, sub.at_least(1)?),
        "reply" => reply(session, sub.exactly()?),
        "no-evict" | "no-touch" => on_or_off(sub.exactly()?),
        "trackinginfo" => sub.exactly::<0>().map(|_| tracking_info()),
        "getredir" => sub.exactly::<0>().map(|_| Reply::Int(-1)),
        "help" => sub.exactly::<0>().map(|_| help(HELP)),
        "tracking" | "caching" => Err(sub.not_offered("client-side caching is not built yet")),
        "pause" | "unpause" => Err(sub.not_offered("a node does not hold clients back")),
        "unblock" => unblock(&sub),
        _ => Err(sub.unknown()),
    }
}

fn set_name(session: &mut Session, [name]: [&[u8]; 1]) -> Result<Reply, Error> {
    session.name = checked_name(name, "Client names")?;
    Ok(Reply::OK)
}

fn set_info(session: &mut Session, [attribute, value]: [&[u8]; 2]) -> Result<Reply, Error> {
    match attribute {
        _ if is(attribute, "lib-name") => session.library.0 = checked_name(value, "lib-name")?,
        _ if is(attribute, "lib-ver") => session.library.1 = checked_name(value, "lib-ver")?,
        _ => return Err(Error::caller(format!("Unrecognized option '{}'", shown(attribute)))),
    }
    Ok(Reply::OK)
}

/// A name that `CLIENT LIST` can show: printable and without blanks, because blanks part its fields.
pub(super) fn checked_name(name: &[u8], what: &str) -> Result<Bytes, Error> {
    if name.len() > NAME_BYTES_MAX {
        return Err(Error::TooLarge { what: "client name", bytes: name.len(), max: NAME_BYTES_MAX });
    }
    match name.iter().all(u8::is_ascii_graphic) {
        true => Ok(Bytes::copy_from_slice(name)),
        false => Err(Error::caller(format!("{what} cannot contain spaces, newlines or special characters."))),
    }
}

fn list(host: &dyn Host, args: Args<'_>) -> Result<Reply, Error> {
    let mut lines = host.clients();
    match *args {
        [] => {}
        [word, kind] if is(word, "type") => {
            check_kind(kind)?;
            lines.retain(|_| is(kind, "normal"));
        }
        [word, ref ids @ ..] if is(word, "id") && !ids.is_empty() => {
            let ids = ids.iter().map(|id| client_id(id)).collect::<Result<Vec<u64>, Error>>()?;
            lines.retain(|(id, _)| ids.contains(id));
        }
        _ => return Err(Error::Syntax),
    }
    Ok(Reply::Text(lines.into_iter().map(|(_, line)| line + "\n").collect()))
}

fn client_id(text: &[u8]) -> Result<u64, Error> {
    int(text).ok().and_then(|id| u64::try_from(id).ok()).filter(|&id| id > 0).ok_or(Error::caller("Invalid client ID"))
}

/// All clients are normal ones; the other kinds that Redis knows have nobody in them.
fn check_kind(kind: &[u8]) -> Result<(), Error> {
    match ["normal", "master", "replica", "slave", "pubsub"].iter().any(|known| is(kind, known)) {
        true => Ok(()),
        false => Err(Error::caller(format!("Unknown client type '{}'", shown(kind)))),
    }
}

fn own_line(session: &Session, host: &dyn Host) -> String {
    let line = host.clients().into_iter().find(|(id, _)| *id == session.id);
    line.map_or_else(|| format!("id={}\n", session.id), |(_, line)| line + "\n")
}

fn reply(session: &mut Session, [mode]: [&[u8]; 1]) -> Result<Reply, Error> {
    match mode {
        _ if is(mode, "on") => session.silent = false,
        _ if is(mode, "off") => session.silent = true,
        _ if is(mode, "skip") => session.skip_next = !session.silent,
        _ => return Err(Error::Syntax),
    }
    Ok(Reply::OK)
}

/// Nothing is evicted and no access times are kept, so both settings hold already.
fn on_or_off([choice]: [&[u8]; 1]) -> Result<Reply, Error> {
    if is(choice, "on") || is(choice, "off") { Ok(Reply::OK) } else { Err(Error::Syntax) }
}

/// No command blocks, so nobody waits who could be woken.
fn unblock(sub: &Subcommand<'_>) -> Result<Reply, Error> {
    match *sub.args {
        [id] => int(id).map(|_| Reply::flag(false)),
        [id, how] if is(how, "timeout") || is(how, "error") => int(id).map(|_| Reply::flag(false)),
        [_, _] => Err(Error::caller("CLIENT UNBLOCK reason should be TIMEOUT or ERROR")),
        _ => Err(sub.wrong_count()),
    }
}

fn tracking_info() -> Reply {
    let fields = [
        ("flags", Reply::Set(vec![Reply::bulk("off")])),
        ("redirect", Reply::Int(-1)),
        ("prefixes", Reply::Array(Vec::new())),
    ];
    Reply::Map(fields.into_iter().map(|(name, value)| (Reply::bulk(name), value)).collect())
}

/// Names stand in `CLIENT LIST` for every connection.
const NAME_BYTES_MAX: usize = 4096;

const HELP: &[&str] = &[
    "CLIENT subcommand ...:",
    "ID, INFO, GETNAME -- this connection's number, line and name",
    "SETNAME name, SETINFO LIB-NAME name, SETINFO LIB-VER version -- how it is shown to others",
    "LIST [TYPE normal] [ID id ...] -- a line for each connection of this node",
    "KILL address -- ends a connection",
    "KILL [ID id] [ADDR address] [LADDR address] [USER user] [TYPE type] [SKIPME yes|no] -- ends all that match, answers how many",
    "REPLY ON|OFF|SKIP -- whether replies are sent",
    "NO-EVICT ON|OFF, NO-TOUCH ON|OFF -- taken, and make no difference",
    "UNBLOCK id [TIMEOUT|ERROR] -- always 0: no command blocks",
    "TRACKINGINFO, GETREDIR -- client-side caching, always off",
    "HELP -- this text",
];

#[cfg(test)]
mod tests;
