//! `STRLEN`: the length of a string.

use crate::arguments::Args;
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, View};

pub(super) static COMMAND: Command = Command {
    name: "strlen",
    arity: Arity::Exactly(1),
    group: Group::Strings,
    keys: KeySpec::FIRST,
    syntax: "key",
    summary: "The length of a string in bytes; 0 if there is none.",
    concurrent: "",
    run: Run::Read(run),
};

fn run(view: &View<'_>, args: Args<'_>) -> Result<Reply, Error> {
    Ok(Reply::count(view.string(args[0])?.map_or(0, |value| value.len())))
}

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn a_counter_has_the_length_of_its_text() {
        let mut paris = Replica::new(1);
        assert_eq!(paris.run("STRLEN a"), "0");
        paris.run("INCRBY a 1234");
        assert_eq!(paris.run("STRLEN a"), "4");
    }
}
