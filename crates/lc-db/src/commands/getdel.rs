//! `GETDEL`: answers a string and removes it.

use crate::arguments::Args;
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, Txn};

pub(super) static COMMAND: Command = Command {
    name: "getdel",
    arity: Arity::Exactly(1),
    group: Group::Strings,
    keys: KeySpec::FIRST,
    syntax: "key",
    summary: "Answers a string and removes it.",
    concurrent: "As DEL: what this region did not see survives. Two regions may answer the same value.",
    run: Run::Write(run),
};

fn run(txn: &mut Txn<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let old = txn.view().string(args[0])?;
    if old.is_some() {
        txn.delete(args[0])?;
    }
    Ok(Reply::bulk_or_nil(old))
}

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn a_concurrent_write_survives_being_taken() {
        let (mut paris, mut tokyo) = (Replica::new(1), Replica::new(2));
        paris.run("SET a old");
        tokyo.pull(&paris);
        assert_eq!(paris.run("GETDEL a"), "old");
        assert_eq!(paris.run("GETDEL a"), "nil");
        tokyo.run("SET a new");
        paris.pull(&tokyo);
        tokyo.pull(&paris);
        assert_eq!((paris.run("GET a"), tokyo.run("GET a")), ("new".into(), "new".into()));
        assert_eq!(paris.rows.digest(), tokyo.rows.digest());
    }
}
