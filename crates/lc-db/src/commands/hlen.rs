//! `HLEN`: how many fields.

use lc_crdt::Kind;

use crate::arguments::Args;
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, View};

pub(super) static COMMAND: Command = Command {
    name: "hlen",
    arity: Arity::Exactly(1),
    group: Group::Hashes,
    keys: KeySpec::FIRST,
    syntax: "key",
    summary: "How many fields a hash has.",
    concurrent: "",
    run: Run::Read(run),
};

fn run(view: &View<'_>, args: Args<'_>) -> Result<Reply, Error> {
    Ok(Reply::Int(view.length(args[0], Kind::Hash)? as i64))
}

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn a_field_counts_once() {
        let mut paris = Replica::new(1);
        paris.run("HSET plane tail N1 tail N2 seats 2");
        assert_eq!(paris.run("HLEN plane"), "2");
        assert_eq!(paris.run("HLEN train"), "0");
    }
}
