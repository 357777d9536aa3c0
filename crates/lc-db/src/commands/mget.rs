//! `MGET`: several strings at one moment.

use bytes::Bytes;

use crate::arguments::Args;
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, View};

pub(super) static COMMAND: Command = Command {
    name: "mget",
    arity: Arity::AtLeast(1),
    group: Group::Strings,
    keys: KeySpec::ALL,
    syntax: "key [key ...]",
    summary: "The values of several strings at one moment; nil for a key that is missing or no string.",
    concurrent: "",
    run: Run::Read(run),
};

fn run(view: &View<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let value = |key: &&[u8]| {
        let value = match view.string(key) {
            Err(Error::WrongType) => None,
            value => value?,
        };
        view.take(value.as_ref().map_or(0, Bytes::len))?;
        Ok(Reply::bulk_or_nil(value))
    };
    args.iter().map(value).collect::<Result<_, Error>>().map(Reply::Array)
}

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn keys_of_another_type_read_nil() {
        let mut paris = Replica::new(1);
        paris.run("MSET a 1 b 2");
        paris.run("SADD s x");
        assert_eq!(paris.run("MGET a s none b a"), "[1 nil nil 2 1]");
        assert_eq!(paris.run("MGET"), "ERR wrong number of arguments for 'mget' command");
    }
}
