//! The log in memory, and the records that say how it came about.

use std::collections::VecDeque;
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;

use lc_env::Disk;
use lc_journal::{Journal, Options, Position};
use openraft::storage::IOFlushed;

use super::record::Record;
use crate::Error;
use crate::codec;
use crate::type_config::{Ballot, LogEntry, LogId, Types};

pub(super) struct State {
    pub(super) journal: Journal,
    /// Consecutive indexes, each with the position where its record begins.
    entries: VecDeque<(Position, LogEntry)>,
    pub(super) entry_bytes: u64,
    pub(super) vote: Option<Ballot>,
    pub(super) committed: Option<LogId>,
    pub(super) purged: Option<LogId>,
    /// Records appended, which numbers them in the journal.
    records: u64,
    /// Who is to be told once a position is durable, in order of positions.
    waiting: VecDeque<(u64, IOFlushed<Types>)>,
    /// Committed indexes and the positions where their records end, in order.
    committing: VecDeque<(u64, u64)>,
    /// Once the first position is durable, what is before the second can go.
    checkpoint: Option<(u64, Position)>,
    stopped: Option<String>,
}

impl State {
    /// Reads the whole log; blocks.
    pub(super) fn open(disk: Arc<dyn Disk>, options: Options) -> Result<State, Error> {
        let (journal, _) = Journal::open(disk, options)?;
        let mut state = State {
            records: journal.last_seq(REPLICA).unwrap_or(0),
            journal,
            entries: VecDeque::new(),
            entry_bytes: 0,
            vote: None,
            committed: None,
            purged: None,
            waiting: VecDeque::new(),
            committing: VecDeque::new(),
            checkpoint: None,
            stopped: None,
        };
        for (position, record) in read_all(&state.journal)? {
            state.replay(position, record)?;
        }
        Ok(state)
    }

    pub(super) fn last(&self) -> Option<LogId> {
        self.entries.back().map(|(_, entry)| entry.log_id).or(self.purged)
    }

    /// Entries with indexes from `from` to before `to`, as far as they are here, about `bytes_max` of them and at least one.
    pub(super) fn entries(&self, from: u64, to: u64, bytes_max: u64) -> Vec<LogEntry> {
        let Some(first) = self.first_index() else { return Vec::new() };
        let skip = from.saturating_sub(first).min(self.entries.len() as u64) as usize;
        let take = to.saturating_sub(from.max(first)) as usize;
        let mut bytes = 0;
        let within = |entry: &&LogEntry| {
            let fits = bytes == 0 || bytes + codec::entry_bytes(entry) <= bytes_max;
            bytes += codec::entry_bytes(entry);
            fits
        };
        self.entries.range(skip..).take(take).map(|(_, entry)| entry).take_while(within).cloned().collect()
    }

    /// Gives the position at whose durability the vote is kept.
    pub(super) fn save_vote(&mut self, vote: Ballot) -> io::Result<u64> {
        self.vote = Some(vote);
        self.write(&Record::Vote(vote))
    }

    pub(super) fn save_committed(&mut self, committed: LogId) -> io::Result<()> {
        if self.committed >= Some(committed) {
            return Ok(());
        }
        self.committed = Some(committed);
        let end = self.write(&Record::Committed(committed))?;
        self.committing.push_back((end, committed.index));
        Ok(())
    }

    pub(super) fn append(
        &mut self,
        entries: impl Iterator<Item = LogEntry>,
        callback: IOFlushed<Types>,
    ) -> io::Result<()> {
        for entry in entries {
            let position = self.journal.appended();
            let record = Record::Entry(entry);
            self.write(&record)?;
            let Record::Entry(entry) = record else { unreachable!("it was made one just above") };
            self.push(position, entry).map_err(io::Error::other)?;
        }
        self.waiting.push_back((self.journal.appended().0, callback));
        Ok(())
    }

    pub(super) fn truncate_after(&mut self, last: Option<LogId>) -> io::Result<()> {
        self.pop_after(last);
        self.write(&Record::Truncated(last)).map(|_| ())
    }

    /// Drops entries up to `upto`. What older records alone said is said again, so that they can go.
    pub(super) fn purge(&mut self, upto: LogId) -> io::Result<()> {
        self.drop_upto(upto);
        let again = self.journal.appended();
        if let Some(vote) = self.vote {
            self.write(&Record::Vote(vote))?;
        }
        if let Some(committed) = self.committed {
            self.write(&Record::Committed(committed))?;
        }
        let end = self.write(&Record::Purged(upto))?;
        let keep = self.entries.front().map_or(again, |(position, _)| *position);
        self.checkpoint = Some((end, keep.min(again)));
        Ok(())
    }

    /// Who waited for `durable`, and up to which index it is durable that entries are committed.
    pub(super) fn take_durable(&mut self, durable: u64) -> (Vec<IOFlushed<Types>>, Option<u64>) {
        let ready = self.waiting.partition_point(|(position, _)| *position <= durable);
        let callbacks = self.waiting.drain(..ready).map(|(_, callback)| callback).collect();
        let ready = self.committing.partition_point(|(position, _)| *position <= durable);
        let committed = self.committing.drain(..ready).next_back().map(|(_, index)| index);
        (callbacks, committed)
    }

    /// Everybody who waits, when the disk has failed.
    pub(super) fn take_all(&mut self, why: &str) -> Vec<IOFlushed<Types>> {
        self.stopped = Some(why.to_owned());
        self.waiting.drain(..).map(|(_, callback)| callback).collect()
    }

    /// What records are not needed any more, once.
    pub(super) fn take_droppable(&mut self) -> Option<Position> {
        let durable = self.journal.durable().0;
        self.checkpoint.take_if(|(end, _)| *end <= durable).map(|(_, keep)| keep)
    }

    fn replay(&mut self, position: Position, record: Record) -> Result<(), Error> {
        match record {
            Record::Vote(vote) => self.vote = Some(vote),
            Record::Entry(entry) => self.push(position, entry).map_err(|what| Error::Corrupt { what })?,
            Record::Truncated(last) => self.pop_after(last),
            Record::Committed(id) => self.committed = self.committed.max(Some(id)),
            Record::Purged(id) => self.drop_upto(id),
        }
        Ok(())
    }

    /// The journal may begin in the middle, so the first entry can have any index; after it there is no gap.
    fn push(&mut self, position: Position, entry: LogEntry) -> Result<(), String> {
        let index = entry.log_id.index;
        if let Some((_, last)) = self.entries.back()
            && last.log_id.index + 1 != index
        {
            return Err(format!("entry {index} of the group's log follows entry {}", last.log_id.index));
        }
        self.entry_bytes += codec::entry_bytes(&entry);
        self.entries.push_back((position, entry));
        Ok(())
    }

    fn pop_after(&mut self, last: Option<LogId>) {
        let first_cut = last.map_or(0, |id| id.index + 1);
        let kept = self.entries.partition_point(|(_, entry)| entry.log_id.index < first_cut);
        self.entry_bytes -= self.entries.drain(kept..).map(|(_, entry)| codec::entry_bytes(&entry)).sum::<u64>();
    }

    fn drop_upto(&mut self, upto: LogId) {
        let dropped = self.entries.partition_point(|(_, entry)| entry.log_id.index <= upto.index);
        self.entry_bytes -= self.entries.drain(..dropped).map(|(_, entry)| codec::entry_bytes(&entry)).sum::<u64>();
        self.purged = self.purged.max(Some(upto));
    }

    fn first_index(&self) -> Option<u64> {
        self.entries.front().map(|(_, entry)| entry.log_id.index)
    }

    /// Gives the position where the record ends.
    fn write(&mut self, record: &Record) -> io::Result<u64> {
        if let Some(why) = &self.stopped {
            return Err(io::Error::other(why.clone()));
        }
        self.records += 1;
        let end = self.journal.append(REPLICA, self.records, &record.encode());
        end.map(|position| position.0).map_err(io::Error::other)
    }
}

fn read_all(journal: &Journal) -> Result<Vec<(Position, Record)>, Error> {
    let mut records = Vec::new();
    let mut broken = None;
    let mut at = journal.first();
    while at < journal.durable() && broken.is_none() {
        at = journal.read(at, READ_BYTES, |record| match Record::decode(&record.payload) {
            Ok(decoded) => {
                records.push((record.position, decoded));
                ControlFlow::Continue(())
            }
            Err(error) => {
                broken = Some(format!("record at {} of the group's log: {error}", record.position));
                ControlFlow::Break(())
            }
        })?;
    }
    match broken {
        Some(what) => Err(Error::Corrupt { what }),
        None => Ok(records),
    }
}

/// The journal is made for entries of many replicas; here there is one list.
const REPLICA: u16 = 0;
const READ_BYTES: usize = 1 << 20;
