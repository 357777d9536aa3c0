//! `HSETNX`: a field of a hash, unless it is there.

use lc_crdt::Kind;

use crate::arguments::Args;
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, Txn};

pub(super) static COMMAND: Command = Command {
    name: "hsetnx",
    arity: Arity::Exactly(3),
    group: Group::Hashes,
    keys: KeySpec::FIRST,
    syntax: "key field value",
    summary: "Sets a field of a hash unless it is there; answers 1 if it was set.",
    concurrent: "It judges by what this region sees: two regions may both set the field, and the highest (hybrid logical clock, replica) is shown.",
    run: Run::Write(run),
};

fn run(txn: &mut Txn<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let (key, field, value) = (args[0], args[1], args[2]);
    if txn.view().element(key, Kind::Hash, field)?.is_some() {
        return Ok(Reply::flag(false));
    }
    txn.put_element(key, Kind::Hash, field, value).map(Reply::flag)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Replica, settle};

    #[test]
    fn a_field_is_set_once_in_a_region_and_the_later_region_is_shown() {
        let (mut paris, mut tokyo) = (Replica::new(1), Replica::new(2));
        assert_eq!(paris.run("HSETNX plane owner ada"), "1");
        assert_eq!(paris.run("HSETNX plane owner bob"), "0");
        tokyo.now_ms += 1;
        assert_eq!(tokyo.run("HSETNX plane owner eve"), "1");
        settle(&mut [&mut paris, &mut tokyo]);
        assert_eq!(paris.run("HGET plane owner"), "eve");
    }
}
