//! `HGETALL`: all fields and values, O(n).

use crate::arguments::Args;
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, View};

pub(super) static COMMAND: Command = Command {
    name: "hgetall",
    arity: Arity::Exactly(1),
    group: Group::Hashes,
    keys: KeySpec::FIRST,
    syntax: "key",
    summary: "All fields of a hash with their values.",
    concurrent: "",
    run: Run::Read(run),
};

fn run(view: &View<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let pairs = view.pairs(args[0])?;
    Ok(Reply::Map(pairs.into_iter().map(|(field, value)| (Reply::Bulk(field), Reply::Bulk(value))).collect()))
}

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn a_hash_that_is_not_there_is_empty() {
        let mut paris = Replica::new(1);
        assert_eq!(paris.run("HGETALL plane"), "{}");
        paris.run("HSET plane tail N1 seats 2");
        paris.run("HINCRBY plane seats 3");
        assert_eq!(paris.run("HGETALL plane"), "{seats=5 tail=N1}");
    }
}
