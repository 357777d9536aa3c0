//! `ZMPOP`: takes members out of the first of several sorted sets that has some.

use lc_crdt::Kind;

use super::{counted_keys, zpopmin};
use crate::arguments::{Args, int, is};
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, Txn};

pub(super) static COMMAND: Command = Command {
    name: "zmpop",
    arity: Arity::AtLeast(3),
    group: Group::SortedSets,
    keys: KeySpec::NONE,
    syntax: "numkeys key [key ...] MIN | MAX [COUNT count]",
    summary: "Takes members out of the first sorted set that is not empty.",
    concurrent: "As ZPOPMIN. Which set is first is judged by what this region sees.",
    run: Run::Write(run),
};

fn run(txn: &mut Txn<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let (keys, words) = counted_keys::split(args, Error::caller(counted_keys::NUMBER_MISSING), Error::Syntax)?;
    let (highest, count) = parse(words)?;
    for key in keys {
        if txn.view().length(key, Kind::Sorted)? > 0 {
            let taken = zpopmin::take(txn, key, count, highest)?;
            // Nested in RESP2 too, unlike ZPOPMIN.
            let pairs =
                taken.into_iter().map(|(member, score)| Reply::Array(vec![Reply::Bulk(member), Reply::Double(score)]));
            return Ok(Reply::Array(vec![Reply::bulk(key), Reply::Array(pairs.collect())]));
        }
    }
    Ok(Reply::NilArray)
}

fn parse(words: Args<'_>) -> Result<(bool, usize), Error> {
    let (end, words) = words.split_first().ok_or(Error::Syntax)?;
    let highest = match end {
        _ if is(end, "max") => true,
        _ if is(end, "min") => false,
        _ => return Err(Error::Syntax),
    };
    match words {
        [] => Ok((highest, 1)),
        [word, count] if is(word, "count") => {
            let count =
                int(count).ok().filter(|&count| count > 0).ok_or(Error::caller("count should be greater than 0"))?;
            Ok((highest, usize::try_from(count).unwrap_or(usize::MAX)))
        }
        _ => Err(Error::Syntax),
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Replica, settle};

    #[test]
    fn the_first_set_with_members_gives_them() {
        let mut paris = Replica::new(1);
        paris.run("ZADD busy 1 a 2 b 3 c");
        assert_eq!(paris.run("ZMPOP 2 quiet busy MIN"), "[busy [[a 1]]]");
        assert_eq!(paris.run("ZMPOP 2 quiet busy MAX COUNT 5"), "[busy [[c 3] [b 2]]]");
        assert_eq!(paris.run("ZMPOP 2 quiet busy MAX"), "nil");
        assert_eq!(paris.run("ZMPOP 0 busy MAX"), "ERR numkeys should be greater than 0");
        assert_eq!(paris.run("ZMPOP 2 busy MAX"), "ERR syntax error");
        assert_eq!(paris.run("ZMPOP 1 busy MAX COUNT 0"), "ERR count should be greater than 0");
    }

    #[test]
    fn a_member_added_elsewhere_stays() {
        let (mut paris, mut tokyo) = (Replica::new(1), Replica::new(2));
        paris.run("ZADD busy 1 a");
        tokyo.pull(&paris);
        paris.run("ZMPOP 1 busy MIN COUNT 9");
        tokyo.run("ZADD busy 2 b");
        settle(&mut [&mut paris, &mut tokyo]);
        assert_eq!(paris.run("ZRANGE busy 0 -1"), "[b]");
    }
}
