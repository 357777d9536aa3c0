//! `PERSIST`: lets a key live on.

use crate::arguments::Args;
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, Txn};

pub(super) static COMMAND: Command = Command {
    name: "persist",
    arity: Arity::Exactly(1),
    group: Group::Keys,
    keys: KeySpec::FIRST,
    syntax: "key",
    summary: "Removes the expiry of a key; answers 1 if it had one.",
    concurrent: "Wins over a concurrent EXPIRE, as the latest of all expiries.",
    run: Run::Write(run),
};

fn run(txn: &mut Txn<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let ends = txn.view().head(args[0])?.is_some_and(|head| head.expires_ms().is_some());
    if ends {
        txn.expire(args[0], None)?;
    }
    Ok(Reply::flag(ends))
}

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn only_a_key_that_would_end_is_changed() {
        let mut paris = Replica::new(1);
        paris.run("SET a 1 EX 5");
        assert_eq!([paris.run("PERSIST a"), paris.run("PERSIST a"), paris.run("PERSIST none")], ["1", "0", "0"]);
        assert_eq!(paris.run("TTL a"), "-1");
    }

    #[test]
    fn persisting_wins_over_a_concurrent_expiry() {
        let (mut paris, mut tokyo) = (Replica::new(1), Replica::new(2));
        paris.run("HSET h f v");
        paris.run("EXPIRE h 50");
        tokyo.pull(&paris);
        paris.run("PERSIST h");
        tokyo.run("EXPIRE h 500");
        paris.pull(&tokyo);
        tokyo.pull(&paris);
        assert_eq!((paris.run("TTL h"), tokyo.run("TTL h")), ("-1".into(), "-1".into()));
        assert_eq!(paris.rows.digest(), tokyo.rows.digest());
    }
}
