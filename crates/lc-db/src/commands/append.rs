//! `APPEND`: adds bytes at the end of a string.

use crate::arguments::Args;
use crate::{Arity, Command, Error, Expiry, Group, KeySpec, Reply, Run, Txn};

pub(super) static COMMAND: Command = Command {
    name: "append",
    arity: Arity::Exactly(2),
    group: Group::Strings,
    keys: KeySpec::FIRST,
    syntax: "key value",
    summary: "Adds bytes at the end of a string, or sets it; answers the new length.",
    concurrent: "It is a SET of the whole new text: of two concurrent appends the highest (hybrid logical clock, replica) is shown, without the other's bytes.",
    run: Run::Write(run),
};

fn run(txn: &mut Txn<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let (key, more) = (args[0], args[1]);
    let (value, expiry) = match txn.view().string(key)? {
        Some(old) => ([old.as_ref(), more].concat(), Expiry::Keep),
        None => (more.to_vec(), Expiry::Never),
    };
    txn.set_string(key, &value, expiry)?;
    Ok(Reply::count(value.len()))
}

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn bytes_are_added_and_the_expiry_stays() {
        let mut paris = Replica::new(1);
        assert_eq!(paris.run("APPEND a foo"), "3");
        paris.run("EXPIRE a 10");
        assert_eq!(paris.run("APPEND a bar"), "6");
        assert_eq!((paris.run("GET a"), paris.run("TTL a")), ("foobar".into(), "10".into()));
        paris.run("SADD s x");
        assert_eq!(paris.run("APPEND s x"), "WRONGTYPE Operation against a key holding the wrong kind of value");
    }

    #[test]
    fn a_string_does_not_grow_beyond_its_limit() {
        let mut paris = Replica::new(1);
        let half = "x".repeat(5 * 1024 * 1024);
        paris.run(&format!("SET a {half}"));
        assert_eq!(
            paris.run(&format!("APPEND a {half}")),
            "TOOLARGE value of 10485760 bytes is above the limit of 8388608 bytes"
        );
        assert_eq!(paris.run("STRLEN a"), "5242880");
    }

    #[test]
    fn of_two_concurrent_appends_the_later_text_is_shown() {
        let (mut paris, mut tokyo) = (Replica::new(1), Replica::new(2));
        paris.run("SET a x");
        tokyo.pull(&paris);
        tokyo.now_ms += 1;
        paris.run("APPEND a p");
        tokyo.run("APPEND a t");
        paris.pull(&tokyo);
        tokyo.pull(&paris);
        assert_eq!((paris.run("GET a"), tokyo.run("GET a")), ("xt".into(), "xt".into()));
        assert_eq!(paris.rows.digest(), tokyo.rows.digest());
    }
}
