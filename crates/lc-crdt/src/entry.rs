//! One decided write: who, when, after what, and its ops. All of it is applied or none.

use bytes::Bytes;
use lc_core::wire::{Malformed, Reader, put_varint};
use lc_core::{Dot, Hlc, ReplicaId, VersionVector, limits};

use crate::Op;

/// A write or a transaction, as it stands in every journal.
#[derive(Clone, PartialEq, Debug)]
pub struct Entry {
    /// Its identity.
    pub dot: Dot,
    /// The origin's sequence before this one: `dot.seq - 1`, or lower over a gap left by a crash.
    pub prev_seq: u64,
    /// When it was decided.
    pub hlc: Hlc,
    /// What the origin had applied; the origin's own earlier entries are implied and not named.
    pub deps: VersionVector,
    /// What it does, in order.
    pub ops: Vec<Op>,
}

/// What merging needs to know of an entry.
#[derive(Clone, Copy, Debug)]
pub struct Stamp<'a> {
    /// Its identity.
    pub dot: Dot,
    /// When it was decided.
    pub hlc: Hlc,
    /// What the origin had applied.
    pub deps: &'a VersionVector,
}

impl Stamp<'_> {
    /// Whether the write saw `dot`, or is a later op of the same entry.
    pub fn saw(&self, dot: Dot) -> bool {
        if dot.replica == self.dot.replica { dot.seq <= self.dot.seq } else { self.deps.covers(dot) }
    }
}

impl Entry {
    /// What merging needs to know.
    pub fn stamp(&self) -> Stamp<'_> {
        Stamp { dot: self.dot, hlc: self.hlc, deps: &self.deps }
    }

    /// Appends its bytes, `docs/formats/entry.md`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        EntryHeader { dot: self.dot, prev_seq: self.prev_seq, hlc: self.hlc, deps: &self.deps }.encode(out);
        put_varint(out, self.ops.len() as u64);
        for op in &self.ops {
            op.encode(out);
        }
    }

    /// Reads what [`Entry::encode`] wrote; every bound is checked, nothing may be left over.
    pub fn decode(bytes: Bytes) -> Result<Entry, Malformed> {
        let mut reader = Reader::new(bytes);
        reader.version(ENTRY_VERSION, "entry version")?;
        let replica = ReplicaId(reader.bounded(u64::from(u16::MAX), "replica")? as u16);
        let seq = reader.varint("sequence")?;
        let gap = reader.varint("sequence gap")?;
        let prev_seq = seq
            .checked_sub(1)
            .and_then(|below| below.checked_sub(gap))
            .ok_or(Malformed::OutOfBounds("sequence gap"))?;
        let hlc = Hlc(reader.fixed_u64("hlc")?);
        let deps = VersionVector::decode(&mut reader)?;
        let length = reader.bounded(limits::ENTRY_BYTES_MAX as u64, "ops")?;
        let mut ops = Vec::with_capacity((length as usize).min(64));
        for _ in 0..length {
            ops.push(Op::decode(&mut reader)?);
        }
        reader.end("entry")?;
        Ok(Entry { dot: Dot::new(replica, seq), prev_seq, hlc, deps, ops })
    }
}

struct EntryHeader<'a> {
    dot: Dot,
    prev_seq: u64,
    hlc: Hlc,
    deps: &'a VersionVector,
}

impl EntryHeader<'_> {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(ENTRY_VERSION);
        put_varint(out, u64::from(self.dot.replica.0));
        put_varint(out, self.dot.seq);
        put_varint(out, self.dot.seq - 1 - self.prev_seq);
        out.extend_from_slice(&self.hlc.0.to_le_bytes());
        self.deps.encode(out);
    }
}

/// The first byte of every entry.
const ENTRY_VERSION: u8 = 1;
