//! How fresh a read must be.

/// The `read` dial.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Read {
    /// What is here now.
    Eventual,
    /// What is here now, causes before effects; what a resumed session has seen.
    Causal,
    /// What this session has written and seen, wherever it did.
    #[default]
    Session,
    /// At most this old, ms.
    Bounded(u64),
    /// The answers of this many regions, the asked one among them, as one.
    Quorum(u8),
    /// The latest acknowledged write.
    Strong,
}
