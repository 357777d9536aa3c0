//! `RESOLVE`: one value in the place of those that somebody read.

use lc_core::Dot;
use lc_crdt::{Kind, Merge};

use crate::arguments::Args;
use crate::context::dot_text;
use crate::expiry_arguments::expiry;
use crate::{Arity, Command, Context, Error, Expiry, Group, KeySpec, Reply, Run, Txn};

pub(super) static COMMAND: Command = Command {
    name: "resolve",
    arity: Arity::AtLeast(3),
    group: Group::Consistency,
    keys: KeySpec::FIRST,
    syntax: "key context value [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL]",
    summary: "Sets a string in the place of exactly the values that its context names, as SIBLINGS showed it; others stay beside it. With - it replaces none. Answers how many values stand now: above 1, somebody wrote meanwhile.",
    concurrent: "Each resolution stands beside the other, and beside every value that it did not name.",
    run: Run::Write(run),
};

fn run(txn: &mut Txn<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let (key, context, value) = (args[0], Context::parse(args[1])?, args[2]);
    let expiry = expiry_alone(&args[3..], txn.now_ms())?;
    check_seen(txn, &context)?;
    let head = txn.view().head_of_kind(key, Kind::String)?.unwrap_or_default();
    let now = Context::of(&head);
    let is_named = |dot: &Dot| context.dots().binary_search(dot).is_ok();
    if head.string.counts.is_empty() {
        // What is named and no longer stands was replaced before, in every region that hears of this.
        let over: Vec<Dot> = now.dots().iter().copied().filter(is_named).collect();
        txn.resolve(key, &over, value, expiry)?;
    } else if now.dots().iter().all(is_named) {
        over_all(txn, key, value, expiry)?;
    } else {
        return Err(Error::Conflict(format!(
            "the key is a counter, whose increments are replaced all at once: name the context that stands now, {now}"
        )));
    }
    Ok(Reply::count(txn.view().head(key)?.map_or(0, |head| head.string.siblings.len())))
}

fn expiry_alone(words: Args<'_>, now_ms: u64) -> Result<Expiry, Error> {
    match words.split_first() {
        None => Ok(Expiry::Never),
        Some((word, rest)) => match expiry(word, rest, now_ms, "resolve")? {
            (expiry, []) => Ok(expiry),
            _ => Err(Error::Syntax),
        },
    }
}

/// A write that this region lacks could not be taken away here, only there: regions would stay unequal.
fn check_seen(txn: &Txn<'_>, context: &Context) -> Result<(), Error> {
    match context.dots().iter().find(|dot| !txn.saw(**dot)) {
        None => Ok(()),
        Some(dot) => Err(Error::Behind(format!(
            "this region has not yet received write {} that the context names; resume the session that read it, or try again",
            dot_text(*dot)
        ))),
    }
}

/// Sets a string over everything that stands, for a writer who was shown all of it.
pub(super) fn over_all(txn: &mut Txn<'_>, key: &[u8], value: &[u8], expiry: Expiry) -> Result<(), Error> {
    let head = txn.view().head_of_kind(key, Kind::String)?.unwrap_or_default();
    let counted = !head.string.counts.is_empty();
    if *txn.merge_of(key) == Merge::Siblings && !counted {
        return txn.resolve(key, Context::of(&head).dots(), value, expiry);
    }
    // Increments under a rule that replaces one value at a time are left over from when the table was typed.
    if counted && head.string.siblings.len() > 1 && !txn.merge_of(key).keeps_types() {
        txn.collapse(key)?;
    }
    txn.set_string(key, value, expiry)
}

#[cfg(test)]
mod tests;
