//! One cell: the values that nobody who saw them has replaced, and the increments on top.

use bytes::Bytes;
use lc_core::wire::{Malformed, Reader, put_bytes, put_varint};
use lc_core::{Dot, Hlc, ReplicaId, limits};

use crate::{Added, Count, Merge, Number, Reset, Stamp, counter};

/// A value and the write it came from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sibling {
    /// The write.
    pub dot: Dot,
    /// When it was decided.
    pub hlc: Hlc,
    /// What it wrote.
    pub value: Bytes,
    /// When the key ends according to this write; `None`: never. Strings only.
    pub expires_ms: Option<u64>,
    /// A later `Op::Expire` saw this write and chose another expiry.
    pub expiry_replaced: bool,
}

/// Siblings sorted by dot, and counts sorted by replica. Empty means absent.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Cell {
    /// Concurrent values; nearly always one.
    pub siblings: Vec<Sibling>,
    /// Increments on top of the value.
    pub counts: Vec<Count>,
}

/// What a reader sees of a cell under last-writer-wins.
#[derive(Clone, PartialEq, Debug)]
pub enum Visible {
    /// Bytes as written.
    Text(Bytes),
    /// A value with increments on top, or increments alone.
    Number(Number),
}

impl Cell {
    /// Whether nothing is there.
    pub fn is_empty(&self) -> bool {
        self.siblings.is_empty() && self.counts.is_empty()
    }

    /// The sibling with the highest (HLC, replica); the others wait for a write that saw them.
    pub fn winner(&self) -> Option<&Sibling> {
        self.siblings.iter().max_by_key(|sibling| (sibling.hlc, sibling.dot))
    }

    /// The winner with the increments added to it. A winner that is no number hides the increments.
    pub fn visible(&self) -> Option<Visible> {
        let winner = self.winner();
        if self.counts.is_empty() {
            return winner.map(|sibling| Visible::Text(sibling.value.clone()));
        }
        match winner {
            None => Some(Visible::Number(self.sum(Number::ZERO))),
            Some(sibling) => Some(match Number::parse(&sibling.value) {
                Some(base) => Visible::Number(self.sum(base)),
                None => Visible::Text(sibling.value.clone()),
            }),
        }
    }

    /// What a reader sees under a table's rule.
    pub fn visible_under(&self, merge: &Merge) -> Option<Visible> {
        let by_time = matches!(merge, Merge::Typed | Merge::Lww | Merge::Siblings);
        if by_time || self.siblings.len() < 2 || !self.counts.is_empty() {
            return self.visible();
        }
        merge.of(&self.siblings).map(|merged| Visible::Text(merged.value))
    }

    /// The score of a sorted-set member: the winner plus the increments.
    pub fn score(&self) -> Option<f64> {
        if self.is_empty() {
            return None;
        }
        let base = self.winner().map_or(0.0, |sibling| score_of_value(&sibling.value));
        let score = self.counts.iter().fold(base, |sum, count| sum + count.amount().as_f64());
        // Opposite infinities that met from two sides: Redis' ZUNIONSTORE answers 0 here, and so do we.
        Some(if score.is_nan() { 0.0 } else { score })
    }

    /// Every replica adds in the same order, by replica, so floats agree to the bit.
    fn sum(&self, base: Number) -> Number {
        let float = matches!(base, Number::Float(_))
            || self.counts.iter().any(|count| matches!(count.amount(), Number::Float(_)));
        if float {
            let sum = self.counts.iter().fold(base.as_f64(), |sum, count| sum + count.amount().as_f64());
            return Number::Float(if sum.is_nan() { 0.0 } else { sum });
        }
        let whole = |number: Number| if let Number::Int(value) = number { i128::from(value) } else { 0 };
        let sum = self.counts.iter().fold(whole(base), |sum, count| sum + whole(count.amount()));
        Number::Int(sum.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64)
    }

    /// What a write that replaces this cell must name, beyond its dependencies.
    pub fn resets(&self) -> Vec<Reset> {
        self.counts.iter().map(|count| Reset { replica: count.replica, seq: count.seq, total: count.total }).collect()
    }

    /// The running total of `replica`, to add to.
    pub fn running(&self, replica: ReplicaId) -> (u64, Number) {
        match self.counts.iter().find(|count| count.replica == replica) {
            Some(count) => (count.seq, count.total),
            None => (0, Number::ZERO),
        }
    }

    /// Gives what it replaced, if that was more than one value.
    pub(crate) fn put(
        &mut self,
        stamp: &Stamp<'_>,
        value: Bytes,
        expires_ms: Option<u64>,
        resets: &[Reset],
    ) -> Vec<Sibling> {
        let removed = self.remove(stamp, resets);
        self.insert(stamp, value, expires_ms);
        removed
    }

    /// Replaces exactly these writes; gives them, if they were more than one.
    pub(crate) fn put_over(
        &mut self,
        stamp: &Stamp<'_>,
        value: Bytes,
        expires_ms: Option<u64>,
        over: &[Dot],
    ) -> Vec<Sibling> {
        let named = |dot: Dot| over.contains(&dot) && stamp.saw(dot);
        let removed = self.take(|sibling| named(sibling.dot) || sibling.dot == stamp.dot);
        self.insert(stamp, value, expires_ms);
        removed
    }

    fn insert(&mut self, stamp: &Stamp<'_>, value: Bytes, expires_ms: Option<u64>) {
        let sibling = Sibling { dot: stamp.dot, hlc: stamp.hlc, value, expires_ms, expiry_replaced: false };
        let at = self.siblings.partition_point(|other| other.dot < stamp.dot);
        self.siblings.insert(at, sibling);
    }

    /// Removes siblings. One that goes alone was replaced by a write that saw it, which is the rule; when several go
    /// together, somebody may have to know which of them nobody ever saw, so only then they are given back.
    fn take(&mut self, gone: impl Fn(&Sibling) -> bool) -> Vec<Sibling> {
        if self.siblings.len() < 2 {
            if self.siblings.first().is_some_and(gone) {
                self.siblings.clear();
            }
            return Vec::new();
        }
        let (removed, kept): (Vec<_>, Vec<_>) = std::mem::take(&mut self.siblings).into_iter().partition(gone);
        self.siblings = kept;
        if removed.len() > 1 { removed } else { Vec::new() }
    }

    pub(crate) fn add(&mut self, stamp: &Stamp<'_>, added: &Added) {
        counter::add(&mut self.counts, stamp, added);
    }

    /// Gives what it removed, if that was more than one value.
    pub(crate) fn remove(&mut self, stamp: &Stamp<'_>, resets: &[Reset]) -> Vec<Sibling> {
        counter::reset(&mut self.counts, stamp, resets);
        self.take(|sibling| stamp.saw(sibling.dot))
    }

    /// Appends its bytes: one plain sibling takes 1 + 1..3 + 1..10 + 8 bytes and the value.
    pub fn encode(&self, out: &mut Vec<u8>) {
        if let Some(plain) = self.plain() {
            out.push(PLAIN);
            encode_dot(plain, out);
            out.extend_from_slice(&plain.value);
            return;
        }
        out.push(GENERAL);
        self.encode_general(out);
    }

    /// Reads what [`Cell::encode`] wrote.
    pub fn decode(bytes: Bytes) -> Result<Cell, Malformed> {
        let mut reader = Reader::new(bytes);
        match reader.byte("cell layout")? {
            PLAIN => Ok(Cell { siblings: vec![decode_plain(reader)?], counts: Vec::new() }),
            GENERAL => {
                let cell = Cell::decode_general(&mut reader)?;
                reader.end("cell")?;
                Ok(cell)
            }
            found => Err(Malformed::Version { what: "cell layout", found, known: PLAIN }),
        }
    }

    /// The only sibling, if it needs none of the optional parts.
    pub(crate) fn plain(&self) -> Option<&Sibling> {
        match (self.siblings.as_slice(), self.counts.as_slice()) {
            ([one], []) if one.expires_ms.is_none() && !one.expiry_replaced => Some(one),
            _ => None,
        }
    }

    pub(crate) fn encode_general(&self, out: &mut Vec<u8>) {
        put_varint(out, self.siblings.len() as u64);
        for sibling in &self.siblings {
            encode_dot(sibling, out);
            let expiry = sibling.expires_ms.map_or(0, |ms| ms + 1);
            out.push(u8::from(sibling.expiry_replaced) | u8::from(expiry > 0) << 1);
            if expiry > 0 {
                put_varint(out, expiry - 1);
            }
            put_bytes(out, &sibling.value);
        }
        counter::encode(&self.counts, out);
    }

    pub(crate) fn decode_general(reader: &mut Reader) -> Result<Cell, Malformed> {
        let length = reader.bounded(limits::SIBLINGS_MAX as u64, "siblings")?;
        let mut siblings = Vec::new();
        for _ in 0..length {
            let (dot, hlc) = decode_dot(reader)?;
            let flags = reader.bounded(3, "sibling flags")?;
            let expires_ms = if flags & 2 > 0 { Some(reader.varint("expiry")?) } else { None };
            let value = reader.bytes(limits::VALUE_BYTES_MAX, "value")?;
            siblings.push(Sibling { dot, hlc, value, expires_ms, expiry_replaced: flags & 1 > 0 });
        }
        Ok(Cell { siblings, counts: counter::decode(reader)? })
    }
}

pub(crate) const GENERAL: u8 = 0;
pub(crate) const PLAIN: u8 = 1;

/// A score's value is checked when an op is decoded; other bytes count as 0 rather than stopping a reader.
fn score_of_value(value: &Bytes) -> f64 {
    value.as_ref().try_into().map_or(0.0, |bits| f64::from_bits(u64::from_le_bytes(bits)))
}

pub(crate) fn encode_dot(sibling: &Sibling, out: &mut Vec<u8>) {
    put_varint(out, u64::from(sibling.dot.replica.0));
    put_varint(out, sibling.dot.seq);
    out.extend_from_slice(&sibling.hlc.0.to_le_bytes());
}

fn decode_dot(reader: &mut Reader) -> Result<(Dot, Hlc), Malformed> {
    let replica = ReplicaId(reader.bounded(u64::from(u16::MAX), "replica")? as u16);
    let seq = reader.varint("sequence")?;
    Ok((Dot::new(replica, seq), Hlc(reader.fixed_u64("hlc")?)))
}

/// The rest of the bytes is the value.
pub(crate) fn decode_plain(mut reader: Reader) -> Result<Sibling, Malformed> {
    let (dot, hlc) = decode_dot(&mut reader)?;
    Ok(Sibling { dot, hlc, value: reader.rest(), expires_ms: None, expiry_replaced: false })
}
