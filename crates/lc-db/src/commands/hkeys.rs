//! `HKEYS`: all fields, O(n).

use lc_crdt::Kind;

use crate::arguments::Args;
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, View};

pub(super) static COMMAND: Command = Command {
    name: "hkeys",
    arity: Arity::Exactly(1),
    group: Group::Hashes,
    keys: KeySpec::FIRST,
    syntax: "key",
    summary: "All fields of a hash.",
    concurrent: "",
    run: Run::Read(run),
};

fn run(view: &View<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let fields = view.fields(args[0], Kind::Hash)?;
    Ok(Reply::Array(fields.into_iter().map(Reply::Bulk).collect()))
}

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn fields_stand_in_the_order_in_which_hscan_gives_them() {
        let mut paris = Replica::new(1);
        assert_eq!(paris.run("HKEYS plane"), "[]");
        paris.run("HSET plane tail N1");
        assert_eq!(paris.run("HKEYS plane"), "[tail]");
    }
}
