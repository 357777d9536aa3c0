//! `GETSET`: sets a string and answers the old one.

use crate::arguments::Args;
use crate::{Arity, Command, Error, Expiry, Group, KeySpec, Reply, Run, Txn};

pub(super) static COMMAND: Command = Command {
    name: "getset",
    arity: Arity::Exactly(2),
    group: Group::Strings,
    keys: KeySpec::FIRST,
    syntax: "key value",
    summary: "Sets a string without expiry and answers what it was before.",
    concurrent: "As SET. The old value is what this region saw; two regions may answer the same one.",
    run: Run::Write(run),
};

fn run(txn: &mut Txn<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let old = txn.view().string(args[0])?;
    txn.set_string(args[0], args[1], Expiry::Never)?;
    Ok(Reply::bulk_or_nil(old))
}

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn the_old_value_is_answered_and_a_counter_is_replaced_with_what_was_seen_of_it() {
        let (mut paris, mut tokyo) = (Replica::new(1), Replica::new(2));
        assert_eq!(paris.run("GETSET a 1"), "nil");
        assert_eq!(paris.run("INCRBY a 4"), "5");
        assert_eq!(paris.run("GETSET a 0"), "5");
        tokyo.run("INCR a");
        paris.pull(&tokyo);
        tokyo.pull(&paris);
        assert_eq!((paris.run("GET a"), tokyo.run("GET a")), ("1".into(), "1".into()));
        assert_eq!(paris.rows.digest(), tokyo.rows.digest());
    }
}
