//! `DEL`, `UNLINK`: remove keys.

use crate::arguments::Args;
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, Txn};

pub(super) static DEL: Command = Command {
    name: "del",
    arity: Arity::AtLeast(1),
    group: Group::Keys,
    keys: KeySpec::ALL,
    syntax: "key [key ...]",
    summary: "Removes keys with all that they hold; answers how many there were.",
    concurrent: "Removes what this region saw of each key. What another wrote at the same time survives: a value, an element, an increment.",
    run: Run::Write(run),
};

pub(super) static UNLINK: Command = Command {
    name: "unlink",
    arity: Arity::AtLeast(1),
    group: Group::Keys,
    keys: KeySpec::ALL,
    syntax: "key [key ...]",
    summary: "The same as DEL; nothing is left to be freed later.",
    concurrent: "As DEL.",
    run: Run::Write(run),
};

fn run(txn: &mut Txn<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let mut removed = 0;
    for key in args {
        removed += usize::from(txn.delete(key)?);
    }
    Ok(Reply::count(removed))
}

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn each_key_counts_once() {
        let mut paris = Replica::new(1);
        paris.run("MSET a 1 b 2");
        paris.run("SADD s x y");
        assert_eq!(paris.run("DEL a s none a"), "2");
        assert_eq!(paris.run("UNLINK b"), "1");
        assert_eq!(paris.run("EXISTS a b s"), "0");
        assert!(paris.rows.is_empty());
    }

    #[test]
    fn an_element_added_at_the_same_time_survives() {
        let (mut paris, mut tokyo) = (Replica::new(1), Replica::new(2));
        paris.run("SADD s old");
        tokyo.pull(&paris);
        paris.run("DEL s");
        tokyo.run("SADD s new");
        paris.pull(&tokyo);
        tokyo.pull(&paris);
        assert_eq!((paris.run("SMEMBERS s"), tokyo.run("SMEMBERS s")), ("{new}".into(), "{new}".into()));
        assert_eq!(paris.rows.digest(), tokyo.rows.digest());
    }
}
