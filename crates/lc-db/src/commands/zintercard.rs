//! `ZINTERCARD`: how many members all sorted sets have.

use super::score_algebra::{Form, Request};
use crate::arguments::Args;
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, View};

pub(super) static COMMAND: Command = Command {
    name: "zintercard",
    arity: Arity::AtLeast(2),
    group: Group::SortedSets,
    keys: KeySpec::NONE,
    syntax: "numkeys key [key ...] [LIMIT limit]",
    summary: "How many members all of the sorted sets have; counting ends at the limit.",
    concurrent: "",
    run: Run::Read(run),
};

fn run(view: &View<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let request = Request::parse(args, Form { name: "zintercard", weighted: false, scores: false, limited: true })?;
    Ok(Reply::count(request.intersection_count(view)?))
}

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn counting_ends_at_the_limit() {
        let mut paris = Replica::new(1);
        paris.run("ZADD a 1 x 2 y 3 z");
        paris.run("ZADD limit 1 x 2 y");
        assert_eq!(paris.run("ZINTERCARD 2 a limit"), "2");
        assert_eq!(paris.run("ZINTERCARD 2 limit a"), "2");
        assert_eq!(paris.run("ZINTERCARD 2 a limit LIMIT 1"), "1");
        assert_eq!(paris.run("ZINTERCARD 1 a LIMIT 0"), "3");
        assert_eq!(paris.run("ZINTERCARD 1 a LIMIT -1"), "ERR LIMIT can't be negative");
        assert_eq!(paris.run("ZINTERCARD 1 a LIMIT"), "ERR syntax error");
        assert_eq!(paris.run("ZINTERCARD 0 a"), "ERR at least 1 input key is needed for 'zintercard' command");
    }
}
