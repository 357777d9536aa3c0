//! `SUNION`, `SUNIONSTORE`: members that any set has.

use super::set_algebra;
use crate::arguments::Args;
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, Txn, View};

pub(super) static SUNION: Command = Command {
    name: "sunion",
    arity: Arity::AtLeast(1),
    group: Group::Sets,
    keys: KeySpec::ALL,
    syntax: "key [key ...]",
    summary: "The members that at least one of the sets has.",
    concurrent: "",
    run: Run::Read(read),
};

pub(super) static SUNIONSTORE: Command = Command {
    name: "sunionstore",
    arity: Arity::AtLeast(2),
    group: Group::Sets,
    keys: KeySpec::ALL,
    syntax: "destination key [key ...]",
    summary: "Stores what SUNION answers in a key, whatever it held; answers how many members that is.",
    concurrent: "The destination becomes what this region computed from what it saw. Members that another region adds to it at the same time stay; two regions that store at the same time leave the members of both.",
    run: Run::Write(store),
};

fn read(view: &View<'_>, args: Args<'_>) -> Result<Reply, Error> {
    Ok(set_algebra::reply(set_algebra::union(view, args)?))
}

fn store(txn: &mut Txn<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let members = set_algebra::union(&txn.view(), &args[1..])?;
    set_algebra::store(txn, args[0], members)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Replica, settle};

    #[test]
    fn every_member_is_answered_once() {
        let mut paris = Replica::new(1);
        paris.run("SADD a 1 2");
        paris.run("SADD b 2 3");
        assert_eq!(paris.run("SUNION a b nothing"), "{1 2 3}");
        assert_eq!(paris.run("SUNIONSTORE a a b"), "3");
        assert_eq!(paris.run("SMEMBERS a"), "{1 2 3}");
    }

    #[test]
    fn two_regions_that_store_at_once_leave_the_members_of_both() {
        let (mut paris, mut tokyo) = (Replica::new(1), Replica::new(2));
        paris.run("SADD a 1");
        tokyo.run("SADD b 2");
        paris.run("SUNIONSTORE all a");
        tokyo.run("SUNIONSTORE all b");
        settle(&mut [&mut paris, &mut tokyo]);
        assert_eq!(paris.run("SMEMBERS all"), "{1 2}");
    }
}
