//! `ZRANGEBYLEX`, `ZREVRANGEBYLEX`: members between two.

use super::score_range::{self, By, Form};
use crate::{Arity, Command, Group, KeySpec, Run};

pub(super) static ZRANGEBYLEX: Command = Command {
    name: "zrangebylex",
    arity: Arity::AtLeast(3),
    group: Group::SortedSets,
    keys: KeySpec::FIRST,
    syntax: "key min max [LIMIT offset count]",
    summary: "Members between two, where all have the same score, ascending.",
    concurrent: "",
    run: Run::Read(|view, args| {
        score_range::run(view, args, Form { by: Some(By::Member), reverse: Some(false), scores: true })
    }),
};

pub(super) static ZREVRANGEBYLEX: Command = Command {
    name: "zrevrangebylex",
    arity: Arity::AtLeast(3),
    group: Group::SortedSets,
    keys: KeySpec::FIRST,
    syntax: "key max min [LIMIT offset count]",
    summary: "Members between two, where all have the same score, descending.",
    concurrent: "",
    run: Run::Read(|view, args| {
        score_range::run(view, args, Form { by: Some(By::Member), reverse: Some(true), scores: true })
    }),
};

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn members_of_one_score_are_ordered_by_bytes() {
        let mut paris = Replica::new(1);
        paris.run("ZADD names 0 a 0 b 0 c 0 d");
        assert_eq!(paris.run("ZRANGEBYLEX names [b (d"), "[b c]");
        assert_eq!(paris.run("ZREVRANGEBYLEX names + [b LIMIT 1 9"), "[c b]");
        assert_eq!(paris.run("ZRANGEBYLEX names - [c"), "[a b c]");
        assert_eq!(paris.run("ZRANGEBYLEX names b c"), "ERR min or max not valid string range item");
    }
}
