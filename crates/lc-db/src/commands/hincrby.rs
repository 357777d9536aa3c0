//! `HINCRBY`: adds to a field.

use lc_crdt::{Kind, Number};

use crate::arguments::{Args, int};
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, Txn};

pub(super) static COMMAND: Command = Command {
    name: "hincrby",
    arity: Arity::Exactly(3),
    group: Group::Hashes,
    keys: KeySpec::FIRST,
    syntax: "key field increment",
    summary: "Adds to a hash field; a missing field counts as 0.",
    concurrent: "Increments add up. Against HSET: the value set, plus increments it did not see. Against HDEL or DEL: the increments they did not see remain.",
    run: Run::Write(run),
};

fn run(txn: &mut Txn<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let (key, field, by) = (args[0], args[1], int(args[2])?);
    let current = match txn.view().field(key, field)? {
        Some(text) => Number::parse_int(&text).ok_or(Error::caller("hash value is not an integer"))?,
        None => 0,
    };
    let sum = current.checked_add(by).ok_or(Error::caller("increment or decrement would overflow"))?;
    txn.add_element(key, Kind::Hash, field, Number::Int(by))?;
    Ok(Reply::Int(sum))
}

#[cfg(test)]
mod tests {
    use crate::testing::{Replica, settle};

    #[test]
    fn increments_in_two_regions_add_up_on_top_of_a_value() {
        let (mut paris, mut tokyo) = (Replica::new(1), Replica::new(2));
        paris.run("HSET plane flights 10");
        tokyo.pull(&paris);
        assert_eq!(paris.run("HINCRBY plane flights 1"), "11");
        assert_eq!(tokyo.run("HINCRBY plane flights -3"), "7");
        settle(&mut [&mut paris, &mut tokyo]);
        assert_eq!(paris.run("HGET plane flights"), "8");
        assert_eq!(paris.run("HINCRBY plane flights 2"), "10");
    }

    #[test]
    fn what_is_no_whole_number_is_refused() {
        let mut paris = Replica::new(1);
        paris.run("HSET plane tail N1 big 9223372036854775807");
        assert_eq!(paris.run("HINCRBY plane tail 1"), "ERR hash value is not an integer");
        assert_eq!(paris.run("HINCRBY plane big 1"), "ERR increment or decrement would overflow");
        assert_eq!(paris.run("HINCRBY plane seats 1.5"), "ERR value is not an integer or out of range");
        assert_eq!(paris.run("HLEN plane"), "2");
    }
}
