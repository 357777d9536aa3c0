//! `ZCOUNT`: how many members have a score in a span; walks them.

use lc_crdt::Kind;

use super::score_bounds;
use super::score_range::{Range, Selection};
use crate::arguments::Args;
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, ScoreSpan, View};

pub(super) static COMMAND: Command = Command {
    name: "zcount",
    arity: Arity::Exactly(3),
    group: Group::SortedSets,
    keys: KeySpec::FIRST,
    syntax: "key min max",
    summary: "How many members have a score between two.",
    concurrent: "",
    run: Run::Read(run),
};

fn run(view: &View<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let span = score_bounds::scores(args[1], args[2])?;
    if span == Some(ScoreSpan::ALL) {
        return Ok(Reply::Int(view.length(args[0], Kind::Sorted)? as i64));
    }
    Ok(Reply::count(Selection::all(Range::Scores(span)).count(view, args[0])?))
}

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn both_ends_count_unless_excluded() {
        let mut paris = Replica::new(1);
        paris.run("ZADD busy 1 a 2 b 3 c");
        assert_eq!(paris.run("ZCOUNT busy 1 3"), "3");
        assert_eq!(paris.run("ZCOUNT busy (1 (3"), "1");
        assert_eq!(paris.run("ZCOUNT busy -inf +inf"), "3");
        assert_eq!(paris.run("ZCOUNT busy 3 1"), "0");
        assert_eq!(paris.run("ZCOUNT busy a 1"), "ERR min or max is not a float");
        paris.run("SET text 1");
        assert_eq!(paris.run("ZCOUNT text 3 1"), "WRONGTYPE Operation against a key holding the wrong kind of value");
    }
}
