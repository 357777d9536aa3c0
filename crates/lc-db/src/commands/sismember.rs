//! `SISMEMBER`: whether a member is there.

use crate::arguments::Args;
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, View};

pub(super) static COMMAND: Command = Command {
    name: "sismember",
    arity: Arity::Exactly(2),
    group: Group::Sets,
    keys: KeySpec::FIRST,
    syntax: "key member",
    summary: "Whether a set has a member.",
    concurrent: "",
    run: Run::Read(run),
};

fn run(view: &View<'_>, args: Args<'_>) -> Result<Reply, Error> {
    Ok(Reply::flag(view.is_member(args[0], args[1])?))
}

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn only_members_are_members() {
        let mut paris = Replica::new(1);
        paris.run("SADD carriers AF");
        assert_eq!(paris.run("SISMEMBER carriers AF"), "1");
        assert_eq!(paris.run("SISMEMBER carriers LH"), "0");
        assert_eq!(paris.run("SISMEMBER trains AF"), "0");
    }
}
