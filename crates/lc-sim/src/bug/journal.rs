//! What bugs make of a journal before a member reads it: checksums that nobody looks at, a crash that nobody notices.

use std::sync::Arc;

use lc_env::{Disk, DiskFile};
use lc_journal::{Journal, Options, RECORD_HEADER_BYTES};

use super::Bug;
use crate::disk::SimDisk;

/// Changes the journal on a disk to what a member with this bug would take it for; other bugs leave it alone.
pub(crate) fn falsify_journal(bug: Bug, disk: &SimDisk, life: u64) {
    // A disk that fails keeps the member from starting just the same.
    let _ = match bug {
        Bug::TornTailTaken => vouch(disk, true),
        Bug::RotTaken => vouch(disk, false),
        Bug::CrashUnnoticed if life > 1 => {
            close(disk);
            Ok(())
        }
        _ => Ok(()),
    };
}

/// Marks the end of the journal as one in good order.
fn close(disk: &SimDisk) {
    if let Ok((mut journal, _)) = Journal::open(Arc::new(disk.reopen()), Options::default()) {
        let _ = journal.close_clean();
    }
}

/// Gives wrong records the checksums that make them right, in all segments or in the newest.
fn vouch(disk: &SimDisk, newest_only: bool) -> lc_env::Result<()> {
    let segments: Vec<String> = disk.list()?.into_iter().filter(|name| name.ends_with(".journal")).collect();
    let skipped = if newest_only { segments.len().saturating_sub(1) } else { 0 };
    for name in &segments[skipped..] {
        let first = name.trim_end_matches(".journal").parse().unwrap_or(0);
        let file = disk.open(name)?;
        vouch_for_segment(file.as_ref(), &disk.read(name)?, first)?;
        file.sync()?;
    }
    Ok(())
}

/// See docs/formats/journal.md for where things stand.
fn vouch_for_segment(file: &dyn DiskFile, bytes: &[u8], first: u64) -> lc_env::Result<()> {
    let mut offset = SEGMENT_HEADER_BYTES;
    while let Some(header) = bytes.get(offset..offset + RECORD_HEADER_BYTES) {
        let payload_bytes = u32::from_le_bytes(header[4..8].try_into().expect("four bytes")) as usize;
        let is_kind = [1, 2].contains(&(header[18] & 0x7f));
        let end = offset + RECORD_HEADER_BYTES + payload_bytes;
        let Some(summed) = bytes.get(offset + 4..end).filter(|_| is_kind) else { break };
        let position = first + (offset - SEGMENT_HEADER_BYTES) as u64;
        let sum = crc32c::crc32c_append(crc32c::crc32c(&position.to_le_bytes()), summed).to_le_bytes();
        if header[..4] != sum {
            file.write_at(offset as u64, &sum)?;
        }
        offset = end;
    }
    Ok(())
}

const SEGMENT_HEADER_BYTES: usize = 512;
