//! What a start finds on disk: verify, index, cut a torn last write, refuse anything else that is wrong.

mod scan;

use std::collections::VecDeque;
use std::sync::Arc;

use lc_env::Disk;

use crate::format::{BEGINNING_FILE, Beginning, Highest, raise};
use crate::format::{HeaderError, SEGMENT_HEADER_BYTES, decode_header, encode_header, segment_first, segment_name};
use crate::index::Index;
use crate::segment::{Failed, Segment};
use crate::truncation::remove_all;
use crate::{Error, Position};
use scan::{End, later_write, scan};

/// What [`crate::Journal::open`] found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Recovery {
    /// Entries, all of them durable now.
    pub records: u64,
    /// Bytes of a torn last write that were cut; none of it had been acknowledged.
    pub cut_bytes: u64,
    /// The last thing written was [`crate::Journal::close_clean`]. True for a new journal.
    pub clean_shutdown: bool,
}

pub(crate) struct Recovered {
    pub segments: VecDeque<Segment>,
    pub index: Index,
    /// Of records that were dropped in an earlier life.
    pub dropped: Highest,
    /// Of all records.
    pub highest: Highest,
    pub report: Recovery,
    /// Where the last write begins.
    last_write: u64,
}

pub(crate) fn recover(disk: &dyn Disk) -> Result<Recovered, Error> {
    let mut firsts: Vec<u64> = disk.list()?.iter().filter_map(|name| segment_first(name)).collect();
    firsts.sort_unstable();
    let beginning = beginning(disk, &mut firsts)?;
    let dropped = beginning.as_ref().map(|beginning| beginning.dropped.clone()).unwrap_or_default();
    let mut found = Recovered {
        segments: VecDeque::new(),
        index: Index::after(&dropped),
        highest: dropped.clone(),
        dropped,
        last_write: 0,
        report: Recovery { clean_shutdown: true, ..Recovery::default() },
    };
    // Earlier releases truncated without a word about what was there.
    let untold = beginning.is_none() && firsts.first().is_some_and(|&first| first > 0);
    for (number, &first) in firsts.iter().enumerate() {
        let newest = number + 1 == firsts.len();
        check_follows(&found, first)?;
        match open_segment(disk, first, newest)? {
            Some(segment) => read_segment(&mut found, segment, newest, untold)?,
            None => drop_unused(disk, first, number == 0)?,
        }
    }
    match found.segments.back() {
        Some(newest) => write_again(disk, newest, found.last_write)?,
        None => found.segments.push_back(Segment::create(disk, 0).map_err(Failed::into_error)?),
    }
    Ok(found)
}

/// Where the journal begins, if it was ever truncated. Removes older segments that a crash left behind, in whatever number.
fn beginning(disk: &dyn Disk, firsts: &mut Vec<u64>) -> Result<Option<Beginning>, Error> {
    let bytes = match disk.read(BEGINNING_FILE) {
        Err(error) if error.is_missing() => return Ok(None),
        read => read?,
    };
    let file = BEGINNING_FILE.to_owned();
    let beginning = Beginning::decode(&bytes).map_err(|error| match error {
        HeaderError::Version(version) => Error::Version { file: file.clone(), version },
        HeaderError::Broken => Error::Corrupt { file, offset: 0 },
    })?;
    let left: Vec<String> =
        firsts.iter().filter(|first| **first < beginning.first).map(|first| segment_name(*first)).collect();
    remove_all(disk, &left)?;
    firsts.retain(|first| *first >= beginning.first);
    match firsts.first() {
        Some(first) if *first == beginning.first => Ok(Some(beginning)),
        first => Err(Error::Gap {
            file: first.map_or(BEGINNING_FILE.to_owned(), |first| segment_name(*first)),
            found: Position(first.copied().unwrap_or(0)),
            expected: Position(beginning.first),
        }),
    }
}

/// Makes durable what was found. What the last process wrote but could not sync may be in the page cache only, and a sync that failed has
/// left it there as if it were clean: written again, the next sync covers it.
fn write_again(disk: &dyn Disk, newest: &Segment, last_write: u64) -> Result<(), Error> {
    let start = last_write.clamp(newest.first, newest.end);
    let mut bytes = vec![0; (newest.end - start) as usize];
    let filled = newest.file.read_at(newest.offset(start), &mut bytes)?;
    newest.file.write_at(newest.offset(start), &bytes[..filled])?;
    newest.file.write_at(0, &encode_header(newest.first))?;
    newest.file.sync()?;
    // The name too: the last process may have ended before it was safe.
    Ok(disk.sync_dir()?)
}

fn check_follows(found: &Recovered, first: u64) -> Result<(), Error> {
    match found.segments.back() {
        Some(before) if before.end != first => {
            Err(Error::Gap { file: segment_name(first), found: Position(first), expected: Position(before.end) })
        }
        _ => Ok(()),
    }
}

/// Opens a segment; nothing if it was begun and never used, which only the newest can be.
fn open_segment(disk: &dyn Disk, first: u64, newest: bool) -> Result<Option<Segment>, Error> {
    let name = segment_name(first);
    if first > POSITION_MAX {
        return Err(Error::Corrupt { file: name, offset: 0 });
    }
    let file = disk.open(&name)?;
    let file_bytes = file.len()?;
    let mut header = [0; SEGMENT_HEADER_BYTES as usize];
    let filled = file.read_at(0, &mut header)?;
    let segment = Segment { first, end: first, file, file_bytes, before: Arc::default() };
    match decode_header(&header[..filled]) {
        Ok(said) if said == first && filled == header.len() => Ok(Some(segment)),
        Err(HeaderError::Version(version)) => Err(Error::Version { file: name, version }),
        // The header is made durable before the first record is written, so records mean that it was whole once.
        _ if newest && later_write(&segment, first)?.is_none() => Ok(None),
        _ => Err(Error::Corrupt { file: name, offset: 0 }),
    }
}

fn drop_unused(disk: &dyn Disk, first: u64, alone: bool) -> Result<(), Error> {
    // The only segment of a journal that was truncated had been in use.
    if alone && first != 0 {
        return Err(Error::Corrupt { file: segment_name(first), offset: 0 });
    }
    disk.remove(&segment_name(first))?;
    disk.sync_dir()?;
    Ok(())
}

fn read_segment(found: &mut Recovered, mut segment: Segment, newest: bool, untold: bool) -> Result<(), Error> {
    segment.before = Arc::new(found.highest.clone());
    let end = scan(&segment, |position, head| {
        if head.first_of_write {
            found.last_write = position;
        }
        found.report.clean_shutdown = head.kind == crate::format::Kind::CleanShutdown;
        if !found.report.clean_shutdown {
            found.report.records += 1;
            found.index.note(head.replica, head.seq, position);
            if untold && !found.highest.contains_key(&head.replica) && head.seq > 0 {
                found.dropped.insert(head.replica, head.seq - 1);
            }
            raise(&mut found.highest, head.replica, head.seq);
        }
    })?;
    match end {
        End::Zeros(end) => segment.end = end,
        End::Broken(end) => {
            // Only bytes of the very last write may be wrong: of it nobody was told that it is durable.
            if !newest || later_write(&segment, end)?.is_some() {
                return Err(Error::Corrupt { file: segment.name(), offset: segment.offset(end) });
            }
            segment.end = end;
            found.report.cut_bytes = cut(&mut segment)?;
            found.report.clean_shutdown = false;
        }
    }
    found.segments.push_back(segment);
    Ok(())
}

/// Removes what stands after the last whole record; gives how much that was, trailing zeros not counted.
fn cut(segment: &mut Segment) -> Result<u64, Error> {
    let rest = scan::rest(segment, segment.end)?;
    let torn = rest.iter().rposition(|byte| *byte != 0).map_or(0, |last| last as u64 + 1);
    let keep = segment.offset(segment.end);
    segment.file.truncate(keep)?;
    segment.file_bytes = keep;
    Ok(torn)
}

/// No journal gets this far in a thousand years; positions below it can be added to without a look.
const POSITION_MAX: u64 = 1 << 62;
