//! `INCR`: adds one to a counter.

use lc_crdt::Number;

use crate::arguments::Args;
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, Txn};

pub(super) static COMMAND: Command = Command {
    name: "incr",
    arity: Arity::Exactly(1),
    group: Group::Counters,
    keys: KeySpec::FIRST,
    syntax: "key",
    summary: "Adds one to a counter; a missing key counts as 0.",
    concurrent: "Increments add up. Against SET: the value set, plus increments it did not see. Against DEL: the increments it did not see remain.",
    run: Run::Write(run),
};

fn run(txn: &mut Txn<'_>, args: Args<'_>) -> Result<Reply, Error> {
    increment(txn, args[0], 1)
}

/// Adds to a counter and answers the sum; used by the whole `INCR` family.
pub(super) fn increment(txn: &mut Txn<'_>, key: &[u8], by: i64) -> Result<Reply, Error> {
    let current = match txn.view().string(key)? {
        Some(text) => Number::parse_int(&text).ok_or(Error::NotInteger)?,
        None => 0,
    };
    let sum = current.checked_add(by).ok_or(Error::caller("increment or decrement would overflow"))?;
    txn.add_string(key, Number::Int(by))?;
    Ok(Reply::Int(sum))
}

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn increments_in_two_regions_add_up() {
        let (mut paris, mut tokyo) = (Replica::new(1), Replica::new(2));
        assert_eq!(paris.run("INCR visits"), "1");
        assert_eq!(tokyo.run("INCR visits"), "1");
        paris.pull(&tokyo);
        tokyo.pull(&paris);
        assert_eq!((paris.run("GET visits"), tokyo.run("GET visits")), ("2".into(), "2".into()));
        assert_eq!(paris.rows.digest(), tokyo.rows.digest());
    }

    #[test]
    fn a_value_that_is_no_number_is_refused() {
        let mut paris = Replica::new(1);
        paris.run("SET name ada");
        assert_eq!(paris.run("INCR name"), "ERR value is not an integer or out of range");
        paris.run("SET big 9223372036854775807");
        assert_eq!(paris.run("INCR big"), "ERR increment or decrement would overflow");
        assert_eq!(paris.run("GET big"), "9223372036854775807");
    }
}
