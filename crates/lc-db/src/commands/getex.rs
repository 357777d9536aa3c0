//! `GETEX`: answers a string and chooses when it ends.

use crate::arguments::{Args, is};
use crate::expiry_arguments::expiry;
use crate::{Arity, Command, Error, Expiry, Group, KeySpec, Reply, Run, Txn};

pub(super) static COMMAND: Command = Command {
    name: "getex",
    arity: Arity::AtLeast(1),
    group: Group::Strings,
    keys: KeySpec::FIRST,
    syntax: "key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | PERSIST]",
    summary: "Answers a string and sets or removes its expiry.",
    concurrent: "As EXPIRE: the latest of the concurrent expiries holds, and PERSIST is latest of all.",
    run: Run::Write(run),
};

fn run(txn: &mut Txn<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let key = args[0];
    let chosen = chosen(&args[1..], txn.now_ms());
    // As in Redis, a bad number is only noticed where there is a key.
    if chosen == Err(Error::Syntax) {
        return Err(Error::Syntax);
    }
    let Some(value) = txn.view().string(key)? else { return Ok(Reply::Nil) };
    match chosen? {
        Expiry::Keep => {}
        Expiry::At(at_ms) if at_ms <= txn.now_ms() => {
            txn.delete(key)?;
        }
        Expiry::At(at_ms) => txn.expire(key, Some(at_ms))?,
        Expiry::Never => {
            if txn.view().head(key)?.is_some_and(|head| head.expires_ms().is_some()) {
                txn.expire(key, None)?;
            }
        }
    }
    Ok(Reply::Bulk(value))
}

fn chosen(words: Args<'_>, now_ms: u64) -> Result<Expiry, Error> {
    match words {
        [] => Ok(Expiry::Keep),
        [word] if is(word, "persist") => Ok(Expiry::Never),
        [word, _] if !is(word, "keepttl") => expiry(word, &words[1..], now_ms, "getex").map(|(expiry, _)| expiry),
        _ => Err(Error::Syntax),
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn expiry_is_chosen_on_the_way() {
        let mut paris = Replica::new(1);
        paris.run("SET a x");
        assert_eq!((paris.run("GETEX a"), paris.run("TTL a")), ("x".into(), "-1".into()));
        assert_eq!((paris.run("GETEX a EX 10"), paris.run("TTL a")), ("x".into(), "10".into()));
        assert_eq!((paris.run("GETEX a PERSIST"), paris.run("TTL a")), ("x".into(), "-1".into()));
        assert_eq!((paris.run("GETEX a PXAT 5"), paris.run("EXISTS a")), ("x".into(), "0".into()));
    }

    #[test]
    fn options_are_checked_as_redis_does() {
        let mut paris = Replica::new(1);
        assert_eq!(paris.run("GETEX none EX x"), "nil");
        assert_eq!(paris.run("GETEX none KEEPTTL"), "ERR syntax error");
        paris.run("SET a x");
        assert_eq!(paris.run("GETEX a EX x"), "ERR value is not an integer or out of range");
        assert_eq!(paris.run("GETEX a EX 0"), "ERR invalid expire time in 'getex' command");
        assert_eq!(paris.run("GETEX a EX 10 PX 10"), "ERR syntax error");
        assert_eq!(paris.run("GETEX a KEEPTTL 1"), "ERR syntax error");
    }

    #[test]
    fn persisting_wins_over_a_concurrent_expiry() {
        let (mut paris, mut tokyo) = (Replica::new(1), Replica::new(2));
        paris.run("SET a x EX 50");
        tokyo.pull(&paris);
        paris.run("GETEX a PERSIST");
        tokyo.run("GETEX a EX 9");
        paris.pull(&tokyo);
        tokyo.pull(&paris);
        assert_eq!((paris.run("TTL a"), tokyo.run("TTL a")), ("-1".into(), "-1".into()));
        assert_eq!(paris.rows.digest(), tokyo.rows.digest());
    }
}
