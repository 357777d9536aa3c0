//! `SMEMBERS`: all members, O(n).

use lc_crdt::Kind;

use crate::arguments::Args;
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, View};

pub(super) static COMMAND: Command = Command {
    name: "smembers",
    arity: Arity::Exactly(1),
    group: Group::Sets,
    keys: KeySpec::FIRST,
    syntax: "key",
    summary: "All members of a set.",
    concurrent: "",
    run: Run::Read(run),
};

fn run(view: &View<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let members = view.fields(args[0], Kind::Set)?;
    Ok(Reply::Set(members.into_iter().map(Reply::Bulk).collect()))
}

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn a_set_that_is_not_there_is_empty() {
        let mut paris = Replica::new(1);
        assert_eq!(paris.run("SMEMBERS carriers"), "{}");
        paris.run("SADD carriers AF LH");
        assert_eq!(paris.run("SMEMBERS carriers"), "{AF LH}");
    }
}
