//! `SRANDMEMBER`: members picked at random, O(n).

use lc_crdt::Kind;

use super::picks;
use crate::arguments::Args;
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, View};

pub(super) static COMMAND: Command = Command {
    name: "srandmember",
    arity: Arity::AtLeast(1),
    group: Group::Sets,
    keys: KeySpec::FIRST,
    syntax: "key [count]",
    summary: "Members of a set picked at random; a negative count allows repetition.",
    concurrent: "",
    run: Run::Read(run),
};

fn run(view: &View<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let count = match &args[1..] {
        [] => return Ok(picks::one(view, args[0], Kind::Set)?.map_or(Reply::Nil, |(member, _)| Reply::Bulk(member))),
        [count] => count,
        _ => return Err(Error::Syntax),
    };
    let picked = picks::several(view, args[0], Kind::Set, picks::count(count)?)?;
    Ok(Reply::Array(picked.into_iter().map(|(member, _)| Reply::Bulk(member)).collect()))
}

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn a_count_gives_different_members_and_a_negative_one_repeats() {
        let mut paris = Replica::new(1);
        assert_eq!(paris.run("SRANDMEMBER carriers"), "nil");
        assert_eq!(paris.run("SRANDMEMBER carriers -2"), "[]");
        paris.run("SADD carriers AF");
        assert_eq!(paris.run("SRANDMEMBER carriers"), "AF");
        assert_eq!(paris.run("SRANDMEMBER carriers 5"), "[AF]");
        assert_eq!(paris.run("SRANDMEMBER carriers -2"), "[AF AF]");
        assert_eq!(paris.run("SRANDMEMBER carriers x"), "ERR value is not an integer or out of range");
        assert_eq!(
            paris.run("SRANDMEMBER carriers -9223372036854775808"),
            "ERR value is out of range, value must between -1048576 and 9223372036854775807"
        );
    }
}
