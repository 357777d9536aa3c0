//! The records of a stretch as they travel: key by key, without what the asker has already.

use std::collections::HashMap;

use bytes::Bytes;
use lc_core::wire::{Malformed, Reader, put_bytes, put_varint};
use lc_core::{Span, limits};

use crate::join::KeyRows;
use crate::place::{hash32_of, key_of_place, key_span, place_of};
use crate::row::{element_of, element_prefix, head_of, head_row};
use crate::{Digest, Head, Kind, RowError, Rows};

/// What stands in some stretches. Of a key whose cells are not all in them, or not all new to the asker, only the others
/// are here, and the head's lengths count those.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct SpanRows {
    /// Keys in the order of their places, and what they hold.
    pub keys: Vec<(Bytes, KeyRows)>,
    /// Which of the cells that the asker named stand here unchanged: one bit each, in its order.
    pub same: Vec<u8>,
}

/// How much may be read at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Room {
    /// Bytes that are sent.
    pub bytes: usize,
    /// Cells and heads that are looked at, sent or not.
    pub cells: usize,
}

/// One cell while a stretch is walked.
pub(crate) struct Seen<'a> {
    pub place: &'a [u8],
    pub key: &'a Bytes,
    pub kind: Kind,
    pub field: &'a [u8],
    /// Of an element its cell; of a head the string and the expiry, without lengths.
    pub bytes: &'a Bytes,
}

/// The cells that an asker has, by fingerprint.
#[derive(Clone, Default, Debug)]
pub struct Known(HashMap<[u8; FINGERPRINT_BYTES], usize>);

impl Known {
    /// From fingerprints, one after another; a last one that is cut short is nothing.
    pub fn new(fingerprints: &[u8]) -> Known {
        let each = fingerprints.chunks_exact(FINGERPRINT_BYTES).enumerate();
        Known(each.map(|(at, print)| (print.try_into().expect("a chunk has its length"), at)).collect())
    }
}

impl SpanRows {
    /// Reads `span` as far as there is room, at least one cell; keys that are not `wanted` are passed over. Gives the
    /// place before which everything was read; `None`: all of it. `known` are fingerprints made with `salt`, and
    /// `offset` is how many belong to stretches read before.
    pub fn read(
        &mut self,
        rows: &dyn Rows,
        span: &Span,
        (known, salt, offset): (&Known, u64, usize),
        wanted: &dyn Fn(&[u8]) -> bool,
        room: &mut Room,
    ) -> Result<Option<Bytes>, RowError> {
        let mut key: Option<(Bytes, Head, KeyRows)> = None;
        let mut first = self.keys.is_empty() && self.same.is_empty();
        let stopped = walk(rows, span, wanted, &mut room.cells, &mut |seen| {
            let same = if known.0.is_empty() { None } else { known.0.get(&fingerprint(salt, seen.place, seen.bytes)) };
            if let Some(&at) = same {
                self.mark_same(offset + at);
                return Ok(true);
            }
            let bytes = seen.field.len() + seen.bytes.len() + seen.key.len() + CELL_BYTES;
            if bytes > room.bytes && !std::mem::take(&mut first) {
                return Ok(false);
            }
            first = false;
            room.bytes = room.bytes.saturating_sub(bytes);
            if key.as_ref().is_none_or(|(last, ..)| last != seen.key) {
                self.finish(key.replace((seen.key.clone(), Head::default(), KeyRows::default())));
            }
            if let Some((_, head, rows)) = &mut key {
                add(head, rows, &seen)?;
            }
            Ok(true)
        });
        self.finish(key);
        stopped
    }

    fn finish(&mut self, key: Option<(Bytes, Head, KeyRows)>) {
        if let Some((key, head, mut rows)) = key {
            if rows.head.is_none() {
                let mut bytes = Vec::new();
                head.encode(&mut bytes);
                rows.head = Some(bytes.into());
            }
            self.keys.push((key, rows));
        }
    }

    fn mark_same(&mut self, at: usize) {
        if self.same.len() <= at / 8 {
            self.same.resize(at / 8 + 1, 0);
        }
        self.same[at / 8] |= 1 << (at % 8);
    }

    /// Whether the cell that the asker named as number `at` stands unchanged.
    pub fn is_same(&self, at: usize) -> bool {
        self.same.get(at / 8).is_some_and(|byte| byte >> (at % 8) & 1 == 1)
    }

    /// Appends its bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let each = self.keys.iter().map(|(key, rows)| key.len() + rows.bytes() + CELL_BYTES);
        out.reserve(self.same.len() + each.sum::<usize>() + CELL_BYTES);
        put_bytes(out, &self.same);
        put_varint(out, self.keys.len() as u64);
        for (key, rows) in &self.keys {
            put_bytes(out, key);
            rows.encode(out);
        }
    }

    /// Reads what [`SpanRows::encode`] wrote and checks every row, so that what is here can be installed.
    pub fn decode(bytes: Bytes) -> Result<SpanRows, Malformed> {
        let mut reader = Reader::new(bytes);
        let same = reader.bytes(reader.remaining(), "cells that are the same")?.to_vec();
        let count = reader.bounded(reader.remaining() as u64, "keys of a stretch")?;
        let mut keys: Vec<(Bytes, KeyRows)> = Vec::new();
        let mut last = Vec::new();
        for _ in 0..count {
            let key = reader.bytes(limits::KEY_BYTES_MAX, "key")?;
            let row = head_row(&key);
            if last >= row {
                return Err(Malformed::OutOfBounds("order of keys"));
            }
            last = row;
            keys.push((key, KeyRows::decode(&mut reader)?));
        }
        reader.end("rows of a stretch")?;
        Ok(SpanRows { keys, same })
    }
}

fn add(head: &mut Head, rows: &mut KeyRows, seen: &Seen<'_>) -> Result<(), RowError> {
    if seen.kind == Kind::String && Head::is_plain_string(seen.bytes)? {
        // Nearly always all that there is of this key, as it is written.
        rows.head = Some(seen.bytes.clone());
    } else if seen.kind == Kind::String {
        *head = Head::decode(seen.bytes.clone())?;
    } else {
        if let Some(plain) = rows.head.take() {
            *head = Head::decode(plain)?;
        }
        head.count(seen.kind, false, true);
        rows.elements.push((seen.kind, Bytes::copy_from_slice(seen.field), seen.bytes.clone()));
    }
    Ok(())
}

/// Fingerprints one after the other, and the places that they are of.
pub type Prints = (Vec<u8>, Vec<Bytes>);

/// Told of a cell: its place, its field, its bytes. Goes on while that answers true.
type Visit<'a> = dyn FnMut(&[u8], &[u8], &Bytes) -> bool + 'a;

/// Fingerprints of the cells of a stretch, and their places; `None` if there are more than `cells_max`: then it costs
/// less to be sent all of it.
pub fn fingerprints(rows: &dyn Rows, span: &Span, salt: u64, cells_max: usize) -> Result<Option<Prints>, RowError> {
    let (mut prints, mut places) = (Vec::new(), Vec::new());
    let stopped = walk(rows, span, &|_| true, &mut (2 * cells_max + 2), &mut |seen| {
        prints.extend_from_slice(&fingerprint(salt, seen.place, seen.bytes));
        places.push(Bytes::copy_from_slice(seen.place));
        Ok(places.len() <= cells_max)
    })?;
    Ok(if stopped.is_some() || places.len() > cells_max { None } else { Some((prints, places)) })
}

/// Looks at the rows of up to `keys_max` keys with hashes from `from` on, at least of one hash, and gives the key hash
/// and a digest of each row; then where to go on, `None` at the end.
pub fn digest_rows(
    rows: &dyn Rows,
    from: u32,
    keys_max: usize,
    salt: u64,
    wanted: &dyn Fn(&[u8]) -> bool,
    visit: &mut dyn FnMut(u32, u64),
) -> Result<Option<u32>, RowError> {
    let (start, end) = crate::row::head_span(from);
    let mut heads: Vec<(Bytes, Bytes)> = Vec::new();
    let mut next = None;
    rows.scan(&start, &end, &mut |row, bytes| {
        let hash = row_hash(row);
        // A hash that several keys share is looked at as a whole.
        if heads.len() >= keys_max && heads.last().is_some_and(|(row, _)| row_hash(row) != hash) {
            next = Some(hash);
            return false;
        }
        heads.push((Bytes::copy_from_slice(row), bytes.clone()));
        true
    })?;
    for (row, bytes) in heads.iter().filter(|(row, _)| wanted(head_of(row))) {
        let hash = row_hash(row);
        visit(hash, Digest::salted(salt, row, bytes));
        // A head that does not decode differs from the other side's, which is all that is asked here.
        let Ok(head) = Head::decode(bytes.clone()) else { continue };
        for kind in Kind::COLLECTIONS.into_iter().filter(|&kind| head.length(kind) > 0) {
            let prefix = element_prefix(head_of(row), kind);
            rows.scan(&prefix, &past(&prefix), &mut |row, bytes| {
                visit(hash, Digest::salted(salt, row, bytes));
                true
            })?;
        }
    }
    Ok(next)
}

/// Visits the cells of a stretch in order until `visit` answers false; gives the place where it stopped, which was not
/// taken. Looks at `room` cells at most, but at one.
pub(crate) fn walk(
    rows: &dyn Rows,
    span: &Span,
    wanted: &dyn Fn(&[u8]) -> bool,
    room: &mut usize,
    visit: &mut dyn FnMut(Seen<'_>) -> Result<bool, RowError>,
) -> Result<Option<Bytes>, RowError> {
    let mut from = span.from.clone();
    let mut begun = false;
    loop {
        let Heads { heads, more } = heads_from(rows, &from, span)?;
        for (key, bytes) in &heads {
            if *room == 0 && std::mem::replace(&mut begun, true) {
                return Ok(Some(key_span(key).from.max(from)));
            }
            begun = true;
            *room = room.saturating_sub(1);
            if wanted(key)
                && let Some(stopped) = walk_key(rows, span, key, bytes, room, visit)?
            {
                return Ok(Some(stopped));
            }
        }
        match heads.last() {
            Some((last, _)) if more => from = key_span(last).to,
            _ => return Ok(None),
        }
    }
}

fn walk_key(
    rows: &dyn Rows,
    span: &Span,
    key: &Bytes,
    bytes: &Bytes,
    room: &mut usize,
    visit: &mut dyn FnMut(Seen<'_>) -> Result<bool, RowError>,
) -> Result<Option<Bytes>, RowError> {
    let place = place_of(key, Kind::String, b"");
    if span.contains(&place)
        && let Some(cell) = head_cell(bytes)?
        && !visit(Seen { place: &place, key, kind: Kind::String, field: b"", bytes: &cell })?
    {
        return Ok(Some(place.into()));
    }
    if Head::plain_string(bytes).is_some() {
        return Ok(None);
    }
    let head = Head::decode(bytes.clone())?;
    for kind in Kind::COLLECTIONS.into_iter().filter(|&kind| head.length(kind) > 0) {
        let mut stopped = None;
        let mut outcome = Ok(true);
        scan_elements(rows, span, key, kind, &mut |place, field, bytes| {
            let full = std::mem::replace(room, room.saturating_sub(1)) == 0 && place > span.from.as_ref();
            if !full {
                outcome = visit(Seen { place, key, kind, field, bytes });
            }
            if full || !matches!(outcome, Ok(true)) {
                stopped = Some(Bytes::copy_from_slice(place));
            }
            stopped.is_none()
        })?;
        outcome?;
        if stopped.is_some() {
            return Ok(stopped);
        }
    }
    Ok(None)
}

/// Visits the elements of one kind that stand in a stretch: place, field, cell.
pub(crate) fn scan_elements(
    rows: &dyn Rows,
    span: &Span,
    key: &[u8],
    kind: Kind,
    visit: &mut Visit<'_>,
) -> Result<(), RowError> {
    let prefix = element_prefix(key, kind);
    let mut start = prefix.clone();
    if key_span(key).contains(&span.from) {
        // In the middle of a large key: go on at the element, not at the first.
        match key_of_place(&span.from).2.split_first() {
            Some((&at, rest)) if at == kind as u8 => start.extend_from_slice(rest),
            Some((&at, _)) if at > kind as u8 => return Ok(()),
            _ => {}
        }
    }
    rows.scan(&start, &past(&prefix), &mut |row, bytes| {
        let field = element_of(row, prefix.len()).1;
        let place = place_of(key, kind, field);
        span.ends_after(&place) && visit(&place, field, bytes)
    })
}

/// Keys of a stretch and their head rows.
pub(crate) struct Heads {
    pub heads: Vec<(Bytes, Bytes)>,
    /// There may be others after them.
    pub more: bool,
}

/// Keys of a stretch and their head rows, so many at once.
pub(crate) fn heads_from(rows: &dyn Rows, from: &[u8], span: &Span) -> Result<Heads, RowError> {
    let (hash, key, _) = key_of_place(from);
    let (mut start, end) = crate::row::head_span(hash);
    start.extend_from_slice(&key);
    let (mut heads, mut bytes_left, mut more) = (Vec::new(), HEAD_BYTES_AT_ONCE, false);
    rows.scan(&start, &end, &mut |row, bytes| {
        let key = head_of(row);
        if !begins_within(span, key, row) {
            return false;
        }
        // The position may be just behind this key.
        if ends_behind(from, key, row) {
            heads.push((Bytes::copy_from_slice(key), bytes.clone()));
            bytes_left = bytes_left.saturating_sub(row.len() + bytes.len());
        }
        more = bytes_left == 0 || heads.len() == HEADS_AT_ONCE;
        !more
    })?;
    Ok(Heads { heads, more })
}

/// Whether a key that begins after a stretch has begun begins before it ends. Nearly always the hash alone says so.
fn begins_within(span: &Span, key: &[u8], row: &[u8]) -> bool {
    span.to.is_empty() || hash_is_less(row.get(1..), &span.to) || span.ends_after(&key_span(key).from)
}

/// Whether a key's last place is at or behind a place.
fn ends_behind(place: &[u8], key: &[u8], row: &[u8]) -> bool {
    hash_is_less(Some(place), row.get(1..).unwrap_or_default()) || key_span(key).ends_after(place)
}

/// Whether anything of a key is in a stretch.
pub(crate) fn meets(span: &Span, key: &[u8]) -> bool {
    let row = head_row(key);
    ends_behind(&span.from, key, &row) && begins_within(span, key, &row)
}

/// Whether one place's hash is there and below another's, so that all places with it are.
fn hash_is_less(one: Option<&[u8]>, other: &[u8]) -> bool {
    let hash = |place: &[u8]| <[u8; 4]>::try_from(place.get(..4)?).ok();
    one.and_then(hash).zip(hash(other)).is_some_and(|(one, other)| one < other)
}

/// A head without its lengths, which count what stands elsewhere; `None` if that is nothing.
fn head_cell(bytes: &Bytes) -> Result<Option<Bytes>, RowError> {
    if Head::plain_string(bytes).is_some() {
        return Ok(Some(bytes.clone()));
    }
    let head = Head { lengths: [0; 3], ..Head::decode(bytes.clone())? };
    if head.is_empty() {
        return Ok(None);
    }
    let mut out = Vec::new();
    head.encode(&mut out);
    Ok(Some(out.into()))
}

fn fingerprint(salt: u64, place: &[u8], bytes: &[u8]) -> [u8; FINGERPRINT_BYTES] {
    let digest = Digest::salted(salt, place, bytes).to_le_bytes();
    digest[..FINGERPRINT_BYTES].try_into().expect("six of eight bytes")
}

fn row_hash(row: &[u8]) -> u32 {
    hash32_of(row.get(1..).unwrap_or_default())
}

/// The first row after all that begin with an element prefix, whose last byte is a kind and never 255.
fn past(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    *end.last_mut().expect("a prefix ends in its kind") += 1;
    end
}

/// Chance of taking two different cells for the same: one in 2^48 for each pair, with another salt each time.
pub const FINGERPRINT_BYTES: usize = 6;
/// What a cell takes beside key, field and bytes, about.
const CELL_BYTES: usize = 8;
/// Heads are gathered before elements are looked at, so that no scan runs inside another; to begin one costs as much as
/// dozens of rows.
const HEADS_AT_ONCE: usize = 1024;
const HEAD_BYTES_AT_ONCE: usize = 128 << 10;
