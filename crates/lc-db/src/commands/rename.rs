//! `RENAME`, `RENAMENX`: another name for a key.

use crate::arguments::Args;
use crate::commands::copy::Value;
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, Txn};

pub(super) static RENAME: Command = Command {
    name: "rename",
    arity: Arity::Exactly(2),
    group: Group::Keys,
    keys: KeySpec::TWO,
    syntax: "key newkey",
    summary: "Renames a key with its expiry, in place of what the new name held.",
    concurrent: "A COPY with REPLACE and a DEL, as one entry. What another region writes under the old name at the same time stays there; increments become plain values.",
    run: Run::Write(|txn, args| {
        rename(txn, args, true)?;
        Ok(Reply::OK)
    }),
};

pub(super) static RENAMENX: Command = Command {
    name: "renamenx",
    arity: Arity::Exactly(2),
    group: Group::Keys,
    keys: KeySpec::TWO,
    syntax: "key newkey",
    summary: "Renames a key if the new name is free; answers 1 if it did.",
    concurrent: "As RENAME. Whether the name is free is what this region sees.",
    run: Run::Write(|txn, args| rename(txn, args, false).map(Reply::flag)),
};

fn rename(txn: &mut Txn<'_>, args: Args<'_>, replace: bool) -> Result<bool, Error> {
    let (from, to) = (args[0], args[1]);
    let value = Value::read(&txn.view(), from)?.ok_or(Error::caller("no such key"))?;
    if from == to {
        return Ok(false);
    }
    if !replace && txn.view().exists(to)? {
        return Ok(false);
    }
    value.place(txn, to)?;
    txn.delete(from)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn the_value_moves_with_its_expiry() {
        let mut paris = Replica::new(1);
        paris.run("HSET h f v");
        paris.run("EXPIRE h 7");
        paris.run("SET other 1");
        assert_eq!(paris.run("RENAME h other"), "OK");
        assert_eq!([paris.run("EXISTS h"), paris.run("HGET other f"), paris.run("TTL other")], ["0", "v", "7"]);
        assert_eq!(paris.run("RENAME none x"), "ERR no such key");
        assert_eq!(paris.run("RENAME other other"), "OK");
        assert_eq!(paris.run("HGET other f"), "v");
    }

    #[test]
    fn a_taken_name_is_left_alone_with_nx() {
        let mut paris = Replica::new(1);
        paris.run("MSET a 1 b 2");
        assert_eq!([paris.run("RENAMENX a b"), paris.run("RENAMENX a a"), paris.run("RENAMENX a c")], ["0", "0", "1"]);
        assert_eq!(paris.run("MGET a b c"), "[nil 2 1]");
        assert_eq!(paris.run("RENAMENX none b"), "ERR no such key");
    }

    #[test]
    fn an_element_added_meanwhile_stays_under_the_old_name() {
        let (mut paris, mut tokyo) = (Replica::new(1), Replica::new(2));
        paris.run("SADD a x");
        tokyo.pull(&paris);
        paris.run("RENAME a b");
        tokyo.run("SADD a y");
        paris.pull(&tokyo);
        tokyo.pull(&paris);
        for replica in [&mut paris, &mut tokyo] {
            assert_eq!((replica.run("SMEMBERS a"), replica.run("SMEMBERS b")), ("{y}".into(), "{x}".into()));
        }
        assert_eq!(paris.rows.digest(), tokyo.rows.digest());
    }
}
