//! `ZRANGEBYSCORE`, `ZREVRANGEBYSCORE`: members by score.

use super::score_range::{self, By, Form};
use crate::{Arity, Command, Group, KeySpec, Run};

pub(super) static ZRANGEBYSCORE: Command = Command {
    name: "zrangebyscore",
    arity: Arity::AtLeast(3),
    group: Group::SortedSets,
    keys: KeySpec::FIRST,
    syntax: "key min max [WITHSCORES] [LIMIT offset count]",
    summary: "Members with scores between two, ascending.",
    concurrent: "",
    run: Run::Read(|view, args| {
        score_range::run(view, args, Form { by: Some(By::Score), reverse: Some(false), scores: true })
    }),
};

pub(super) static ZREVRANGEBYSCORE: Command = Command {
    name: "zrevrangebyscore",
    arity: Arity::AtLeast(3),
    group: Group::SortedSets,
    keys: KeySpec::FIRST,
    syntax: "key max min [WITHSCORES] [LIMIT offset count]",
    summary: "Members with scores between two, descending.",
    concurrent: "",
    run: Run::Read(|view, args| {
        score_range::run(view, args, Form { by: Some(By::Score), reverse: Some(true), scores: true })
    }),
};

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn the_bounds_stand_in_the_direction_of_the_walk() {
        let mut paris = Replica::new(1);
        paris.run("ZADD busy 1 a 2 b 3 c");
        assert_eq!(paris.run("ZRANGEBYSCORE busy (1 3"), "[b c]");
        assert_eq!(paris.run("ZREVRANGEBYSCORE busy 3 (1 WITHSCORES"), "[[c 3] [b 2]]");
        assert_eq!(paris.run("ZREVRANGEBYSCORE busy 1 3"), "[]");
        assert_eq!(paris.run("ZRANGEBYSCORE busy -inf +inf WITHSCORES LIMIT 1 1"), "[[b 2]]");
    }
}
