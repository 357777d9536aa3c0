//! Starting from a data directory: rows as they stand, then the journal beyond them.

use std::ops::ControlFlow;
use std::sync::Arc;

use lc_core::{HlcClock, wire::Malformed};
use lc_crdt::Entry;
use lc_env::Disk;
use lc_journal::Journal;
use lc_repl::Replicator;
use lc_store::{RowTable, Store};

use super::conflicts::note_lost;
use super::filling::Filling;
use super::mending::apply_readable;
use super::{Counters, Health, Member};
use crate::ledger::Ledger;
use crate::log::Cursors;
use crate::ranges::Ranges;
use crate::records::{Records, Standing};
use crate::settings::Settings;
use crate::unsynced::Unsynced;
use crate::{Error, Identity};

pub(super) fn open(settings: Settings, disk: Arc<dyn Disk>, store: Arc<dyn Store>) -> Result<Member, Error> {
    let (mut identity, new) = Identity::open(disk.as_ref(), &settings.cluster, settings.node)?;
    let me = identity.replica();
    let (journal, recovery) =
        Journal::open(disk.clone(), journal_options(&settings)).map_err(|error| Error::from(error).of(JOURNAL))?;
    let (mut records, mut standing) =
        Records::open(RowTable::new(store, &settings.table), &settings.region, settings.tables.clone())
            .map_err(|error| error.of(NOTES))?;
    // Before anything is applied to what may be older than it was.
    let mending = super::Mending::open(&mut records)?;
    let mut ledger = Ledger::open(&records.table).map_err(|error| error.of(NOTES))?;
    let mut filling =
        Filling::open(&records, me, standing.applied.is_empty(), settings.replication.catch_up_bytes_per_second)
            .map_err(|error| error.of_rows(&records, NOTES))?;
    let retention = super::Retention::new(standing.position);
    let entries_replayed =
        replay(&journal, &settings.region, &mut records, &mut ledger, &mut standing, &mut filling.ranges)?;
    let last_seq = standing.applied.get(me);
    // After a crash the journal may have lost entries that nobody was told of. Their dots are skipped, so that no
    // dot is ever used twice; the next entry says which one it follows.
    // An empty journal under an old identity is what a crash leaves before anything was durable.
    let in_order = new || recovery.clean_shutdown && recovery.records > 0;
    if !in_order {
        identity.begin_after_crash(disk.as_ref(), last_seq)?;
    }
    let next_seq = identity.first_seq.max(last_seq + 1);
    let mut replicator = Replicator::new(me, standing.applied.clone(), settings.replication);
    replicator.set_placement(settings.tables.placement_version());
    let mut member = Member {
        identity,
        me,
        journal,
        cursors: Cursors::default(),
        records,
        clock: HlcClock::resume(standing.hlc),
        clocks: super::Clocks::new(settings.max_offset_ms),
        replicator,
        unsynced: Unsynced::default(),
        last_seq,
        next_seq,
        flushing: false,
        expiry_looked_ms: 0,
        counters: counters(&mending, entries_replayed, recovery.cut_bytes),
        health: Health::default(),
        scratch: Vec::new(),
        filling,
        mending,
        repairs: super::Repairs::default(),
        recounting: super::Recounting::default(),
        broken: false,
        tables: settings.tables.clone(),
        ledger,
        room: super::Room::default(),
        retention,
        evicted_ms: 0,
        disk,
        flush_wish: super::FlushWish::default(),
        requests: super::Requests::beginning_at(settings.table.hash_seed),
        holds: super::Holds::default(),
        answers: super::Answers::default(),
        settings,
    };
    member.tell_journal(lc_repl::Time::ZERO);
    Ok(member)
}

/// What happened before it could be asked.
fn counters(mending: &super::Mending, entries_replayed: u64, journal_cut_bytes: u64) -> Counters {
    let (files_put_aside, bytes_put_aside) = mending.put_aside();
    Counters {
        entries_replayed,
        journal_cut_bytes,
        unreadable_stretches: mending.stretches_at_opening(),
        files_put_aside,
        bytes_put_aside,
        alarms: u64::from(files_put_aside > 0),
        ..Counters::default()
    }
}

/// Entries that waited for a missing one are applied all at once when it comes, and an entry that is applied must be
/// appended: so beside what own writes may occupy there is room for a full inbox and a frame, headers included.
fn journal_options(settings: &Settings) -> lc_journal::Options {
    let mut options = settings.journal.clone();
    options.pending_bytes_max += HEADERS_AT_MOST * (settings.replication.inbox_bytes + crate::MAX_FRAME_BYTES);
    options
}

/// Applies what the journal has beyond the rows. Entries before `standing.applied` are passed over.
fn replay(
    journal: &Journal,
    region: &str,
    records: &mut Records,
    ledger: &mut Ledger,
    standing: &mut Standing,
    ranges: &mut Ranges,
) -> Result<u64, Error> {
    if journal.first() > standing.position {
        return Err(Error::JournalTooShort { first: journal.first().0, applied: standing.position.0 });
    }
    let mut replayed = 0;
    while standing.position < journal.durable() {
        let start = standing.position;
        let mut outcome = Ok(());
        let next = journal.read(start, REPLAY_BYTES, |record| {
            outcome = replay_one(region, records, ledger, standing, record.payload, &mut replayed, ranges);
            if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        let next = next.map_err(|error| Error::from(error).of(JOURNAL))?;
        outcome?;
        standing.position = next;
        if standing.position == start {
            break;
        }
    }
    standing.digest = records.digest;
    standing.keys = records.keys;
    Ok(replayed)
}

pub(super) fn replay_one(
    region: &str,
    records: &mut Records,
    ledger: &mut Ledger,
    standing: &mut Standing,
    payload: bytes::Bytes,
    replayed: &mut u64,
    ranges: &mut Ranges,
) -> Result<(), Error> {
    let malformed = |source: Malformed| Error::Malformed { what: "journal entry", source };
    let entry = Entry::decode(payload).map_err(malformed)?;
    standing.hlc = standing.hlc.max(entry.hlc);
    if standing.applied.covers(entry.dot) {
        return Ok(());
    }
    apply_readable(records, ranges, &entry)?;
    ranges.replayed(records, &entry, &standing.applied)?;
    // What was noted before the crash and reached the store is known already.
    note_lost(records, region, ledger)?;
    standing.applied.raise(entry.dot.replica, entry.dot.seq);
    *replayed += 1;
    Ok(())
}

const JOURNAL: &str = "a part of this node's journal";
const NOTES: &str = "what this node keeps for itself beside the records";
/// The shortest entry is less than a third of its record.
const HEADERS_AT_MOST: usize = 4;
const REPLAY_BYTES: usize = 4 << 20;
