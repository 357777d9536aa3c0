//! `ZINTERCARD`: how many members all sorted sets have.

use super::score_algebra::{Form, Request};
use super::counted_keys;
use crate::arguments::{Args, is};
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
    // A key may be called LIMIT, so the option is looked for where the keys end.
    let keys_end = args.len().checked_sub(2).filter(|&end| end > 1 && is(args[end], "limit") && !reaches(args, end));
    let (request, options) = args.split_at(keys_end.unwrap_or(args.len()));
    let limit = counted_keys::limit(options)?;
    let request = Request::parse(request, Form { name: "zintercard", weighted: false, scores: false })?;
    Ok(Reply::count(request.intersection(view, limit)?.len()))
}

/// Whether the keys go on at `end`, by their number.
fn reaches(args: Args<'_>, end: usize) -> bool {
    lc_crdt::Number::parse_int(args[0]).is_some_and(|number| number >= end as i64)
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
