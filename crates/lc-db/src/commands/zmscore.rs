//! `ZMSCORE`: the scores of several members.

use lc_crdt::Kind;

use crate::arguments::Args;
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, View};

pub(super) static COMMAND: Command = Command {
    name: "zmscore",
    arity: Arity::AtLeast(2),
    group: Group::SortedSets,
    keys: KeySpec::FIRST,
    syntax: "key member [member ...]",
    summary: "The scores of members, nil for those that are not there.",
    concurrent: "",
    run: Run::Read(run),
};

fn run(view: &View<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let (key, members) = (args[0], &args[1..]);
    if view.head_of_kind(key, Kind::Sorted)?.is_none() {
        return Ok(Reply::Array(vec![Reply::Nil; members.len()]));
    }
    let score = |member: &&[u8]| {
        let cell = view.element_unchecked(key, Kind::Sorted, member)?;
        Ok(cell.and_then(|cell| cell.score()).map_or(Reply::Nil, Reply::Double))
    };
    Ok(Reply::Array(members.iter().map(score).collect::<Result<_, Error>>()?))
}

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn scores_stand_in_the_order_of_the_members() {
        let mut paris = Replica::new(1);
        paris.run("ZADD busy 2.5 JFK 1 LGA");
        assert_eq!(paris.run("ZMSCORE busy LGA EWR JFK"), "[1 nil 2.5]");
        assert_eq!(paris.run("ZMSCORE quiet LGA"), "[nil]");
    }
}
