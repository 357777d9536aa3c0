//! `DBSIZE`: how many keys there are.

use crate::{Arity, Command, Group, KeySpec, Reply, Run};

pub(super) static COMMAND: Command = Command {
    name: "dbsize",
    arity: Arity::Exactly(0),
    group: Group::Keys,
    keys: KeySpec::NONE,
    syntax: "",
    summary: "How many keys there are, counting some that have ended but are not removed yet.",
    concurrent: "",
    run: Run::Session(|_, host, _| Ok(Reply::Int(host.key_count() as i64))),
};

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn keys_count_whatever_they_hold() {
        let mut paris = Replica::new(1);
        assert_eq!(paris.run("DBSIZE"), "0");
        paris.run("MSET a 1 b 2");
        paris.run("SADD s x y z");
        assert_eq!(paris.run("DBSIZE"), "3");
        paris.run("DEL a");
        assert_eq!(paris.run("DBSIZE"), "2");
    }
}
