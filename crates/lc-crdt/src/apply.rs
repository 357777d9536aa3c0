//! Carries out an entry's ops on rows, and keeps the derived rows (lengths, indexes) true.

use bytes::Bytes;
use lc_core::Dot;

use crate::row::{element_of, element_prefix, element_row, expiry_row, head_of, head_row, head_span, score_row};
use crate::{
    Added, Address, Cell, ElementReset, Entry, Head, Kind, Meeting, Op, Reset, RowError, Rows, Sibling, Stamp,
};

/// Applies a whole entry. Its dependencies must have been applied; applying it again over a later state, followed by
/// everything that came after it, ends in that state again (recovery relies on it).
pub fn apply(rows: &mut dyn Rows, entry: &Entry) -> Result<(), RowError> {
    let stamp = entry.stamp();
    entry.ops.iter().try_for_each(|op| apply_op(rows, &stamp, op))
}

/// Applies one op of an entry.
pub fn apply_op(rows: &mut dyn Rows, stamp: &Stamp<'_>, op: &Op) -> Result<(), RowError> {
    // Having no key means every key elsewhere; here it means none.
    if !matches!(op, Op::Withheld { .. }) {
        rows.touched(op.key().map(AsRef::as_ref));
    }
    match op {
        Op::Withheld { .. } => Ok(()),
        Op::Collapse { at, value, expires_ms, resets } => {
            StoredHead::read(rows, &at.key)?.collapse(rows, stamp, at, value, *expires_ms, resets);
            Ok(())
        }
        Op::Put { at, value, expires_ms, resets } if at.kind == Kind::String => {
            change_head(rows, &at.key, |head| put_string(head, stamp, value, *expires_ms, resets))
        }
        Op::Put { at, value, resets, .. } => {
            change_element(rows, at, |cell| cell.put(stamp, value.clone(), None, resets))
        }
        Op::PutOver { at, value, expires_ms, over } => {
            StoredHead::read(rows, &at.key)?.put_over(rows, stamp, at, value, *expires_ms, over);
            Ok(())
        }
        Op::Add { at, added } => add(rows, stamp, at, added),
        Op::Remove { at, resets } => change_element(rows, at, |cell| cell.remove(stamp, resets)),
        Op::Delete { key, resets } => delete(rows, stamp, key, resets),
        Op::Expire { key, at_ms } => change_head(rows, key, |head| {
            head.expire(stamp, *at_ms);
            Vec::new()
        }),
        Op::Clear { resets } => clear(rows, stamp, resets),
    }
}

/// A head as it stands in its row, read once for deciding and applying.
#[derive(Clone, Debug)]
pub struct StoredHead {
    row: Vec<u8>,
    bytes: Option<Bytes>,
    /// What the row says; empty if there is none.
    pub head: Head,
}

impl StoredHead {
    /// Reads the head row of a key.
    pub fn read(rows: &dyn Rows, key: &[u8]) -> Result<StoredHead, RowError> {
        let row = head_row(key);
        let bytes = rows.get(&row)?;
        let head = bytes.clone().map(Head::decode).transpose()?.unwrap_or_default();
        Ok(StoredHead { row, bytes, head })
    }

    /// Whether there is a row.
    pub fn is_stored(&self) -> bool {
        self.bytes.is_some()
    }

    /// Applies an op on the string of this key, without reading the row again: nothing may have changed it since.
    pub fn apply(self, rows: &mut dyn Rows, stamp: &Stamp<'_>, op: &Op) -> Result<(), RowError> {
        match op {
            Op::Put { at, value, expires_ms, resets } if at.kind == Kind::String => {
                rows.touched(Some(&at.key));
                self.change(rows, &at.key, |head| put_string(head, stamp, value, *expires_ms, resets));
                Ok(())
            }
            Op::Collapse { at, value, expires_ms, resets } => {
                rows.touched(Some(&at.key));
                self.collapse(rows, stamp, at, value, *expires_ms, resets);
                Ok(())
            }
            Op::PutOver { at, value, expires_ms, over } => {
                rows.touched(Some(&at.key));
                self.put_over(rows, stamp, at, value, *expires_ms, over);
                Ok(())
            }
            Op::Add { at, added } if at.kind == Kind::String => {
                rows.touched(Some(&at.key));
                self.change(rows, &at.key, |head| {
                    head.string.add(stamp, added);
                    Vec::new()
                });
                Ok(())
            }
            other => apply_op(rows, stamp, other),
        }
    }

    fn collapse(
        self,
        rows: &mut dyn Rows,
        stamp: &Stamp<'_>,
        at: &Address,
        value: &Bytes,
        expires_ms: Option<u64>,
        resets: &[Reset],
    ) {
        let mut gone = Vec::new();
        self.change(rows, &at.key, |head| {
            gone = put_string(head, stamp, value, expires_ms, resets);
            Vec::new()
        });
        if !gone.is_empty() {
            rows.met(at, Meeting::Collapsed { gone: &gone, kept: value });
        }
    }

    fn put_over(
        self,
        rows: &mut dyn Rows,
        stamp: &Stamp<'_>,
        at: &Address,
        value: &Bytes,
        expires_ms: Option<u64>,
        over: &[Dot],
    ) {
        let mut gone = Vec::new();
        self.change(rows, &at.key, |head| {
            head.forget_expiry(stamp);
            gone = head.string.put_over(stamp, value.clone(), expires_ms, over);
            Vec::new()
        });
        if !gone.is_empty() {
            rows.met(at, Meeting::Replaced { gone: &gone, named: true });
        }
    }

    /// `change` gives the values that it replaced, if they were several.
    fn change(mut self, rows: &mut dyn Rows, key: &[u8], change: impl FnOnce(&mut Head) -> Vec<Sibling>) {
        let due_before = self.head.due_ms();
        let gone = change(&mut self.head);
        if !gone.is_empty() {
            let at = Address::string(Bytes::copy_from_slice(key));
            rows.met(&at, Meeting::Replaced { gone: &gone, named: false });
        }
        let standing = &self.head.string.siblings;
        if standing.len() > 1 {
            rows.met(&Address::string(Bytes::copy_from_slice(key)), Meeting::Standing(standing));
        }
        move_due(rows, key, due_before, self.head.due_ms());
        let old = self.bytes.as_ref();
        let new = if self.head.is_empty() { None } else { Some(encoded(|out| self.head.encode(out), old)) };
        if old != new.as_ref() {
            rows.replace(self.row, old, new);
        }
    }
}

fn put_string(
    head: &mut Head,
    stamp: &Stamp<'_>,
    value: &Bytes,
    expires_ms: Option<u64>,
    resets: &[Reset],
) -> Vec<Sibling> {
    head.forget_expiry(stamp);
    head.string.put(stamp, value.clone(), expires_ms, resets)
}

fn add(rows: &mut dyn Rows, stamp: &Stamp<'_>, at: &Address, added: &Added) -> Result<(), RowError> {
    match at.kind {
        Kind::String => change_head(rows, &at.key, |head| {
            head.string.add(stamp, added);
            Vec::new()
        }),
        _ => change_element(rows, at, |cell| {
            cell.add(stamp, added);
            Vec::new()
        }),
    }
}

fn delete(rows: &mut dyn Rows, stamp: &Stamp<'_>, key: &Bytes, resets: &[ElementReset]) -> Result<(), RowError> {
    let Some(head) = read_head(rows, key)? else { return Ok(()) };
    for kind in Kind::COLLECTIONS.into_iter().filter(|&kind| head.length(kind) > 0) {
        for field in fields(rows, key, kind)? {
            let at = Address { key: key.clone(), kind, field };
            let resets = resets_of(resets, &at);
            change_element(rows, &at, |cell| cell.remove(stamp, &resets))?;
        }
    }
    let resets = resets_of(resets, &Address::string(key.clone()));
    change_head(rows, key, |head| {
        head.forget_expiry(stamp);
        head.string.remove(stamp, &resets)
    })
}

fn clear(rows: &mut dyn Rows, stamp: &Stamp<'_>, resets: &[ElementReset]) -> Result<(), RowError> {
    let (from, to) = head_span(0);
    let mut keys = Vec::new();
    rows.scan(&from, &to, &mut |row, _| {
        keys.push(Bytes::copy_from_slice(head_of(row)));
        true
    })?;
    // Sorted once, so that each key finds its own without walking them all.
    let mut sorted: Vec<&ElementReset> = resets.iter().collect();
    sorted.sort_by(|a, b| a.at.cmp(&b.at));
    for key in keys {
        let first = sorted.partition_point(|element| element.at.key < key);
        let own: Vec<ElementReset> = sorted[first..]
            .iter()
            .take_while(|element| element.at.key == key)
            .map(|&element| element.clone())
            .collect();
        delete(rows, stamp, &key, &own)?;
    }
    Ok(())
}

fn resets_of(resets: &[ElementReset], at: &Address) -> Vec<Reset> {
    resets.iter().filter(|element| element.at == *at).map(|element| element.reset).collect()
}

fn fields(rows: &dyn Rows, key: &[u8], kind: Kind) -> Result<Vec<Bytes>, RowError> {
    let prefix = element_prefix(key, kind);
    let mut fields = Vec::new();
    rows.scan(&prefix, &element_end(&prefix), &mut |row, _| {
        fields.push(Bytes::copy_from_slice(element_of(row, prefix.len()).1));
        true
    })?;
    Ok(fields)
}

/// The last byte of an element prefix is a kind, which is never 255.
fn element_end(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    *end.last_mut().expect("a prefix ends in its kind") += 1;
    end
}

fn read_head(rows: &dyn Rows, key: &[u8]) -> Result<Option<Head>, RowError> {
    rows.get(&head_row(key))?.map(|bytes| Head::decode(bytes).map_err(RowError::from)).transpose()
}

fn change_head(
    rows: &mut dyn Rows,
    key: &[u8],
    change: impl FnOnce(&mut Head) -> Vec<Sibling>,
) -> Result<(), RowError> {
    StoredHead::read(rows, key)?.change(rows, key, change);
    Ok(())
}

fn move_due(rows: &mut dyn Rows, key: &[u8], before: Option<u64>, after: Option<u64>) {
    if before == after {
        return;
    }
    if let Some(due) = before {
        rows.replace(expiry_row(due, key), Some(&Bytes::new()), None);
    }
    if let Some(due) = after {
        rows.replace(expiry_row(due, key), None, Some(Bytes::new()));
    }
}

fn change_element(
    rows: &mut dyn Rows,
    at: &Address,
    change: impl FnOnce(&mut Cell) -> Vec<Sibling>,
) -> Result<(), RowError> {
    let row = element_row(&at.key, at.kind, &at.field);
    let old = rows.get(&row)?;
    let mut cell = old.clone().map(Cell::decode).transpose()?.unwrap_or_default();
    let score_before = if at.kind == Kind::Sorted { cell.score() } else { None };
    let gone = change(&mut cell);
    if !gone.is_empty() {
        rows.met(at, Meeting::Replaced { gone: &gone, named: false });
    }
    if cell.siblings.len() > 1 {
        rows.met(at, Meeting::Standing(&cell.siblings));
    }
    if at.kind == Kind::Sorted {
        move_score(rows, at, score_before, cell.score());
    }
    let (before, after) = (old.is_some(), !cell.is_empty());
    let new = if after { Some(encoded(|out| cell.encode(out), old.as_ref())) } else { None };
    if old != new {
        rows.replace(row, old.as_ref(), new);
    }
    if before == after {
        return Ok(());
    }
    change_head(rows, &at.key, |head| {
        head.count(at.kind, before, after);
        Vec::new()
    })
}

fn move_score(rows: &mut dyn Rows, at: &Address, before: Option<f64>, after: Option<f64>) {
    if before.map(f64::to_bits) == after.map(f64::to_bits) {
        return;
    }
    if let Some(score) = before {
        rows.replace(score_row(&at.key, score, &at.field), Some(&Bytes::new()), None);
    }
    if let Some(score) = after {
        rows.replace(score_row(&at.key, score, &at.field), None, Some(Bytes::new()));
    }
}

fn encoded(encode: impl FnOnce(&mut Vec<u8>), old: Option<&Bytes>) -> Bytes {
    // The old row's size is a good guess for the new one's.
    let mut out = Vec::with_capacity(old.map_or(64, |bytes| bytes.len() + 16));
    encode(&mut out);
    Bytes::from(out)
}
