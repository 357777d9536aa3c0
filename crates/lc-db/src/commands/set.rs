//! `SET`: a string's value, with its conditions and expiry.

use crate::arguments::{Args, int, is};
use crate::{Arity, Command, Error, Expiry, Group, KeySpec, Reply, Run, Txn};

pub(super) static COMMAND: Command = Command {
    name: "set",
    arity: Arity::AtLeast(2),
    group: Group::Strings,
    keys: KeySpec::FIRST,
    syntax: "key value [NX | XX] [GET] [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL]",
    summary: "Sets a string, whatever the key held before.",
    concurrent: "The highest (hybrid logical clock, replica) is shown; the other stays until a write that saw both. NX and XX judge by what this region sees.",
    run: Run::Write(run),
};

fn run(txn: &mut Txn<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let (key, value) = (args[0], args[1]);
    let options = Options::parse(&args[2..], txn.now_ms())?;
    let old = if options.get { txn.view().string(key)? } else { None };
    let exists = (options.only_if_absent || options.only_if_present) && txn.view().exists(key)?;
    let refused = options.only_if_absent && exists || options.only_if_present && !exists;
    if !refused {
        txn.set_string(key, value, options.expiry)?;
    }
    match (options.get, refused) {
        (true, _) => Ok(Reply::bulk_or_nil(old)),
        (false, true) => Ok(Reply::Nil),
        (false, false) => Ok(Reply::OK),
    }
}

struct Options {
    only_if_absent: bool,
    only_if_present: bool,
    get: bool,
    expiry: Expiry,
}

impl Options {
    fn parse(mut words: Args<'_>, now_ms: u64) -> Result<Options, Error> {
        let mut options = Options { only_if_absent: false, only_if_present: false, get: false, expiry: Expiry::Never };
        let (mut expiry_given, mut bad_amount) = (false, None);
        while let Some((word, rest)) = words.split_first() {
            words = rest;
            match word {
                _ if is(word, "nx") => options.only_if_absent = true,
                _ if is(word, "xx") => options.only_if_present = true,
                _ if is(word, "get") => options.get = true,
                _ => {
                    let expiry = expiry(word, rest, now_ms, "set");
                    if std::mem::replace(&mut expiry_given, true) {
                        return Err(Error::Syntax);
                    }
                    match expiry {
                        Ok((expiry, rest)) => (options.expiry, words) = (expiry, rest),
                        Err(Error::Syntax) => return Err(Error::Syntax),
                        // Words that contradict each other are told before a bad number.
                        Err(other) => (bad_amount, words) = (Some(other), rest.get(1..).unwrap_or_default()),
                    }
                }
            }
        }
        match bad_amount {
            _ if options.only_if_absent && options.only_if_present => Err(Error::Syntax),
            Some(error) => Err(error),
            None => Ok(options),
        }
    }
}

/// Reads `EX n`, `PX n`, `EXAT n`, `PXAT n` or `KEEPTTL`; gives what follows.
pub(super) fn expiry<'a>(
    word: &[u8],
    rest: Args<'a>,
    now_ms: u64,
    command: &'static str,
) -> Result<(Expiry, Args<'a>), Error> {
    if is(word, "keepttl") {
        return Ok((Expiry::Keep, rest));
    }
    let (scale, base) = match word {
        _ if is(word, "ex") => (1000, now_ms),
        _ if is(word, "px") => (1, now_ms),
        _ if is(word, "exat") => (1000, 0),
        _ if is(word, "pxat") => (1, 0),
        _ => return Err(Error::Syntax),
    };
    let (amount, rest) = rest.split_first().ok_or(Error::Syntax)?;
    Ok((Expiry::At(moment(int(amount)?, scale, base, command)?), rest))
}

/// `amount * scale + base` in Unix ms; it must be above 0 and within what 48 bits of milliseconds can say.
pub(super) fn moment(amount: i64, scale: i64, base: u64, command: &'static str) -> Result<u64, Error> {
    let moment = amount.checked_mul(scale).and_then(|ms| ms.checked_add(base as i64));
    match moment {
        Some(ms) if amount > 0 && ms < EXPIRY_MS_MAX => Ok(ms as u64),
        _ => Err(Error::caller(format!("invalid expire time in '{command}' command"))),
    }
}

/// The year 10889, where the hybrid logical clock's milliseconds end.
pub(super) const EXPIRY_MS_MAX: i64 = 1 << 48;

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn a_later_set_wins_everywhere_and_a_concurrent_delete_does_not_take_it_along() {
        let (mut paris, mut tokyo) = (Replica::new(1), Replica::new(2));
        paris.run("SET city paris");
        tokyo.pull(&paris);
        tokyo.now_ms += 5;
        tokyo.run("SET city tokyo");
        paris.run("FOO");
        paris.pull(&tokyo);
        tokyo.pull(&paris);
        assert_eq!((paris.run("GET city"), tokyo.run("GET city")), ("tokyo".into(), "tokyo".into()));
        assert_eq!(paris.rows.digest(), tokyo.rows.digest());
    }

    #[test]
    fn conditions_and_expiry_are_kept() {
        let mut paris = Replica::new(1);
        assert_eq!(paris.run("SET a 1 XX"), "nil");
        assert_eq!(paris.run("SET a 1 NX PX 50"), "OK");
        assert_eq!(paris.run("SET a 2 NX"), "nil");
        assert_eq!(paris.run("SET a 2 GET KEEPTTL"), "1");
        paris.now_ms += 51;
        assert_eq!(paris.run("GET a"), "nil");
        assert_eq!(paris.run("SET a 1 EX 0"), "ERR invalid expire time in 'set' command");
        assert_eq!(paris.run("SET a 1 EX 1 PX 1"), "ERR syntax error");
        assert_eq!(paris.run("SET a 1 EX x NX XX"), "ERR syntax error");
        assert_eq!(paris.run("SET a 1 KEEPTTL EX x"), "ERR syntax error");
    }
}
