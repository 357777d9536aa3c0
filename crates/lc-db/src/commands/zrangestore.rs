//! `ZRANGESTORE`: a range as a sorted set of its own.

use super::score_algebra;
use super::score_range::{Form, Selection};
use crate::arguments::Args;
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, Txn};

pub(super) static COMMAND: Command = Command {
    name: "zrangestore",
    arity: Arity::AtLeast(4),
    group: Group::SortedSets,
    keys: KeySpec::TWO,
    syntax: "destination source min max [BYSCORE | BYLEX] [REV] [LIMIT offset count]",
    summary: "Stores what ZRANGE answers in a key, whatever it held; answers how many members that is.",
    concurrent: "The destination becomes what this region computed from what it saw. Members that another region adds to it at the same time stay; two regions that store at the same time leave the members of both.",
    run: Run::Write(run),
};

fn run(txn: &mut Txn<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let (destination, source) = (args[0], args[1]);
    let (selection, _) = Selection::parse(&args[2..], Form { by: None, reverse: None, scores: false })?;
    let scored = selection.read(&txn.view(), source)?;
    score_algebra::store(txn, destination, scored)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Replica, settle};

    #[test]
    fn a_range_becomes_a_sorted_set() {
        let mut paris = Replica::new(1);
        paris.run("ZADD busy 1 a 2 b 3 c");
        paris.run("SET top text");
        assert_eq!(paris.run("ZRANGESTORE top busy 0 1 REV"), "2");
        assert_eq!(paris.run("ZRANGE top 0 -1 WITHSCORES"), "[[b 2] [c 3]]");
        assert_eq!(paris.run("ZRANGESTORE top busy 1 (3 BYSCORE LIMIT 1 1"), "1");
        assert_eq!(paris.run("ZRANGE top 0 -1"), "[b]");
        assert_eq!(paris.run("ZRANGESTORE top busy 5 9"), "0");
        assert_eq!(paris.run("ZCARD top"), "0");
        assert_eq!(paris.run("ZRANGESTORE top busy 0 1 WITHSCORES"), "ERR syntax error");
    }

    #[test]
    fn a_score_set_elsewhere_at_the_same_time_stays() {
        let (mut paris, mut tokyo) = (Replica::new(1), Replica::new(2));
        paris.run("ZADD busy 1 a 2 b");
        paris.run("ZADD top 9 old");
        tokyo.pull(&paris);
        paris.run("ZRANGESTORE top busy 0 -1");
        tokyo.run("ZADD top 5 new");
        settle(&mut [&mut paris, &mut tokyo]);
        assert_eq!(paris.run("ZRANGE top 0 -1"), "[a b new]");
    }
}
