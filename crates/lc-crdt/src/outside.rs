//! Applying an entry only where it is not in effect already, cell by cell.

use bytes::Bytes;
use lc_core::{Dot, Span};

use crate::apply::{apply, apply_op};
use crate::head::write_head;
use crate::place::{key_of_place, key_span, place_at, place_of};
use crate::row::{element_of, element_prefix, head_of, head_row, head_span};
use crate::{Address, Contexts, ElementReset, Entry, Head, Kind, Meeting, Op, Reset, RowError, Rows, Stamp};

/// Applies an entry that came by the journal, but to no cell whose context covers it: there its effect is in the rows
/// already, or was replaced. Its dependencies must have been applied.
pub fn apply_outside(rows: &mut dyn Rows, entry: &Entry, contexts: &Contexts) -> Result<(), RowError> {
    if !contexts.cover_somewhere(entry.dot) {
        return apply(rows, entry);
    }
    apply_within(rows, entry, &Span::all(), &|place| !contexts.covers(place, entry.dot))
}

/// Applies one op of an entry as [`apply_outside`] does: for who leaves out some of them.
pub fn apply_op_outside(rows: &mut dyn Rows, entry: &Entry, op: &Op, contexts: &Contexts) -> Result<(), RowError> {
    if !contexts.cover_somewhere(entry.dot) {
        return apply_op(rows, &entry.stamp(), op);
    }
    let open = |place: &[u8]| !contexts.covers(place, entry.dot);
    Within { stamp: entry.stamp(), span: &Span::all(), open: &open }.apply(rows, op)
}

/// Applies an entry to the cells of a stretch that are `open`, and to no others.
pub(crate) fn apply_within(
    rows: &mut dyn Rows,
    entry: &Entry,
    span: &Span,
    open: &dyn Fn(&[u8]) -> bool,
) -> Result<(), RowError> {
    let within = Within { stamp: entry.stamp(), span, open };
    entry.ops.iter().try_for_each(|op| within.apply(rows, op))
}

/// Removes from the cells of a stretch what a write of this replica replaced, as far as it came from others: no more than
/// that, so it may be done at any time after the write.
pub(crate) fn replace_within(
    rows: &mut dyn Rows,
    entry: &Entry,
    span: &Span,
    settles: &dyn Fn(&[u8]) -> bool,
) -> Result<(), RowError> {
    // With a dot before all of its own it saw only what its dependencies name: its own values stay.
    let stamp = Stamp { dot: Dot::new(entry.dot.replica, 0), ..entry.stamp() };
    let within = Within { stamp, span, open: &|place| settles(&key_of_place(place).1) };
    entry.ops.iter().try_for_each(|op| within.replace(rows, op))
}

struct Within<'a> {
    stamp: Stamp<'a>,
    span: &'a Span,
    open: &'a dyn Fn(&[u8]) -> bool,
}

impl Within<'_> {
    fn apply(&self, rows: &mut dyn Rows, op: &Op) -> Result<(), RowError> {
        match op {
            Op::Put { at, .. }
            | Op::PutOver { at, .. }
            | Op::Collapse { at, .. }
            | Op::Add { at, .. }
            | Op::Remove { at, .. } => self.apply_at(rows, &place_at(at), op),
            Op::Expire { key, .. } => self.apply_at(rows, &place_of(key, Kind::String, b""), op),
            Op::Delete { key, resets } => self.delete(rows, key, resets),
            Op::Clear { resets } => self.clear(rows, resets),
            Op::Withheld { .. } => Ok(()),
        }
    }

    fn replace(&self, rows: &mut dyn Rows, op: &Op) -> Result<(), RowError> {
        match op {
            Op::Put { at, resets, .. } | Op::Collapse { at, resets, .. } if at.kind == Kind::String => self
                .replace_head(rows, &at.key, |head| {
                    head.forget_expiry(&self.stamp);
                    head.string.remove(&self.stamp, resets);
                }),
            Op::Put { at, resets, .. } | Op::Collapse { at, resets, .. } => {
                let resets = resets.clone();
                self.apply_at(rows, &place_at(at), &Op::Remove { at: at.clone(), resets })
            }
            Op::PutOver { at, over, .. } => self.replace_head(rows, &at.key, |head| {
                head.forget_expiry(&self.stamp);
                head.string.siblings.retain(|sibling| !(over.contains(&sibling.dot) && self.stamp.saw(sibling.dot)));
            }),
            Op::Expire { key, .. } => self.replace_head(rows, key, |head| {
                head.expire(&self.stamp, None);
                head.expiry.retain(|choice| choice.dot != self.stamp.dot);
            }),
            Op::Remove { .. } | Op::Delete { .. } | Op::Clear { .. } => self.apply(rows, op),
            Op::Add { .. } | Op::Withheld { .. } => Ok(()),
        }
    }

    fn replace_head(&self, rows: &mut dyn Rows, key: &Bytes, change: impl FnOnce(&mut Head)) -> Result<(), RowError> {
        let Some(old) = rows.get(&head_row(key))?.filter(|_| self.touches(&place_of(key, Kind::String, b""))) else {
            return Ok(());
        };
        let before = Head::decode(old.clone())?;
        let mut head = before.clone();
        change(&mut head);
        if write_head(rows, key, Some(&old), before.due_ms(), &head) {
            rows.touched(Some(key));
        }
        Ok(())
    }

    fn touches(&self, place: &[u8]) -> bool {
        self.span.contains(place) && (self.open)(place)
    }

    fn apply_at(&self, rows: &mut dyn Rows, place: &[u8], op: &Op) -> Result<(), RowError> {
        if self.touches(place) { apply_op(rows, &self.stamp, op) } else { Ok(()) }
    }

    /// As deleting the key does, for each of its cells on its own.
    fn delete(&self, rows: &mut dyn Rows, key: &Bytes, resets: &[ElementReset]) -> Result<(), RowError> {
        if self.span.meet(&key_span(key)).is_none() {
            return Ok(());
        }
        let Some(head) = rows.get(&head_row(key))?.map(Head::decode).transpose()? else { return Ok(()) };
        for kind in Kind::COLLECTIONS.into_iter().filter(|&kind| head.length(kind) > 0) {
            for field in self.open_fields(rows, key, kind)? {
                let at = Address { key: key.clone(), kind, field };
                let resets = resets_of(resets, &at);
                apply_op(rows, &self.stamp, &Op::Remove { at, resets })?;
            }
        }
        if self.touches(&place_of(key, Kind::String, b"")) {
            self.delete_head(rows, key, &resets_of(resets, &Address::string(key.clone())))?;
        }
        Ok(())
    }

    /// The string and the expiry; elements are on their own.
    fn delete_head(&self, rows: &mut dyn Rows, key: &Bytes, resets: &[Reset]) -> Result<(), RowError> {
        let Some(old) = rows.get(&head_row(key))? else { return Ok(()) };
        let before = Head::decode(old.clone())?;
        let mut head = before.clone();
        head.forget_expiry(&self.stamp);
        let gone = head.string.remove(&self.stamp, resets);
        if !gone.is_empty() {
            rows.met(&Address::string(key.clone()), Meeting::Replaced { gone: &gone, named: false });
        }
        rows.touched(Some(key));
        write_head(rows, key, Some(&old), before.due_ms(), &head);
        Ok(())
    }

    fn open_fields(&self, rows: &dyn Rows, key: &[u8], kind: Kind) -> Result<Vec<Bytes>, RowError> {
        let prefix = element_prefix(key, kind);
        let mut end = prefix.clone();
        *end.last_mut().expect("a prefix ends in its kind") += 1;
        let mut fields = Vec::new();
        rows.scan(&prefix, &end, &mut |row, _| {
            let field = element_of(row, prefix.len()).1;
            if self.touches(&place_of(key, kind, field)) {
                fields.push(Bytes::copy_from_slice(field));
            }
            true
        })?;
        Ok(fields)
    }

    fn clear(&self, rows: &mut dyn Rows, resets: &[ElementReset]) -> Result<(), RowError> {
        let mut sorted: Vec<&ElementReset> = resets.iter().collect();
        sorted.sort_by(|one, other| one.at.cmp(&other.at));
        for key in self.keys(rows)? {
            let first = sorted.partition_point(|element| element.at.key < key);
            let own = sorted[first..].iter().take_while(|element| element.at.key == key);
            let own: Vec<ElementReset> = own.map(|&element| element.clone()).collect();
            self.delete(rows, &key, &own)?;
        }
        Ok(())
    }

    fn keys(&self, rows: &dyn Rows) -> Result<Vec<Bytes>, RowError> {
        let (from, to) = head_span(key_of_place(&self.span.from).0);
        let mut keys = Vec::new();
        rows.scan(&from, &to, &mut |row, _| {
            let key = head_of(row);
            let before_the_end = self.span.ends_after(&key_span(key).from);
            if before_the_end {
                keys.push(Bytes::copy_from_slice(key));
            }
            before_the_end
        })?;
        Ok(keys)
    }
}

fn resets_of(resets: &[ElementReset], at: &Address) -> Vec<Reset> {
    resets.iter().filter(|element| element.at == *at).map(|element| element.reset).collect()
}
