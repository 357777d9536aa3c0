//! `SMISMEMBER`: whether each of several members is there.

use lc_crdt::Kind;

use crate::arguments::Args;
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, View};

pub(super) static COMMAND: Command = Command {
    name: "smismember",
    arity: Arity::AtLeast(2),
    group: Group::Sets,
    keys: KeySpec::FIRST,
    syntax: "key member [member ...]",
    summary: "Whether a set has each of these members.",
    concurrent: "",
    run: Run::Read(run),
};

fn run(view: &View<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let (key, members) = (args[0], &args[1..]);
    if view.head_of_kind(key, Kind::Set)?.is_none() {
        return Ok(Reply::Array(vec![Reply::flag(false); members.len()]));
    }
    let has = |member: &&[u8]| Ok(Reply::flag(view.element_unchecked(key, Kind::Set, member)?.is_some()));
    Ok(Reply::Array(members.iter().map(has).collect::<Result<_, Error>>()?))
}

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn answers_stand_in_the_order_of_the_members() {
        let mut paris = Replica::new(1);
        paris.run("SADD carriers AF");
        assert_eq!(paris.run("SMISMEMBER carriers LH AF"), "[0 1]");
        assert_eq!(paris.run("SMISMEMBER trains LH AF"), "[0 0]");
    }
}
