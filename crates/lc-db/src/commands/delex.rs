//! `DELEX`: removes a key if it is still what somebody read.

use crate::arguments::{Args, is};
use crate::{Arity, Command, Context, Error, Group, KeySpec, Reply, Run, Txn};

pub(super) static COMMAND: Command = Command {
    name: "delex",
    arity: Arity::Between(1, 3),
    group: Group::Consistency,
    keys: KeySpec::FIRST,
    syntax: "key [IFDOT dot | IFCONTEXT context]",
    summary: "Removes a key; with a condition, only a string whose context is exactly that. Answers 1 if it was removed, 0 if not.",
    concurrent: "As DEL: what this region did not see survives. The condition judges by what this region sees.",
    run: Run::Write(run),
};

fn run(txn: &mut Txn<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let key = args[0];
    let wanted = match &args[1..] {
        [] => return txn.delete(key).map(Reply::flag),
        [word, dot] if is(word, "ifdot") => Context::parse_dot(dot)?,
        [word, context] if is(word, "ifcontext") => Context::parse(context)?,
        _ => return Err(Error::Syntax),
    };
    let matches = Context::of_key(&txn.view(), key)? == wanted;
    Ok(Reply::flag(matches && txn.delete(key)?))
}

#[cfg(test)]
mod tests {
    use crate::testing::{Replica, settle};

    #[test]
    fn only_what_was_read_is_removed() {
        let mut paris = Replica::new(1);
        paris.run("SET a 1");
        paris.run("SET a 2");
        assert_eq!(paris.run("DELEX a IFCONTEXT 1-1"), "0");
        assert_eq!(paris.run("DELEX a IFDOT -"), "0");
        assert_eq!(paris.run("GET a"), "2");
        assert_eq!(paris.run("DELEX a IFCONTEXT 1-2"), "1");
        assert_eq!((paris.run("EXISTS a"), paris.run("DELEX a IFCONTEXT -")), ("0".into(), "0".into()));
        assert_eq!(paris.journal.len(), 3);
        paris.run("SADD s x");
        assert!(paris.run("DELEX s IFDOT 1-4").starts_with("WRONGTYPE"));
        assert_eq!((paris.run("DELEX s"), paris.run("DELEX s")), ("1".into(), "0".into()));
        assert_eq!(paris.run("DELEX a IFDOT"), "ERR syntax error");
        assert_eq!(paris.run("DELEX a IFEQ 1"), "ERR syntax error");
    }

    #[test]
    fn a_value_written_at_the_same_time_survives() {
        let (mut paris, mut tokyo) = (Replica::new(1), Replica::new(2));
        paris.run("SET a old");
        settle(&mut [&mut paris, &mut tokyo]);
        assert_eq!(paris.run("DELEX a IFDOT 1-1"), "1");
        tokyo.run("SET a new");
        settle(&mut [&mut paris, &mut tokyo]);
        assert_eq!((paris.run("GET a"), tokyo.run("GET a")), ("new".into(), "new".into()));
    }
}
