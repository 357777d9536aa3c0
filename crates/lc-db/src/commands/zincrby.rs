//! `ZINCRBY`: adds to a score.

use lc_crdt::{Kind, Number};

use super::zadd;
use crate::arguments::{Args, float};
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, Txn};

pub(super) static COMMAND: Command = Command {
    name: "zincrby",
    arity: Arity::Exactly(3),
    group: Group::SortedSets,
    keys: KeySpec::FIRST,
    syntax: "key increment member",
    summary: "Adds to the score of a member; a missing member counts as 0.",
    concurrent: "Increments add up. Against ZADD: the score set, plus increments it did not see. Against ZREM or DEL: the increments they did not see remain.",
    run: Run::Write(run),
};

fn run(txn: &mut Txn<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let (key, by, member) = (args[0], float(args[1])?, args[2]);
    let old = txn.view().score(key, member)?;
    let sum = zadd::sum(old, by)?;
    txn.add_element(key, Kind::Sorted, member, Number::Float(by))?;
    // Read back: the answer must be the score that ZSCORE gives, to the last bit.
    Ok(Reply::Double(txn.view().score(key, member)?.unwrap_or(sum)))
}

#[cfg(test)]
mod tests {
    use crate::testing::{Replica, settle};

    #[test]
    fn increments_in_two_regions_add_up_and_move_the_member() {
        let (mut paris, mut tokyo) = (Replica::new(1), Replica::new(2));
        paris.run("ZADD busy 10 JFK 12 LGA");
        tokyo.pull(&paris);
        assert_eq!(paris.run("ZINCRBY busy 1.5 JFK"), "11.5");
        assert_eq!(tokyo.run("ZINCRBY busy 1 JFK"), "11");
        settle(&mut [&mut paris, &mut tokyo]);
        assert_eq!(paris.run("ZRANGE busy 0 -1 WITHSCORES"), "[[LGA 12] [JFK 12.5]]");
    }

    #[test]
    fn what_has_no_sum_is_refused() {
        let mut paris = Replica::new(1);
        paris.run("ZADD busy inf JFK");
        assert_eq!(paris.run("ZINCRBY busy -inf JFK"), "ERR resulting score is not a number (NaN)");
        assert_eq!(paris.run("ZINCRBY busy x JFK"), "ERR value is not a valid float");
        assert_eq!(paris.run("ZINCRBY busy 5 LGA"), "5");
    }
}
