//! Picking elements of a collection at random, for `HRANDFIELD`, `SRANDMEMBER`, `SPOP` and `ZRANDMEMBER`.
//!
//! Positions are drawn first, then one walk over the elements collects them: O(n) time, memory for what is picked.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use lc_crdt::{Cell, Kind};

use crate::arguments::int;
use crate::{Error, View};

/// One element at random; `None` if the key is absent.
pub(super) fn one(view: &View<'_>, key: &[u8], kind: Kind) -> Result<Option<(Bytes, Cell)>, Error> {
    Ok(several(view, key, kind, 1)?.pop())
}

/// `count` different elements, or all if there are fewer; below zero: that many, some perhaps repeatedly.
pub(super) fn several(view: &View<'_>, key: &[u8], kind: Kind, count: i64) -> Result<Vec<(Bytes, Cell)>, Error> {
    let length = view.length(key, kind)? as usize;
    let positions = positions(view, length, count);
    let found = collect(view, key, kind, positions.iter().copied().collect(), count < 0)?;
    if count >= 0 {
        return Ok(found.into_values().collect());
    }
    let mut picked = Vec::new();
    for (field, cell) in positions.iter().filter_map(|at| found.get(at)) {
        view.take(field.len() + cell_bytes(cell))?;
        picked.push((field.clone(), cell.clone()));
    }
    Ok(picked)
}

/// Reads the count of picks.
pub(super) fn count(argument: &[u8]) -> Result<i64, Error> {
    let count = int(argument)?;
    if count < -REPEATED_PICKS_MAX {
        let text = format!("value is out of range, value must between -{REPEATED_PICKS_MAX} and {}", i64::MAX);
        return Err(Error::caller(text));
    }
    Ok(count)
}

fn positions(view: &View<'_>, length: usize, count: i64) -> Vec<usize> {
    let wanted = count.unsigned_abs() as usize;
    if length == 0 {
        Vec::new()
    } else if count < 0 {
        (0..wanted).map(|_| view.random(length)).collect()
    } else if wanted >= length {
        (0..length).collect()
    } else {
        different(view, length, wanted)
    }
}

/// Source: Bentley and Floyd, "A sample of brilliance" (1987): every set of `wanted` positions is as likely as any other.
fn different(view: &View<'_>, length: usize, wanted: usize) -> Vec<usize> {
    let mut drawn = BTreeSet::new();
    for top in length - wanted..length {
        let at = view.random(top + 1);
        drawn.insert(if drawn.contains(&at) { top } else { at });
    }
    drawn.into_iter().collect()
}

fn collect(
    view: &View<'_>,
    key: &[u8],
    kind: Kind,
    wanted: BTreeSet<usize>,
    repeats: bool,
) -> Result<BTreeMap<usize, (Bytes, Cell)>, Error> {
    let mut found = BTreeMap::new();
    let Some(&last) = wanted.last() else { return Ok(found) };
    let (mut at, mut full) = (0, Ok(()));
    view.each_element(key, kind, 0, &mut |_, field, cell| {
        if wanted.contains(&at) {
            // Repeated picks are counted as they are repeated.
            full = if repeats { Ok(()) } else { view.take(field.len() + cell_bytes(&cell)) };
            found.insert(at, (Bytes::copy_from_slice(field), cell));
        }
        at += 1;
        full.is_ok() && at <= last
    })?;
    full.map(|()| found)
}

/// Bytes of the values that a pick keeps.
fn cell_bytes(cell: &Cell) -> usize {
    cell.siblings.iter().map(|sibling| sibling.value.len()).sum()
}

/// A reply of this many short members is some tens of megabytes; a client that wants more can ask again.
const REPEATED_PICKS_MAX: i64 = 1 << 20;

#[cfg(test)]
mod tests {
    use lc_crdt::Kind;

    use super::several;
    use crate::View;
    use crate::testing::Replica;

    #[test]
    fn every_member_is_picked_about_equally_often() {
        let mut paris = Replica::new(1);
        paris.run("SADD letters a b c d e");
        let mut times = std::collections::BTreeMap::new();
        for seed in 0..5_000 {
            let view = View::new(&paris.rows, paris.now_ms, seed);
            let picked = several(&view, b"letters", Kind::Set, 2).unwrap();
            assert_eq!(picked.len(), 2);
            assert_ne!(picked[0].0, picked[1].0);
            picked.into_iter().for_each(|(member, _)| *times.entry(member).or_insert(0) += 1);
        }
        assert_eq!(times.len(), 5);
        assert!(times.values().all(|&times| (1_800..2_200).contains(&times)), "{times:?}");
    }
}
