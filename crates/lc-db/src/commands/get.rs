//! `GET`: the value of a string.

use crate::arguments::Args;
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, View};

pub(super) static COMMAND: Command = Command {
    name: "get",
    arity: Arity::Exactly(1),
    group: Group::Strings,
    keys: KeySpec::FIRST,
    syntax: "key",
    summary: "The value of a string; nil if there is none.",
    concurrent: "",
    run: Run::Read(run),
};

fn run(view: &View<'_>, args: Args<'_>) -> Result<Reply, Error> {
    Ok(Reply::bulk_or_nil(view.string(args[0])?))
}
