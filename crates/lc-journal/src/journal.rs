//! The journal: append in memory, make durable in groups, read what is durable.

use std::collections::{BTreeMap, VecDeque};
use std::ops::ControlFlow;
use std::sync::Arc;

use lc_core::limits::ENTRY_BYTES_MAX;
use lc_env::Disk;

use crate::format::{Beginning, Head, Highest, Kind, RECORD_HEADER_BYTES, encode, raise};
use crate::index::Index;
use crate::read::{ReadJob, Record, Source};
use crate::recovery::{self, Recovery};
use crate::segment::Segment;
use crate::sync_job::{Outcome, SyncDone, SyncJob};
use crate::tail::Tail;
use crate::truncation::{Span, TruncateDone, TruncateJob};
use crate::{Error, Position};

/// Sizes, in bytes.
#[derive(Clone, Debug)]
pub struct Options {
    /// A segment is closed before it grows beyond this; one larger write still gets a segment of its own.
    pub segment_bytes: u64,
    /// How much of the newest records is kept in memory for senders.
    pub tail_bytes: usize,
    /// How much may wait to become durable, what is being written included.
    pub pending_bytes_max: usize,
}

impl Default for Options {
    fn default() -> Options {
        Options { segment_bytes: 64 << 20, tail_bytes: 16 << 20, pending_bytes_max: 64 << 20 }
    }
}

/// A segmented, append-only log. Its owner drives it under the owner's lock; only [`SyncJob::run`] and [`ReadJob::run`] touch the disk
/// for long, and both run without it.
pub struct Journal {
    disk: Arc<dyn Disk>,
    options: Options,
    /// Oldest first, never empty.
    segments: VecDeque<Segment>,
    index: Index,
    tail: Tail,
    pending: Vec<u8>,
    /// Bytes handed to the job that is out.
    in_flight_bytes: Option<usize>,
    /// A buffer to fill while the other one is being written.
    spare: Vec<u8>,
    /// What found no room on the disk, to be written again before anything else.
    again: Option<SyncJob>,
    /// Of the records that were dropped.
    dropped: Highest,
    /// Of the records that are durable, of those in the job that is out, and of those that wait.
    highest: Highest,
    highest_in_flight: Recent,
    highest_pending: Recent,
    truncating: bool,
    durable: u64,
    appended: u64,
    /// The newest record is a clean-shutdown marker.
    closed: bool,
    stopped: Option<String>,
}

impl Journal {
    /// Opens the journal in `disk`, a directory of its own, verifying every record.
    ///
    /// Everything it finds is durable when it returns.
    ///
    /// # Errors
    /// [`Error::Corrupt`], [`Error::Gap`] or [`Error::Version`] if what was durable cannot be read; a torn last write is cut instead.
    pub fn open(disk: Arc<dyn Disk>, options: Options) -> Result<(Journal, Recovery), Error> {
        let found = recovery::recover(disk.as_ref())?;
        let end = found.segments.back().expect("recovery leaves a segment").end;
        let journal = Journal {
            disk,
            segments: found.segments,
            index: found.index,
            tail: Tail::new(options.tail_bytes),
            options,
            pending: Vec::new(),
            in_flight_bytes: None,
            spare: Vec::new(),
            again: None,
            dropped: found.dropped,
            highest: found.highest,
            highest_in_flight: Recent::new(),
            highest_pending: Recent::new(),
            truncating: false,
            durable: end,
            appended: end,
            closed: found.report.clean_shutdown,
            stopped: None,
        };
        Ok((journal, found.report))
    }

    /// Appends an entry in memory; gives the position of its end. It is durable once [`Journal::durable`] has reached that.
    ///
    /// # Errors
    /// [`Error::Full`] if too much waits already, [`Error::TooLarge`], or [`Error::Stopped`] after a failed sync.
    pub fn append(&mut self, replica: u16, seq: u64, payload: &[u8]) -> Result<Position, Error> {
        self.check_running()?;
        let bytes = RECORD_HEADER_BYTES + payload.len();
        if payload.len() > ENTRY_BYTES_MAX {
            return Err(Error::TooLarge { bytes: payload.len(), bytes_max: ENTRY_BYTES_MAX });
        }
        // A single entry larger than the bound still gets through when nothing else waits.
        if self.pending_bytes() > 0 && self.pending_bytes() + bytes > self.options.pending_bytes_max {
            return Err(Error::Full { pending_bytes_max: self.options.pending_bytes_max });
        }
        self.index.note(replica, seq, self.appended);
        raise_recent(&mut self.highest_pending, replica, seq);
        self.push(Kind::Entry, replica, seq, payload);
        Ok(Position(self.appended))
    }

    /// Takes everything that waits, to be written without holding the journal; nothing if nothing waits or a job is out. What found the
    /// disk full is given again, alone.
    pub fn begin_sync(&mut self) -> Option<SyncJob> {
        if self.stopped.is_some() {
            return None;
        }
        if let Some(again) = self.again.take() {
            return Some(again);
        }
        if self.pending.is_empty() || self.in_flight_bytes.is_some() {
            return None;
        }
        let bytes = std::mem::replace(&mut self.pending, std::mem::take(&mut self.spare));
        self.in_flight_bytes = Some(bytes.len());
        // Empty: it was taken note of when the last job ended.
        std::mem::swap(&mut self.highest_in_flight, &mut self.highest_pending);
        let segment = self.segments.back().expect("never empty").clone();
        let overflows = segment.used() > 0 && segment.used() + bytes.len() as u64 > self.options.segment_bytes;
        let rotate = overflows.then(|| Arc::clone(&self.disk));
        Some(SyncJob { start: self.durable, bytes, segment, rotate, segment_bytes: self.options.segment_bytes })
    }

    /// Takes note of how the job ended; gives up to where the journal is durable.
    ///
    /// # Errors
    /// [`Error::NoRoom`] if the disk is full: nothing is lost, and [`Journal::begin_sync`] gives the same job again. [`Error::Stopped`] if it
    /// failed otherwise, now and for every later append: nothing that waited was acknowledged, and nothing will be.
    ///
    /// # Panics
    /// If `done` is not of the job that is out.
    pub fn finish_sync(&mut self, done: SyncDone) -> Result<Position, Error> {
        let ours = self.in_flight_bytes.is_some() && self.again.is_none() && done.start == self.durable;
        assert!(ours, "this job is not the one that is out");
        match done.outcome {
            Outcome::Durable { segment, write, buffer } => {
                self.in_flight_bytes = None;
                self.advance(segment);
                self.tail.push(done.start, write);
                if buffer.capacity() <= SPARE_BYTES_MAX {
                    self.spare = buffer;
                }
                Ok(Position(self.durable))
            }
            Outcome::NoRoom { job, why } => {
                self.again = Some(job);
                Err(Error::NoRoom { why: why.to_string() })
            }
            Outcome::Failed(error) => {
                self.in_flight_bytes = None;
                let why = error.to_string();
                self.stopped = Some(why.clone());
                Err(Error::Stopped { why })
            }
        }
    }

    /// Makes everything durable and marks the end as one in good order, blocking; the next start reports a clean shutdown.
    ///
    /// # Errors
    /// [`Error::Busy`] while a sync job is out, otherwise as [`Journal::finish_sync`].
    pub fn close_clean(&mut self) -> Result<(), Error> {
        self.check_running()?;
        if self.in_flight_bytes.is_some() && self.again.is_none() {
            return Err(Error::Busy);
        }
        // What found the disk full, then the entries: the marker then begins a write of its own, and so vouches for everything before it.
        self.sync_now()?;
        self.sync_now()?;
        if !self.closed {
            self.push(Kind::CleanShutdown, 0, 0, &[]);
            self.sync_now()?;
            self.closed = true;
        }
        Ok(())
    }

    /// Up to here everything survives a crash.
    pub fn durable(&self) -> Position {
        Position(self.durable)
    }

    /// Up to here everything is appended, durable or not.
    pub fn appended(&self) -> Position {
        Position(self.appended)
    }

    /// The oldest position that can still be read.
    pub fn first(&self) -> Position {
        Position(self.segments.front().expect("never empty").first)
    }

    /// Bytes that wait to become durable, what is being written included.
    pub fn pending_bytes(&self) -> usize {
        self.pending.len() + self.in_flight_bytes.unwrap_or(0)
    }

    /// Bytes of records that are kept, durable or not.
    pub fn bytes(&self) -> u64 {
        self.appended - self.first().0
    }

    /// The highest sequence of a replica that was ever appended, dropped records included.
    pub fn last_seq(&self, replica: u16) -> Option<u64> {
        self.index.last_seq(replica)
    }

    /// A position at or before the replica's first record with sequence `seq` or higher, less than about 128 KiB before it.
    /// Without such a record, where it would come: [`Journal::appended`].
    pub fn seek(&self, replica: u16, seq: u64) -> Position {
        Position(self.index.seek(replica, seq).unwrap_or(self.appended).max(self.first().0))
    }

    /// Shows durable records from `from` on to `visit`, until about `max_bytes` were shown, `visit` breaks, or there are no more; gives
    /// where to go on. At least one record is shown if there is one.
    ///
    /// Reads the disk if `from` is older than what is in memory: [`Journal::prepare_read`] does that without holding the journal.
    ///
    /// # Errors
    /// [`Error::Gone`] before [`Journal::first`]; [`Error::NotARecord`] or, when read from the disk, [`Error::Corrupt`] if no record begins
    /// at `from`; [`Error::Corrupt`] too if the disk rots, perhaps after some records were shown.
    pub fn read(
        &self,
        from: Position,
        max_bytes: usize,
        visit: impl FnMut(Record) -> ControlFlow<()>,
    ) -> Result<Position, Error> {
        self.prepare_read(from, max_bytes)?.run(visit)
    }

    /// The same as [`Journal::read`] in two steps; the second needs no journal.
    pub fn prepare_read(&self, from: Position, max_bytes: usize) -> Result<ReadJob, Error> {
        let max_bytes = max_bytes.max(1);
        if from < self.first() {
            return Err(Error::Gone { asked: from, first: self.first() });
        }
        if from > self.durable() {
            return Err(Error::NotARecord { asked: from });
        }
        let writes = self.tail.from(from.0, max_bytes);
        let source = if writes.is_empty() {
            Source::Files(self.segments_from(from.0, max_bytes))
        } else {
            Source::Memory(writes)
        };
        Ok(ReadJob { from: from.0, max_bytes, source })
    }

    /// For each replica the highest sequence that was dropped: what came later is here, what came before is not. Survives restarts.
    pub fn truncated(&self) -> &BTreeMap<u16, u64> {
        &self.dropped
    }

    /// What could be dropped, oldest first: every segment but the newest.
    pub fn spans(&self) -> impl Iterator<Item = Span> + '_ {
        self.segments.iter().zip(self.segments.iter().skip(1)).map(|(segment, next)| Span {
            first: Position(segment.first),
            end: Position(segment.end),
            upto: Arc::clone(&next.before),
        })
    }

    /// Bytes that may still be written to the journal's disk before it is full.
    pub fn room(&self) -> Result<u64, Error> {
        Ok(self.disk.room()?)
    }

    /// Drops whole segments that end at or before `position`, to be done without holding the journal; the newest stays. Nothing if there
    /// are none, or such a job is out. A read that was prepared earlier still finds its records.
    pub fn begin_truncate(&mut self, position: Position) -> Option<TruncateJob> {
        let count = self.spans().take_while(|span| span.end <= position).count();
        if count == 0 || self.truncating {
            return None;
        }
        self.truncating = true;
        let first = &self.segments[count];
        Some(TruncateJob {
            disk: Arc::clone(&self.disk),
            beginning: Beginning { first: first.first, dropped: first.before.as_ref().clone() },
            files: self.segments.range(..count).map(Segment::name).collect(),
        })
    }

    /// Takes note of how the job ended; gives the new [`Journal::first`].
    ///
    /// # Errors
    /// [`Error::Disk`] if it failed; everything is as before, and may be tried again at any time.
    pub fn finish_truncate(&mut self, done: TruncateDone) -> Result<Position, Error> {
        self.truncating = false;
        done.outcome?;
        while self.first().0 < done.beginning.first {
            self.segments.pop_front();
        }
        self.dropped = done.beginning.dropped;
        self.index.truncate_before(self.first().0);
        Ok(self.first())
    }

    /// [`Journal::begin_truncate`] and what follows in one step, blocking for some directory changes. Gives the new [`Journal::first`].
    pub fn truncate_before(&mut self, position: Position) -> Result<Position, Error> {
        if self.truncating {
            return Err(Error::Busy);
        }
        match self.begin_truncate(position) {
            Some(job) => self.finish_truncate(job.run()),
            None => Ok(self.first()),
        }
    }

    fn push(&mut self, kind: Kind, replica: u16, seq: u64, payload: &[u8]) {
        let first_of_write = self.pending.is_empty();
        let head = Head { kind, first_of_write, replica, seq, payload_bytes: payload.len() };
        encode(&mut self.pending, self.appended, head, payload);
        self.appended += head.record_bytes() as u64;
        self.closed = false;
    }

    fn sync_now(&mut self) -> Result<(), Error> {
        match self.begin_sync() {
            Some(job) => self.finish_sync(job.run()).map(|_| ()),
            None => Ok(()),
        }
    }

    fn advance(&mut self, mut segment: Segment) {
        assert!(segment.end > self.durable && segment.end <= self.appended, "a job writes what was appended");
        self.durable = segment.end;
        let newest = self.segments.back_mut().expect("never empty");
        if newest.first == segment.first {
            segment.before = Arc::clone(&newest.before);
            *newest = segment;
        } else {
            segment.before = Arc::new(self.highest.clone());
            self.segments.push_back(segment);
        }
        for (replica, seq) in self.highest_in_flight.drain(..) {
            raise(&mut self.highest, replica, seq);
        }
    }

    fn check_running(&self) -> Result<(), Error> {
        match &self.stopped {
            Some(why) => Err(Error::Stopped { why: why.clone() }),
            None => Ok(()),
        }
    }

    fn segments_from(&self, from: u64, max_bytes: usize) -> Vec<Segment> {
        let after = self.segments.partition_point(|segment| segment.first <= from);
        let index = after.saturating_sub(1);
        let wanted = from.saturating_add(max_bytes as u64);
        let mut found: Vec<Segment> = Vec::new();
        for segment in self.segments.range(index..) {
            // One more than needed: the first may hold nothing but a marker from `from` on.
            let enough = found.len() > 1 && segment.first >= wanted;
            if enough {
                break;
            }
            found.push(segment.clone());
        }
        found
    }
}

/// Like [`Highest`] for the few replicas of one sync: kept and searched in the order in which they came.
type Recent = Vec<(u16, u64)>;

fn raise_recent(highest: &mut Recent, replica: u16, seq: u64) {
    match highest.iter_mut().find(|known| known.0 == replica) {
        Some(known) => known.1 = seq.max(known.1),
        None => highest.push((replica, seq)),
    }
}

/// A buffer that one huge write blew up is not kept.
const SPARE_BYTES_MAX: usize = 4 << 20;

#[cfg(test)]
mod tests;
