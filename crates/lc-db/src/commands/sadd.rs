//! `SADD`: members into a set.

use lc_crdt::Kind;

use crate::arguments::Args;
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, Txn};

pub(super) static COMMAND: Command = Command {
    name: "sadd",
    arity: Arity::AtLeast(2),
    group: Group::Sets,
    keys: KeySpec::FIRST,
    syntax: "key member [member ...]",
    summary: "Adds members to a set; answers how many are new.",
    concurrent: "Add wins: a member added in one region and removed in another at the same time stays.",
    run: Run::Write(run),
};

fn run(txn: &mut Txn<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let (key, members) = (args[0], &args[1..]);
    txn.check_elements(key, Kind::Set, members.iter().map(|&member| (member, &b""[..])))?;
    let mut added = 0;
    for member in members {
        // A member that is here already is written again: its removal elsewhere must not win over this command.
        added += usize::from(txn.put_element(key, Kind::Set, member, b"")?);
    }
    Ok(Reply::count(added))
}

#[cfg(test)]
mod tests {
    use crate::testing::{Replica, settle};

    #[test]
    fn new_members_are_counted() {
        let mut paris = Replica::new(1);
        assert_eq!(paris.run("SADD carriers AF LH AF"), "2");
        assert_eq!(paris.run("SADD carriers AF BA"), "1");
        assert_eq!(paris.run("SMEMBERS carriers"), "{AF BA LH}");
        paris.run("SET text 1");
        assert_eq!(paris.run("SADD text AF"), "WRONGTYPE Operation against a key holding the wrong kind of value");
    }

    #[test]
    fn adding_again_wins_over_a_concurrent_removal() {
        let (mut paris, mut tokyo) = (Replica::new(1), Replica::new(2));
        paris.run("SADD carriers AF LH");
        tokyo.pull(&paris);
        assert_eq!(paris.run("SADD carriers AF"), "0");
        assert_eq!(tokyo.run("SREM carriers AF LH"), "2");
        settle(&mut [&mut paris, &mut tokyo]);
        assert_eq!(tokyo.run("SMEMBERS carriers"), "{AF}");
    }

    #[test]
    fn a_set_with_a_member_too_long_is_left_as_it_was() {
        let mut paris = Replica::new(1);
        let long = vec![b'x'; lc_core::limits::FIELD_BYTES_MAX + 1];
        let reply = paris.reply(&[b"SADD", b"carriers", b"AF", &long]);
        assert_eq!(
            crate::testing::show(&reply),
            "TOOLARGE field or member of 32769 bytes is above the limit of 32768 bytes"
        );
        assert_eq!(paris.run("SCARD carriers"), "0");
        assert!(paris.journal.is_empty());
    }
}
