//! `ZREMRANGEBYLEX`: removes a range of members by member.

use super::score_bounds::MemberEnd;
use super::score_range::{self, Range};
use crate::arguments::Args;
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, Txn};

pub(super) static COMMAND: Command = Command {
    name: "zremrangebylex",
    arity: Arity::Exactly(3),
    group: Group::SortedSets,
    keys: KeySpec::FIRST,
    syntax: "key min max",
    summary: "Removes the members of a range by member; answers how many they were.",
    concurrent: "It removes what it saw: a score set or an increment made in another region at the same time stays.",
    run: Run::Write(run),
};

fn run(txn: &mut Txn<'_>, args: Args<'_>) -> Result<Reply, Error> {
    score_range::remove(txn, args[0], Range::Members(MemberEnd::parse(args[1])?, MemberEnd::parse(args[2])?))
}

#[cfg(test)]
mod tests {
    use crate::testing::{Replica, settle};

    #[test]
    fn members_between_two_leave() {
        let (mut paris, mut tokyo) = (Replica::new(1), Replica::new(2));
        paris.run("ZADD names 0 a 0 b 0 c 0 d");
        tokyo.pull(&paris);
        assert_eq!(paris.run("ZREMRANGEBYLEX names [b (d"), "2");
        tokyo.run("ZADD names 0 bb");
        settle(&mut [&mut paris, &mut tokyo]);
        assert_eq!(tokyo.run("ZRANGE names 0 -1"), "[a bb d]");
    }
}
