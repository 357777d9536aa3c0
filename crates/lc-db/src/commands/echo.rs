//! `ECHO`: answers what it is given.

use crate::{Arity, Command, Group, KeySpec, Reply, Run};

pub(super) static COMMAND: Command = Command {
    name: "echo",
    arity: Arity::Exactly(1),
    group: Group::Connection,
    keys: KeySpec::NONE,
    syntax: "message",
    summary: "Answers the message.",
    concurrent: "",
    run: Run::Session(|_, _, args| Ok(Reply::bulk(args[0]))),
};

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn the_message_comes_back() {
        assert_eq!(Replica::new(1).run("ECHO \"a b\""), "a b");
    }
}
