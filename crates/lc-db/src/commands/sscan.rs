//! `SSCAN`: a page of the members of a set.

use lc_crdt::{Cell, Kind};

use super::element_scan;
use crate::{Arity, Command, Group, KeySpec, Reply, Run};

pub(super) static COMMAND: Command = Command {
    name: "sscan",
    arity: Arity::AtLeast(2),
    group: Group::Sets,
    keys: KeySpec::FIRST,
    syntax: "key cursor [MATCH pattern] [COUNT count]",
    summary: "A page of the members of a set.",
    concurrent: "",
    run: Run::Read(|view, args| element_scan::run(view, args, Kind::Set, show)),
};

fn show(member: &[u8], _: &Cell, found: &mut Vec<Reply>) {
    found.push(Reply::bulk(member));
}

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn a_small_set_comes_whole() {
        let mut paris = Replica::new(1);
        for number in 0..128 {
            paris.run(&format!("SADD numbers {number}"));
        }
        let reply = paris.run("SSCAN numbers 0 COUNT 1");
        assert!(reply.starts_with("[0 [") && reply.split(' ').count() == 129, "{reply}");
        assert_eq!(paris.run("SSCAN numbers 99999999999"), "[0 []]");
    }
}
