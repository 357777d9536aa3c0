//! `SMOVE`: a member from one set to another.

use lc_crdt::Kind;

use crate::arguments::Args;
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, Txn};

pub(super) static COMMAND: Command = Command {
    name: "smove",
    arity: Arity::Exactly(3),
    group: Group::Sets,
    keys: KeySpec::TWO,
    syntax: "source destination member",
    summary: "Moves a member from one set to another; answers 1 if it was there.",
    concurrent: "Removal and addition are one entry, so every region sees both. Two regions that move the same member to different sets leave it in both.",
    run: Run::Write(run),
};

fn run(txn: &mut Txn<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let (source, destination, member) = (args[0], args[1], args[2]);
    if txn.view().head_of_kind(source, Kind::Set)?.is_none() {
        return Ok(Reply::flag(false));
    }
    txn.check_elements(destination, Kind::Set, [(member, &b""[..])])?;
    if source == destination {
        return Ok(Reply::flag(txn.view().is_member(source, member)?));
    }
    let moved = txn.remove_element(source, Kind::Set, member)?;
    if moved {
        txn.put_element(destination, Kind::Set, member, b"")?;
    }
    Ok(Reply::flag(moved))
}

#[cfg(test)]
mod tests {
    use crate::testing::{Replica, settle};

    #[test]
    fn a_member_moves_or_nothing_happens() {
        let mut paris = Replica::new(1);
        paris.run("SADD here AF");
        paris.run("SET text 1");
        assert_eq!(
            paris.run("SMOVE here text AF"),
            "WRONGTYPE Operation against a key holding the wrong kind of value"
        );
        assert_eq!(paris.run("SMOVE nowhere text AF"), "0");
        assert_eq!(paris.run("SMOVE here here AF"), "1");
        assert_eq!(paris.run("SMOVE here there LH"), "0");
        assert_eq!(paris.run("SMOVE here there AF"), "1");
        assert_eq!(paris.run("SMEMBERS there"), "{AF}");
        assert_eq!(paris.run("SCARD here"), "0");
    }

    #[test]
    fn two_regions_that_move_it_apart_leave_it_in_both() {
        let (mut paris, mut tokyo) = (Replica::new(1), Replica::new(2));
        paris.run("SADD here AF");
        tokyo.pull(&paris);
        paris.run("SMOVE here west AF");
        tokyo.run("SMOVE here east AF");
        settle(&mut [&mut paris, &mut tokyo]);
        assert_eq!(paris.run("SUNION here"), "{}");
        assert_eq!(paris.run("SINTER west east"), "{AF}");
    }
}
