//! `SREM`: members out of a set.

use lc_crdt::Kind;

use crate::arguments::Args;
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, Txn};

pub(super) static COMMAND: Command = Command {
    name: "srem",
    arity: Arity::AtLeast(2),
    group: Group::Sets,
    keys: KeySpec::FIRST,
    syntax: "key member [member ...]",
    summary: "Removes members of a set; answers how many were there.",
    concurrent: "It removes what it saw: a member added in another region at the same time stays.",
    run: Run::Write(run),
};

fn run(txn: &mut Txn<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let (key, members) = (args[0], &args[1..]);
    let mut removed = 0;
    for member in members {
        removed += usize::from(txn.remove_element(key, Kind::Set, member)?);
    }
    Ok(Reply::count(removed))
}

#[cfg(test)]
mod tests {
    use crate::testing::{Replica, settle};

    #[test]
    fn a_member_that_is_not_there_writes_nothing() {
        let mut paris = Replica::new(1);
        paris.run("SADD carriers AF LH");
        assert_eq!(paris.run("SREM carriers AF BA AF"), "1");
        let entries = paris.journal.len();
        assert_eq!(paris.run("SREM carriers AF"), "0");
        assert_eq!(paris.journal.len(), entries);
        assert_eq!(paris.run("SREM carriers LH"), "1");
        assert!(paris.rows.is_empty(), "the last member takes the key along");
    }

    #[test]
    fn a_second_type_under_the_key_shows_when_the_first_is_gone() {
        let (mut paris, mut tokyo) = (Replica::new(1), Replica::new(2));
        paris.run("SADD carriers AF");
        tokyo.run("ZADD carriers 1 LH");
        settle(&mut [&mut paris, &mut tokyo]);
        assert_eq!(paris.run("ZCARD carriers"), "WRONGTYPE Operation against a key holding the wrong kind of value");
        assert_eq!(paris.run("SREM carriers AF"), "1");
        assert_eq!(paris.run("ZRANGE carriers 0 -1"), "[LH]");
        assert_eq!(tokyo.run("DEL carriers"), "1");
        settle(&mut [&mut paris, &mut tokyo]);
        assert!(paris.rows.is_empty(), "a deletion takes both along");
    }

    #[test]
    fn the_same_removal_in_two_regions_is_one() {
        let (mut paris, mut tokyo) = (Replica::new(1), Replica::new(2));
        paris.run("SADD carriers AF LH");
        tokyo.pull(&paris);
        paris.run("SREM carriers AF");
        tokyo.run("SREM carriers AF");
        settle(&mut [&mut paris, &mut tokyo]);
        assert_eq!(paris.run("SCARD carriers"), "1");
    }
}
