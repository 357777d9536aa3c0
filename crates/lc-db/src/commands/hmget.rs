//! `HMGET`: the values of several fields.

use bytes::Bytes;
use lc_crdt::Kind;

use crate::arguments::Args;
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, View};

pub(super) static COMMAND: Command = Command {
    name: "hmget",
    arity: Arity::AtLeast(2),
    group: Group::Hashes,
    keys: KeySpec::FIRST,
    syntax: "key field [field ...]",
    summary: "The values of hash fields, nil for those that are not there.",
    concurrent: "",
    run: Run::Read(run),
};

fn run(view: &View<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let (key, fields) = (args[0], &args[1..]);
    if view.head_of_kind(key, Kind::Hash)?.is_none() {
        return Ok(Reply::Array(vec![Reply::Nil; fields.len()]));
    }
    let value = |field: &&[u8]| {
        let value = view.element_text(key, Kind::Hash, field)?;
        view.take(value.as_ref().map_or(0, Bytes::len))?;
        Ok(Reply::bulk_or_nil(value))
    };
    Ok(Reply::Array(fields.iter().map(value).collect::<Result<_, Error>>()?))
}

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn values_stand_in_the_order_of_their_fields() {
        let mut paris = Replica::new(1);
        paris.run("HSET plane tail N1 seats 2");
        assert_eq!(paris.run("HMGET plane seats year tail"), "[2 nil N1]");
        assert_eq!(paris.run("HMGET train a b"), "[nil nil]");
        paris.run("SET text 1");
        assert_eq!(paris.run("HMGET text a"), "WRONGTYPE Operation against a key holding the wrong kind of value");
    }
}
