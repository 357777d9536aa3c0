//! `ZRANK`, `ZREVRANK`: the place of a member; walks the members before it, O(rank).

use lc_crdt::Kind;

use crate::arguments::{Args, is};
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, ScoreSpan, View};

pub(super) static ZRANK: Command = Command {
    name: "zrank",
    arity: Arity::Between(2, 3),
    group: Group::SortedSets,
    keys: KeySpec::FIRST,
    syntax: "key member [WITHSCORE]",
    summary: "The place of a member, the lowest score being 0.",
    concurrent: "",
    run: Run::Read(|view, args| rank(view, args, false)),
};

pub(super) static ZREVRANK: Command = Command {
    name: "zrevrank",
    arity: Arity::Between(2, 3),
    group: Group::SortedSets,
    keys: KeySpec::FIRST,
    syntax: "key member [WITHSCORE]",
    summary: "The place of a member, the highest score being 0.",
    concurrent: "",
    run: Run::Read(|view, args| rank(view, args, true)),
};

fn rank(view: &View<'_>, args: Args<'_>, reverse: bool) -> Result<Reply, Error> {
    let (key, member) = (args[0], args[1]);
    let with_score =
        args.get(2).map_or(Ok(false), |word| if is(word, "withscore") { Ok(true) } else { Err(Error::Syntax) })?;
    let score = match view.element(key, Kind::Sorted, member)?.and_then(|cell| cell.score()) {
        Some(score) => score,
        None if with_score => return Ok(Reply::NilArray),
        None => return Ok(Reply::Nil),
    };
    let mut before = 0;
    let mut visit = |_: f64, other: &[u8]| {
        let found = other == member;
        before += i64::from(!found);
        !found
    };
    match reverse {
        true => view.each_score_back(key, ScoreSpan { from: score, ..ScoreSpan::ALL }, &mut visit)?,
        false => view.each_score(key, ScoreSpan { to: score, ..ScoreSpan::ALL }, &mut visit)?,
    }
    Ok(if with_score { Reply::Array(vec![Reply::Int(before), Reply::Double(score)]) } else { Reply::Int(before) })
}

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn places_count_from_either_end() {
        let mut paris = Replica::new(1);
        paris.run("ZADD busy 1 a 2 b 2 bb 3 c");
        assert_eq!(paris.run("ZRANK busy bb"), "2");
        assert_eq!(paris.run("ZREVRANK busy bb"), "1");
        assert_eq!(paris.run("ZRANK busy a WITHSCORE"), "[0 1]");
        assert_eq!(paris.run("ZREVRANK busy a withscore"), "[3 1]");
        assert_eq!(paris.run("ZRANK busy z"), "nil");
        assert_eq!(paris.run("ZRANK busy z WITHSCORE"), "nil");
        assert_eq!(paris.run("ZRANK quiet a"), "nil");
        assert_eq!(paris.run("ZRANK busy a WITHSCORES"), "ERR syntax error");
    }
}
