//! `ZLEXCOUNT`: how many members lie between two; walks them.

use super::score_bounds::MemberEnd;
use super::score_range::{Range, Selection};
use crate::arguments::Args;
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, View};

pub(super) static COMMAND: Command = Command {
    name: "zlexcount",
    arity: Arity::Exactly(3),
    group: Group::SortedSets,
    keys: KeySpec::FIRST,
    syntax: "key min max",
    summary: "How many members lie between two, where all have the same score.",
    concurrent: "",
    run: Run::Read(run),
};

fn run(view: &View<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let range = Range::Members(MemberEnd::parse(args[1])?, MemberEnd::parse(args[2])?);
    Ok(Reply::count(Selection::all(range).count(view, args[0])?))
}

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn both_ends_count_unless_excluded() {
        let mut paris = Replica::new(1);
        paris.run("ZADD names 0 a 0 b 0 c");
        assert_eq!(paris.run("ZLEXCOUNT names - +"), "3");
        assert_eq!(paris.run("ZLEXCOUNT names (a [b"), "1");
        assert_eq!(paris.run("ZLEXCOUNT names [b -"), "0");
        assert_eq!(paris.run("ZLEXCOUNT names a b"), "ERR min or max not valid string range item");
    }
}
