//! `SINTERCARD`: how many members all sets have.

use super::{counted_keys, set_algebra};
use crate::arguments::Args;
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, View};

pub(super) static COMMAND: Command = Command {
    name: "sintercard",
    arity: Arity::AtLeast(2),
    group: Group::Sets,
    keys: KeySpec::NONE,
    syntax: "numkeys key [key ...] [LIMIT limit]",
    summary: "How many members all of the sets have; counting ends at the limit.",
    concurrent: "",
    run: Run::Read(run),
};

fn run(view: &View<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let short = Error::caller("Number of keys can't be greater than number of args");
    let (keys, words) = counted_keys::split(args, Error::caller(counted_keys::NUMBER_MISSING), short)?;
    let limit = counted_keys::limit(words)?;
    Ok(Reply::count(set_algebra::intersection_count(view, keys, limit)?))
}

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn counting_ends_at_the_limit() {
        let mut paris = Replica::new(1);
        paris.run("SADD a 1 2 3");
        paris.run("SADD b 1 2 3 4");
        assert_eq!(paris.run("SINTERCARD 2 a b"), "3");
        assert_eq!(paris.run("SINTERCARD 2 a b LIMIT 2"), "2");
        assert_eq!(paris.run("SINTERCARD 2 a b LIMIT 0"), "3");
        assert_eq!(paris.run("SINTERCARD 2 a b LIMIT -1"), "ERR LIMIT can't be negative");
        assert_eq!(paris.run("SINTERCARD 0 a b"), "ERR numkeys should be greater than 0");
        assert_eq!(paris.run("SINTERCARD 3 a b"), "ERR Number of keys can't be greater than number of args");
        assert_eq!(paris.run("SINTERCARD 1 a b"), "ERR syntax error");
    }
}
