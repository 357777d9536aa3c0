//! One write and one sync, done without holding the journal.

use std::sync::Arc;

use bytes::Bytes;
use lc_env::Disk;

use crate::segment::{Failed, Segment};

/// What waits to become durable. Run it on any thread and bring [`SyncDone`] back.
///
/// One that is dropped instead leaves the journal waiting for ever: nothing becomes durable any more.
#[must_use = "nothing becomes durable until it is run and finished"]
pub struct SyncJob {
    pub(crate) start: u64,
    pub(crate) bytes: Vec<u8>,
    pub(crate) segment: Segment,
    /// Begin a new segment first: this one is full.
    pub(crate) rotate: Option<Arc<dyn Disk>>,
    pub(crate) segment_bytes: u64,
}

/// How a [`SyncJob`] ended; for [`crate::Journal::finish_sync`].
#[must_use = "nothing is acknowledged until the journal knows"]
pub struct SyncDone {
    pub(crate) start: u64,
    pub(crate) outcome: Outcome,
}

pub(crate) enum Outcome {
    Durable {
        segment: Segment,
        write: Bytes,
        /// The buffer, to be filled again.
        buffer: Vec<u8>,
    },
    /// To be run again, at the same place: nothing may come between.
    NoRoom {
        job: SyncJob,
        why: lc_env::Error,
    },
    Failed(lc_env::Error),
}

impl SyncJob {
    /// Bytes it will write.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Writes and syncs, blocking; about one device flush. A failed sync is final: nobody knows what is on the disk then. When the disk was
    /// full before that, the job comes back from [`crate::Journal::begin_sync`] and overwrites what it had left behind.
    pub fn run(mut self) -> SyncDone {
        let start = self.start;
        let outcome = match self.write() {
            Ok(segment) => {
                let write = Bytes::copy_from_slice(&self.bytes);
                let mut buffer = self.bytes;
                buffer.clear();
                Outcome::Durable { segment, write, buffer }
            }
            Err(Failed::NoRoom(why)) => Outcome::NoRoom { job: self, why },
            Err(Failed::ForGood(error)) => Outcome::Failed(error),
        };
        SyncDone { start, outcome }
    }

    fn write(&mut self) -> Result<Segment, Failed> {
        if let Some(disk) = &self.rotate {
            // Gives back the zeros that were never used; if the crash comes first, recovery knows zeros.
            self.segment.file.truncate(self.segment.offset(self.start))?;
            self.segment = Segment::create(disk.as_ref(), self.start)?;
            self.rotate = None;
        }
        self.make_room()?;
        let segment = &mut self.segment;
        segment.file.write_at(segment.offset(self.start), &self.bytes)?;
        segment.file.sync().map_err(Failed::ForGood)?;
        segment.end = self.start + self.bytes.len() as u64;
        segment.file_bytes = segment.file_bytes.max(segment.offset(segment.end));
        Ok(self.segment.clone())
    }

    /// Keeps zeros written ahead of the records: a sync that changes no metadata costs about half of one that does.
    fn make_room(&mut self) -> Result<(), Failed> {
        let segment = &mut self.segment;
        let needed = segment.offset(self.start) + self.bytes.len() as u64;
        if needed <= segment.file_bytes {
            return Ok(());
        }
        // A large write waits for its own bytes; writing as many zeros first would cost more than the metadata does.
        if self.bytes.len() >= LARGE_WRITE_BYTES {
            return Ok(());
        }
        let room = (needed + ROOM_STEP_BYTES).min(segment.offset(segment.first + self.segment_bytes)).max(needed);
        match segment.file.preallocate(room) {
            Ok(()) => segment.file_bytes = room,
            // The last bytes of a disk are for records, not for zeros.
            Err(error) if error.is_full() => segment.file_bytes = segment.file.len()?,
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}

/// One sync in about four thousand entries of 250 bytes also writes these zeros, about a millisecond.
const ROOM_STEP_BYTES: u64 = 1024 * 1024;
/// Five hundred entries of 250 bytes.
const LARGE_WRITE_BYTES: usize = 128 * 1024;
