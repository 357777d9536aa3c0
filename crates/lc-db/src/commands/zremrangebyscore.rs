//! `ZREMRANGEBYSCORE`: removes a range of members by score.

use super::score_bounds;
use super::score_range::{self, Range};
use crate::arguments::Args;
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, Txn};

pub(super) static COMMAND: Command = Command {
    name: "zremrangebyscore",
    arity: Arity::Exactly(3),
    group: Group::SortedSets,
    keys: KeySpec::FIRST,
    syntax: "key min max",
    summary: "Removes the members of a range by score; answers how many they were.",
    concurrent: "It removes what it saw: a score set or an increment made in another region at the same time stays.",
    run: Run::Write(run),
};

fn run(txn: &mut Txn<'_>, args: Args<'_>) -> Result<Reply, Error> {
    score_range::remove(txn, args[0], Range::Scores(score_bounds::scores(args[1], args[2])?))
}

#[cfg(test)]
mod tests {
    use crate::testing::{Replica, settle};

    #[test]
    fn a_member_that_moved_elsewhere_meanwhile_stays() {
        let (mut paris, mut tokyo) = (Replica::new(1), Replica::new(2));
        paris.run("ZADD busy 1 a 2 b 3 c");
        tokyo.pull(&paris);
        assert_eq!(paris.run("ZREMRANGEBYSCORE busy -inf (3"), "2");
        tokyo.run("ZADD busy 9 a");
        settle(&mut [&mut paris, &mut tokyo]);
        assert_eq!(tokyo.run("ZRANGE busy 0 -1 WITHSCORES"), "[[c 3] [a 9]]");
        assert_eq!(paris.run("ZREMRANGEBYSCORE busy 5 1"), "0");
    }
}
