//! Rows under which it is noted what an installation changes; they can be put back as they were.

use std::collections::BTreeMap;

use bytes::Bytes;
use lc_crdt::{Address, Meeting, RowError, RowKind, Rows, key_of_row};

/// Rows that are changed, and what they were.
pub(super) struct Noted<'a> {
    rows: &'a mut dyn Rows,
    /// Nothing of it is to last.
    trial: bool,
    before: BTreeMap<Vec<u8>, Option<Bytes>>,
}

impl Noted<'_> {
    /// Notes what happens to these rows. In a `trial` nobody else is told of it.
    pub(super) fn new(rows: &mut dyn Rows, trial: bool) -> Noted<'_> {
        Noted { rows, trial, before: BTreeMap::new() }
    }

    /// How many rows of which keys are others than before; after a trial they are again what they were.
    pub(super) fn end(self) -> Result<BTreeMap<Bytes, u64>, RowError> {
        let mut changed: BTreeMap<Bytes, u64> = BTreeMap::new();
        for (row, before) in self.before {
            let now = self.rows.get(&row)?;
            if now == before {
                continue;
            }
            let is_record = matches!(RowKind::of(&row), RowKind::Head | RowKind::Element);
            if let Some(key) = key_of_row(&row).filter(|_| is_record) {
                *changed.entry(Bytes::copy_from_slice(key)).or_default() += 1;
            }
            if self.trial {
                self.rows.replace(row, now.as_ref(), before);
            }
        }
        Ok(changed)
    }
}

impl Rows for Noted<'_> {
    fn get(&self, row: &[u8]) -> Result<Option<Bytes>, RowError> {
        self.rows.get(row)
    }

    fn scan(&self, from: &[u8], to: &[u8], visit: &mut dyn FnMut(&[u8], &Bytes) -> bool) -> Result<(), RowError> {
        self.rows.scan(from, to, visit)
    }

    fn scan_back(&self, from: &[u8], to: &[u8], visit: &mut dyn FnMut(&[u8], &Bytes) -> bool) -> Result<(), RowError> {
        self.rows.scan_back(from, to, visit)
    }

    fn replace(&mut self, row: Vec<u8>, old: Option<&Bytes>, new: Option<Bytes>) {
        self.before.entry(row.clone()).or_insert_with(|| old.cloned());
        self.rows.replace(row, old, new);
    }

    fn touched(&mut self, key: Option<&[u8]>) {
        if !self.trial {
            self.rows.touched(key);
        }
    }

    fn met(&mut self, at: &Address, meeting: Meeting<'_>) {
        if !self.trial {
            self.rows.met(at, meeting);
        }
    }
}
