//! What is known of single stretches of records beyond what the replica as a whole has applied.
//!
//! Records that came as state carry the vector that they stand for. Until the replica's own vector covers it, that
//! vector is kept as the stretch's context: an entry that it covers has had its effect there already, or was replaced,
//! and applying it again would bring back what is gone.
//!
//! Kept as rows beside the records, so that they are written in the same batch:
//!
//! ```text
//! m 0 "context" place   ->  1  round varint  to bytes  vector
//! ```

use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;
use lc_core::wire::{Malformed, Reader, put_bytes, put_varint};
use lc_core::{Dot, Span, VersionVector};

use crate::place::{PLACE_BYTES_MAX, key_span};
use crate::{Entry, Op, RowError, Rows};

/// Stretches and their contexts, in memory as in the rows. They do not overlap.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Contexts {
    pieces: BTreeMap<Bytes, Piece>,
    round: u64,
}

#[derive(Clone, PartialEq, Debug)]
struct Piece {
    to: Bytes,
    vector: VersionVector,
    /// Which catch-up it belongs to: one that is begun anew does not take the stretches of the last for its own.
    round: u64,
}

impl Contexts {
    /// Reads them from the rows.
    pub fn open(rows: &dyn Rows) -> Result<Contexts, RowError> {
        let mut contexts = Contexts::default();
        let mut outcome = Ok(());
        let mut end = CONTEXT_ROW.to_vec();
        *end.last_mut().expect("the name of the rows is not empty") += 1;
        rows.scan(CONTEXT_ROW, &end, &mut |row, bytes| {
            let from = Bytes::copy_from_slice(&row[CONTEXT_ROW.len()..]);
            outcome = Piece::decode(bytes.clone()).map(|piece| {
                contexts.round = contexts.round.max(piece.round);
                contexts.pieces.insert(from, piece);
            });
            outcome.is_ok()
        })?;
        outcome?;
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

    /// The beginning of a stretch throughout which the same is covered, and what that is.
    pub fn even(&self, span: &Span, applied: &VersionVector) -> (Span, VersionVector) {
        let mut first: Option<(Span, VersionVector)> = None;
        let mut ended = false;
        self.walk(span, |part, piece| {
            let mut vector = applied.clone();
            if let Some(piece) = piece {
                vector.merge(&piece.vector);
            }
            match &mut first {
                None => first = Some((part.clone(), vector)),
                Some((whole, covered)) if !ended && *covered == vector => whole.to = part.to.clone(),
                Some(_) => ended = true,
            }
        });
        first.unwrap_or_else(|| (span.clone(), applied.clone()))
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

    /// Keeps `vector` for a stretch, beside what it had. Neighbours with the same context become one row.
    pub fn cover(&mut self, rows: &mut dyn Rows, span: &Span, vector: &VersionVector) -> Result<(), RowError> {
        let mut parts = Vec::new();
        self.walk(span, |part, piece| {
            let mut vector = vector.clone();
            if let Some(piece) = piece {
                vector.merge(&piece.vector);
            }
            parts.push((part.clone(), vector));
        });
        self.cut(rows, span)?;
        for (part, vector) in parts {
            self.set(rows, part.from, Piece { to: part.to, vector, round: self.round })?;
        }
        self.unite(rows, span)
    }

    /// After a crash: stretches that this entry touched are not done. Call it for every entry decided here that the
    /// journal has beyond the rows: it may have been decided over records that were installed and are not there any
    /// more, so what it did is only right again once they are installed anew.
    pub fn reopen(&mut self, rows: &mut dyn Rows, entry: &Entry) -> Result<(), RowError> {
        for op in entry.ops.iter().filter(|op| !matches!(op, Op::Withheld { .. })) {
            let span = op.key().map_or_else(Span::all, |key| key_span(key));
            let mut parts = Vec::new();
            self.walk(&span, |part, piece| parts.extend(piece.map(|piece| (part.clone(), piece.vector.clone()))));
            for (part, vector) in parts {
                self.cut(rows, &part)?;
                self.set(rows, part.from, Piece { to: part.to, vector, round: 0 })?;
            }
        }
        Ok(())
    }

    /// Forgets contexts that say no more than what the replica has applied; all of them are then gone after a catch-up.
    pub fn settle(&mut self, rows: &mut dyn Rows, applied: &VersionVector) -> Result<(), RowError> {
        let covered = self.pieces.iter().filter(|(_, piece)| applied.covers_all(&piece.vector));
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
            if one.to == from && one.vector == next.vector && one.round == next.round {
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
        let row = context_row(&from);
        let old = rows.get(&row)?;
        rows.replace(row, old.as_ref(), Some(piece.encode()));
        self.pieces.insert(from, piece);
        Ok(())
    }

    fn remove(&mut self, rows: &mut dyn Rows, from: &Bytes) -> Result<(), RowError> {
        let row = context_row(from);
        let old = rows.get(&row)?;
        rows.replace(row, old.as_ref(), None);
        self.pieces.remove(from);
        Ok(())
    }
}

impl Piece {
    fn encode(&self) -> Bytes {
        let mut out = vec![CONTEXT_VERSION];
        put_varint(&mut out, self.round);
        put_bytes(&mut out, &self.to);
        self.vector.encode(&mut out);
        out.into()
    }

    fn decode(bytes: Bytes) -> Result<Piece, Malformed> {
        let mut reader = Reader::new(bytes);
        if reader.byte("context version")? != CONTEXT_VERSION {
            return Err(Malformed::Unknown("context version"));
        }
        let round = reader.varint("round of a context")?;
        let to = reader.bytes(PLACE_BYTES_MAX, "end of a context")?;
        let vector = VersionVector::decode(&mut reader)?;
        reader.end("context")?;
        Ok(Piece { to, vector, round })
    }
}

/// What both vectors cover.
fn meet(one: &VersionVector, other: &VersionVector) -> VersionVector {
    one.iter().map(|(replica, seq)| (replica, seq.min(other.get(replica)))).collect()
}

fn context_row(place: &[u8]) -> Vec<u8> {
    [CONTEXT_ROW, place].concat()
}

const CONTEXT_ROW: &[u8] = b"m\0context";
const CONTEXT_VERSION: u8 = 1;

#[cfg(test)]
mod tests;
