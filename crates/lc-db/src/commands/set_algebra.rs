//! Intersection, union and difference of sets, and storing what comes out.

use std::collections::BTreeSet;

use bytes::Bytes;
use lc_crdt::Kind;

use crate::arguments::Args;
use crate::{Error, Reply, Txn, View};

/// Members of every one of `keys`, at most `limit`. Walks the smallest set and looks each member up in the others.
pub(super) fn intersection(view: &View<'_>, keys: Args<'_>, limit: usize) -> Result<Vec<Bytes>, Error> {
    let mut by_length = with_lengths(view, keys)?;
    by_length.sort_by_key(|&(_, length)| length);
    let Some((&(smallest, length), others)) = by_length.split_first() else { return Ok(Vec::new()) };
    if length == 0 {
        return Ok(Vec::new());
    }
    filter(view, smallest, limit, &|member| {
        for (other, _) in others {
            if view.element_unchecked(other, Kind::Set, member)?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    })
}

/// Members of at least one of `keys`.
pub(super) fn union(view: &View<'_>, keys: Args<'_>) -> Result<Vec<Bytes>, Error> {
    let mut members = BTreeSet::new();
    for (key, _) in with_lengths(view, keys)? {
        view.each_element(key, Kind::Set, 0, &mut |_, member, _| {
            if !members.contains(member) {
                members.insert(Bytes::copy_from_slice(member));
            }
            true
        })?;
    }
    Ok(members.into_iter().collect())
}

/// Members of the first key and of no other. Walks the first set and looks each member up in the others.
pub(super) fn difference(view: &View<'_>, keys: Args<'_>) -> Result<Vec<Bytes>, Error> {
    let lengths = with_lengths(view, keys)?;
    let Some((&(first, _), others)) = lengths.split_first() else { return Ok(Vec::new()) };
    let others: Vec<&[u8]> = others.iter().filter(|(_, length)| *length > 0).map(|(key, _)| *key).collect();
    filter(view, first, usize::MAX, &|member| {
        for other in &others {
            if view.element_unchecked(other, Kind::Set, member)?.is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    })
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

fn filter(
    view: &View<'_>,
    key: &[u8],
    limit: usize,
    keep: &dyn Fn(&[u8]) -> Result<bool, Error>,
) -> Result<Vec<Bytes>, Error> {
    let mut kept = Vec::new();
    let mut failed = None;
    view.each_element(key, Kind::Set, 0, &mut |_, member, _| {
        match keep(member) {
            Ok(true) => kept.push(Bytes::copy_from_slice(member)),
            Ok(false) => {}
            Err(error) => failed = Some(error),
        }
        failed.is_none() && kept.len() < limit
    })?;
    failed.map_or(Ok(kept), Err)
}
