//! `ZSCAN`: a page of the members of a sorted set with their scores.

use lc_crdt::{Cell, Kind};

use super::element_scan;
use crate::{Arity, Command, Group, KeySpec, Reply, Run};

pub(super) static COMMAND: Command = Command {
    name: "zscan",
    arity: Arity::AtLeast(2),
    group: Group::SortedSets,
    keys: KeySpec::FIRST,
    syntax: "key cursor [MATCH pattern] [COUNT count]",
    summary: "A page of the members of a sorted set with their scores.",
    concurrent: "",
    run: Run::Read(|view, args| element_scan::run(view, args, Kind::Sorted, show)),
};

fn show(member: &[u8], cell: &Cell, found: &mut Vec<Reply>) {
    // Text in both protocols, unlike ZSCORE.
    found.extend([Reply::bulk(member), Reply::float_text(cell.score().unwrap_or(0.0))]);
}

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn members_come_with_their_scores() {
        let mut paris = Replica::new(1);
        paris.run("ZADD busy 2.5 JFK 1 LGA");
        assert_eq!(paris.run("ZSCAN busy 0 MATCH J*"), "[0 [JFK 2.5]]");
        assert_eq!(paris.run("ZSCAN busy 0 MATCH x*"), "[0 []]");
    }
}
