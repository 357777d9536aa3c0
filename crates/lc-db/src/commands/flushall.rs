//! `FLUSHALL`, `FLUSHDB`: remove every key. There is one database, so they are the same.

use crate::arguments::{Args, is};
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, Txn};

pub(super) static FLUSHALL: Command = Command {
    name: "flushall",
    arity: Arity::Between(0, 1),
    group: Group::Keys,
    keys: KeySpec::NONE,
    syntax: "[ASYNC | SYNC]",
    summary: "Removes every key, in all regions. ASYNC and SYNC are taken and make no difference.",
    concurrent: "As DEL of every key: removes what this region saw, and what another wrote at the same time survives.",
    run: Run::Write(run),
};

pub(super) static FLUSHDB: Command = Command {
    name: "flushdb",
    arity: Arity::Between(0, 1),
    group: Group::Keys,
    keys: KeySpec::NONE,
    syntax: "[ASYNC | SYNC]",
    summary: "The same as FLUSHALL.",
    concurrent: "As FLUSHALL.",
    run: Run::Write(run),
};

fn run(txn: &mut Txn<'_>, args: Args<'_>) -> Result<Reply, Error> {
    if args.iter().any(|word| !is(word, "async") && !is(word, "sync")) {
        return Err(Error::Syntax);
    }
    txn.clear()?;
    Ok(Reply::OK)
}

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn nothing_is_left_but_what_was_not_seen() {
        let (mut paris, mut tokyo) = (Replica::new(1), Replica::new(2));
        paris.run("MSET a 1 b 2");
        paris.run("INCR n");
        paris.run("SADD s x");
        tokyo.pull(&paris);
        tokyo.run("INCR n");
        tokyo.run("SET c 3");
        assert_eq!(paris.run("FLUSHALL ASYNC"), "OK");
        assert_eq!(paris.run("DBSIZE"), "0");
        paris.pull(&tokyo);
        tokyo.pull(&paris);
        assert_eq!((paris.run("MGET a c n"), tokyo.run("MGET a c n")), ("[nil 3 1]".into(), "[nil 3 1]".into()));
        assert_eq!(paris.rows.digest(), tokyo.rows.digest());
        assert_eq!(paris.run("FLUSHDB"), "OK");
        assert!(paris.rows.is_empty());
    }

    #[test]
    fn other_words_are_refused() {
        let mut paris = Replica::new(1);
        assert_eq!(paris.run("FLUSHALL NOW"), "ERR syntax error");
    }
}
