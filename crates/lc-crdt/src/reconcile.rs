//! Records that came as state take their place among those that are here.
//!
//! Two ways, by what the sender had applied:
//!
//! - It had all that was covered here when it was asked ([`install`]). What it sent replaces what is here, and the
//!   entries that were applied here since then and that it did not have are applied once more, to these cells alone. So
//!   the rows end as those of a replica that got everything by journal: it is the same entries in another causal order.
//! - Each side has what the other cannot get by journal any more ([`merge`]). Then cells are joined as for a quorum's
//!   read: a value that one side has stands unless the other covers its write. For increments that one side has seen
//!   reset, where the other only knows a later total, rows do not say enough; such a cell is *doubtful*, keeps more
//!   rather than less, and has to be written anew ([`settling`]) so that all replicas end equal.

use std::collections::BTreeMap;

use bytes::Bytes;
use lc_core::{Span, VersionVector};

use crate::head::write_head;
use crate::join::{JoinedKeys, KeyRows};
use crate::outside::apply_within;
use crate::place::{key_of_place, key_span, place_of};
use crate::row::{element_row, head_row, score_of, score_prefix, score_row};
use crate::span_rows::{Heads, heads_from, meets, scan_elements};
use crate::{Address, Cell, Entry, Head, Kind, Meeting, Number, Op, RowError, Rows, SpanRows, Visible};

/// Records of one stretch, as a sender has them.
pub struct Incoming<'a> {
    /// The stretch: what is not among the rows, nor the same, is not there.
    pub span: &'a Span,
    /// What the sender had applied.
    pub vector: &'a VersionVector,
    /// What it has in the stretch; cells outside of it are passed over.
    pub rows: &'a SpanRows,
    /// Whether the cell at a place is the same on both sides, so that it was not sent.
    pub same: &'a dyn Fn(&[u8]) -> bool,
    /// Whether the sender holds a key if it exists; of other keys it says nothing, and they stay as they are.
    pub settles: &'a dyn Fn(&[u8]) -> bool,
}

/// Replaces what is in the stretch. `vector` must cover all that was covered there when the sender was asked, and every
/// context that the stretch got since ([`crate::Contexts::most`] of both); `since` are the entries applied here after that which it does not cover, in their order. Afterwards the stretch has had all
/// that either side had applied.
pub fn install(rows: &mut dyn Rows, incoming: &Incoming<'_>, since: &[&Entry]) -> Result<(), RowError> {
    let nothing = KeyRows::default();
    for Met { key, own, sent } in incoming.keys(rows)? {
        let (own, sent) = (own.read(rows, &key)?, sent.unwrap_or(&nothing));
        if !incoming.replace_string(rows, &key, own.as_ref(), sent) {
            incoming.replace_key(rows, &key, own, sent)?;
        }
    }
    let open = |place: &[u8]| !(incoming.same)(place) && (incoming.settles)(&key_of_place(place).1);
    since.iter().try_for_each(|entry| apply_within(rows, entry, incoming.span, &open))
}

/// Joins what is in the stretch with what came; `covered` is what is covered here throughout it. Gives the doubtful
/// cells. Afterwards the stretch has had all that either side had applied.
///
/// A torn stretch ([`crate::Contexts::is_torn`]) may only be merged with one whose sender had what it is owed, and
/// [`crate::Contexts::mend`] has to follow at once.
pub fn merge(rows: &mut dyn Rows, incoming: &Incoming<'_>, covered: &VersionVector) -> Result<Vec<Address>, RowError> {
    let nothing = KeyRows::default();
    let mut doubtful = Vec::new();
    for Met { key, own: head, sent } in incoming.keys(rows)? {
        let head = head.read(rows, &key)?;
        let sent = incoming.within(&key, sent.unwrap_or(&nothing))?;
        let own = incoming.own(rows, &key)?;
        let mut joined = JoinedKeys::default();
        joined.add(&key, &[(covered, &own), (incoming.vector, &sent)])?;
        doubtful.extend_from_slice(joined.doubtful());
        let joined = KeyRows::read(&joined, &key, usize::MAX).map_err(|error| RowError(error.to_string()))?;
        incoming.replace_key(rows, &key, head, &joined)?;
    }
    Ok(doubtful)
}

/// The write that makes a doubtful cell certain: it puts what readers are shown in the place of value and increments.
/// `None` if nothing is there any more.
pub fn settling(rows: &dyn Rows, at: &Address) -> Result<Option<Op>, RowError> {
    let head = rows.get(&head_row(&at.key))?.map(Head::decode).transpose()?.unwrap_or_default();
    let cell = match at.kind {
        Kind::String => head.string.clone(),
        _ => rows.get(&element_row(&at.key, at.kind, &at.field))?.map(Cell::decode).transpose()?.unwrap_or_default(),
    };
    let value = match (at.kind, cell.visible()) {
        (_, None) => return Ok(None),
        (Kind::Sorted, Some(_)) => Bytes::copy_from_slice(&cell.score().unwrap_or(0.0).to_le_bytes()),
        (_, Some(Visible::Text(value))) => value,
        (_, Some(Visible::Number(Number::Int(number)))) => number.to_string().into(),
        (_, Some(Visible::Number(Number::Float(number)))) => number.to_string().into(),
    };
    let expires_ms = if at.kind == Kind::String { head.expires_ms() } else { None };
    Ok(Some(Op::Put { at: at.clone(), value, expires_ms, resets: cell.resets() }))
}

impl Incoming<'_> {
    /// The keys on either side, in the order of their heads.
    fn keys(&self, rows: &dyn Rows) -> Result<Vec<Met<'_>>, RowError> {
        let mut sent = self.rows.keys.iter().filter(|(key, _)| meets(self.span, key)).peekable();
        let (mut keys, mut held_bytes) = (Vec::new(), 0);
        let mut from = self.span.from.clone();
        loop {
            let Heads { heads, more } = heads_from(rows, &from, self.span)?;
            from = heads.last().map_or(from, |(last, _)| key_span(last).to);
            for (key, own) in heads {
                let row = head_row(&key);
                while let Some((key, rows)) = sent.next_if(|(sent, _)| head_row(sent) < row) {
                    keys.push(Met { key: key.clone(), own: Own::Here(None), sent: Some(rows) });
                }
                let sent = sent.next_if(|(sent, _)| *sent == key).map(|(_, rows)| rows);
                held_bytes += own.len();
                let own = if held_bytes > HELD_BYTES_MAX { Own::There } else { Own::Here(Some(own)) };
                keys.push(Met { key, own, sent });
            }
            if !more {
                break;
            }
        }
        keys.extend(sent.map(|(key, rows)| Met { key: key.clone(), own: Own::Here(None), sent: Some(rows) }));
        keys.retain(|met| (self.settles)(&met.key));
        Ok(keys)
    }

    fn takes(&self, place: &[u8]) -> bool {
        self.span.contains(place) && !(self.same)(place)
    }

    /// What was sent of a key, without what is not asked.
    fn within(&self, key: &[u8], sent: &KeyRows) -> Result<KeyRows, RowError> {
        let head = sent.head.clone().map(Head::decode).transpose()?.unwrap_or_default();
        let elements = sent.elements.iter().filter(|(kind, field, _)| self.takes(&place_of(key, *kind, field)));
        Ok(self.assembled(key, head, elements.cloned().collect()))
    }

    /// What is here of a key and may be replaced.
    fn own(&self, rows: &dyn Rows, key: &[u8]) -> Result<KeyRows, RowError> {
        let head = rows.get(&head_row(key))?.map(Head::decode).transpose()?.unwrap_or_default();
        let mut elements = Vec::new();
        for kind in Kind::COLLECTIONS.into_iter().filter(|&kind| head.length(kind) > 0) {
            let of_kind = self.own_elements(rows, key, kind)?;
            elements.extend(of_kind.into_iter().map(|(field, bytes)| (kind, field, bytes)));
        }
        Ok(self.assembled(key, head, elements))
    }

    fn assembled(&self, key: &[u8], mut head: Head, elements: Vec<(Kind, Bytes, Bytes)>) -> KeyRows {
        if !self.takes(&place_of(key, Kind::String, b"")) {
            head = Head::default();
        }
        head.lengths = [0; 3];
        elements.iter().for_each(|(kind, ..)| head.count(*kind, false, true));
        if head.is_empty() {
            return KeyRows::default();
        }
        let mut bytes = Vec::new();
        head.encode(&mut bytes);
        KeyRows { head: Some(bytes.into()), elements }
    }

    fn own_elements(&self, rows: &dyn Rows, key: &[u8], kind: Kind) -> Result<Vec<(Bytes, Bytes)>, RowError> {
        let mut own = Vec::new();
        scan_elements(rows, self.span, key, kind, &mut |place, field, bytes| {
            if self.takes(place) {
                own.push((Bytes::copy_from_slice(field), bytes.clone()));
            }
            true
        })?;
        Ok(own)
    }

    /// What [`Incoming::replace_key`] does, where one plain string comes in the place of another or of nothing; false if it
    /// is not so. Most records are that.
    fn replace_string(&self, rows: &mut dyn Rows, key: &Bytes, old: Option<&Bytes>, target: &KeyRows) -> bool {
        let is_plain = |head: &Bytes| Head::is_plain_string(head) == Ok(true);
        let Some(head) = target.head.as_ref().filter(|head| is_plain(head)) else { return false };
        let alone = target.elements.is_empty() && old.is_none_or(is_plain);
        if !alone || !self.takes(&place_of(key, Kind::String, b"")) {
            return false;
        }
        if old != Some(head) {
            // A copy: a slice would keep all that came with it in memory.
            rows.replace(head_row(key), old, Some(Bytes::copy_from_slice(head)));
            rows.touched(Some(key));
        }
        true
    }

    /// Makes the key's cells in the stretch those of `target`; `old` is its head row. A head here that does not decode
    /// counts as none.
    fn replace_key(
        &self,
        rows: &mut dyn Rows,
        key: &Bytes,
        old: Option<Bytes>,
        target: &KeyRows,
    ) -> Result<(), RowError> {
        let decoded = old.clone().map(Head::decode);
        let broken = matches!(decoded, Some(Err(_)));
        let own = decoded.and_then(Result::ok).unwrap_or_default();
        let sent = target.head.clone().map(Head::decode).transpose()?.unwrap_or_default();
        let whole = broken || self.span.contains_all(&key_span(key));
        let (mut head, mut changed) = (own.clone(), false);
        for (at, kind) in Kind::COLLECTIONS.into_iter().enumerate() {
            if !broken && own.length(kind) == 0 && sent.length(kind) == 0 {
                continue;
            }
            let Change { gone, come, any } = self.replace_elements(rows, key, kind, target)?;
            changed |= any;
            // A key that is cut into several stretches is too large to be counted for each of them. One that is not is
            // counted anew, so that a length which had become wrong is mended.
            head.lengths[at] = match whole {
                true => length(rows, key, kind)?,
                false => (own.lengths[at] + come).saturating_sub(gone),
            };
        }
        if self.takes(&place_of(key, Kind::String, b"")) {
            (head.string, head.expiry) = (sent.string, sent.expiry);
        }
        if head.string != own.string && head.string.siblings.len() > 1 {
            rows.met(&Address::string(key.clone()), Meeting::Standing(&head.string.siblings));
        }
        let due = if broken { None } else { own.due_ms() };
        if write_head(rows, key, old.as_ref(), due, &head) || changed {
            rows.touched(Some(key));
        }
        Ok(())
    }

    fn replace_elements(
        &self,
        rows: &mut dyn Rows,
        key: &Bytes,
        kind: Kind,
        target: &KeyRows,
    ) -> Result<Change, RowError> {
        let mut cells: BTreeMap<Bytes, (Option<Bytes>, Option<Bytes>)> = BTreeMap::new();
        for (field, bytes) in self.own_elements(rows, key, kind)? {
            cells.insert(field, (Some(bytes), None));
        }
        for (_, field, bytes) in target.elements.iter().filter(|(of, ..)| *of == kind) {
            if self.takes(&place_of(key, kind, field)) {
                cells.entry(field.clone()).or_default().1 = Some(bytes.clone());
            }
        }
        cells.retain(|_, (old, new)| old != new);
        let mut change = Change { gone: 0, come: 0, any: !cells.is_empty() };
        for (field, (old, new)) in &cells {
            change.gone += u64::from(new.is_none());
            change.come += u64::from(old.is_none());
            replace_element(rows, key, kind, field, old.as_ref(), new.as_ref())?;
        }
        Ok(change)
    }
}

/// A key in a stretch.
struct Met<'a> {
    key: Bytes,
    own: Own,
    sent: Option<&'a KeyRows>,
}

/// The head row that a key has here.
enum Own {
    /// It was seen on the way.
    Here(Option<Bytes>),
    /// There were too many to keep them all.
    There,
}

impl Own {
    fn read(self, rows: &dyn Rows, key: &[u8]) -> Result<Option<Bytes>, RowError> {
        match self {
            Own::Here(row) => Ok(row),
            Own::There => rows.get(&head_row(key)),
        }
    }
}

/// What became of a collection: how many elements went and came, and whether any changed.
struct Change {
    gone: u64,
    come: u64,
    any: bool,
}

fn length(rows: &dyn Rows, key: &[u8], kind: Kind) -> Result<u64, RowError> {
    let mut length = 0;
    scan_elements(rows, &key_span(key), key, kind, &mut |_, _, _| {
        length += 1;
        true
    })?;
    Ok(length)
}

fn replace_element(
    rows: &mut dyn Rows,
    key: &Bytes,
    kind: Kind,
    field: &Bytes,
    old: Option<&Bytes>,
    new: Option<&Bytes>,
) -> Result<(), RowError> {
    let before = old.map(|bytes| Cell::decode(bytes.clone()));
    if matches!(before, Some(Err(_))) && kind == Kind::Sorted {
        drop_index(rows, key, field)?;
    }
    let before = before.and_then(Result::ok).unwrap_or_default();
    let after = new.map(|bytes| Cell::decode(bytes.clone())).transpose()?.unwrap_or_default();
    if kind == Kind::Sorted {
        let (before, after) = (before.score(), after.score());
        if before.map(f64::to_bits) != after.map(f64::to_bits) {
            let row = |score: f64| score_row(key, score, field);
            before.into_iter().for_each(|score| rows.replace(row(score), Some(&Bytes::new()), None));
            after.into_iter().for_each(|score| rows.replace(row(score), None, Some(Bytes::new())));
        }
    }
    if after.siblings.len() > 1 {
        let at = Address { key: key.clone(), kind, field: field.clone() };
        rows.met(&at, Meeting::Standing(&after.siblings));
    }
    rows.replace(element_row(key, kind, field), old, new.cloned());
    Ok(())
}

/// Removes whatever index rows lead to a member whose cell cannot be read, so that its score is not known.
fn drop_index(rows: &mut dyn Rows, key: &[u8], member: &[u8]) -> Result<(), RowError> {
    let prefix = score_prefix(key);
    let mut end = prefix.clone();
    end.extend_from_slice(&[255; 9]);
    let mut index = Vec::new();
    rows.scan(&prefix, &end, &mut |row, _| {
        if score_of(row, prefix.len()).1 == member {
            index.push(row.to_vec());
        }
        true
    })?;
    index.into_iter().for_each(|row| rows.replace(row, Some(&Bytes::new()), None));
    Ok(())
}

/// Rows of one stretch that are kept until it is their turn; a stretch may hold many more here than came.
const HELD_BYTES_MAX: usize = 1 << 20;
