//! One file of the journal.

use std::sync::Arc;

use lc_env::{Disk, DiskFile};

use crate::format::{SEGMENT_HEADER_BYTES, encode_header, segment_name};

/// A segment holds the records from `first` up to `end`; the header comes before them.
#[derive(Clone)]
pub(crate) struct Segment {
    pub first: u64,
    /// Where its durable records end.
    pub end: u64,
    pub file: Arc<dyn DiskFile>,
    /// Length of the file: what is beyond `end` is zeros.
    pub file_bytes: u64,
}

impl Segment {
    /// Makes the file and makes it durable, name and header, before anyone relies on it.
    pub(crate) fn create(disk: &dyn Disk, first: u64) -> Result<Segment, lc_env::Error> {
        let file = disk.open(&segment_name(first))?;
        // A crash may have left such a file, begun and never used.
        file.truncate(0)?;
        file.write_at(0, &encode_header(first))?;
        file.sync()?;
        disk.sync_dir()?;
        Ok(Segment { first, end: first, file, file_bytes: SEGMENT_HEADER_BYTES })
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
