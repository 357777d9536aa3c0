//! Intersection, union and difference of sets, and storing what comes out.

use std::collections::BTreeSet;

use bytes::Bytes;
use lc_crdt::Kind;

use crate::arguments::Args;
use crate::{Error, Reply, Txn, View};

/// Members of every one of `keys`, at most `limit`.
pub(super) fn intersection(view: &View<'_>, keys: Args<'_>, limit: usize) -> Result<Vec<Bytes>, Error> {
    let mut members = Vec::new();
    each_common(view, keys, &mut |member| {
        view.take(member.len())?;
        members.push(Bytes::copy_from_slice(member));
        Ok(members.len() < limit)
    })?;
    Ok(members)
}

/// How many members every one of `keys` has, at most `limit`; keeps none of them.
pub(super) fn intersection_count(view: &View<'_>, keys: Args<'_>, limit: usize) -> Result<usize, Error> {
    let mut count = 0;
    each_common(view, keys, &mut |_| {
        count += 1;
        Ok(count < limit)
    })?;
    Ok(count)
}

/// Members of at least one of `keys`.
pub(super) fn union(view: &View<'_>, keys: Args<'_>) -> Result<Vec<Bytes>, Error> {
    let (mut members, mut full) = (BTreeSet::new(), Ok(()));
    for (key, _) in with_lengths(view, keys)? {
        view.each_element(key, Kind::Set, 0, &mut |_, member, _| {
            if !members.contains(member) {
                full = view.take(member.len());
                members.insert(Bytes::copy_from_slice(member));
            }
            full.is_ok()
        })?;
        full.clone()?;
    }
    Ok(members.into_iter().collect())
}

/// Members of the first key and of no other. Walks the first set and looks each member up in the others.
pub(super) fn difference(view: &View<'_>, keys: Args<'_>) -> Result<Vec<Bytes>, Error> {
    let lengths = with_lengths(view, keys)?;
    let Some((&(first, _), others)) = lengths.split_first() else { return Ok(Vec::new()) };
    let others: Vec<&[u8]> = others.iter().filter(|(_, length)| *length > 0).map(|(key, _)| *key).collect();
    let mut members = Vec::new();
    each_member(view, first, &mut |member| {
        for other in &others {
            if view.element_unchecked(other, Kind::Set, member)?.is_some() {
                return Ok(true);
            }
        }
        view.take(member.len())?;
        members.push(Bytes::copy_from_slice(member));
        Ok(true)
    })?;
    Ok(members)
}

/// Makes `members` the whole of `destination`, whatever it held; answers how many they are.
pub(super) fn store(txn: &mut Txn<'_>, destination: &[u8], members: Vec<Bytes>) -> Result<Reply, Error> {
    txn.delete(destination)?;
    for member in &members {
        txn.put_element(destination, Kind::Set, member, b"")?;
    }
    Ok(Reply::count(members.len()))
}

/// As the reply of a command that reads.
pub(super) fn reply(members: Vec<Bytes>) -> Reply {
    Reply::Set(members.into_iter().map(Reply::Bulk).collect())
}

/// Checks the type of every key, also of those that could not change the outcome any more.
fn with_lengths<'a>(view: &View<'_>, keys: Args<'a>) -> Result<Vec<(&'a [u8], u64)>, Error> {
    keys.iter().map(|&key| Ok((key, view.length(key, Kind::Set)?))).collect()
}

/// Visits the members that all have, until `visit` answers false. Walks the smallest set and looks each member up in the others.
fn each_common(view: &View<'_>, keys: Args<'_>, visit: &mut Visit<'_>) -> Result<(), Error> {
    let mut by_length = with_lengths(view, keys)?;
    by_length.sort_by_key(|&(_, length)| length);
    let Some((&(smallest, length), others)) = by_length.split_first() else { return Ok(()) };
    if length == 0 {
        return Ok(());
    }
    each_member(view, smallest, &mut |member| {
        for (other, _) in others {
            if view.element_unchecked(other, Kind::Set, member)?.is_none() {
                return Ok(true);
            }
        }
        visit(member)
    })
}

fn each_member(view: &View<'_>, key: &[u8], visit: &mut Visit<'_>) -> Result<(), Error> {
    let mut failed = None;
    view.each_element(key, Kind::Set, 0, &mut |_, member, _| {
        visit(member).unwrap_or_else(|error| {
            failed = Some(error);
            false
        })
    })?;
    failed.map_or(Ok(()), Err)
}

/// Answers whether to go on.
type Visit<'a> = dyn FnMut(&[u8]) -> Result<bool, Error> + 'a;
