//! `RANDOMKEY`: some key.

use crate::arguments::Args;
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, View};

pub(super) static COMMAND: Command = Command {
    name: "randomkey",
    arity: Arity::Exactly(0),
    group: Group::Keys,
    keys: KeySpec::NONE,
    syntax: "",
    summary: "A key at random, nil if there is none: the first one after a random place in the order of hashes.",
    concurrent: "",
    run: Run::Read(run),
};

fn run(view: &View<'_>, _args: Args<'_>) -> Result<Reply, Error> {
    let place = view.random(1 << 32) as u32;
    match first_from(view, place)? {
        // Past the last key the order begins again.
        None if place > 0 => first_from(view, 0).map(|key| key.unwrap_or(Reply::Nil)),
        key => Ok(key.unwrap_or(Reply::Nil)),
    }
}

fn first_from(view: &View<'_>, place: u32) -> Result<Option<Reply>, Error> {
    let mut first = None;
    view.each_key(place, &mut |_, key, _| {
        first = Some(Reply::bulk(key));
        false
    })?;
    Ok(first)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use lc_crdt::Rows;

    use super::run;
    use crate::View;
    use crate::testing::{Replica, show};

    #[test]
    fn every_key_has_its_turn() {
        let mut paris = Replica::new(1);
        assert_eq!(paris.run("RANDOMKEY"), "nil");
        paris.run("MSET a 1 b 2 c 3 d 4");
        let rows: &dyn Rows = &paris.rows;
        let drawn: BTreeSet<String> =
            (0..200).map(|seed| show(&run(&View::new(rows, 0, seed), &[]).expect("rows are sound"))).collect();
        assert_eq!(drawn.into_iter().collect::<String>(), "abcd");
    }
}
