//! `SETEX`, `PSETEX`: a string and how long it lives.

use crate::arguments::{Args, int};
use crate::expiry_arguments::moment;
use crate::{Arity, Command, Error, Expiry, Group, KeySpec, Reply, Run, Txn};

pub(super) static SETEX: Command = Command {
    name: "setex",
    arity: Arity::Exactly(3),
    group: Group::Strings,
    keys: KeySpec::FIRST,
    syntax: "key seconds value",
    summary: "Sets a string that ends after some seconds.",
    concurrent: "As SET: the highest (hybrid logical clock, replica) is shown. The key ends at the latest of the concurrent expiries.",
    run: Run::Write(|txn, args| run(txn, args, 1000, "setex")),
};

pub(super) static PSETEX: Command = Command {
    name: "psetex",
    arity: Arity::Exactly(3),
    group: Group::Strings,
    keys: KeySpec::FIRST,
    syntax: "key milliseconds value",
    summary: "Sets a string that ends after some milliseconds.",
    concurrent: "As SETEX.",
    run: Run::Write(|txn, args| run(txn, args, 1, "psetex")),
};

fn run(txn: &mut Txn<'_>, args: Args<'_>, scale: i64, command: &'static str) -> Result<Reply, Error> {
    let ends_ms = moment(int(args[1])?, scale, txn.now_ms(), command)?;
    txn.set_string(args[0], args[2], Expiry::At(ends_ms))?;
    Ok(Reply::OK)
}

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn the_value_ends_in_time() {
        let mut paris = Replica::new(1);
        assert_eq!(paris.run("SETEX a 2 x"), "OK");
        assert_eq!(paris.run("PSETEX b 500 x"), "OK");
        assert_eq!(paris.run("MGET a b"), "[x x]");
        paris.now_ms += 500;
        assert_eq!(paris.run("MGET a b"), "[x nil]");
        assert_eq!(paris.run("SETEX a 0 x"), "ERR invalid expire time in 'setex' command");
        assert_eq!(paris.run("PSETEX a y x"), "ERR value is not an integer or out of range");
    }

    #[test]
    fn of_two_concurrent_values_the_key_ends_at_the_later_expiry() {
        let (mut paris, mut tokyo) = (Replica::new(1), Replica::new(2));
        paris.run("SETEX a 100 paris");
        tokyo.run("SETEX a 10 tokyo");
        paris.pull(&tokyo);
        tokyo.pull(&paris);
        assert_eq!((paris.run("TTL a"), tokyo.run("TTL a")), ("100".into(), "100".into()));
        assert_eq!(paris.run("GET a"), tokyo.run("GET a"));
        assert_eq!(paris.rows.digest(), tokyo.rows.digest());
    }
}
