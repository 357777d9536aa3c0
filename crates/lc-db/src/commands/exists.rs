//! `EXISTS`, `TOUCH`: how many of some keys there are.

use crate::arguments::Args;
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, View};

pub(super) static EXISTS: Command = Command {
    name: "exists",
    arity: Arity::AtLeast(1),
    group: Group::Keys,
    keys: KeySpec::ALL,
    syntax: "key [key ...]",
    summary: "How many of the keys exist; a key named twice counts twice.",
    concurrent: "",
    run: Run::Read(run),
};

pub(super) static TOUCH: Command = Command {
    name: "touch",
    arity: Arity::AtLeast(1),
    group: Group::Keys,
    keys: KeySpec::ALL,
    syntax: "key [key ...]",
    summary: "How many of the keys exist. Changes nothing: no key is ever evicted, so no access times are kept.",
    concurrent: "",
    run: Run::Read(run),
};

fn run(view: &View<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let mut existing = 0;
    for key in args {
        existing += usize::from(view.exists(key)?);
    }
    Ok(Reply::count(existing))
}

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn a_key_named_twice_counts_twice() {
        let mut paris = Replica::new(1);
        paris.run("MSET a 1 b 2");
        assert_eq!(paris.run("EXISTS a a b none"), "3");
        assert_eq!(paris.run("TOUCH a none"), "1");
    }
}
