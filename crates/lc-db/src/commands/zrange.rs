//! `ZRANGE`: members by rank, score or member.

use super::score_range::{self, Form};
use crate::{Arity, Command, Group, KeySpec, Run};

pub(super) static COMMAND: Command = Command {
    name: "zrange",
    arity: Arity::AtLeast(3),
    group: Group::SortedSets,
    keys: KeySpec::FIRST,
    syntax: "key start stop [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES]",
    summary: "Members of a range by rank, score or member, in either direction.",
    concurrent: "",
    run: Run::Read(|view, args| score_range::run(view, args, Form { by: None, reverse: None, scores: true })),
};

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn ranks_count_from_either_end() {
        let mut paris = Replica::new(1);
        paris.run("ZADD busy 1 a 2 b 3 c 4 d 5 e");
        for (line, reply) in [
            ("ZRANGE busy 0 -1", "[a b c d e]"),
            ("ZRANGE busy 0 1 WITHSCORES", "[[a 1] [b 2]]"),
            ("ZRANGE busy -2 -1", "[d e]"),
            ("ZRANGE busy 1 3", "[b c d]"),
            ("ZRANGE busy 0 1 REV", "[e d]"),
            ("ZRANGE busy -2 9 REV", "[b a]"),
            ("ZRANGE busy 3 1", "[]"),
            ("ZRANGE busy 5 9", "[]"),
            ("ZRANGE busy -99 0", "[a]"),
            ("ZRANGE quiet 0 -1", "[]"),
            ("ZRANGE busy 9223372036854775807 -9223372036854775808", "[]"),
        ] {
            assert_eq!(paris.run(line), reply, "{line}");
        }
    }

    #[test]
    fn scores_and_members_bound_a_range() {
        let mut paris = Replica::new(1);
        paris.run("ZADD busy 1 a 2 b 2 bb 3 c inf d");
        paris.run("ZADD names 0 a 0 b 0 ba 0 c");
        for (line, reply) in [
            ("ZRANGE busy 2 3 BYSCORE", "[b bb c]"),
            ("ZRANGE busy (2 +inf BYSCORE WITHSCORES", "[[c 3] [d inf]]"),
            ("ZRANGE busy 3 (1 BYSCORE REV", "[c bb b]"),
            ("ZRANGE busy -inf inf BYSCORE LIMIT 1 2", "[b bb]"),
            ("ZRANGE busy inf -inf BYSCORE REV LIMIT 1 -1", "[c bb b a]"),
            ("ZRANGE busy -inf inf BYSCORE LIMIT -1 2", "[]"),
            ("ZRANGE busy -inf inf BYSCORE LIMIT 0 0", "[]"),
            ("ZRANGE names [b + BYLEX", "[b ba c]"),
            ("ZRANGE names (b [c BYLEX", "[ba c]"),
            ("ZRANGE names [c (a BYLEX REV LIMIT 1 2", "[ba b]"),
            ("ZRANGE names - (ba BYLEX", "[a b]"),
            ("ZRANGE names + - BYLEX", "[]"),
            ("ZRANGE busy - [bb BYLEX", "[a b bb]"),
            ("ZRANGE busy [c [b BYLEX REV", "[c bb b]"),
        ] {
            assert_eq!(paris.run(line), reply, "{line}");
        }
    }

    #[test]
    fn options_are_checked() {
        let mut paris = Replica::new(1);
        paris.run("SET text 1");
        for (line, reply) in [
            (
                "ZRANGE busy 0 1 LIMIT 0 1",
                "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
            ),
            (
                "ZRANGE busy - + BYLEX WITHSCORES",
                "ERR syntax error, WITHSCORES not supported in combination with BYLEX",
            ),
            ("ZRANGE busy 0 1 BYLEX BYSCORE", "ERR syntax error"),
            ("ZRANGE busy a 1", "ERR value is not an integer or out of range"),
            ("ZRANGE busy a 1 BYSCORE", "ERR min or max is not a float"),
            ("ZRANGE busy a + BYLEX", "ERR min or max not valid string range item"),
            ("ZRANGE busy 0 1 BYSCORE LIMIT 0", "ERR syntax error"),
            ("ZRANGE text 0 1 BYSCORE LIMIT 0 0", "WRONGTYPE Operation against a key holding the wrong kind of value"),
            ("ZRANGE text 2 1", "WRONGTYPE Operation against a key holding the wrong kind of value"),
        ] {
            assert_eq!(paris.run(line), reply, "{line}");
        }
    }
}
