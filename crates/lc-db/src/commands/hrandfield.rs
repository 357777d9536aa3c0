//! `HRANDFIELD`: fields picked at random, O(n).

use lc_crdt::Kind;

use super::picks;
use crate::arguments::{Args, is};
use crate::view::text_of;
use crate::{Arity, Command, Error, Group, KeySpec, Reply, Run, View};

pub(super) static COMMAND: Command = Command {
    name: "hrandfield",
    arity: Arity::AtLeast(1),
    group: Group::Hashes,
    keys: KeySpec::FIRST,
    syntax: "key [count [WITHVALUES]]",
    summary: "Fields of a hash picked at random; a negative count allows repetition.",
    concurrent: "",
    run: Run::Read(run),
};

fn run(view: &View<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let &[key, count, ref rest @ ..] = args else {
        return Ok(picks::one(view, args[0], Kind::Hash)?.map_or(Reply::Nil, |(field, _)| Reply::Bulk(field)));
    };
    let count = picks::count(count)?;
    if !matches!(rest, []) && !matches!(rest, [word] if is(word, "withvalues")) {
        return Err(Error::Syntax);
    }
    let picked = picks::several(view, key, Kind::Hash, count)?.into_iter();
    if rest.is_empty() {
        return Ok(Reply::Array(picked.map(|(field, _)| Reply::Bulk(field)).collect()));
    }
    Ok(Reply::Pairs(
        picked.map(|(field, cell)| (Reply::Bulk(field), Reply::bulk_or_nil(cell.visible().map(text_of)))).collect(),
    ))
}

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn a_count_gives_different_fields_and_a_negative_one_repeats() {
        let mut paris = Replica::new(1);
        assert_eq!(paris.run("HRANDFIELD plane"), "nil");
        assert_eq!(paris.run("HRANDFIELD plane 2"), "[]");
        paris.run("HSET plane tail N1");
        assert_eq!(paris.run("HRANDFIELD plane"), "tail");
        assert_eq!(paris.run("HRANDFIELD plane 3 WITHVALUES"), "[[tail N1]]");
        assert_eq!(paris.run("HRANDFIELD plane -3"), "[tail tail tail]");
        assert_eq!(paris.run("HRANDFIELD plane 3 VALUES"), "ERR syntax error");
    }
}
