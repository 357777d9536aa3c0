//! Starting from a data directory: rows as they stand, then the journal beyond them.

use std::ops::ControlFlow;
use std::sync::Arc;

use lc_core::{HlcClock, wire::Malformed};
use lc_crdt::{Entry, apply};
use lc_env::Disk;
use lc_journal::Journal;
use lc_repl::Replicator;
use lc_store::{RowTable, Store};

use super::{Counters, Health, Member, Settings};
use crate::log::Cursors;
use crate::records::{Records, Standing};
use crate::unsynced::Unsynced;
use crate::{Error, Identity};

pub(super) fn open(settings: Settings, disk: Arc<dyn Disk>, store: Arc<dyn Store>) -> Result<Member, Error> {
    let identity = Identity::open(disk.as_ref(), &settings.cluster, settings.node)?;
    let me = identity.replica();
    let (journal, recovery) = Journal::open(disk, settings.journal.clone())?;
    let (mut records, mut standing) = Records::open(RowTable::new(store, settings.cache_bytes))?;
    let entries_replayed = replay(&journal, &mut records, &mut standing)?;
    let last_seq = standing.applied.get(me);
    // After a crash the journal may have lost entries that nobody was told of. Their dots are skipped, so that no
    // dot is ever used twice; the next entry says which one it follows.
    let skip = if recovery.clean_shutdown || last_seq == 0 && recovery.records == 0 { 0 } else { SEQ_SKIP };
    let replicator = Replicator::new(me, standing.applied.clone(), settings.replication);
    Ok(Member {
        identity,
        me,
        journal,
        cursors: Cursors::default(),
        records,
        clock: HlcClock::resume(standing.hlc),
        replicator,
        unsynced: Unsynced::default(),
        last_seq,
        next_seq: last_seq + 1 + skip,
        flushing: None,
        expiry_looked_ms: 0,
        counters: Counters { entries_replayed, journal_cut_bytes: recovery.cut_bytes, ..Counters::default() },
        health: Health::default(),
        scratch: Vec::new(),
        settings,
    })
}

/// Applies what the journal has beyond the rows. Entries before `standing.applied` are passed over.
fn replay(journal: &Journal, records: &mut Records, standing: &mut Standing) -> Result<u64, Error> {
    if journal.first() > standing.position {
        return Err(Error::JournalTooShort { first: journal.first().0, applied: standing.position.0 });
    }
    let mut replayed = 0;
    while standing.position < journal.durable() {
        let start = standing.position;
        let mut outcome = Ok(());
        journal.read(start, REPLAY_BYTES, |record| {
            standing.position = record.next;
            outcome = replay_one(records, standing, record.payload, &mut replayed);
            if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        outcome?;
        if standing.position == start {
            break;
        }
    }
    standing.digest = records.digest;
    standing.keys = records.keys;
    Ok(replayed)
}

fn replay_one(records: &mut Records, standing: &mut Standing, payload: bytes::Bytes, replayed: &mut u64) -> Result<(), Error> {
    let malformed = |source: Malformed| Error::Malformed { what: "journal entry", source };
    let entry = Entry::decode(payload).map_err(malformed)?;
    standing.hlc = standing.hlc.max(entry.hlc);
    if standing.applied.covers(entry.dot) {
        return Ok(());
    }
    apply(records, &entry)?;
    standing.applied.raise(entry.dot.replica, entry.dot.seq);
    *replayed += 1;
    Ok(())
}

/// More sequence numbers than entries can be unsynced at once: an entry takes at least 16 bytes of a pending buffer
/// that is bounded to 1 GiB at the very most.
const SEQ_SKIP: u64 = 1 << 26;
const REPLAY_BYTES: usize = 4 << 20;

