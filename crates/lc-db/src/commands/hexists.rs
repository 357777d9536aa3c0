//! `HEXISTS`: whether a field is there.

use lc_crdt::Kind;

use crate::arguments::Args;
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, View};

pub(super) static COMMAND: Command = Command {
    name: "hexists",
    arity: Arity::Exactly(2),
    group: Group::Hashes,
    keys: KeySpec::FIRST,
    syntax: "key field",
    summary: "Whether a hash has a field.",
    concurrent: "",
    run: Run::Read(run),
};

fn run(view: &View<'_>, args: Args<'_>) -> Result<Reply, Error> {
    Ok(Reply::flag(view.element(args[0], Kind::Hash, args[1])?.is_some()))
}

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn only_fields_that_were_set_exist() {
        let mut paris = Replica::new(1);
        paris.run("HSET plane tail N1");
        assert_eq!(paris.run("HEXISTS plane tail"), "1");
        assert_eq!(paris.run("HEXISTS plane seats"), "0");
        assert_eq!(paris.run("HEXISTS train seats"), "0");
    }
}
