//! `ZUNION`, `ZUNIONSTORE`: members that any sorted set has.

use super::score_algebra::{self, Form, Request};
use super::score_range;
use crate::arguments::Args;
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, Txn, View};

pub(super) static ZUNION: Command = Command {
    name: "zunion",
    arity: Arity::AtLeast(2),
    group: Group::SortedSets,
    keys: KeySpec::NONE,
    syntax: "numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE SUM | MIN | MAX] [WITHSCORES]",
    summary: "The members that at least one of the sorted sets has, with their scores combined.",
    concurrent: "",
    run: Run::Read(read),
};

pub(super) static ZUNIONSTORE: Command = Command {
    name: "zunionstore",
    arity: Arity::AtLeast(3),
    group: Group::SortedSets,
    keys: KeySpec::FIRST,
    syntax: "destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE SUM | MIN | MAX]",
    summary: "Stores what ZUNION answers in a key, whatever it held; answers how many members that is.",
    concurrent: "The destination becomes what this region computed from what it saw. Members that another region adds to it at the same time stay; two regions that store at the same time leave the members of both.",
    run: Run::Write(store),
};

fn read(view: &View<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let request = Request::parse(args, Form { name: "zunion", weighted: true, scores: true, limited: false })?;
    Ok(score_range::reply(request.union(view)?, request.scores))
}

fn store(txn: &mut Txn<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let request =
        Request::parse(&args[1..], Form { name: "zunionstore", weighted: true, scores: false, limited: false })?;
    let scored = request.union(&txn.view())?;
    score_algebra::store(txn, args[0], scored)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Replica, settle};

    #[test]
    fn scores_are_weighted_and_combined() {
        let mut paris = Replica::new(1);
        paris.run("ZADD a 1 x 2 y");
        paris.run("ZADD b 10 y 20 z");
        paris.run("SADD plain x");
        for (line, reply) in [
            ("ZUNION 2 a b", "[x y z]"),
            ("ZUNION 2 a b WITHSCORES", "[[x 1] [y 12] [z 20]]"),
            ("ZUNION 2 a b WEIGHTS 10 1 AGGREGATE MAX WITHSCORES", "[[x 10] [y 20] [z 20]]"),
            ("ZUNION 2 a b AGGREGATE min WITHSCORES", "[[x 1] [y 2] [z 20]]"),
            ("ZUNION 2 plain a WEIGHTS 5 1 WITHSCORES", "[[y 2] [x 6]]"),
            ("ZUNION 1 nothing", "[]"),
            ("ZUNION 0 a", "ERR at least 1 input key is needed for 'zunion' command"),
            ("ZUNION x a", "ERR value is not an integer or out of range"),
            ("ZUNION 3 a b", "ERR syntax error"),
            ("ZUNION 2 a b WEIGHTS 1", "ERR syntax error"),
            ("ZUNION 2 a b WEIGHTS 1 x", "ERR weight value is not a float"),
            ("ZUNION 2 a b AGGREGATE avg", "ERR syntax error"),
            ("ZUNIONSTORE c 2 a b WITHSCORES", "ERR syntax error"),
            ("ZUNIONSTORE c 0 a", "ERR at least 1 input key is needed for 'zunionstore' command"),
            ("ZUNIONSTORE a 2 a b", "3"),
            ("ZRANGE a 0 -1 WITHSCORES", "[[x 1] [y 12] [z 20]]"),
        ] {
            assert_eq!(paris.run(line), reply, "{line}");
        }
    }

    #[test]
    fn two_regions_that_store_at_once_leave_the_members_of_both() {
        let (mut paris, mut tokyo) = (Replica::new(1), Replica::new(2));
        paris.run("ZADD a 1 x");
        tokyo.run("ZADD b 2 y");
        paris.run("ZUNIONSTORE all 1 a");
        tokyo.run("ZUNIONSTORE all 1 b");
        settle(&mut [&mut paris, &mut tokyo]);
        assert_eq!(paris.run("ZRANGE all 0 -1"), "[x y]");
    }
}
