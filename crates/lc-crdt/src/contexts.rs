//! What is known of single stretches of records beyond what the replica as a whole has applied.
//!
//! Records that came as state carry the vector that they stand for. Until the replica's own vector covers it, that
//! vector is kept as the stretch's context: an entry that it covers has had its effect there already, or was replaced,
//! and applying it again would bring back what is gone.
//!
//! Kept as rows beside the records, so that they are written in the same batch:
//!
//! ```text
//! m 0 "context" place   ->  1  round varint  to bytes  vector  owed vector
//! ```
//!
//! A stretch is *torn* if a crash took records from under a write that was decided over them here: the write is in the
//! journal, what it saw is not in the rows. Until that is installed again the rows are not those of any replica that had
//! applied what is covered here, so they are not to be sent, nor to be called equal to another's. The writes are kept
//! until then:
//!
//! ```text
//! m 0 "torn" sequence u64 be  ->  entry
//! ```

use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;
use lc_core::wire::{Malformed, Reader, put_bytes, put_varint};
use lc_core::{Dot, Span, VersionVector};

use crate::outside::replace_within;
use crate::place::{PLACE_BYTES_MAX, key_span};
use crate::{Entry, Incoming, Op, RowError, Rows};

/// Stretches and their contexts, in memory as in the rows. They do not overlap.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Contexts {
    pieces: BTreeMap<Bytes, Piece>,
    /// Writes under which records are missing, by their sequence.
    torn: BTreeMap<u64, Entry>,
    round: u64,
}

#[derive(Clone, PartialEq, Debug)]
struct Piece {
    to: Bytes,
    vector: VersionVector,
    /// What writes here saw that a crash took; empty: nothing.
    owed: VersionVector,
    /// Which catch-up it belongs to: one that is begun anew does not take the stretches of the last for its own.
    round: u64,
}

impl Contexts {
    /// Reads them from the rows.
    pub fn open(rows: &dyn Rows) -> Result<Contexts, RowError> {
        let mut contexts = Contexts::default();
        each_row(rows, CONTEXT_ROW, &mut |place, bytes| {
            let piece = Piece::decode(bytes)?;
            contexts.round = contexts.round.max(piece.round);
            contexts.pieces.insert(place, piece);
            Ok(())
        })?;
        each_row(rows, TORN_ROW, &mut |_, bytes| {
            let entry = Entry::decode(bytes)?;
            contexts.torn.insert(entry.dot.seq, entry);
            Ok(())
        })?;
        Ok(contexts)
    }

    /// Whether there are none: what the replica has applied says all.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// How many stretches have one.
    pub fn len(&self) -> usize {
        self.pieces.len()
    }

    /// The catch-up that is going on, or was the last.
    pub fn round(&self) -> u64 {
        self.round
    }

    /// Begins a catch-up: stretches of earlier ones keep their contexts, but are not done.
    pub fn begin(&mut self, round: u64) {
        self.round = self.round.max(round);
    }

    /// Whether an entry's effect on a cell is there already, or was replaced.
    pub fn covers(&self, place: &[u8], dot: Dot) -> bool {
        self.at(place).is_some_and(|(_, piece)| piece.vector.covers(dot))
    }

    /// Whether an entry is covered anywhere.
    pub fn cover_somewhere(&self, dot: Dot) -> bool {
        self.pieces.values().any(|piece| piece.vector.covers(dot))
    }

    /// What is covered throughout some stretches: what a write there may claim to have seen, and what a replica may say
    /// that it has applied once everything is installed. `applied` is covered everywhere.
    pub fn least(&self, spans: &[Span], applied: &VersionVector) -> VersionVector {
        let mut least: Option<VersionVector> = None;
        for span in spans {
            self.walk(span, |_, piece| {
                let mut vector = applied.clone();
                piece.into_iter().for_each(|piece| vector.merge(&piece.vector));
                least = Some(least.take().map_or(vector.clone(), |least| meet(&least, &vector)));
            });
        }
        let mut least = least.unwrap_or_default();
        least.merge(applied);
        least
    }

    /// What is covered anywhere in a stretch: what a sender must have if what it sends is to replace what is here, and
    /// what a reader there may have seen.
    pub fn most(&self, span: &Span, applied: &VersionVector) -> VersionVector {
        let mut most = applied.clone();
        self.walk(span, |_, piece| {
            if let Some(piece) = piece {
                most.merge(&piece.vector);
            }
        });
        most
    }

    /// The beginning of a stretch throughout which the same is covered, and what that is; all of it is torn, or nothing.
    pub fn even(&self, span: &Span, applied: &VersionVector) -> (Span, VersionVector) {
        let mut first: Option<(Span, VersionVector, bool)> = None;
        let mut ended = false;
        self.walk(span, |part, piece| {
            let (mut vector, mut torn) = (applied.clone(), false);
            if let Some(piece) = piece {
                vector.merge(&piece.vector);
                torn = !piece.owed.is_empty();
            }
            match &mut first {
                None => first = Some((part.clone(), vector, torn)),
                Some((whole, covered, of_first)) if !ended && (&*covered, *of_first) == (&vector, torn) => {
                    whole.to = part.to.clone();
                }
                Some(_) => ended = true,
            }
        });
        first.map_or_else(|| (span.clone(), applied.clone()), |(span, covered, _)| (span, covered))
    }

    /// What is not done of `span` in the catch-up that is going on.
    pub fn left(&self, span: &Span) -> Vec<Span> {
        let mut left: Vec<Span> = Vec::new();
        self.walk(span, |part, piece| {
            if piece.is_some_and(|piece| piece.round == self.round) {
                return;
            }
            match left.last_mut() {
                Some(last) if last.to == part.from => last.to = part.to.clone(),
                _ => left.push(part.clone()),
            }
        });
        left
    }

    /// Keeps `vector` for a stretch, beside what it had. Neighbours with the same context become one row. A torn part is
    /// whole again if the vector covers what it is owed.
    pub fn cover(&mut self, rows: &mut dyn Rows, span: &Span, vector: &VersionVector) -> Result<(), RowError> {
        let mut parts = Vec::new();
        self.walk(span, |part, piece| {
            let mut new = Piece { to: part.to.clone(), vector: vector.clone(), ..Piece::of(self.round) };
            if let Some(piece) = piece {
                new.vector.merge(&piece.vector);
                if !vector.covers_all(&piece.owed) {
                    (new.owed, new.round) = (piece.owed.clone(), 0);
                }
            }
            parts.push((part.from.clone(), new));
        });
        self.cut(rows, span)?;
        for (from, piece) in parts {
            self.set(rows, from, piece)?;
        }
        self.unite(rows, span)?;
        if !self.torn.is_empty() && self.pieces.values().all(|piece| piece.owed.is_empty()) {
            let torn = std::mem::take(&mut self.torn);
            torn.keys().try_for_each(|seq| put_row(rows, torn_row(*seq), None))?;
        }
        Ok(())
    }

    /// After a crash: stretches that this entry touched without having what it saw are torn, and not done. Call it for
    /// every entry decided here that the journal has beyond the rows, in their order. `applied` is what the replica had
    /// applied before it.
    pub fn tear(&mut self, rows: &mut dyn Rows, entry: &Entry, applied: &VersionVector) -> Result<(), RowError> {
        let of_others = entry.deps.iter().filter(|(replica, _)| *replica != entry.dot.replica);
        let beyond: VersionVector = of_others.filter(|(replica, seq)| applied.get(*replica) < *seq).collect();
        let mut tears = false;
        for op in entry.ops.iter().filter(|op| !matches!(op, Op::Withheld { .. })) {
            let span = op.key().map_or_else(Span::all, |key| key_span(key));
            let mut parts = Vec::new();
            self.walk(&span, |part, piece| {
                let mut torn = piece.cloned().unwrap_or_else(|| Piece::of(0));
                if !torn.vector.covers_all(&beyond) {
                    torn.owed.merge(&beyond);
                    parts.push((part.clone(), Piece { to: part.to.clone(), round: 0, ..torn }));
                }
            });
            tears |= !parts.is_empty();
            for (part, piece) in parts {
                self.cut(rows, &part)?;
                self.set(rows, part.from, piece)?;
            }
        }
        if tears {
            let mut bytes = Vec::new();
            entry.encode(&mut bytes);
            put_row(rows, torn_row(entry.dot.seq), Some(bytes.into()))?;
            self.torn.insert(entry.dot.seq, entry.clone());
        }
        Ok(())
    }

    /// After a merge, before [`Contexts::cover`]: what was missing under writes is here again, so it is replaced by them
    /// as it was when they were decided.
    pub fn mend(&self, rows: &mut dyn Rows, incoming: &Incoming<'_>) -> Result<(), RowError> {
        self.torn.values().try_for_each(|entry| replace_within(rows, entry, incoming.span, incoming.settles))
    }

    /// Whether something in a stretch is torn.
    pub fn is_torn(&self, span: &Span) -> bool {
        let mut torn = false;
        self.walk(span, |_, piece| torn |= piece.is_some_and(|piece| !piece.owed.is_empty()));
        torn
    }

    /// The parts of a stretch that are torn, in order.
    pub fn torn_in(&self, span: &Span) -> Vec<Span> {
        let mut torn = Vec::new();
        self.walk(span, |part, piece| {
            if piece.is_some_and(|piece| !piece.owed.is_empty()) {
                torn.push(part.clone());
            }
        });
        torn
    }

    /// The stretches that have had more than this.
    pub fn beyond<'a>(&'a self, vector: &'a VersionVector) -> impl Iterator<Item = Span> + 'a {
        let more = self.pieces.iter().filter(|(_, piece)| !vector.covers_all(&piece.vector));
        more.map(|(from, piece)| Span { from: from.clone(), to: piece.to.clone() })
    }

    /// What a sender must have, whatever else it has, for its records of a stretch to be merged with those here: what a
    /// crash took from under writes. Nothing if none of it is torn.
    pub fn owed(&self, span: &Span) -> VersionVector {
        let mut owed = VersionVector::new();
        self.walk(span, |_, piece| piece.into_iter().for_each(|piece| owed.merge(&piece.owed)));
        owed
    }

    /// Forgets contexts that say no more than what the replica has applied; all of them are then gone after a catch-up.
    /// What is torn stays so.
    pub fn settle(&mut self, rows: &mut dyn Rows, applied: &VersionVector) -> Result<(), RowError> {
        let covered =
            self.pieces.iter().filter(|(_, piece)| piece.owed.is_empty() && applied.covers_all(&piece.vector));
        let gone: Vec<Bytes> = covered.map(|(from, _)| from.clone()).collect();
        gone.iter().try_for_each(|from| self.remove(rows, from))
    }

    fn at(&self, place: &[u8]) -> Option<(&Bytes, &Piece)> {
        let upto = (Bound::Unbounded, Bound::Included(place));
        let (from, piece) = self.pieces.range::<[u8], _>(upto).next_back()?;
        if piece.to.is_empty() || place < piece.to.as_ref() { Some((from, piece)) } else { None }
    }

    /// Visits the parts of a stretch in order, with the context of each.
    fn walk(&self, span: &Span, mut visit: impl FnMut(&Span, Option<&Piece>)) {
        let mut from = span.from.clone();
        let first = self.at(&span.from).map_or_else(|| span.from.clone(), |(from, _)| from.clone());
        for (start, piece) in self.pieces.range(first..) {
            if !span.ends_after(start) {
                break;
            }
            let whole = Span { from: start.clone(), to: piece.to.clone() };
            let Some(part) = whole.meet(span) else { continue };
            if from < part.from {
                visit(&Span { from, to: part.from.clone() }, None);
            }
            visit(&part, Some(piece));
            if part.to.is_empty() || part.to == span.to {
                return;
            }
            from = part.to;
        }
        visit(&Span { from, to: span.to.clone() }, None);
    }

    /// Makes the ends of a stretch ends of pieces.
    fn cut(&mut self, rows: &mut dyn Rows, span: &Span) -> Result<(), RowError> {
        self.cut_at(rows, &span.from)?;
        if span.to.is_empty() { Ok(()) } else { self.cut_at(rows, &span.to) }
    }

    /// Makes a place the beginning of a piece, if it is inside of one.
    fn cut_at(&mut self, rows: &mut dyn Rows, place: &Bytes) -> Result<(), RowError> {
        let Some((from, piece)) = self.at(place).filter(|(from, _)| *from != place) else { return Ok(()) };
        let (from, mut before) = (from.clone(), piece.clone());
        let after = before.clone();
        before.to = place.clone();
        self.set(rows, from, before)?;
        self.set(rows, place.clone(), after)
    }

    /// Unites the pieces in and around a stretch that say the same.
    fn unite(&mut self, rows: &mut dyn Rows, span: &Span) -> Result<(), RowError> {
        let before = (Bound::Unbounded, Bound::Excluded(span.from.clone()));
        let mut last =
            self.pieces.range(before).next_back().map_or_else(|| span.from.clone(), |(from, _)| from.clone());
        let touching = self.pieces.range((Bound::Excluded(last.clone()), Bound::Unbounded));
        let touching = touching.take_while(|(from, _)| span.to.is_empty() || **from <= span.to);
        let starts: Vec<Bytes> = touching.map(|(from, _)| from.clone()).collect();
        for from in starts {
            let (Some(one), Some(next)) = (self.pieces.get(&last), self.pieces.get(&from)) else {
                last = from;
                continue;
            };
            if one.to == from && one.says_what(next) {
                let united = Piece { to: next.to.clone(), ..one.clone() };
                self.remove(rows, &from)?;
                self.set(rows, last.clone(), united)?;
            } else {
                last = from;
            }
        }
        Ok(())
    }

    fn set(&mut self, rows: &mut dyn Rows, from: Bytes, piece: Piece) -> Result<(), RowError> {
        put_row(rows, context_row(&from), Some(piece.encode()))?;
        self.pieces.insert(from, piece);
        Ok(())
    }

    fn remove(&mut self, rows: &mut dyn Rows, from: &Bytes) -> Result<(), RowError> {
        put_row(rows, context_row(from), None)?;
        self.pieces.remove(from);
        Ok(())
    }
}

impl Piece {
    /// Says nothing yet.
    fn of(round: u64) -> Piece {
        Piece { to: Bytes::new(), vector: VersionVector::new(), owed: VersionVector::new(), round }
    }

    fn says_what(&self, other: &Piece) -> bool {
        (&self.vector, &self.owed, self.round) == (&other.vector, &other.owed, other.round)
    }

    fn encode(&self) -> Bytes {
        let mut out = vec![CONTEXT_VERSION];
        put_varint(&mut out, self.round);
        put_bytes(&mut out, &self.to);
        self.vector.encode(&mut out);
        self.owed.encode(&mut out);
        out.into()
    }

    fn decode(bytes: Bytes) -> Result<Piece, Malformed> {
        let mut reader = Reader::new(bytes);
        reader.version(CONTEXT_VERSION, "context version")?;
        let round = reader.varint("round of a context")?;
        let to = reader.bytes(PLACE_BYTES_MAX, "end of a context")?;
        let vector = VersionVector::decode(&mut reader)?;
        let owed = VersionVector::decode(&mut reader)?;
        reader.end("context")?;
        Ok(Piece { to, vector, owed, round })
    }
}

/// What both vectors cover.
fn meet(one: &VersionVector, other: &VersionVector) -> VersionVector {
    one.iter().map(|(replica, seq)| (replica, seq.min(other.get(replica)))).collect()
}

fn context_row(place: &[u8]) -> Vec<u8> {
    [CONTEXT_ROW, place].concat()
}

fn torn_row(seq: u64) -> Vec<u8> {
    [TORN_ROW, &seq.to_be_bytes()].concat()
}

fn put_row(rows: &mut dyn Rows, row: Vec<u8>, new: Option<Bytes>) -> Result<(), RowError> {
    let old = rows.get(&row)?;
    if old != new {
        rows.replace(row, old.as_ref(), new);
    }
    Ok(())
}

/// Visits the rows that begin with a name: the rest of the row, and its bytes.
fn each_row(
    rows: &dyn Rows,
    name: &[u8],
    visit: &mut dyn FnMut(Bytes, Bytes) -> Result<(), Malformed>,
) -> Result<(), RowError> {
    let mut end = name.to_vec();
    *end.last_mut().expect("the name of the rows is not empty") += 1;
    let mut outcome = Ok(());
    rows.scan(name, &end, &mut |row, bytes| {
        outcome = visit(Bytes::copy_from_slice(&row[name.len()..]), bytes.clone());
        outcome.is_ok()
    })?;
    Ok(outcome?)
}

const TORN_ROW: &[u8] = b"m\0torn";
const CONTEXT_ROW: &[u8] = b"m\0context";
const CONTEXT_VERSION: u8 = 1;

#[cfg(test)]
mod tests;
