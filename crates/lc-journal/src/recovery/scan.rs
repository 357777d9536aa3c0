//! Walking through the bytes of one segment.

use crate::Error;
use crate::format::{Broken, Head, SEGMENT_HEADER_BYTES, parse};
use crate::segment::Segment;

/// Where the whole records of a segment end.
pub(super) enum End {
    /// Nothing but zeros, or nothing, comes after them.
    Zeros(u64),
    /// Something comes after them that is no record.
    Broken(u64),
}

/// Shows every whole record from the segment's beginning on, checksums verified.
pub(super) fn scan(segment: &Segment, mut show: impl FnMut(u64, Head)) -> Result<End, Error> {
    let mut buffer = Buffer { bytes: Vec::new(), read: 0, offset: SEGMENT_HEADER_BYTES };
    let mut position = segment.first;
    buffer.fill(segment, WINDOW_BYTES)?;
    loop {
        match parse(buffer.rest(), position, true) {
            Ok(head) => {
                show(position, head);
                buffer.read += head.record_bytes();
                position += head.record_bytes() as u64;
            }
            Err(Broken::Needs(bytes)) if buffer.fill(segment, bytes.max(WINDOW_BYTES))? >= bytes => {}
            Err(_) => break,
        }
    }
    let zeros = rest(segment, position)?.iter().all(|byte| *byte == 0);
    Ok(if zeros { End::Zeros(position) } else { End::Broken(position) })
}

/// Looks after `position` for a whole record that begins a write: proof that everything before it was durable once.
pub(super) fn later_write(segment: &Segment, position: u64) -> Result<Option<u64>, Error> {
    let bytes = rest(segment, position)?;
    let found = (0..bytes.len()).find(|&skip| {
        let head = parse(&bytes[skip..], position + skip as u64, true);
        head.is_ok_and(|head| head.first_of_write)
    });
    Ok(found.map(|skip| position + skip as u64))
}

/// All bytes of the file from `position` on.
pub(super) fn rest(segment: &Segment, position: u64) -> Result<Vec<u8>, Error> {
    let offset = segment.offset(position);
    let mut bytes = vec![0; segment.file_bytes.saturating_sub(offset) as usize];
    let filled = segment.file.read_at(offset, &mut bytes)?;
    bytes.truncate(filled);
    Ok(bytes)
}

struct Buffer {
    bytes: Vec<u8>,
    /// How many of them were looked at.
    read: usize,
    /// Where in the file the next bytes come from.
    offset: u64,
}

impl Buffer {
    fn rest(&self) -> &[u8] {
        &self.bytes[self.read..]
    }

    /// Makes at least `bytes` available, fewer only at the end of the file; gives how many there are.
    fn fill(&mut self, segment: &Segment, bytes: usize) -> Result<usize, Error> {
        self.bytes.drain(..self.read);
        self.read = 0;
        let had = self.bytes.len();
        let left = segment.file_bytes.saturating_sub(self.offset);
        let wanted = bytes.min(had.saturating_add(usize::try_from(left).unwrap_or(usize::MAX)));
        if had < wanted {
            self.bytes.resize(wanted, 0);
            let filled = segment.file.read_at(self.offset, &mut self.bytes[had..])?;
            self.bytes.truncate(had + filled);
            self.offset += filled as u64;
        }
        Ok(self.bytes.len())
    }
}

const WINDOW_BYTES: usize = 1024 * 1024;
