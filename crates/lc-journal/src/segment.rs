//! One file of the journal.

use std::sync::Arc;

use lc_env::{Disk, DiskFile};

use crate::format::{Highest, SEGMENT_HEADER_BYTES, encode_header, segment_name};

/// A segment holds the records from `first` up to `end`; the header comes before them.
#[derive(Clone)]
pub(crate) struct Segment {
    pub first: u64,
    /// Where its durable records end.
    pub end: u64,
    pub file: Arc<dyn DiskFile>,
    /// Length of the file: what is beyond `end` is zeros.
    pub file_bytes: u64,
    /// Of all records before `first`, dropped ones too; set once the segment is the journal's.
    pub before: Arc<Highest>,
}

/// Why bytes did not become durable.
#[derive(Debug)]
pub(crate) enum Failed {
    /// The disk was full before anything was synced: the same can be written again.
    NoRoom(lc_env::Error),
    /// Nobody knows what the disk has.
    ForGood(lc_env::Error),
}

impl From<lc_env::Error> for Failed {
    fn from(error: lc_env::Error) -> Failed {
        if error.is_full() { Failed::NoRoom(error) } else { Failed::ForGood(error) }
    }
}

impl Failed {
    pub(crate) fn into_error(self) -> lc_env::Error {
        match self {
            Failed::NoRoom(error) | Failed::ForGood(error) => error,
        }
    }
}

impl Segment {
    /// Makes the file and makes it durable, name and header, before anyone relies on it.
    pub(crate) fn create(disk: &dyn Disk, first: u64) -> Result<Segment, Failed> {
        let file = disk.open(&segment_name(first))?;
        // A crash or a full disk may have left such a file, begun and never used.
        file.truncate(0)?;
        file.write_at(0, &encode_header(first))?;
        file.sync().map_err(Failed::ForGood)?;
        disk.sync_dir().map_err(Failed::ForGood)?;
        Ok(Segment { first, end: first, file, file_bytes: SEGMENT_HEADER_BYTES, before: Arc::default() })
    }

    pub(crate) fn name(&self) -> String {
        segment_name(self.first)
    }

    /// Where a position stands in the file.
    pub(crate) fn offset(&self, position: u64) -> u64 {
        SEGMENT_HEADER_BYTES + (position - self.first)
    }

    /// Bytes of records in it.
    pub(crate) fn used(&self) -> u64 {
        self.end - self.first
    }
}
