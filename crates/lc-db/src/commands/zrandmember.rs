//! `ZRANDMEMBER`: members picked at random, O(n).

use lc_crdt::Kind;

use super::{picks, score_range};
use crate::arguments::{Args, is};
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, View};

pub(super) static COMMAND: Command = Command {
    name: "zrandmember",
    arity: Arity::AtLeast(1),
    group: Group::SortedSets,
    keys: KeySpec::FIRST,
    syntax: "key [count [WITHSCORES]]",
    summary: "Members of a sorted set picked at random; a negative count allows repetition.",
    concurrent: "",
    run: Run::Read(run),
};

fn run(view: &View<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let &[key, count, ref rest @ ..] = args else {
        return Ok(picks::one(view, args[0], Kind::Sorted)?.map_or(Reply::Nil, |(member, _)| Reply::Bulk(member)));
    };
    let count = picks::count(count)?;
    if !matches!(rest, []) && !matches!(rest, [word] if is(word, "withscores")) {
        return Err(Error::Syntax);
    }
    let picked = picks::several(view, key, Kind::Sorted, count)?;
    let scored = picked.into_iter().map(|(member, cell)| (member, cell.score().unwrap_or(0.0))).collect();
    Ok(score_range::reply(scored, !rest.is_empty()))
}

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn a_count_gives_different_members_and_a_negative_one_repeats() {
        let mut paris = Replica::new(1);
        assert_eq!(paris.run("ZRANDMEMBER busy"), "nil");
        assert_eq!(paris.run("ZRANDMEMBER busy 3"), "[]");
        paris.run("ZADD busy 2.5 a");
        assert_eq!(paris.run("ZRANDMEMBER busy"), "a");
        assert_eq!(paris.run("ZRANDMEMBER busy 3 WITHSCORES"), "[[a 2.5]]");
        assert_eq!(paris.run("ZRANDMEMBER busy -2"), "[a a]");
        assert_eq!(paris.run("ZRANDMEMBER busy 2 SCORES"), "ERR syntax error");
    }
}
