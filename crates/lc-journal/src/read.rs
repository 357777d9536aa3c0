//! Reading durable records, from memory or from the files.

use std::ops::ControlFlow;

use bytes::Bytes;
use lc_core::limits::ENTRY_BYTES_MAX;

use crate::format::{Broken, Head, Kind, RECORD_HEADER_BYTES, parse};
use crate::segment::Segment;
use crate::{Error, Position};

/// One entry as it was appended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// Where it begins.
    pub position: Position,
    /// Where it ends and the next begins.
    pub next: Position,
    /// Whose entry.
    pub replica: u16,
    /// The entry's sequence.
    pub seq: u64,
    /// Its bytes; a slice of a larger buffer, so copy what is to be kept.
    pub payload: Bytes,
}

/// A read that needs the journal no more.
pub struct ReadJob {
    pub(crate) from: u64,
    pub(crate) max_bytes: usize,
    pub(crate) source: Source,
}

pub(crate) enum Source {
    /// Whole writes with their positions.
    Memory(Vec<(u64, Bytes)>),
    /// The segments to look in.
    Files(Vec<Segment>),
}

impl ReadJob {
    /// Shows the records; gives where to go on. As [`crate::Journal::read`]; blocks on the disk if they are not in memory.
    pub fn run(self, visit: impl FnMut(Record) -> ControlFlow<()>) -> Result<Position, Error> {
        let mut show =
            Show { at: self.from, stop_at: self.from.saturating_add(self.max_bytes as u64), shown: false, visit };
        match self.source {
            Source::Memory(writes) => show.memory(writes)?,
            Source::Files(segments) => show.files(&segments, self.max_bytes)?,
        }
        Ok(Position(show.at))
    }
}

struct Show<V> {
    at: u64,
    stop_at: u64,
    shown: bool,
    visit: V,
}

impl<V: FnMut(Record) -> ControlFlow<()>> Show<V> {
    fn memory(&mut self, writes: Vec<(u64, Bytes)>) -> Result<(), Error> {
        // The rest was checked when it was made; only the caller's position can be wrong.
        let mut verify = true;
        for (start, write) in writes {
            while ((self.at - start) as usize) < write.len() {
                let rest = write.slice((self.at - start) as usize..);
                let head = parse(&rest, self.at, verify).map_err(|_| Error::NotARecord { asked: Position(self.at) })?;
                verify = false;
                if self.one(head, &rest).is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn files(&mut self, segments: &[Segment], max_bytes: usize) -> Result<(), Error> {
        let mut window_bytes = max_bytes.clamp(WINDOW_BYTES_MIN, WINDOW_BYTES_MAX);
        for segment in segments {
            while self.at < segment.end {
                let window = window(segment, self.at, window_bytes)?;
                match self.window(window, segment)? {
                    Parsed::Some => {}
                    // Larger than the window: it is bounded by the largest entry.
                    Parsed::Needs(bytes) => window_bytes = window_bytes.max(bytes),
                    Parsed::Stop => return Ok(()),
                }
            }
        }
        Ok(())
    }

    fn window(&mut self, mut window: Bytes, segment: &Segment) -> Result<Parsed, Error> {
        let start = self.at;
        loop {
            match parse(&window, self.at, true) {
                Ok(head) => {
                    let flow = self.one(head, &window);
                    if flow.is_break() {
                        return Ok(Parsed::Stop);
                    }
                    window = window.slice(head.record_bytes()..);
                }
                Err(Broken::Needs(bytes)) if self.at + bytes as u64 <= segment.end && bytes <= RECORD_BYTES_MAX => {
                    return Ok(if self.at > start { Parsed::Some } else { Parsed::Needs(bytes) });
                }
                Err(_) if self.at == segment.end => return Ok(Parsed::Some),
                Err(_) => return Err(Error::Corrupt { file: segment.name(), offset: segment.offset(self.at) }),
            }
        }
    }

    /// Shows the record at the front of `bytes` and moves behind it.
    fn one(&mut self, head: Head, bytes: &Bytes) -> ControlFlow<()> {
        let position = Position(self.at);
        self.at += head.record_bytes() as u64;
        if head.kind == Kind::Entry {
            let payload = bytes.slice(RECORD_HEADER_BYTES..head.record_bytes());
            self.shown = true;
            (self.visit)(Record { position, next: Position(self.at), replica: head.replica, seq: head.seq, payload })?;
        }
        if self.shown && self.at >= self.stop_at { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

enum Parsed {
    Some,
    Needs(usize),
    Stop,
}

fn window(segment: &Segment, at: u64, bytes: usize) -> Result<Bytes, Error> {
    let left = segment.end - at;
    let mut window = vec![0; usize::try_from(left).unwrap_or(usize::MAX).min(bytes)];
    let filled = segment.file.read_at(segment.offset(at), &mut window)?;
    if filled < window.len() {
        return Err(Error::Corrupt { file: segment.name(), offset: segment.offset(at) + filled as u64 });
    }
    Ok(Bytes::from(window))
}

const WINDOW_BYTES_MIN: usize = 16 * 1024;
const WINDOW_BYTES_MAX: usize = 1024 * 1024;
const RECORD_BYTES_MAX: usize = RECORD_HEADER_BYTES + ENTRY_BYTES_MAX;
