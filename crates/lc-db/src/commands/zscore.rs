//! `ZSCORE`: the score of a member.

use crate::arguments::Args;
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, View};

pub(super) static COMMAND: Command = Command {
    name: "zscore",
    arity: Arity::Exactly(2),
    group: Group::SortedSets,
    keys: KeySpec::FIRST,
    syntax: "key member",
    summary: "The score of a member; nil if it is not there.",
    concurrent: "",
    run: Run::Read(run),
};

fn run(view: &View<'_>, args: Args<'_>) -> Result<Reply, Error> {
    Ok(view.score(args[0], args[1])?.map_or(Reply::Nil, Reply::Double))
}

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn a_member_that_is_not_there_has_no_score() {
        let mut paris = Replica::new(1);
        paris.run("ZADD busy 2.5 JFK inf LGA");
        assert_eq!(paris.run("ZSCORE busy JFK"), "2.5");
        assert_eq!(paris.run("ZSCORE busy LGA"), "inf");
        assert_eq!(paris.run("ZSCORE busy EWR"), "nil");
        assert_eq!(paris.run("ZSCORE quiet EWR"), "nil");
    }
}
