//! What those who wait for a sync are told.

use lc_journal::Position;

/// How far the journal is durable, or why it will not be.
#[derive(Clone, Debug, Default)]
pub(crate) struct Durable {
    pub position: Position,
    pub failed: Option<String>,
    /// Why the journal waits for room on the disk, if it does.
    pub full: Option<String>,
}
