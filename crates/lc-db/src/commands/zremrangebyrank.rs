//! `ZREMRANGEBYRANK`: removes a range of members by rank.

use super::score_range::{self, Range};
use crate::arguments::{Args, int};
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, Txn};

pub(super) static COMMAND: Command = Command {
    name: "zremrangebyrank",
    arity: Arity::Exactly(3),
    group: Group::SortedSets,
    keys: KeySpec::FIRST,
    syntax: "key start stop",
    summary: "Removes the members of a range by rank; answers how many they were.",
    concurrent: "It removes what it saw: a score set or an increment made in another region at the same time stays.",
    run: Run::Write(run),
};

fn run(txn: &mut Txn<'_>, args: Args<'_>) -> Result<Reply, Error> {
    score_range::remove(txn, args[0], Range::Ranks(int(args[1])?, int(args[2])?))
}

#[cfg(test)]
mod tests {
    use crate::testing::{Replica, settle};

    #[test]
    fn ranks_are_judged_by_what_this_region_sees() {
        let (mut paris, mut tokyo) = (Replica::new(1), Replica::new(2));
        paris.run("ZADD busy 1 a 2 b 3 c");
        tokyo.pull(&paris);
        assert_eq!(paris.run("ZREMRANGEBYRANK busy 0 -2"), "2");
        tokyo.run("ZADD busy 0 z 9 a");
        settle(&mut [&mut paris, &mut tokyo]);
        assert_eq!(tokyo.run("ZRANGE busy 0 -1"), "[z c a]");
        assert_eq!(tokyo.run("ZREMRANGEBYRANK busy 0 -1"), "3");
        assert!(tokyo.rows.is_empty());
        assert_eq!(tokyo.run("ZREMRANGEBYRANK busy x 1"), "ERR value is not an integer or out of range");
    }
}
