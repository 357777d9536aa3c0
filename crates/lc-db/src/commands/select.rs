//! `SELECT`: which database; there is one.

use crate::arguments::{Args, int};
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run};

pub(super) static COMMAND: Command = Command {
    name: "select",
    arity: Arity::Exactly(1),
    group: Group::Connection,
    keys: KeySpec::NONE,
    syntax: "index",
    summary: "Chooses a database; there is only 0.",
    concurrent: "",
    run: Run::Session(|_, _, args| run(args)),
};

fn run(args: Args<'_>) -> Result<Reply, Error> {
    match int(args[0])? {
        0 => Ok(Reply::OK),
        _ => Err(Error::caller("DB index is out of range")),
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn there_is_one_database() {
        let mut paris = Replica::new(1);
        assert_eq!(paris.run("SELECT 0"), "OK");
        assert_eq!(paris.run("SELECT 1"), "ERR DB index is out of range");
        assert_eq!(paris.run("SELECT x"), "ERR value is not an integer or out of range");
    }
}
