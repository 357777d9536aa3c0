//! `ZCARD`: how many members.

use lc_crdt::Kind;

use crate::arguments::Args;
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, View};

pub(super) static COMMAND: Command = Command {
    name: "zcard",
    arity: Arity::Exactly(1),
    group: Group::SortedSets,
    keys: KeySpec::FIRST,
    syntax: "key",
    summary: "How many members a sorted set has.",
    concurrent: "",
    run: Run::Read(run),
};

fn run(view: &View<'_>, args: Args<'_>) -> Result<Reply, Error> {
    Ok(Reply::Int(view.length(args[0], Kind::Sorted)? as i64))
}

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn a_member_counts_once() {
        let mut paris = Replica::new(1);
        paris.run("ZADD busy 1 JFK 2 JFK 3 LGA");
        assert_eq!(paris.run("ZCARD busy"), "2");
        assert_eq!(paris.run("ZCARD quiet"), "0");
    }
}
