//! `SETNX`: sets a string only where no key is.

use crate::arguments::Args;
use crate::{Arity, Command, Error, Expiry, Group, KeySpec, Reply, Run, Txn};

pub(super) static COMMAND: Command = Command {
    name: "setnx",
    arity: Arity::Exactly(2),
    group: Group::Strings,
    keys: KeySpec::FIRST,
    syntax: "key value",
    summary: "Sets a string if the key does not exist; answers 1 if it did.",
    concurrent: "Every region judges by what it sees, so two may both answer 1; the highest (hybrid logical clock, replica) is shown then. It is no lock between regions.",
    run: Run::Write(run),
};

fn run(txn: &mut Txn<'_>, args: Args<'_>) -> Result<Reply, Error> {
    if txn.view().exists(args[0])? {
        return Ok(Reply::flag(false));
    }
    txn.set_string(args[0], args[1], Expiry::Never)?;
    Ok(Reply::flag(true))
}

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn an_existing_key_of_any_type_is_left_alone() {
        let mut paris = Replica::new(1);
        assert_eq!(paris.run("SETNX a 1"), "1");
        assert_eq!(paris.run("SETNX a 2"), "0");
        assert_eq!(paris.run("GET a"), "1");
    }

    #[test]
    fn two_regions_may_both_set_and_then_agree_on_one() {
        let (mut paris, mut tokyo) = (Replica::new(1), Replica::new(2));
        tokyo.now_ms += 1;
        assert_eq!((paris.run("SETNX a paris"), tokyo.run("SETNX a tokyo")), ("1".into(), "1".into()));
        paris.pull(&tokyo);
        tokyo.pull(&paris);
        assert_eq!((paris.run("GET a"), tokyo.run("GET a")), ("tokyo".into(), "tokyo".into()));
        assert_eq!(paris.rows.digest(), tokyo.rows.digest());
    }
}
