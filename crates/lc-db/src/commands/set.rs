//! `SET`: a string's value, with its conditions and expiry.

use crate::arguments::{Args, is};
use crate::commands::resolve::over_all;
use crate::expiry_arguments::expiry;
use crate::{Arity, Command, Context, Error, Expiry, Group, KeySpec, Reply, Run, Txn};

pub(super) static COMMAND: Command = Command {
    name: "set",
    arity: Arity::AtLeast(2),
    group: Group::Strings,
    keys: KeySpec::FIRST,
    syntax: "key value [NX | XX | IFDOT dot | IFCONTEXT context] [GET] [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL]",
    summary: "Sets a string, whatever the key held before. IFDOT and IFCONTEXT: only if the string's context is exactly that, and then over all of it; with - only if there is none.",
    concurrent: "The highest (hybrid logical clock, replica) is shown; the other stays until a write that saw both. The conditions judge by what this region sees.",
    run: Run::Write(run),
};

fn run(txn: &mut Txn<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let (key, value) = (args[0], args[1]);
    let options = Options::parse(&args[2..], txn.now_ms())?;
    let old = if options.get { txn.view().string(key)? } else { None };
    let exists = (options.only_if_absent || options.only_if_present) && txn.view().exists(key)?;
    let matches = options.matches(txn, key)?;
    let refused = options.only_if_absent && exists || options.only_if_present && !exists || matches == Some(false);
    match matches {
        _ if refused => {}
        Some(_) => over_all(txn, key, value, options.expiry)?,
        None => txn.set_string(key, value, options.expiry)?,
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
    only_if: Option<Context>,
    get: bool,
    expiry: Expiry,
}

impl Options {
    fn parse(mut words: Args<'_>, now_ms: u64) -> Result<Options, Error> {
        let mut options =
            Options { only_if_absent: false, only_if_present: false, only_if: None, get: false, expiry: Expiry::Never };
        // A word that is wrong in itself is told after words that contradict each other.
        let (mut expiry_given, mut condition_given, mut bad_word) = (false, false, None);
        while let Some((word, rest)) = words.split_first() {
            words = rest;
            match word {
                _ if is(word, "nx") => options.only_if_absent = true,
                _ if is(word, "xx") => options.only_if_present = true,
                _ if is(word, "get") => options.get = true,
                _ if is(word, "ifdot") || is(word, "ifcontext") => {
                    let (text, rest) = rest.split_first().ok_or(Error::Syntax)?;
                    if std::mem::replace(&mut condition_given, true) {
                        return Err(Error::Syntax);
                    }
                    words = rest;
                    let condition = if is(word, "ifdot") { Context::parse_dot(text) } else { Context::parse(text) };
                    match condition {
                        Ok(context) => options.only_if = Some(context),
                        Err(error) => bad_word = Some(error),
                    }
                }
                _ => {
                    let expiry = expiry(word, rest, now_ms, "set");
                    if std::mem::replace(&mut expiry_given, true) {
                        return Err(Error::Syntax);
                    }
                    match expiry {
                        Ok((expiry, rest)) => (options.expiry, words) = (expiry, rest),
                        Err(Error::Syntax) => return Err(Error::Syntax),
                        Err(other) => (bad_word, words) = (Some(other), rest.get(1..).unwrap_or_default()),
                    }
                }
            }
        }
        let conditions = [options.only_if_absent, options.only_if_present, condition_given];
        match bad_word {
            _ if conditions.into_iter().filter(|given| *given).count() > 1 => Err(Error::Syntax),
            Some(error) => Err(error),
            None => Ok(options),
        }
    }

    /// Whether the key is what the condition wants; `None` without such a condition.
    fn matches(&self, txn: &Txn<'_>, key: &[u8]) -> Result<Option<bool>, Error> {
        let Some(wanted) = &self.only_if else { return Ok(None) };
        Ok(Some(Context::of_key(&txn.view(), key)? == *wanted))
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Replica, settle};

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

    #[test]
    fn of_two_who_read_the_same_the_first_to_write_wins_and_the_other_learns_of_it() {
        let mut paris = Replica::new(1);
        assert_eq!(paris.run("SET a 1 IFDOT 1-1"), "nil");
        assert_eq!(paris.run("SET a 1 IFDOT -"), "OK");
        assert_eq!(paris.run("SET a 2 IFDOT 1-1"), "OK");
        assert_eq!(paris.run("SET a 3 IFDOT 1-1"), "nil");
        assert_eq!(paris.run("SET a 3 IFCONTEXT 1-1 GET"), "2");
        assert_eq!(paris.run("SET a 3 GET IFCONTEXT 1-2 PX 50"), "2");
        assert_eq!((paris.run("GET a"), paris.run("PTTL a"), paris.journal.len()), ("3".into(), "50".into(), 3));
        paris.now_ms += 51;
        assert_eq!(paris.run("SET a 4 IFCONTEXT 1-3"), "nil");
        assert_eq!(paris.run("SET a 4 IFCONTEXT -"), "OK");
    }

    #[test]
    fn a_condition_names_everything_that_stands_increments_and_hidden_values_too() {
        let (mut paris, mut tokyo) = (Replica::new(1), Replica::new(2));
        paris.run("SET n 1");
        paris.run("INCR n");
        assert_eq!(paris.run("SET n 5 IFDOT 1-1"), "nil");
        assert_eq!(paris.run("SET n 5 IFCONTEXT 1-2,1-1"), "OK");
        tokyo.run("SET n 7");
        settle(&mut [&mut paris, &mut tokyo]);
        assert_eq!(tokyo.run("SET n 8 IFDOT 1-3"), "nil");
        assert_eq!(tokyo.run("SET n 8 IFCONTEXT 1-3,2-1"), "OK");
        assert_eq!((tokyo.run("GET n"), tokyo.run("CONTEXT n")), ("8".into(), "2-2".into()));
        settle(&mut [&mut paris, &mut tokyo]);
    }

    #[test]
    fn one_condition_is_enough() {
        let mut paris = Replica::new(1);
        for line in ["SET a 1 NX IFDOT -", "SET a 1 IFCONTEXT - XX", "SET a 1 IFDOT - IFCONTEXT -", "SET a 1 IFDOT"] {
            assert_eq!(paris.run(line), "ERR syntax error", "{line}");
        }
        assert_eq!(paris.run("SET a 1 IFDOT x NX"), "ERR syntax error");
        assert!(paris.run("SET a 1 IFDOT 1-1,2-2").starts_with("ERR '1-1,2-2' is no write"));
        assert!(paris.run("SET a 1 IFCONTEXT x").starts_with("ERR 'x' is no context"));
        paris.run("HSET h f v");
        assert!(paris.run("SET h 1 IFDOT -").starts_with("WRONGTYPE"));
    }
}
