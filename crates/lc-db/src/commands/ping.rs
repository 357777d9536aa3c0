//! `PING`: whether the node answers.

use crate::{Arity, Command, Group, KeySpec, Reply, Run};

pub(super) static COMMAND: Command = Command {
    name: "ping",
    arity: Arity::Between(0, 1),
    group: Group::Connection,
    keys: KeySpec::NONE,
    syntax: "[message]",
    summary: "Answers PONG, or the message.",
    concurrent: "",
    run: Run::Session(|_, _, args| Ok(args.first().map_or(Reply::Word("PONG"), Reply::bulk))),
};

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn the_node_answers() {
        let mut paris = Replica::new(1);
        assert_eq!((paris.run("PING"), paris.run("PING hello")), ("PONG".into(), "hello".into()));
        assert_eq!(paris.run("PING a b"), "ERR wrong number of arguments for 'ping' command");
    }
}
