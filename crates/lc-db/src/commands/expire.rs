//! `EXPIRE`, `PEXPIRE`, `EXPIREAT`, `PEXPIREAT`: when a key ends.

use crate::arguments::{Args, int, is, shown};
use crate::expiry_arguments::EXPIRY_MS_MAX;
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, Txn};

pub(super) static EXPIRE: Command = Command {
    name: "expire",
    arity: Arity::AtLeast(2),
    group: Group::Keys,
    keys: KeySpec::FIRST,
    syntax: "key seconds [NX | XX | GT | LT]",
    summary: "Lets a key end after some seconds; at once, if they are not above 0. NX: only without expiry, XX: only with one, GT and LT: only if later or earlier.",
    concurrent: "The latest of the concurrent expiries holds, and none at all (PERSIST, SET) is latest of all. Against DEL: the key is gone. The conditions judge by what this region sees.",
    run: Run::Write(|txn, args| {
        let base_ms = txn.now_ms();
        run(txn, args, 1000, base_ms, "expire")
    }),
};

pub(super) static PEXPIRE: Command = Command {
    name: "pexpire",
    arity: Arity::AtLeast(2),
    group: Group::Keys,
    keys: KeySpec::FIRST,
    syntax: "key milliseconds [NX | XX | GT | LT]",
    summary: "EXPIRE in milliseconds.",
    concurrent: "As EXPIRE.",
    run: Run::Write(|txn, args| {
        let base_ms = txn.now_ms();
        run(txn, args, 1, base_ms, "pexpire")
    }),
};

pub(super) static EXPIREAT: Command = Command {
    name: "expireat",
    arity: Arity::AtLeast(2),
    group: Group::Keys,
    keys: KeySpec::FIRST,
    syntax: "key unix-time-seconds [NX | XX | GT | LT]",
    summary: "Lets a key end at a moment; at once, if it is past.",
    concurrent: "As EXPIRE.",
    run: Run::Write(|txn, args| run(txn, args, 1000, 0, "expireat")),
};

pub(super) static PEXPIREAT: Command = Command {
    name: "pexpireat",
    arity: Arity::AtLeast(2),
    group: Group::Keys,
    keys: KeySpec::FIRST,
    syntax: "key unix-time-milliseconds [NX | XX | GT | LT]",
    summary: "EXPIREAT in milliseconds.",
    concurrent: "As EXPIRE.",
    run: Run::Write(|txn, args| run(txn, args, 1, 0, "pexpireat")),
};

fn run(txn: &mut Txn<'_>, args: Args<'_>, scale: i64, base_ms: u64, command: &'static str) -> Result<Reply, Error> {
    let key = args[0];
    let conditions = Conditions::parse(&args[2..])?;
    let at_ms = moment(int(args[1])?, scale, base_ms, command)?;
    let Some(head) = txn.view().head(key)? else { return Ok(Reply::flag(false)) };
    if !conditions.allow(head.expires_ms(), at_ms) {
        return Ok(Reply::flag(false));
    }
    if at_ms <= txn.now_ms() {
        txn.delete(key)?;
    } else {
        txn.expire(key, Some(at_ms))?;
    }
    Ok(Reply::flag(true))
}

/// A moment in Unix ms; one before 1970 is as good as 0, since both are past.
fn moment(amount: i64, scale: i64, base_ms: u64, command: &'static str) -> Result<u64, Error> {
    match amount.checked_mul(scale).and_then(|ms| ms.checked_add(base_ms as i64)) {
        Some(ms) if ms < EXPIRY_MS_MAX => Ok(u64::try_from(ms).unwrap_or(0)),
        _ => Err(Error::caller(format!("invalid expire time in '{command}' command"))),
    }
}

#[derive(Default)]
struct Conditions {
    only_without: bool,
    only_with: bool,
    only_later: bool,
    only_earlier: bool,
}

impl Conditions {
    fn parse(words: Args<'_>) -> Result<Conditions, Error> {
        let mut conditions = Conditions::default();
        for word in words {
            match word {
                _ if is(word, "nx") => conditions.only_without = true,
                _ if is(word, "xx") => conditions.only_with = true,
                _ if is(word, "gt") => conditions.only_later = true,
                _ if is(word, "lt") => conditions.only_earlier = true,
                _ => return Err(Error::caller(format!("Unsupported option {}", shown(word)))),
            }
        }
        let others = conditions.only_with || conditions.only_later || conditions.only_earlier;
        if conditions.only_without && others {
            return Err(Error::caller("NX and XX, GT or LT options at the same time are not compatible"));
        }
        if conditions.only_later && conditions.only_earlier {
            return Err(Error::caller("GT and LT options at the same time are not compatible"));
        }
        Ok(conditions)
    }

    /// A key without expiry counts as ending later than any other.
    fn allow(&self, current_ms: Option<u64>, new_ms: u64) -> bool {
        let current = current_ms.unwrap_or(u64::MAX);
        !(self.only_without && current_ms.is_some()
            || self.only_with && current_ms.is_none()
            || self.only_later && new_ms <= current
            || self.only_earlier && new_ms >= current)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn a_key_ends_in_each_unit() {
        let mut paris = Replica::new(1);
        paris.run("MSET a 1 b 2 c 3 d 4");
        let set = ["EXPIRE a 1", "PEXPIRE b 1000", "EXPIREAT c 1001", "PEXPIREAT d 1001000", "EXPIRE none 1"]
            .map(|line| paris.run(line));
        assert_eq!(set, ["1", "1", "1", "1", "0"]);
        paris.now_ms += 999;
        assert_eq!(paris.run("EXISTS a b c d"), "4");
        paris.now_ms += 1;
        assert_eq!(paris.run("EXISTS a b c d"), "0");
    }

    #[test]
    fn a_moment_in_the_past_deletes() {
        let mut paris = Replica::new(1);
        for line in ["EXPIRE a 0", "EXPIRE a -1", "PEXPIREAT a 999999", "EXPIREAT a -9223372036854775"] {
            paris.run("SADD a x");
            assert_eq!(paris.run(line), "1");
            assert!(paris.rows.is_empty(), "{line}");
        }
    }

    #[test]
    fn conditions_judge_the_expiry_there_is() {
        let mut paris = Replica::new(1);
        paris.run("SET a 1");
        for (conditions, done) in [
            ("10 XX", "0"),
            ("10 GT", "0"),
            ("10 XX LT", "0"),
            ("10 LT", "1"),
            ("5 NX", "0"),
            ("5 GT", "0"),
            ("20 GT", "1"),
            ("30 LT", "0"),
            ("30 XX GT", "1"),
            ("7 xx", "1"),
        ] {
            assert_eq!(paris.run(&format!("EXPIRE a {conditions}")), done, "{conditions}");
        }
        assert_eq!(paris.run("TTL a"), "7");
        assert_eq!(
            paris.run("EXPIRE a 1 NX GT"),
            "ERR NX and XX, GT or LT options at the same time are not compatible"
        );
        assert_eq!(paris.run("EXPIRE a 1 LT GT"), "ERR GT and LT options at the same time are not compatible");
        assert_eq!(paris.run("EXPIRE a 1 FOO"), "ERR Unsupported option FOO");
        assert_eq!(paris.run("EXPIRE a x"), "ERR value is not an integer or out of range");
        assert_eq!(paris.run("EXPIRE a 99999999999999999"), "ERR invalid expire time in 'expire' command");
        assert_eq!(paris.run("PEXPIRE a 9223372036854775807"), "ERR invalid expire time in 'pexpire' command");
    }

    #[test]
    fn the_later_of_two_concurrent_expiries_holds() {
        let (mut paris, mut tokyo) = (Replica::new(1), Replica::new(2));
        paris.run("SADD s x");
        tokyo.pull(&paris);
        paris.run("EXPIRE s 100");
        tokyo.now_ms += 1;
        tokyo.run("EXPIRE s 10");
        paris.pull(&tokyo);
        tokyo.pull(&paris);
        assert_eq!((paris.run("PTTL s"), tokyo.run("PTTL s")), ("100000".into(), "99999".into()));
        assert_eq!(paris.rows.digest(), tokyo.rows.digest());
    }

    #[test]
    fn an_expiry_does_not_bring_back_what_is_deleted_at_the_same_time() {
        let (mut paris, mut tokyo) = (Replica::new(1), Replica::new(2));
        paris.run("SET a 1");
        tokyo.pull(&paris);
        paris.run("EXPIRE a 100");
        tokyo.run("DEL a");
        paris.pull(&tokyo);
        tokyo.pull(&paris);
        assert_eq!((paris.run("EXISTS a"), tokyo.run("EXISTS a")), ("0".into(), "0".into()));
        paris.run("APPEND a x");
        assert_eq!(paris.run("TTL a"), "-1");
        tokyo.pull(&paris);
        assert_eq!(paris.rows.digest(), tokyo.rows.digest());
    }
}
