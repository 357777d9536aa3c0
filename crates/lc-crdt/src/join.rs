//! One key as several replicas together know it: their rows of it become the rows that a replica would have which had
//! applied everything that any of them has.
//!
//! A replica's vector covers all that it ever applied. So a value that one side has stands, unless another side has
//! applied the same write and does not have the value: then something that side knows of has replaced it.
//!
//! Exact, but for one case of counters. A row keeps a replica's running total, not how it grew. If one side knows more
//! increments of a replica than a side that has seen its earlier ones reset, nobody may know what the total was when that
//! reset happened. Then increments that were reset are counted again, none is lost, and the cell is named in
//! [`JoinedKeys::doubtful`]. What exists, and with which values, expiry and lengths, is exact even then.

mod cell;
mod count;
mod key_rows;

pub use key_rows::{KeyRows, ReadError};

use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;
use lc_core::VersionVector;

use crate::row::{element_row, expiry_row, head_row, score_row};
use crate::{Address, Cell, Head, Kind, RowError, Rows};

/// Rows of some keys in memory, each joined from several replicas. Index rows are there too, so a view reads them like a
/// replica's own; keys that were not added do not exist.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct JoinedKeys {
    rows: BTreeMap<Vec<u8>, Bytes>,
    doubtful: Vec<Address>,
}

/// One key. `sides` are what each replica had applied, and what it had of the key at that moment. Without sides there is
/// no key. Fails if rows do not decode, which [`KeyRows::decode`] has ruled out for those of others.
pub fn join(key: &[u8], sides: &[(&VersionVector, &KeyRows)]) -> Result<JoinedKeys, RowError> {
    let mut joined = JoinedKeys::default();
    joined.add(key, sides)?;
    Ok(joined)
}

impl JoinedKeys {
    /// Adds a key, as [`join`]. Adding it once more changes nothing if the sides are the same.
    pub fn add(&mut self, key: &[u8], sides: &[(&VersionVector, &KeyRows)]) -> Result<(), RowError> {
        let mut head = self.join_head(key, sides)?;
        for ((kind, field), cells) in elements(sides) {
            let Some(bytes) = self.join_element(key, kind, &field, &cells)? else { continue };
            head.count(kind, false, true);
            self.rows.insert(element_row(key, kind, &field), bytes);
        }
        if let Some(due_ms) = head.due_ms() {
            self.rows.insert(expiry_row(due_ms, key), Bytes::new());
        }
        if !head.is_empty() {
            let mut bytes = Vec::new();
            head.encode(&mut bytes);
            self.rows.insert(head_row(key), bytes.into());
        }
        Ok(())
    }

    /// Cells whose increments may hold some that were reset. Whoever must know exactly waits until it has applied what
    /// all sides had, and reads its own rows.
    pub fn doubtful(&self) -> &[Address] {
        &self.doubtful
    }

    /// The head with its lengths at zero; elements count themselves.
    fn join_head(&mut self, key: &[u8], sides: &[(&VersionVector, &KeyRows)]) -> Result<Head, RowError> {
        let mut heads = Vec::with_capacity(sides.len());
        for (applied, rows) in sides {
            let head = rows.head.clone().map(Head::decode).transpose()?.unwrap_or_default();
            heads.push((*applied, head));
        }
        let strings: Vec<_> = heads.iter().map(|(applied, head)| (*applied, &head.string)).collect();
        let choices: Vec<_> = heads.iter().map(|(applied, head)| (*applied, head.expiry.as_slice())).collect();
        let (string, certain) = cell::join(&strings);
        if !certain {
            self.doubt(Address::string(Bytes::copy_from_slice(key)));
        }
        Ok(Head { string, expiry: cell::standing(&choices), lengths: [0; 3] })
    }

    /// The bytes of an element and its index row; `None` if it is gone.
    fn join_element(
        &mut self,
        key: &[u8],
        kind: Kind,
        field: &Bytes,
        sides: &[(&VersionVector, Option<Bytes>)],
    ) -> Result<Option<Bytes>, RowError> {
        // Nearly always all agree, and what all have is what they have together.
        let agreed = sides.windows(2).all(|pair| pair[0].1 == pair[1].1);
        let bytes = match &sides[0].1 {
            Some(bytes) if agreed => bytes.clone(),
            _ => match self.join_unequal(key, kind, field, sides)? {
                Some(bytes) => bytes,
                None => return Ok(None),
            },
        };
        if kind == Kind::Sorted
            && let Some(score) = Cell::decode(bytes.clone())?.score()
        {
            self.rows.insert(score_row(key, score, field), Bytes::new());
        }
        Ok(Some(bytes))
    }

    fn join_unequal(
        &mut self,
        key: &[u8],
        kind: Kind,
        field: &Bytes,
        sides: &[(&VersionVector, Option<Bytes>)],
    ) -> Result<Option<Bytes>, RowError> {
        let mut cells = Vec::with_capacity(sides.len());
        for (applied, bytes) in sides {
            cells.push((*applied, bytes.clone().map(Cell::decode).transpose()?.unwrap_or_default()));
        }
        let cells: Vec<_> = cells.iter().map(|(applied, cell)| (*applied, cell)).collect();
        let (joined, certain) = cell::join(&cells);
        if !certain {
            self.doubt(Address { key: Bytes::copy_from_slice(key), kind, field: field.clone() });
        }
        if joined.is_empty() {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        joined.encode(&mut bytes);
        Ok(Some(bytes.into()))
    }

    fn doubt(&mut self, at: Address) {
        if !self.doubtful.contains(&at) {
            self.doubtful.push(at);
        }
    }
}

/// What one side has applied, and its bytes of an element.
type OfSide<'a> = (&'a VersionVector, Option<Bytes>);

/// Every element that any side has, with what each side has of it.
fn elements<'a>(sides: &[(&'a VersionVector, &KeyRows)]) -> BTreeMap<(Kind, Bytes), Vec<OfSide<'a>>> {
    let absent: Vec<OfSide<'a>> = sides.iter().map(|(applied, _)| (*applied, None)).collect();
    let mut elements = BTreeMap::new();
    for (at, (_, rows)) in sides.iter().enumerate() {
        for (kind, field, cell) in &rows.elements {
            elements.entry((*kind, field.clone())).or_insert_with(|| absent.clone())[at].1 = Some(cell.clone());
        }
    }
    elements
}

impl Rows for JoinedKeys {
    fn get(&self, row: &[u8]) -> Result<Option<Bytes>, RowError> {
        Ok(self.rows.get(row).cloned())
    }

    fn scan(&self, from: &[u8], to: &[u8], visit: &mut dyn FnMut(&[u8], &Bytes) -> bool) -> Result<(), RowError> {
        // A map refuses a span that ends before it begins.
        if from < to {
            self.rows.range::<[u8], _>(span(from, to)).all(|(row, bytes)| visit(row, bytes));
        }
        Ok(())
    }

    fn scan_back(&self, from: &[u8], to: &[u8], visit: &mut dyn FnMut(&[u8], &Bytes) -> bool) -> Result<(), RowError> {
        if from < to {
            self.rows.range::<[u8], _>(span(from, to)).rev().all(|(row, bytes)| visit(row, bytes));
        }
        Ok(())
    }

    fn replace(&mut self, row: Vec<u8>, _old: Option<&Bytes>, new: Option<Bytes>) {
        match new {
            Some(bytes) => self.rows.insert(row, bytes),
            None => self.rows.remove(&row),
        };
    }

    // Nobody watches rows that live for one read.
    fn touched(&mut self, _key: Option<&[u8]>) {}
}

fn span<'a>(from: &'a [u8], to: &'a [u8]) -> (Bound<&'a [u8]>, Bound<&'a [u8]>) {
    (Bound::Included(from), Bound::Excluded(to))
}

#[cfg(test)]
mod tests;
