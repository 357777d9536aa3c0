//! `ZDIFF`, `ZDIFFSTORE`: members of the first sorted set that no other has.

use super::score_algebra::{self, Form, Request};
use super::score_range;
use crate::arguments::Args;
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, Txn, View};

pub(super) static ZDIFF: Command = Command {
    name: "zdiff",
    arity: Arity::AtLeast(2),
    group: Group::SortedSets,
    keys: KeySpec::NONE,
    syntax: "numkeys key [key ...] [WITHSCORES]",
    summary: "The members of the first sorted set that no other has.",
    concurrent: "",
    run: Run::Read(read),
};

pub(super) static ZDIFFSTORE: Command = Command {
    name: "zdiffstore",
    arity: Arity::AtLeast(3),
    group: Group::SortedSets,
    keys: KeySpec::FIRST,
    syntax: "destination numkeys key [key ...]",
    summary: "Stores what ZDIFF answers in a key, whatever it held; answers how many members that is.",
    concurrent: "The destination becomes what this region computed from what it saw. Members that another region adds to it at the same time stay; two regions that store at the same time leave the members of both.",
    run: Run::Write(store),
};

fn read(view: &View<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let request = Request::parse(args, Form { name: "zdiff", weighted: false, scores: true, limited: false })?;
    Ok(score_range::reply(request.difference(view)?, request.scores))
}

fn store(txn: &mut Txn<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let request =
        Request::parse(&args[1..], Form { name: "zdiffstore", weighted: false, scores: false, limited: false })?;
    let scored = request.difference(&txn.view())?;
    score_algebra::store(txn, args[0], scored)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Replica, settle};

    #[test]
    fn members_of_the_others_are_left_out() {
        let mut paris = Replica::new(1);
        paris.run("ZADD a 1 x 2 y 3 z");
        paris.run("SADD plain y");
        assert_eq!(paris.run("ZDIFF 2 a plain WITHSCORES"), "[[x 1] [z 3]]");
        assert_eq!(paris.run("ZDIFF 1 nothing"), "[]");
        assert_eq!(paris.run("ZDIFF 1 a WEIGHTS 1"), "ERR syntax error");
        assert_eq!(paris.run("ZDIFF 0 a"), "ERR at least 1 input key is needed for 'zdiff' command");
        assert_eq!(paris.run("ZDIFFSTORE rest 2 a a"), "0");
        assert_eq!(paris.run("ZDIFFSTORE rest 2 a plain"), "2");
    }

    #[test]
    fn storing_replaces_what_was_seen() {
        let (mut paris, mut tokyo) = (Replica::new(1), Replica::new(2));
        paris.run("ZADD a 1 x");
        paris.run("ZADD rest 1 old");
        tokyo.pull(&paris);
        tokyo.run("ZDIFFSTORE rest 2 a nothing");
        settle(&mut [&mut paris, &mut tokyo]);
        assert_eq!(paris.run("ZRANGE rest 0 -1"), "[x]");
    }
}
