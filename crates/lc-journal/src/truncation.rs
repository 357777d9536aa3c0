//! Letting go of the oldest segments: first it is written down where the journal begins from now on and what came before that, then the
//! files go. A crash in between leaves files that the next start removes.

use std::sync::Arc;

use lc_env::Disk;

use crate::Position;
use crate::format::{BEGINNING_FILE, Beginning, Highest};

/// Whole segments that can be dropped together with everything before them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Span {
    /// Where its first record begins.
    pub first: Position,
    /// Where its last record ends.
    pub end: Position,
    /// For each replica the highest sequence of all records before `end`, those that were dropped long ago too.
    pub upto: Arc<Highest>,
}

/// Segments to drop. Run it on any thread and bring [`TruncateDone`] back; if it is dropped instead, the journal never truncates again.
#[must_use = "nothing is dropped until it is run and finished"]
pub struct TruncateJob {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) beginning: Beginning,
    pub(crate) files: Vec<String>,
}

/// How a [`TruncateJob`] ended; for [`crate::Journal::finish_truncate`].
#[must_use = "the journal has to know"]
pub struct TruncateDone {
    pub(crate) beginning: Beginning,
    pub(crate) outcome: Result<(), lc_env::Error>,
}

impl TruncateJob {
    /// Drops them, blocking; some directory changes and a small file. An error leaves a journal that is whole, and the next attempt goes on
    /// where this one stopped.
    pub fn run(self) -> TruncateDone {
        let outcome = self.drop_files();
        TruncateDone { beginning: self.beginning, outcome }
    }

    fn drop_files(&self) -> Result<(), lc_env::Error> {
        self.note()?;
        remove_all(self.disk.as_ref(), &self.files)?;
        // The next note goes over these zeros. Without them it only needs some room.
        let _ = self.disk.open(DRAFT_FILE).and_then(|draft| draft.preallocate(DRAFT_BYTES));
        Ok(())
    }

    /// Replaces the note. What the last truncation left for it is there already: a full disk can let go of segments too.
    fn note(&self) -> Result<(), lc_env::Error> {
        let (draft, bytes) = (self.disk.open(DRAFT_FILE)?, self.beginning.encode());
        draft.write_at(0, &bytes)?;
        draft.truncate(bytes.len() as u64)?;
        draft.sync()?;
        self.disk.rename(DRAFT_FILE, BEGINNING_FILE)?;
        self.disk.sync_dir()
    }
}

/// Removes files that nobody needs; some may be gone already.
pub(crate) fn remove_all(disk: &dyn Disk, files: &[String]) -> Result<(), lc_env::Error> {
    for file in files {
        match disk.remove(file) {
            Err(error) if !error.is_missing() => return Err(error),
            _ => {}
        }
    }
    if files.is_empty() { Ok(()) } else { disk.sync_dir() }
}

const DRAFT_FILE: &str = "journal-beginning.draft";
/// A few hundred replicas.
const DRAFT_BYTES: u64 = 4096;
