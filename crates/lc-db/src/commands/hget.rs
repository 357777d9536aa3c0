//! `HGET`: the value of a field.

use crate::arguments::Args;
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, View};

pub(super) static COMMAND: Command = Command {
    name: "hget",
    arity: Arity::Exactly(2),
    group: Group::Hashes,
    keys: KeySpec::FIRST,
    syntax: "key field",
    summary: "The value of a hash field; nil if there is none.",
    concurrent: "",
    run: Run::Read(run),
};

fn run(view: &View<'_>, args: Args<'_>) -> Result<Reply, Error> {
    Ok(Reply::bulk_or_nil(view.field(args[0], args[1])?))
}

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn a_field_that_is_not_there_reads_nil() {
        let mut paris = Replica::new(1);
        paris.run("HSET plane tail N1");
        assert_eq!(paris.run("HGET plane tail"), "N1");
        assert_eq!(paris.run("HGET plane seats"), "nil");
        assert_eq!(paris.run("HGET train seats"), "nil");
    }
}
