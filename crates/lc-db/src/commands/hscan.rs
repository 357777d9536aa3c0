//! `HSCAN`: a page of the fields of a hash with their values.

use lc_crdt::{Cell, Kind};

use super::element_scan;
use crate::view::text_of;
use crate::{Arity, Command, Group, KeySpec, Reply, Run};

pub(super) static COMMAND: Command = Command {
    name: "hscan",
    arity: Arity::AtLeast(2),
    group: Group::Hashes,
    keys: KeySpec::FIRST,
    syntax: "key cursor [MATCH pattern] [COUNT count]",
    summary: "A page of the fields of a hash with their values.",
    concurrent: "",
    run: Run::Read(|view, args| element_scan::run(view, args, Kind::Hash, show)),
};

fn show(field: &[u8], cell: &Cell, found: &mut Vec<Reply>) {
    found.extend([Reply::bulk(field), Reply::bulk_or_nil(cell.visible().map(text_of))]);
}

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn fields_come_with_their_values() {
        let mut paris = Replica::new(1);
        assert_eq!(paris.run("HSCAN plane 0"), "[0 []]");
        paris.run("HSET plane tail N1");
        paris.run("HINCRBY plane seats 2");
        assert_eq!(paris.run("HSCAN plane 0 MATCH t*"), "[0 [tail N1]]");
        assert_eq!(paris.run("HSCAN plane 0 MATCH s* COUNT 1"), "[0 [seats 2]]");
        assert_eq!(paris.run("HSCAN plane x"), "ERR invalid cursor");
        assert_eq!(paris.run("HSCAN plane 0 COUNT 0"), "ERR syntax error");
        paris.run("SET text 1");
        assert_eq!(paris.run("HSCAN text 0"), "WRONGTYPE Operation against a key holding the wrong kind of value");
    }
}
