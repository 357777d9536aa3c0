//! `KEYS`: every key whose name matches.

use crate::arguments::Args;
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, View, glob};

pub(super) static COMMAND: Command = Command {
    name: "keys",
    arity: Arity::Exactly(1),
    group: Group::Keys,
    keys: KeySpec::NONE,
    syntax: "pattern",
    summary: "All keys that match a pattern. Looks at every key while others wait; SCAN does it in parts.",
    concurrent: "",
    run: Run::Read(run),
};

fn run(view: &View<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let (mut found, mut full) = (Vec::new(), Ok(()));
    view.each_key(0, &mut |_, key, _| {
        if glob::matches(args[0], key) {
            full = view.take(key.len());
            found.push(Reply::bulk(key));
        }
        full.is_ok()
    })?;
    full.map(|()| Reply::Array(found))
}

#[cfg(test)]
mod tests {
    use crate::Reply;
    use crate::testing::{Replica, show};

    #[test]
    fn keys_that_match_and_have_not_ended_are_listed() {
        let mut paris = Replica::new(1);
        paris.run("MSET user:1 a user:2 b shop:1 c");
        paris.run("SET user:3 x PX 1");
        paris.now_ms += 1;
        let Reply::Array(keys) = paris.reply(&[b"KEYS", b"user:*"]) else { panic!("a list") };
        let mut keys: Vec<String> = keys.iter().map(show).collect();
        keys.sort();
        assert_eq!(keys, ["user:1", "user:2"]);
        assert_eq!(paris.run("KEYS shop:[^2-9]"), "[shop:1]");
    }
}
