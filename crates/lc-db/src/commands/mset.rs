//! `MSET`, `MSETNX`: several strings as one entry.

use crate::arguments::Args;
use crate::{Arity, Command, Error, Expiry, Group, KeySpec, Reply, Run, Txn};

pub(super) static MSET: Command = Command {
    name: "mset",
    arity: Arity::AtLeast(2),
    group: Group::Strings,
    keys: KeySpec::PAIRS,
    syntax: "key value [key value ...]",
    summary: "Sets several strings as one entry, which every region sees whole or not at all.",
    concurrent: "As SET, key by key: of two concurrent MSETs each key shows its own winner.",
    run: Run::Write(|txn, args| {
        set_all(txn, args, "mset")?;
        Ok(Reply::OK)
    }),
};

pub(super) static MSETNX: Command = Command {
    name: "msetnx",
    arity: Arity::AtLeast(2),
    group: Group::Strings,
    keys: KeySpec::PAIRS,
    syntax: "key value [key value ...]",
    summary: "Sets several strings if none of the keys exists; answers 1 if it did.",
    concurrent: "Every region judges by what it sees, so two may both answer 1; then as MSET.",
    run: Run::Write(msetnx),
};

fn msetnx(txn: &mut Txn<'_>, args: Args<'_>) -> Result<Reply, Error> {
    for pair in args.chunks(2) {
        if txn.view().exists(pair[0])? {
            return pairs(args, "msetnx").map(|_| Reply::flag(false));
        }
    }
    set_all(txn, args, "msetnx")?;
    Ok(Reply::flag(true))
}

fn set_all(txn: &mut Txn<'_>, args: Args<'_>, command: &'static str) -> Result<(), Error> {
    let pairs = pairs(args, command)?;
    pairs.iter().try_for_each(|[key, value]| txn.check_string(key, value))?;
    pairs.iter().try_for_each(|[key, value]| txn.set_string(key, value, Expiry::Never))
}

fn pairs<'a>(args: Args<'a>, command: &'static str) -> Result<&'a [[&'a [u8]; 2]], Error> {
    match args.as_chunks() {
        (pairs, []) => Ok(pairs),
        _ => Err(Error::Arity(command.into())),
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn all_are_set_or_none() {
        let mut paris = Replica::new(1);
        assert_eq!(paris.run("MSET a 1 b 2 a 3"), "OK");
        assert_eq!(paris.journal.len(), 1);
        assert_eq!(paris.run("MGET a b"), "[3 2]");
        assert_eq!(paris.run("MSETNX c 1 a 9"), "0");
        assert_eq!(paris.run("MSETNX c 1 d 2"), "1");
        assert_eq!(paris.run("MGET a c d"), "[3 1 2]");
        assert_eq!(paris.run("MSET a 1 b"), "ERR wrong number of arguments for 'mset' command");
        assert_eq!(paris.run("MSETNX a 1 b"), "ERR wrong number of arguments for 'msetnx' command");
        let long = "k".repeat(70_000);
        assert_eq!(
            paris.run(&format!("MSET x 1 {long} 2")),
            "TOOLARGE key of 70000 bytes is above the limit of 16384 bytes"
        );
        assert_eq!(paris.run("EXISTS x"), "0");
    }

    #[test]
    fn two_regions_each_win_the_key_that_they_set_last() {
        let (mut paris, mut tokyo) = (Replica::new(1), Replica::new(2));
        paris.run("MSET a paris b paris");
        tokyo.now_ms += 1;
        tokyo.run("MSET b tokyo c tokyo");
        paris.pull(&tokyo);
        tokyo.pull(&paris);
        assert_eq!(paris.run("MGET a b c"), "[paris tokyo tokyo]");
        assert_eq!(paris.rows.digest(), tokyo.rows.digest());
    }
}
