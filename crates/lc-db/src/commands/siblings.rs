//! `SIBLINGS`, `RECORD`, `CONTEXT`: all concurrent values of a key, and the name of what was read, to replace exactly
//! that.

use bytes::Bytes;
use lc_core::Dot;
use lc_crdt::{Head, Kind, Sibling};

use crate::arguments::Args;
use crate::context::dot_text;
use crate::{Arity, Command, Context, Error, Group, KeySpec, Reply, Run, View};

pub(super) static SIBLINGS: Command = Command {
    name: "siblings",
    arity: Arity::Exactly(1),
    group: Group::Consistency,
    keys: KeySpec::FIRST,
    syntax: "key",
    summary: "The context of a string and all its concurrent values, in every table, also those that GET does not show: each with the write it comes from and when that was decided, Unix ms (-1: not kept, for increments). The one that GET shows, or that leads what it shows, comes first.",
    concurrent: "",
    run: Run::Read(siblings),
};

pub(super) static RECORD: Command = Command {
    name: "record",
    arity: Arity::Exactly(1),
    group: Group::Consistency,
    keys: KeySpec::FIRST,
    syntax: "key",
    summary: "A string with all that belongs to it, as one read: what GET, SIBLINGS and PTTL would answer at the same moment.",
    concurrent: "",
    run: Run::Read(record),
};

pub(super) static CONTEXT: Command = Command {
    name: "context",
    arity: Arity::Exactly(1),
    group: Group::Consistency,
    keys: KeySpec::FIRST,
    syntax: "key",
    summary: "The context of a string: which writes its values come from, for RESOLVE, SET IFCONTEXT and DELEX; - if there is none.",
    concurrent: "",
    run: Run::Read(|view, args| Ok(Reply::bulk(Context::of_key(view, args[0])?.to_string()))),
};

fn siblings(view: &View<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let key = args[0];
    let head = view.head_of_kind(key, Kind::String)?.unwrap_or_default();
    let leader = view.merge_of(key).of(&head.string.siblings).map(|merged| merged.winner);
    let mut values = Vec::new();
    if !head.string.counts.is_empty() {
        values.push(counted(view, key, &head, leader)?);
    } else if let Some(leader) = leader {
        values.push(value(&head.string.siblings[leader]));
    }
    let others = head.string.siblings.iter().enumerate().filter(|(at, _)| Some(*at) != leader);
    values.extend(others.map(|(_, sibling)| value(sibling)));
    Ok(Reply::Array(vec![Reply::bulk(Context::of(&head).to_string()), Reply::Array(values)]))
}

fn record(view: &View<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let values = siblings(view, args)?;
    let value = Reply::bulk_or_nil(view.string(args[0])?);
    let head = view.head(args[0])?;
    let left_ms = head.as_ref().map(|head| head.expires_ms().map_or(-1, |ms| ms.saturating_sub(view.now_ms()) as i64));
    Ok(Reply::Array(vec![value, values, Reply::Int(left_ms.unwrap_or(-2))]))
}

fn value(sibling: &Sibling) -> Reply {
    shown(sibling.value.clone(), sibling.dot, sibling.hlc.ms() as i64)
}

/// A counter: the leading value with the increments, which stand on top of it and have no time of their own.
fn counted(view: &View<'_>, key: &[u8], head: &Head, leader: Option<usize>) -> Result<Reply, Error> {
    let text = view.string(key)?.unwrap_or_default();
    if let Some(leader) = leader {
        let sibling = &head.string.siblings[leader];
        return Ok(shown(text, sibling.dot, sibling.hlc.ms() as i64));
    }
    let latest = Context::of(head).dots().last().copied().expect("the caller saw increments");
    Ok(shown(text, latest, -1))
}

fn shown(value: Bytes, dot: Dot, ms: i64) -> Reply {
    Reply::Array(vec![Reply::Bulk(value), Reply::bulk(dot_text(dot)), Reply::Int(ms)])
}

#[cfg(test)]
mod tests {
    use crate::testing::{Replica, settle};

    #[test]
    fn hidden_values_of_a_plain_table_are_shown_too_the_visible_one_first() {
        let (mut paris, mut tokyo) = (Replica::new(1), Replica::new(2));
        paris.now_ms += 5;
        paris.run("SET city paris");
        tokyo.run("SET city tokyo");
        settle(&mut [&mut paris, &mut tokyo]);
        for replica in [&mut paris, &mut tokyo] {
            assert_eq!(replica.run("GET city"), "paris");
            assert_eq!(replica.run("SIBLINGS city"), "[1-1,2-1 [[paris 1-1 1000005] [tokyo 2-1 1000000]]]");
            assert_eq!(replica.run("CONTEXT city"), "1-1,2-1");
        }
    }

    #[test]
    fn nothing_is_a_dash_and_a_hash_has_no_context() {
        let mut paris = Replica::new(1);
        assert_eq!((paris.run("SIBLINGS none"), paris.run("CONTEXT none")), ("[- []]".into(), "-".into()));
        paris.run("HSET h f v");
        for line in ["SIBLINGS h", "CONTEXT h"] {
            assert_eq!(paris.run(line), "WRONGTYPE Operation against a key holding the wrong kind of value");
        }
        paris.run("SET k v PX 5");
        paris.now_ms += 6;
        assert_eq!((paris.run("SIBLINGS k"), paris.run("CONTEXT k")), ("[- []]".into(), "-".into()));
    }

    #[test]
    fn increments_belong_to_the_context() {
        let mut paris = Replica::new(1);
        paris.run("INCR n");
        assert_eq!(paris.run("SIBLINGS n"), "[1-1 [[1 1-1 -1]]]");
        paris.run("SET n 10");
        assert_eq!(paris.run("SIBLINGS n"), "[1-2 [[10 1-2 1000000]]]");
        paris.run("INCR n");
        assert_eq!(paris.run("SIBLINGS n"), "[1-2,1-3 [[11 1-2 1000000]]]");
    }
}
