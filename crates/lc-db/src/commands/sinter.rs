//! `SINTER`, `SINTERSTORE`: members that all sets have.

use super::set_algebra;
use crate::arguments::Args;
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, Txn, View};

pub(super) static SINTER: Command = Command {
    name: "sinter",
    arity: Arity::AtLeast(1),
    group: Group::Sets,
    keys: KeySpec::ALL,
    syntax: "key [key ...]",
    summary: "The members that all of the sets have.",
    concurrent: "",
    run: Run::Read(read),
};

pub(super) static SINTERSTORE: Command = Command {
    name: "sinterstore",
    arity: Arity::AtLeast(2),
    group: Group::Sets,
    keys: KeySpec::ALL,
    syntax: "destination key [key ...]",
    summary: "Stores what SINTER answers in a key, whatever it held; answers how many members that is.",
    concurrent: "The destination becomes what this region computed from what it saw. Members that another region adds to it at the same time stay; two regions that store at the same time leave the members of both.",
    run: Run::Write(store),
};

fn read(view: &View<'_>, args: Args<'_>) -> Result<Reply, Error> {
    Ok(set_algebra::reply(set_algebra::intersection(view, args, usize::MAX)?))
}

fn store(txn: &mut Txn<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let members = set_algebra::intersection(&txn.view(), &args[1..], usize::MAX)?;
    set_algebra::store(txn, args[0], members)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Replica, settle};

    #[test]
    fn only_members_of_all_sets_are_answered() {
        let mut paris = Replica::new(1);
        paris.run("SADD a 1 2 3");
        paris.run("SADD b 2 3 4");
        assert_eq!(paris.run("SINTER a b"), "{2 3}");
        assert_eq!(paris.run("SINTER a"), "{1 2 3}");
        assert_eq!(paris.run("SINTER a b nothing"), "{}");
        paris.run("SET text 1");
        assert_eq!(
            paris.run("SINTER nothing text"),
            "WRONGTYPE Operation against a key holding the wrong kind of value"
        );
        assert_eq!(paris.run("SINTERSTORE text a b"), "2");
        assert_eq!(paris.run("SMEMBERS text"), "{2 3}");
        assert_eq!(paris.run("SINTERSTORE text a nothing"), "0");
        assert_eq!(paris.run("SCARD text"), "0");
    }

    #[test]
    fn a_member_added_to_the_destination_elsewhere_stays() {
        let (mut paris, mut tokyo) = (Replica::new(1), Replica::new(2));
        paris.run("SADD a 1 2 3");
        paris.run("SADD b 2 3 4");
        paris.run("SADD both 9");
        tokyo.pull(&paris);
        paris.run("SINTERSTORE both a b");
        tokyo.run("SADD both 5");
        settle(&mut [&mut paris, &mut tokyo]);
        assert_eq!(tokyo.run("SMEMBERS both"), "{2 3 5}");
    }
}
