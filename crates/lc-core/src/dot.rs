//! The identity of one write.

use std::fmt;

use crate::ReplicaId;

/// (replica, sequence number): names one write for ever. Sequence numbers start at 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Dot {
    /// Who decided the write.
    pub replica: ReplicaId,
    /// Which of its writes; grows, with gaps only after a crash.
    pub seq: u64,
}

impl Dot {
    /// A dot of `replica`.
    pub fn new(replica: ReplicaId, seq: u64) -> Dot {
        Dot { replica, seq }
    }
}

impl fmt::Display for Dot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.replica, self.seq)
    }
}
