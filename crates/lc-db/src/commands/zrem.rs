//! `ZREM`: members out of a sorted set.

use lc_crdt::Kind;

use crate::arguments::Args;
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, Txn};

pub(super) static COMMAND: Command = Command {
    name: "zrem",
    arity: Arity::AtLeast(2),
    group: Group::SortedSets,
    keys: KeySpec::FIRST,
    syntax: "key member [member ...]",
    summary: "Removes members of a sorted set; answers how many were there.",
    concurrent: "It removes what it saw: a score set or an increment made in another region at the same time stays.",
    run: Run::Write(run),
};

fn run(txn: &mut Txn<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let (key, members) = (args[0], &args[1..]);
    let mut removed = 0;
    for member in members {
        removed += usize::from(txn.remove_element(key, Kind::Sorted, member)?);
    }
    Ok(Reply::count(removed))
}

#[cfg(test)]
mod tests {
    use crate::testing::{Replica, settle};

    #[test]
    fn the_last_member_takes_the_key_along() {
        let mut paris = Replica::new(1);
        paris.run("ZADD busy 1 JFK 2 LGA");
        assert_eq!(paris.run("ZREM busy JFK EWR JFK"), "1");
        assert_eq!(paris.run("ZREM busy LGA"), "1");
        assert!(paris.rows.is_empty(), "the index by score too");
    }

    #[test]
    fn a_concurrent_increment_starts_from_nothing() {
        let (mut paris, mut tokyo) = (Replica::new(1), Replica::new(2));
        paris.run("ZADD busy 10 JFK");
        tokyo.pull(&paris);
        paris.run("ZREM busy JFK");
        tokyo.run("ZINCRBY busy 2 JFK");
        settle(&mut [&mut paris, &mut tokyo]);
        assert_eq!(paris.run("ZRANGE busy 0 -1 WITHSCORES"), "[[JFK 2]]");
    }
}
