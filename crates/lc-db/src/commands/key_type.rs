//! `TYPE`: what kind of value a key holds.

use crate::arguments::Args;
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, View};

pub(super) static COMMAND: Command = Command {
    name: "type",
    arity: Arity::Exactly(1),
    group: Group::Keys,
    keys: KeySpec::FIRST,
    syntax: "key",
    summary: "string, hash, set or zset; none if there is no key. A key that two regions made with different types reads as the first of these.",
    concurrent: "",
    run: Run::Read(run),
};

fn run(view: &View<'_>, args: Args<'_>) -> Result<Reply, Error> {
    Ok(Reply::Word(view.kind(args[0])?.map_or("none", |kind| kind.name())))
}

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn types_have_redis_names() {
        let mut paris = Replica::new(1);
        paris.run("INCR n");
        paris.run("HSET h f v");
        paris.run("SADD s x");
        paris.run("ZADD z 1 x");
        let types = ["n", "h", "s", "z", "none"].map(|key| paris.run(&format!("TYPE {key}")));
        assert_eq!(types, ["string", "hash", "set", "zset", "none"]);
    }
}
