//! `INCRBY`: adds a whole number to a counter.

use crate::arguments::{Args, int};
use crate::commands::incr::increment;
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, Txn};

pub(super) static COMMAND: Command = Command {
    name: "incrby",
    arity: Arity::Exactly(2),
    group: Group::Counters,
    keys: KeySpec::FIRST,
    syntax: "key increment",
    summary: "Adds a whole number to a counter.",
    concurrent: "As INCR: they add up.",
    run: Run::Write(run),
};

fn run(txn: &mut Txn<'_>, args: Args<'_>) -> Result<Reply, Error> {
    increment(txn, args[0], int(args[1])?)
}

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn increments_that_a_delete_did_not_see_remain() {
        let (mut paris, mut tokyo) = (Replica::new(1), Replica::new(2));
        paris.run("INCRBY visits 10");
        tokyo.pull(&paris);
        tokyo.run("INCRBY visits 5");
        paris.run("DEL visits");
        paris.pull(&tokyo);
        tokyo.pull(&paris);
        assert_eq!((paris.run("GET visits"), tokyo.run("GET visits")), ("5".into(), "5".into()));
        assert_eq!(paris.rows.digest(), tokyo.rows.digest());
    }
}
