//! What the rows must hold, computed in another way: from the set of all entries, by the definition.
//!
//! A value stands if no write that saw it replaced or removed it. An increment stands if no write that saw it removed
//! it. There is no order of application here, no running totals and no incremental state, so it shares no mistakes
//! with `lc_crdt::apply`. It is quadratic per key, which a simulated world can afford.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use lc_core::{Dot, ReplicaId};
use lc_crdt::{Address, Cell, Entry, Head, Kind, Op, RowKind, element_of, element_prefix, head_of};

use crate::history::History;
use crate::region::Region;
use crate::report::Violation;

pub(crate) fn check(regions: &[Region], history: &History) -> Vec<Violation> {
    let entries: BTreeMap<Dot, Entry> = regions
        .iter()
        .flat_map(|region| region.entries().unwrap_or_default())
        .map(|entry| (entry.dot, entry))
        .collect();
    let entries: Vec<Entry> = entries.into_values().collect();
    let expected = Expected::of(&entries);
    // Whoever removes everything while it goes on from records leaves increments of which it was shown more than it may
    // claim to have seen throughout.
    let more = history.merged || history.flushed && regions.iter().any(|region| region.filled);
    regions.iter().flat_map(|region| compare(region, &expected, more)).collect()
}

/// What a cell holds: values with their writes, and each replica's standing increments.
#[derive(Clone, PartialEq, Debug, Default)]
struct Contents {
    values: BTreeMap<Dot, (Bytes, Option<u64>, bool)>,
    increments: BTreeMap<ReplicaId, f64>,
}

impl Contents {
    fn is_empty(&self) -> bool {
        self.values.is_empty() && self.increments.is_empty()
    }
}

#[derive(Default)]
struct Expected {
    cells: BTreeMap<Address, Contents>,
    expiry: BTreeMap<Bytes, BTreeMap<Dot, Option<u64>>>,
}

/// An op and where it stands.
#[derive(Clone, Copy)]
struct Act<'a> {
    entry: &'a Entry,
    index: usize,
    op: &'a Op,
}

impl Act<'_> {
    fn saw(&self, other: &Act<'_>) -> bool {
        match self.entry.dot == other.entry.dot {
            true => other.index < self.index,
            false => self.entry.stamp().saw(other.entry.dot),
        }
    }

    /// Whether it takes away what it saw of a cell; `target` is an act on it.
    fn removes_cell(&self, at: &Address, target: &Act<'_>) -> bool {
        match self.op {
            // It takes away only what it names, and what its own entry wrote before.
            Op::PutOver { at: other, over, .. } => {
                let named = over.contains(&target.entry.dot) || self.entry.dot == target.entry.dot;
                other == at && named && !matches!(target.op, Op::Add { .. })
            }
            Op::Put { at: other, .. } | Op::Collapse { at: other, .. } | Op::Remove { at: other, .. } => other == at,
            Op::Delete { key, .. } => *key == at.key,
            Op::Clear { .. } => true,
            Op::Add { .. } | Op::Expire { .. } | Op::Withheld { .. } => false,
        }
    }

    /// Whether it takes away what it saw of a key's choices of expiry.
    fn removes_expiry(&self, of: &Bytes) -> bool {
        match self.op {
            Op::Put { at, .. } | Op::PutOver { at, .. } | Op::Collapse { at, .. } => {
                at.kind == Kind::String && at.key == *of
            }
            Op::Delete { key, .. } | Op::Expire { key, .. } => key == of,
            Op::Clear { .. } => true,
            Op::Add { .. } | Op::Remove { .. } | Op::Withheld { .. } => false,
        }
    }
}

impl Expected {
    fn of(entries: &[Entry]) -> Expected {
        let acts = entries
            .iter()
            .flat_map(|entry| entry.ops.iter().enumerate().map(move |(index, op)| Act { entry, index, op }));
        let acts: Vec<Act<'_>> = acts.collect();
        let mut by_key: BTreeMap<&Bytes, Vec<Act<'_>>> = BTreeMap::new();
        for act in &acts {
            if let Some(key) = act.op.key() {
                by_key.entry(key).or_default().push(*act);
            }
        }
        let clears: Vec<Act<'_>> = acts.iter().filter(|act| matches!(act.op, Op::Clear { .. })).copied().collect();
        let mut expected = Expected::default();
        for (key, mut of_key) in by_key {
            of_key.extend(&clears);
            expected.add_key(key, &of_key);
        }
        expected
    }

    fn add_key(&mut self, key: &Bytes, acts: &[Act<'_>]) {
        for act in acts {
            match act.op {
                Op::Put { at, .. } | Op::PutOver { at, .. } | Op::Collapse { at, .. } | Op::Add { at, .. }
                    if !gone(act, acts, |other| other.removes_cell(at, act)) =>
                {
                    self.add_standing(act, at, acts)
                }
                Op::Expire { at_ms, .. } if !gone(act, acts, |other| other.removes_expiry(key)) => {
                    self.expiry.entry(key.clone()).or_default().insert(act.entry.dot, *at_ms);
                }
                _ => {}
            }
        }
    }

    fn add_standing(&mut self, act: &Act<'_>, at: &Address, acts: &[Act<'_>]) {
        let contents = self.cells.entry(at.clone()).or_default();
        match act.op {
            Op::Put { value, expires_ms, .. }
            | Op::PutOver { value, expires_ms, .. }
            | Op::Collapse { value, expires_ms, .. } => {
                let replaced = at.kind == Kind::String
                    && acts.iter().any(|other| matches!(other.op, Op::Expire { .. }) && other.saw(act));
                let expires = if replaced || at.kind != Kind::String { None } else { *expires_ms };
                contents.values.insert(act.entry.dot, (value.clone(), expires, replaced));
            }
            Op::Add { added, .. } => {
                *contents.increments.entry(act.entry.dot.replica).or_default() +=
                    added.after.as_f64() - added.before.as_f64();
            }
            _ => {}
        }
    }
}

fn gone(act: &Act<'_>, acts: &[Act<'_>], removes: impl Fn(&Act<'_>) -> bool) -> bool {
    acts.iter().any(|other| removes(other) && other.saw(act))
}

/// `more`: increments may be more than they should be, in every region the same.
fn compare(region: &Region, expected: &Expected, more: bool) -> Vec<Violation> {
    let Some(member) = &region.member else { return Vec::new() };
    let mut found = Expected::default();
    let mut wrong = BTreeSet::new();
    let mut lengths: BTreeMap<Bytes, [u64; 3]> = BTreeMap::new();
    let outcome = member.each_row(&mut |row, bytes| match RowKind::of(row) {
        RowKind::Head => match Head::decode(bytes.clone()) {
            Ok(head) => {
                lengths.insert(Bytes::copy_from_slice(head_of(row)), head.lengths);
                found.take_head(head_of(row), &head);
            }
            Err(error) => drop(wrong.insert(format!("head {row:?}: {error}"))),
        },
        RowKind::Element => match (parse_element(row), Cell::decode(bytes.clone())) {
            (Some(at), Ok(cell)) => drop(found.cells.insert(at, contents(&cell))),
            _ => drop(wrong.insert(format!("element {row:?}"))),
        },
        RowKind::Index | RowKind::Other => {}
    });
    if let Err(error) = outcome {
        wrong.insert(error.to_string());
    }
    found.differences(expected, more, &mut wrong);
    found.check_lengths(&lengths, &mut wrong);
    wrong.into_iter().map(|what| Violation { checker: "reference", what: format!("{}: {what}", region.node) }).collect()
}

impl Expected {
    fn take_head(&mut self, key: &[u8], head: &Head) {
        let key = Bytes::copy_from_slice(key);
        if !head.string.is_empty() {
            self.cells.insert(Address::string(key.clone()), contents(&head.string));
        }
        if !head.expiry.is_empty() {
            self.expiry.insert(key, head.expiry.iter().map(|choice| (choice.dot, choice.at_ms)).collect());
        }
    }

    fn differences(&self, expected: &Expected, more: bool, wrong: &mut BTreeSet<String>) {
        let nothing = Contents::default();
        for at in self.cells.keys().chain(expected.cells.keys()) {
            let (is, should) = (self.cells.get(at).unwrap_or(&nothing), expected.cells.get(at).unwrap_or(&nothing));
            if is != should && !(more && is.values == should.values) {
                wrong.insert(format!("{at:?} is {is:?}, should be {should:?}"));
            }
        }
        let none = BTreeMap::new();
        for key in self.expiry.keys().chain(expected.expiry.keys()) {
            let (is, should) = (self.expiry.get(key).unwrap_or(&none), expected.expiry.get(key).unwrap_or(&none));
            if is != should {
                wrong.insert(format!("expiry of {key:?} is {is:?}, should be {should:?}"));
            }
        }
    }

    fn check_lengths(&self, lengths: &BTreeMap<Bytes, [u64; 3]>, wrong: &mut BTreeSet<String>) {
        let mut counted: BTreeMap<Bytes, [u64; 3]> = BTreeMap::new();
        for at in self
            .cells
            .iter()
            .filter(|(_, contents)| !contents.is_empty())
            .map(|(at, _)| at)
            .filter(|at| at.kind != Kind::String)
        {
            counted.entry(at.key.clone()).or_default()[at.kind as usize - 1] += 1;
        }
        for key in counted.keys().chain(lengths.keys()) {
            let (is, should) =
                (lengths.get(key).copied().unwrap_or_default(), counted.get(key).copied().unwrap_or_default());
            if is != should {
                wrong.insert(format!("lengths of {key:?} are {is:?}, should be {should:?}"));
            }
        }
    }
}

/// A replica whose increments all stand at 0 in sum is kept: it is there until it is reset.
fn contents(cell: &Cell) -> Contents {
    Contents {
        values: cell
            .siblings
            .iter()
            .map(|sibling| (sibling.dot, (sibling.value.clone(), sibling.expires_ms, sibling.expiry_replaced)))
            .collect(),
        increments: cell.counts.iter().map(|count| (count.replica, count.amount().as_f64())).collect(),
    }
}

/// Simulated keys are shorter than 128 bytes, so their length is one byte.
fn parse_element(row: &[u8]) -> Option<Address> {
    let length = usize::from(*row.get(1)?);
    let key = row.get(2..2 + length)?;
    let kind = Kind::from_tag(*row.get(2 + length)?).ok()?;
    let prefix = element_prefix(key, kind);
    let (_, field) = element_of(row, prefix.len());
    Some(Address { key: Bytes::copy_from_slice(key), kind, field: Bytes::copy_from_slice(field) })
}
