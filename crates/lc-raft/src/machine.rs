//! What is replicated.

/// A state machine: the same commands in the same order give the same state and the same answers on every member.
pub trait Machine: Send + 'static {
    /// Applies the command at `index` of the log and gives its answer. Pure: no clock, no randomness, no I/O.
    fn apply(&mut self, index: u64, command: &[u8]) -> Vec<u8>;

    /// All of the state, for [`Machine::restore`] on another member or after a restart. At most 8 MiB, or no snapshot is made and the log
    /// cannot be shortened.
    fn snapshot(&self) -> Vec<u8>;

    /// Replaces the state. On an error the group stops: a release that cannot read its peer's state must not go on without it.
    fn restore(&mut self, snapshot: &[u8]) -> Result<(), String>;

    /// Called after each batch with the index of its last entry: the moment to publish to readers. What is published survives a restart
    /// of this member, with or without others.
    fn applied(&mut self, index: u64) {
        let _ = index;
    }
}
