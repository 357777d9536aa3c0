//! `ZPOPMIN`, `ZPOPMAX`: takes the members with the lowest or highest scores out.

use lc_crdt::Kind;

use super::score_range::{self, Scored};
use crate::arguments::{Args, int};
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, ScoreSpan, Txn};

pub(super) static ZPOPMIN: Command = Command {
    name: "zpopmin",
    arity: Arity::AtLeast(1),
    group: Group::SortedSets,
    keys: KeySpec::FIRST,
    syntax: "key [count]",
    summary: "Takes the members with the lowest scores out of a sorted set.",
    concurrent: "Two regions may both answer the same member before they hear of each other; it is removed once. A score set or an increment made at the same time keeps the member.",
    run: Run::Write(|txn, args| pop(txn, args, false)),
};

pub(super) static ZPOPMAX: Command = Command {
    name: "zpopmax",
    arity: Arity::AtLeast(1),
    group: Group::SortedSets,
    keys: KeySpec::FIRST,
    syntax: "key [count]",
    summary: "Takes the members with the highest scores out of a sorted set.",
    concurrent: "As ZPOPMIN.",
    run: Run::Write(|txn, args| pop(txn, args, true)),
};

fn pop(txn: &mut Txn<'_>, args: Args<'_>, highest: bool) -> Result<Reply, Error> {
    let count = match &args[1..] {
        [] => {
            let taken = take(txn, args[0], 1, highest)?.into_iter();
            return Ok(Reply::Array(
                taken.flat_map(|(member, score)| [Reply::Bulk(member), Reply::Double(score)]).collect(),
            ));
        }
        [count] => count,
        _ => return Err(Error::Syntax),
    };
    let count = int(count).ok().and_then(|count| usize::try_from(count).ok());
    let count = count.ok_or(Error::caller("value is out of range, must be positive"))?;
    Ok(score_range::pairs(take(txn, args[0], count, highest)?))
}

/// Takes up to `count` members out, the lowest or the highest first.
pub(super) fn take(txn: &mut Txn<'_>, key: &[u8], count: usize, highest: bool) -> Result<Scored, Error> {
    let mut taken = Vec::new();
    let mut visit = |score: f64, member: &[u8]| {
        if taken.len() < count {
            taken.push((bytes::Bytes::copy_from_slice(member), score));
        }
        taken.len() < count
    };
    match highest {
        true => txn.view().each_score_back(key, ScoreSpan::ALL, &mut visit)?,
        false => txn.view().each_score(key, ScoreSpan::ALL, &mut visit)?,
    }
    let members: Vec<_> = taken.iter().map(|(member, _)| member.clone()).collect();
    txn.remove_elements(key, Kind::Sorted, &members)?;
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Replica, settle};

    #[test]
    fn members_leave_from_either_end() {
        let mut paris = Replica::new(1);
        paris.run("ZADD busy 1 a 2 b 3 c 4 d 5 e");
        assert_eq!(paris.run("ZPOPMIN busy"), "[a 1]");
        assert_eq!(paris.run("ZPOPMAX busy"), "[e 5]");
        assert_eq!(paris.run("ZPOPMAX busy 2"), "[[d 4] [c 3]]");
        assert_eq!(paris.run("ZPOPMIN busy 0"), "[]");
        assert_eq!(paris.run("ZPOPMIN busy -1"), "ERR value is out of range, must be positive");
        assert_eq!(paris.run("ZPOPMIN busy 9"), "[[b 2]]");
        assert_eq!(paris.run("ZPOPMIN busy"), "[]");
        assert!(paris.rows.is_empty());
    }

    #[test]
    fn a_member_popped_twice_is_gone_and_one_incremented_meanwhile_is_not() {
        let (mut paris, mut tokyo) = (Replica::new(1), Replica::new(2));
        paris.run("ZADD busy 1 a 2 b");
        tokyo.pull(&paris);
        assert_eq!(paris.run("ZPOPMIN busy 2"), "[[a 1] [b 2]]");
        assert_eq!(tokyo.run("ZPOPMIN busy"), "[a 1]");
        tokyo.run("ZINCRBY busy 5 b");
        settle(&mut [&mut paris, &mut tokyo]);
        assert_eq!(paris.run("ZRANGE busy 0 -1 WITHSCORES"), "[[b 5]]");
    }
}
