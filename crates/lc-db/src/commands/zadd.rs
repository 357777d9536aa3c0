//! `ZADD`: members with their scores, and its conditions.

use lc_crdt::{Kind, Number};

use crate::arguments::{Args, float, is};
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, Txn};

pub(super) static COMMAND: Command = Command {
    name: "zadd",
    arity: Arity::AtLeast(3),
    group: Group::SortedSets,
    keys: KeySpec::FIRST,
    syntax: "key [NX | XX] [GT | LT] [CH] [INCR] score member [score member ...]",
    summary: "Adds members to a sorted set or changes their scores; answers how many are new.",
    concurrent: "Of two scores set at once, the highest (hybrid logical clock, replica) is shown, plus increments that it did not see; so it is with INCR, which adds up. Against ZREM or DEL: the member stays. NX, XX, GT and LT judge by what this region sees.",
    run: Run::Write(run),
};

fn run(txn: &mut Txn<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let key = args[0];
    let (options, words) = Options::parse(&args[1..])?;
    let (pairs, []) = words.as_chunks::<2>() else { return Err(Error::Syntax) };
    options.check(pairs.len())?;
    let pairs: Vec<(f64, &[u8])> =
        pairs.iter().map(|&[score, member]| Ok((float(score)?, member))).collect::<Result<_, Error>>()?;
    txn.check_elements(key, Kind::Sorted, pairs.iter().map(|&(_, member)| (member, &b""[..])))?;
    let (mut added, mut changed, mut last) = (0, 0, None);
    for (score, member) in pairs {
        let change = options.apply(txn, key, member, score)?;
        added += usize::from(change == Change::Added);
        changed += usize::from(matches!(change, Change::Added | Change::Moved));
        last = if change == Change::Refused { None } else { txn.view().score(key, member)? };
    }
    match (options.increment, options.count_changed) {
        (true, _) => Ok(last.map_or(Reply::Nil, Reply::Double)),
        (false, true) => Ok(Reply::count(changed)),
        (false, false) => Ok(Reply::count(added)),
    }
}

/// What became of one member.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Change {
    Added,
    Moved,
    Same,
    Refused,
}

#[derive(Default)]
struct Options {
    only_if_absent: bool,
    only_if_present: bool,
    only_if_greater: bool,
    only_if_less: bool,
    count_changed: bool,
    increment: bool,
}

impl Options {
    /// Reads options up to the first word that is none.
    fn parse(mut words: Args<'_>) -> Result<(Options, Args<'_>), Error> {
        let mut options = Options::default();
        while let Some((word, rest)) = words.split_first() {
            match word {
                _ if is(word, "nx") => options.only_if_absent = true,
                _ if is(word, "xx") => options.only_if_present = true,
                _ if is(word, "gt") => options.only_if_greater = true,
                _ if is(word, "lt") => options.only_if_less = true,
                _ if is(word, "ch") => options.count_changed = true,
                _ if is(word, "incr") => options.increment = true,
                _ => break,
            }
            words = rest;
        }
        Ok((options, words))
    }

    fn check(&self, pairs: usize) -> Result<(), Error> {
        if pairs == 0 {
            Err(Error::Syntax)
        } else if self.only_if_absent && self.only_if_present {
            Err(Error::caller("XX and NX options at the same time are not compatible"))
        } else if [self.only_if_absent, self.only_if_greater, self.only_if_less]
            .into_iter()
            .filter(|&given| given)
            .count()
            > 1
        {
            Err(Error::caller("GT, LT, and/or NX options at the same time are not compatible"))
        } else if self.increment && pairs > 1 {
            Err(Error::caller("INCR option supports a single increment-element pair"))
        } else {
            Ok(())
        }
    }

    fn apply(&self, txn: &mut Txn<'_>, key: &[u8], member: &[u8], score: f64) -> Result<Change, Error> {
        let old = txn.view().score(key, member)?;
        let new = if self.increment { sum(old, score)? } else { score };
        let refused = match old {
            None => self.only_if_present,
            Some(old) => self.only_if_absent || self.only_if_greater && new <= old || self.only_if_less && new >= old,
        };
        if refused {
            return Ok(Change::Refused);
        }
        if self.increment {
            txn.add_element(key, Kind::Sorted, member, Number::Float(score))?;
        } else {
            // The same score is written again: it must win over an older one from elsewhere, and over a removal.
            txn.set_score(key, member, score)?;
        }
        Ok(match old {
            None => Change::Added,
            Some(old) if old == new => Change::Same,
            Some(_) => Change::Moved,
        })
    }
}

/// A score with an increment on top; opposite infinities have no sum.
pub(super) fn sum(old: Option<f64>, by: f64) -> Result<f64, Error> {
    let sum = old.unwrap_or(0.0) + by;
    if sum.is_nan() { Err(Error::caller("resulting score is not a number (NaN)")) } else { Ok(sum) }
}

#[cfg(test)]
mod tests {
    use crate::testing::{Replica, settle};

    #[test]
    fn members_are_added_and_moved() {
        let mut paris = Replica::new(1);
        assert_eq!(paris.run("ZADD busy 1 JFK 2.5 LGA"), "2");
        assert_eq!(paris.run("ZADD busy 3 JFK 2.5 LGA 4 EWR"), "1");
        assert_eq!(paris.run("ZADD busy CH 3 JFK 7 LGA 1 BOS"), "2");
        assert_eq!(paris.run("ZRANGE busy 0 -1 WITHSCORES"), "[[BOS 1] [JFK 3] [EWR 4] [LGA 7]]");
        assert_eq!(paris.run("ZADD busy INCR 2 JFK"), "5");
        assert_eq!(paris.run("ZADD busy 1 JFK 2 JFK"), "0");
        assert_eq!(paris.run("ZSCORE busy JFK"), "2");
    }

    #[test]
    fn conditions_judge_by_what_is_there() {
        let mut paris = Replica::new(1);
        assert_eq!(paris.run("ZADD busy XX 1 JFK"), "0");
        paris.run("ZADD busy 5 JFK");
        assert_eq!(paris.run("ZADD busy NX 9 JFK 1 LGA"), "1");
        assert_eq!(paris.run("ZADD busy GT CH 4 JFK 2 LGA 1 EWR"), "2");
        assert_eq!(paris.run("ZADD busy LT CH 4 JFK 3 LGA"), "1");
        assert_eq!(paris.run("ZADD busy GT INCR -1 JFK"), "nil");
        assert_eq!(paris.run("ZADD busy NX INCR 1 JFK"), "nil");
        assert_eq!(paris.run("ZRANGE busy 0 -1 WITHSCORES"), "[[EWR 1] [LGA 2] [JFK 4]]");
    }

    #[test]
    fn options_that_contradict_are_refused_and_nothing_is_written() {
        let mut paris = Replica::new(1);
        for (line, reply) in [
            ("ZADD busy NX XX 1 a", "ERR XX and NX options at the same time are not compatible"),
            ("ZADD busy GT LT 1 a", "ERR GT, LT, and/or NX options at the same time are not compatible"),
            ("ZADD busy GT NX 1 a", "ERR GT, LT, and/or NX options at the same time are not compatible"),
            ("ZADD busy INCR 1 a 2 b", "ERR INCR option supports a single increment-element pair"),
            ("ZADD busy 1 a 2", "ERR syntax error"),
            ("ZADD busy NX", "ERR wrong number of arguments for 'zadd' command"),
            ("ZADD busy NX XX CH", "ERR syntax error"),
            ("ZADD busy 1 a x b", "ERR value is not a valid float"),
            ("ZADD busy nan a", "ERR value is not a valid float"),
        ] {
            assert_eq!(paris.run(line), reply, "{line}");
        }
        assert!(paris.journal.is_empty());
    }

    #[test]
    fn the_later_score_wins_and_an_increment_it_did_not_see_stays_on_top() {
        let (mut paris, mut tokyo) = (Replica::new(1), Replica::new(2));
        paris.run("ZADD busy 1 JFK 1 LGA");
        tokyo.pull(&paris);
        tokyo.now_ms += 5;
        paris.run("ZADD busy 10 JFK 10 LGA");
        tokyo.run("ZADD busy 20 JFK");
        tokyo.run("ZINCRBY busy 3 LGA");
        settle(&mut [&mut paris, &mut tokyo]);
        assert_eq!(paris.run("ZRANGE busy 0 -1 WITHSCORES"), "[[LGA 13] [JFK 20]]");
    }

    #[test]
    fn infinities_that_meet_from_two_sides_never_stop_a_replica() {
        let (mut paris, mut tokyo) = (Replica::new(1), Replica::new(2));
        paris.run("ZINCRBY busy inf JFK");
        tokyo.now_ms += 5;
        tokyo.run("ZADD busy -inf JFK");
        settle(&mut [&mut paris, &mut tokyo]);
        assert_eq!(paris.run("ZSCORE busy JFK"), "0");
        assert_eq!(paris.run("ZINCRBY busy -inf JFK"), "ERR resulting score is not a number (NaN)");
        assert_eq!(tokyo.run("ZINCRBY busy 5 JFK"), "0");
        settle(&mut [&mut paris, &mut tokyo]);
    }
}
