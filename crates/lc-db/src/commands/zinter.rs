//! `ZINTER`, `ZINTERSTORE`: members that all sorted sets have.

use super::score_algebra::{self, Form, Request};
use super::score_range;
use crate::arguments::Args;
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, Txn, View};

pub(super) static ZINTER: Command = Command {
    name: "zinter",
    arity: Arity::AtLeast(2),
    group: Group::SortedSets,
    keys: KeySpec::NONE,
    syntax: "numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE SUM | MIN | MAX] [WITHSCORES]",
    summary: "The members that all of the sorted sets have, with their scores combined.",
    concurrent: "",
    run: Run::Read(read),
};

pub(super) static ZINTERSTORE: Command = Command {
    name: "zinterstore",
    arity: Arity::AtLeast(3),
    group: Group::SortedSets,
    keys: KeySpec::FIRST,
    syntax: "destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE SUM | MIN | MAX]",
    summary: "Stores what ZINTER answers in a key, whatever it held; answers how many members that is.",
    concurrent: "The destination becomes what this region computed from what it saw. Members that another region adds to it at the same time stay; two regions that store at the same time leave the members of both.",
    run: Run::Write(store),
};

fn read(view: &View<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let request = Request::parse(args, Form { name: "zinter", weighted: true, scores: true, limited: false })?;
    Ok(score_range::reply(request.intersection(view)?, request.scores))
}

fn store(txn: &mut Txn<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let request =
        Request::parse(&args[1..], Form { name: "zinterstore", weighted: true, scores: false, limited: false })?;
    let scored = request.intersection(&txn.view())?;
    score_algebra::store(txn, args[0], scored)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Replica, settle};

    #[test]
    fn only_members_of_all_are_answered() {
        let mut paris = Replica::new(1);
        paris.run("ZADD a 1 x 2 y inf i");
        paris.run("ZADD b 10 y 20 z -inf i");
        paris.run("SET text 1");
        for (line, reply) in [
            ("ZINTER 2 a b WITHSCORES", "[[i 0] [y 12]]"),
            ("ZINTER 2 a b WEIGHTS 0 1 AGGREGATE MAX WITHSCORES", "[[i 0] [y 10]]"),
            ("ZINTER 2 a nothing", "[]"),
            ("ZINTER 2 nothing text", "WRONGTYPE Operation against a key holding the wrong kind of value"),
            ("ZINTERSTORE text 2 a b AGGREGATE MIN", "2"),
            ("ZRANGE text 0 -1 WITHSCORES", "[[i -inf] [y 2]]"),
            ("ZINTERSTORE text 2 a nothing", "0"),
            ("ZCARD text", "0"),
        ] {
            assert_eq!(paris.run(line), reply, "{line}");
        }
    }

    #[test]
    fn an_increment_of_the_destination_elsewhere_stays() {
        let (mut paris, mut tokyo) = (Replica::new(1), Replica::new(2));
        paris.run("ZADD a 1 x");
        paris.run("ZADD both 7 x");
        tokyo.pull(&paris);
        paris.run("ZINTERSTORE both 1 a");
        tokyo.run("ZINCRBY both 100 x");
        settle(&mut [&mut paris, &mut tokyo]);
        assert_eq!(tokyo.run("ZSCORE both x"), "101");
    }
}
