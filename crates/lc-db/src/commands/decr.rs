//! `DECR`, `DECRBY`: `INCR` downwards.

use crate::arguments::{Args, int};
use crate::commands::incr::increment;
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, Txn};

pub(super) static DECR: Command = Command {
    name: "decr",
    arity: Arity::Exactly(1),
    group: Group::Counters,
    keys: KeySpec::FIRST,
    syntax: "key",
    summary: "Takes one from a counter; a missing key counts as 0.",
    concurrent: "As INCR: they add up.",
    run: Run::Write(|txn, args| increment(txn, args[0], -1)),
};

pub(super) static DECRBY: Command = Command {
    name: "decrby",
    arity: Arity::Exactly(2),
    group: Group::Counters,
    keys: KeySpec::FIRST,
    syntax: "key decrement",
    summary: "Takes a whole number from a counter.",
    concurrent: "As INCR: they add up.",
    run: Run::Write(decrby),
};

fn decrby(txn: &mut Txn<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let by = int(args[1])?.checked_neg().ok_or(Error::caller("decrement would overflow"))?;
    increment(txn, args[0], by)
}

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn decrements_and_increments_in_two_regions_add_up() {
        let (mut paris, mut tokyo) = (Replica::new(1), Replica::new(2));
        assert_eq!(paris.run("DECR stock"), "-1");
        assert_eq!(paris.run("DECRBY stock 9"), "-10");
        assert_eq!(tokyo.run("INCR stock"), "1");
        paris.pull(&tokyo);
        tokyo.pull(&paris);
        assert_eq!((paris.run("GET stock"), tokyo.run("GET stock")), ("-9".into(), "-9".into()));
        assert_eq!(paris.rows.digest(), tokyo.rows.digest());
    }

    #[test]
    fn what_cannot_be_negated_is_refused() {
        let mut paris = Replica::new(1);
        assert_eq!(paris.run("DECRBY a -9223372036854775808"), "ERR decrement would overflow");
        assert_eq!(paris.run("DECRBY a 1.5"), "ERR value is not an integer or out of range");
    }
}
