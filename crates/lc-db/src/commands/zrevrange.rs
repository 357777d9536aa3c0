//! `ZREVRANGE`: members by rank, from the highest.

use super::score_range::{self, By, Form};
use crate::{Arity, Command, Group, KeySpec, Run};

pub(super) static COMMAND: Command = Command {
    name: "zrevrange",
    arity: Arity::AtLeast(3),
    group: Group::SortedSets,
    keys: KeySpec::FIRST,
    syntax: "key start stop [WITHSCORES]",
    summary: "Members by rank, from the highest score.",
    concurrent: "",
    run: Run::Read(|view, args| {
        score_range::run(view, args, Form { by: Some(By::Rank), reverse: Some(true), scores: true })
    }),
};

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn rank_zero_is_the_highest() {
        let mut paris = Replica::new(1);
        paris.run("ZADD busy 1 a 2 b 3 c");
        assert_eq!(paris.run("ZREVRANGE busy 0 1 WITHSCORES"), "[[c 3] [b 2]]");
        assert_eq!(paris.run("ZREVRANGE busy -1 -1"), "[a]");
        assert_eq!(paris.run("ZREVRANGE busy 0 1 BYSCORE"), "ERR syntax error");
    }
}
