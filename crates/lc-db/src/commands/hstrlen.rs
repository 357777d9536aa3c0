//! `HSTRLEN`: the length of a value.

use crate::arguments::Args;
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, View};

pub(super) static COMMAND: Command = Command {
    name: "hstrlen",
    arity: Arity::Exactly(2),
    group: Group::Hashes,
    keys: KeySpec::FIRST,
    syntax: "key field",
    summary: "How many bytes the value of a hash field has.",
    concurrent: "",
    run: Run::Read(run),
};

fn run(view: &View<'_>, args: Args<'_>) -> Result<Reply, Error> {
    Ok(Reply::count(view.field(args[0], args[1])?.map_or(0, |value| value.len())))
}

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn a_counter_is_as_long_as_its_text() {
        let mut paris = Replica::new(1);
        paris.run("HSET plane tail N1");
        paris.run("HINCRBY plane seats 100");
        assert_eq!(paris.run("HSTRLEN plane tail"), "2");
        assert_eq!(paris.run("HSTRLEN plane seats"), "3");
        assert_eq!(paris.run("HSTRLEN plane year"), "0");
    }
}
