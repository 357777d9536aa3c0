//! `SPOP`: takes members out at random, O(n).

use bytes::Bytes;
use lc_crdt::Kind;

use super::picks;
use crate::arguments::{Args, int};
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, Txn};

pub(super) static COMMAND: Command = Command {
    name: "spop",
    arity: Arity::AtLeast(1),
    group: Group::Sets,
    keys: KeySpec::FIRST,
    syntax: "key [count]",
    summary: "Takes members picked at random out of a set.",
    concurrent: "Two regions may both answer the same member before they hear of each other; it is removed once. A member added at the same time stays.",
    run: Run::Write(run),
};

fn run(txn: &mut Txn<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let key = args[0];
    let count = match &args[1..] {
        [] => return Ok(take(txn, key, 1)?.pop().map_or(Reply::Nil, Reply::Bulk)),
        [count] => count,
        _ => return Err(Error::Syntax),
    };
    let count =
        int(count).ok().filter(|&count| count >= 0).ok_or(Error::caller("value is out of range, must be positive"))?;
    Ok(Reply::Set(take(txn, key, count)?.into_iter().map(Reply::Bulk).collect()))
}

fn take(txn: &mut Txn<'_>, key: &[u8], count: i64) -> Result<Vec<Bytes>, Error> {
    let picked = picks::several(&txn.view(), key, Kind::Set, count)?;
    let members: Vec<Bytes> = picked.into_iter().map(|(member, _)| member).collect();
    txn.remove_elements(key, Kind::Set, &members)?;
    Ok(members)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Replica, settle};

    #[test]
    fn members_are_answered_and_gone() {
        let mut paris = Replica::new(1);
        assert_eq!(paris.run("SPOP carriers"), "nil");
        assert_eq!(paris.run("SPOP carriers 2"), "{}");
        paris.run("SADD carriers AF LH BA");
        let popped = paris.run("SPOP carriers");
        assert_eq!(paris.run(&format!("SISMEMBER carriers {popped}")), "0");
        assert_eq!(paris.run("SPOP carriers 0"), "{}");
        assert_eq!(paris.run("SPOP carriers -1"), "ERR value is out of range, must be positive");
        assert_eq!(paris.run("SPOP carriers 9").split(' ').count(), 2);
        assert!(paris.rows.is_empty());
    }

    #[test]
    fn emptying_a_set_leaves_what_was_added_elsewhere() {
        let (mut paris, mut tokyo) = (Replica::new(1), Replica::new(2));
        paris.run("SADD carriers AF LH");
        tokyo.pull(&paris);
        assert_eq!(paris.run("SPOP carriers 2"), "{AF LH}");
        tokyo.run("SADD carriers BA");
        assert_eq!(tokyo.run("SPOP carriers 9"), "{AF BA LH}");
        tokyo.run("SADD carriers LH");
        settle(&mut [&mut paris, &mut tokyo]);
        assert_eq!(paris.run("SMEMBERS carriers"), "{LH}");
    }
}
