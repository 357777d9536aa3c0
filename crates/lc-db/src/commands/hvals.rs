//! `HVALS`: all values, O(n).

use crate::arguments::Args;
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, View};

pub(super) static COMMAND: Command = Command {
    name: "hvals",
    arity: Arity::Exactly(1),
    group: Group::Hashes,
    keys: KeySpec::FIRST,
    syntax: "key",
    summary: "All values of a hash.",
    concurrent: "",
    run: Run::Read(run),
};

fn run(view: &View<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let pairs = view.pairs(args[0])?;
    Ok(Reply::Array(pairs.into_iter().map(|(_, value)| Reply::Bulk(value)).collect()))
}

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn values_come_without_their_fields() {
        let mut paris = Replica::new(1);
        assert_eq!(paris.run("HVALS plane"), "[]");
        paris.run("HSET plane tail N1");
        assert_eq!(paris.run("HVALS plane"), "[N1]");
    }
}
