//! `HDEL`: removes fields.

use lc_crdt::Kind;

use crate::arguments::Args;
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, Txn};

pub(super) static COMMAND: Command = Command {
    name: "hdel",
    arity: Arity::AtLeast(2),
    group: Group::Hashes,
    keys: KeySpec::FIRST,
    syntax: "key field [field ...]",
    summary: "Removes fields of a hash; answers how many were there.",
    concurrent: "It removes what it saw: a value set or an increment made in another region at the same time stays.",
    run: Run::Write(run),
};

fn run(txn: &mut Txn<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let (key, fields) = (args[0], &args[1..]);
    let mut removed = 0;
    for field in fields {
        removed += usize::from(txn.remove_element(key, Kind::Hash, field)?);
    }
    Ok(Reply::count(removed))
}

#[cfg(test)]
mod tests {
    use crate::testing::{Replica, settle};

    #[test]
    fn removing_the_last_field_ends_the_key() {
        let mut paris = Replica::new(1);
        paris.run("HSET plane tail N1 seats 2");
        assert_eq!(paris.run("HDEL plane tail year tail"), "1");
        assert_eq!(paris.run("HDEL plane seats"), "1");
        assert_eq!(paris.run("EXISTS plane"), "0");
        let entries = paris.journal.len();
        assert_eq!(paris.run("HDEL plane seats"), "0");
        assert_eq!(paris.journal.len(), entries, "nothing to remove is nothing to write");
    }

    #[test]
    fn a_concurrent_increment_survives() {
        let (mut paris, mut tokyo) = (Replica::new(1), Replica::new(2));
        paris.run("HINCRBY plane flights 5");
        tokyo.pull(&paris);
        paris.run("HDEL plane flights");
        tokyo.run("HINCRBY plane flights 2");
        settle(&mut [&mut paris, &mut tokyo]);
        assert_eq!(paris.run("HGET plane flights"), "2");
    }
}
