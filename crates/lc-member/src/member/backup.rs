//! What a backup takes from a member: rows as a flush left them, then the journal from there to one moment.
//!
//! The store's rows stand at one place of the journal, and say which. A copy of them, and the entries after that place in their order, end
//! in the member's state at the last of these entries, as a restart after a crash does. So nobody has to stand still for a backup.

use std::sync::Arc;

use bytes::Bytes;
use lc_core::{Hlc, VersionVector};
use lc_crdt::RowKind;
use lc_journal::{Position, ReadJob};
use lc_store::Frozen;

use super::Member;
use crate::Error;
use crate::backup::put_row;
use crate::log::begins_after;
use crate::records::Records;

/// A member's records at one place of its journal.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct BackupMoment {
    /// What was applied.
    pub vector: VersionVector,
    /// Everything before it in the journal was applied.
    pub position: Position,
    /// Of heads and elements.
    pub digest: u128,
    /// Keys that existed.
    pub keys: u64,
    /// Highest stamp given or seen.
    pub hlc: Hlc,
}

/// Whether a flush is wanted although nothing needs one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum FlushWish {
    #[default]
    No,
    Asked,
    /// Begun when so many had succeeded.
    Begun(u64),
}

impl FlushWish {
    pub(super) fn begins(&mut self, succeeded: u64) {
        if *self == FlushWish::Asked {
            *self = FlushWish::Begun(succeeded);
        }
    }
}

impl Member {
    /// Lets the next flush begin soon, however little there is. Rows that change without an entry are then no older in the store than here.
    pub fn ask_flush(&mut self) {
        self.flush_wish = FlushWish::Asked;
    }

    /// Whether the flush that was asked for has succeeded.
    pub fn is_flushed_as_asked(&self) -> bool {
        match self.flush_wish {
            FlushWish::No => true,
            FlushWish::Asked => false,
            FlushWish::Begun(succeeded) => self.counters.flushes > succeeded,
        }
    }

    /// Rows as the last flush left them, and where they stand.
    pub fn freeze(&self) -> Result<(Arc<dyn Frozen>, BackupMoment), Error> {
        let frozen = self.records.table.store().freeze()?;
        let standing = Records::standing_of(frozen.as_ref())?;
        let moment = BackupMoment {
            vector: standing.applied,
            position: standing.position,
            digest: standing.digest.0,
            keys: standing.keys,
            hlc: standing.hlc,
        };
        Ok((frozen, moment))
    }

    /// The records now. They are durable once the journal is, up to `position`.
    pub fn backup_moment(&self) -> BackupMoment {
        let standing = self.standing();
        BackupMoment {
            vector: standing.applied,
            position: standing.position,
            digest: standing.digest.0,
            keys: standing.keys,
            hlc: standing.hlc,
        }
    }

    /// The catalogue's version by which rows are here or not; `None` while rows that must not be here are still looked for.
    pub fn placement_settled(&self) -> Option<u64> {
        self.records.shares.walk_from().is_none().then(|| self.tables.placement_version())
    }

    /// Whether records come from other regions as state now: then the vector does not say what is here.
    pub fn is_being_filled(&self) -> Result<bool, Error> {
        for rows in FILLING_ROWS {
            let mut end = rows.to_vec();
            *end.last_mut().expect("their names are not empty") += 1;
            if let Some(row) = self.records.table.scan(rows, Some(&end)).next() {
                row?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Durable entries from a place on, to be read without the member.
    pub fn prepare_backup_read(&self, from: Position, max_bytes: usize) -> Result<ReadJob, Error> {
        Ok(self.journal.prepare_read(from, max_bytes)?)
    }

    /// A place in the journal from which on every entry is that `vector` does not cover; `None` if some of them are not kept any more, or
    /// the vector is of another history.
    pub fn journal_after(&self, vector: &VersionVector) -> Option<Position> {
        let applied = self.replicator.applied();
        let kept = vector.covers_all(&begins_after(&self.journal, &self.filling.adopted));
        if !kept || !applied.covers_all(vector) {
            return None;
        }
        let new = applied.iter().filter(|&(replica, seq)| seq > vector.get(replica));
        let places = new.map(|(replica, _)| self.journal.seek(replica.0, vector.get(replica) + 1));
        Some(places.min().unwrap_or(self.journal.appended()))
    }
}

/// Records of the rows above `after`, about `max_bytes` of them but at least one if there is any; node-private rows are left out, the conflict
/// ledger is not. Nothing at the end.
pub fn frozen_rows(frozen: &dyn Frozen, after: &[u8], max_bytes: usize) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    frozen.scan(after, &mut |key: Bytes, value: Bytes| {
        if is_copied(&key) {
            put_row(&mut out, &key, &value);
        }
        out.len() < max_bytes
    })?;
    Ok(out)
}

/// Whether a row belongs into a backup.
pub(super) fn is_copied(row: &[u8]) -> bool {
    RowKind::of(row) != RowKind::Other || is_ledger(row)
}

pub(super) fn is_ledger(row: &[u8]) -> bool {
    row.first() == Some(&LEDGER)
}

/// Notes of a catch-up that is going on, and of stretches that are ahead of the vector.
const FILLING_ROWS: [&[u8]; 4] = [b"m\0catch-up", b"m\0context", b"m\0doubt", b"m\0missing"];
/// What rows of the conflict ledger begin with.
const LEDGER: u8 = b'l';
