//! `SDIFF`, `SDIFFSTORE`: members of the first set that no other has.

use super::set_algebra;
use crate::arguments::Args;
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, Txn, View};

pub(super) static SDIFF: Command = Command {
    name: "sdiff",
    arity: Arity::AtLeast(1),
    group: Group::Sets,
    keys: KeySpec::ALL,
    syntax: "key [key ...]",
    summary: "The members of the first set that no other has.",
    concurrent: "",
    run: Run::Read(read),
};

pub(super) static SDIFFSTORE: Command = Command {
    name: "sdiffstore",
    arity: Arity::AtLeast(2),
    group: Group::Sets,
    keys: KeySpec::ALL,
    syntax: "destination key [key ...]",
    summary: "Stores what SDIFF answers in a key, whatever it held; answers how many members that is.",
    concurrent: "The destination becomes what this region computed from what it saw. Members that another region adds to it at the same time stay; two regions that store at the same time leave the members of both.",
    run: Run::Write(store),
};

fn read(view: &View<'_>, args: Args<'_>) -> Result<Reply, Error> {
    Ok(set_algebra::reply(set_algebra::difference(view, args)?))
}

fn store(txn: &mut Txn<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let members = set_algebra::difference(&txn.view(), &args[1..])?;
    set_algebra::store(txn, args[0], members)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Replica, settle};

    #[test]
    fn members_of_the_others_are_left_out() {
        let mut paris = Replica::new(1);
        paris.run("SADD a 1 2 3");
        paris.run("SADD b 2");
        assert_eq!(paris.run("SDIFF a b nothing"), "{1 3}");
        assert_eq!(paris.run("SDIFF nothing a"), "{}");
        assert_eq!(paris.run("SDIFFSTORE rest a a"), "0");
        assert_eq!(paris.run("SDIFFSTORE rest a b"), "2");
    }

    #[test]
    fn storing_replaces_what_was_seen() {
        let (mut paris, mut tokyo) = (Replica::new(1), Replica::new(2));
        paris.run("SADD a 1 2");
        paris.run("SADD rest 7");
        tokyo.pull(&paris);
        tokyo.run("SDIFFSTORE rest a nothing");
        settle(&mut [&mut paris, &mut tokyo]);
        assert_eq!(paris.run("SMEMBERS rest"), "{1 2}");
    }
}
