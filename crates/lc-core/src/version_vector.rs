//! For each replica, the highest sequence applied.

use std::fmt;

use smallvec::SmallVec;

use crate::wire::{Malformed, Reader, put_varint};
use crate::{Dot, ReplicaId, limits};

/// Sorted by replica; a replica that is not named stands at 0. Five replicas fit without an allocation.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct VersionVector {
    entries: SmallVec<[(ReplicaId, u64); 5]>,
}

impl VersionVector {
    /// A vector that has seen nothing.
    pub fn new() -> VersionVector {
        VersionVector::default()
    }

    /// The highest sequence of `replica`, 0 if none.
    pub fn get(&self, replica: ReplicaId) -> u64 {
        match self.find(replica) {
            Ok(at) => self.entries[at].1,
            Err(_) => 0,
        }
    }

    /// Whether `dot` is among what was applied.
    pub fn covers(&self, dot: Dot) -> bool {
        self.get(dot.replica) >= dot.seq
    }

    /// Whether everything in `other` is among what was applied.
    pub fn covers_all(&self, other: &VersionVector) -> bool {
        other.iter().all(|(replica, seq)| self.get(replica) >= seq)
    }

    /// Raises `replica` to `seq`; never lowers it.
    pub fn raise(&mut self, replica: ReplicaId, seq: u64) {
        match self.find(replica) {
            Ok(at) => self.entries[at].1 = self.entries[at].1.max(seq),
            Err(at) if seq > 0 => self.entries.insert(at, (replica, seq)),
            Err(_) => {}
        }
    }

    /// Raises every replica to what `other` has.
    pub fn merge(&mut self, other: &VersionVector) {
        for (replica, seq) in other.iter() {
            self.raise(replica, seq);
        }
    }

    /// (replica, highest sequence), by replica.
    pub fn iter(&self) -> impl Iterator<Item = (ReplicaId, u64)> + '_ {
        self.entries.iter().copied()
    }

    /// How many replicas it names.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it has seen nothing.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Appends its bytes: a count, then (replica, sequence) pairs.
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_varint(out, self.entries.len() as u64);
        for &(replica, seq) in &self.entries {
            put_varint(out, u64::from(replica.0));
            put_varint(out, seq);
        }
    }

    /// Reads what [`VersionVector::encode`] wrote; replicas must be in order and sequences above 0.
    pub fn decode(reader: &mut Reader) -> Result<VersionVector, Malformed> {
        let count = reader.bounded(limits::REPLICAS_MAX as u64, "vector length")?;
        let mut entries: SmallVec<[(ReplicaId, u64); 5]> = SmallVec::new();
        for _ in 0..count {
            let replica = ReplicaId(reader.bounded(u64::from(u16::MAX), "replica")? as u16);
            let seq = reader.varint("sequence")?;
            if seq == 0 || entries.last().is_some_and(|last| last.0 >= replica) {
                return Err(Malformed::OutOfBounds("vector"));
            }
            entries.push((replica, seq));
        }
        Ok(VersionVector { entries })
    }

    fn find(&self, replica: ReplicaId) -> Result<usize, usize> {
        // A handful of entries: a linear walk beats a binary search.
        for (at, entry) in self.entries.iter().enumerate() {
            if entry.0 >= replica {
                return if entry.0 == replica { Ok(at) } else { Err(at) };
            }
        }
        Err(self.entries.len())
    }
}

impl fmt::Display for VersionVector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{")?;
        for (at, (replica, seq)) in self.iter().enumerate() {
            write!(f, "{}{replica}:{seq}", if at > 0 { " " } else { "" })?;
        }
        write!(f, "}}")
    }
}

impl FromIterator<(ReplicaId, u64)> for VersionVector {
    fn from_iter<I: IntoIterator<Item = (ReplicaId, u64)>>(pairs: I) -> VersionVector {
        let mut vector = VersionVector::new();
        for (replica, seq) in pairs {
            vector.raise(replica, seq);
        }
        vector
    }
}

#[cfg(test)]
mod tests {
    use super::VersionVector;
    use crate::wire::Reader;
    use crate::{Dot, ReplicaId};

    fn vector(pairs: &[(u16, u64)]) -> VersionVector {
        pairs.iter().map(|&(replica, seq)| (ReplicaId(replica), seq)).collect()
    }

    #[test]
    fn a_late_vector_never_lowers_what_was_applied() {
        let mut have = vector(&[(1, 5), (3, 2)]);
        have.merge(&vector(&[(1, 3), (2, 1)]));
        assert_eq!(have, vector(&[(1, 5), (2, 1), (3, 2)]));
        assert!(have.covers(Dot::new(ReplicaId(1), 5)));
        assert!(!have.covers(Dot::new(ReplicaId(2), 2)));
    }

    #[test]
    fn its_bytes_come_back() {
        let have = vector(&[(1, 5), (64, 1 << 40)]);
        let mut out = Vec::new();
        have.encode(&mut out);
        assert_eq!(VersionVector::decode(&mut Reader::new(out.into())).unwrap(), have);
    }

    #[test]
    fn unsorted_bytes_are_refused() {
        let bytes: &[u8] = &[2, 5, 1, 4, 1];
        assert!(VersionVector::decode(&mut Reader::new(bytes.into())).is_err());
    }
}
