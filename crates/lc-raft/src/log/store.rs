//! The log as openraft asks for it.

use std::fmt::Debug;
use std::io;
use std::ops::{Bound, RangeBounds};

use openraft::storage::{IOFlushed, RaftLogStorage};
use openraft::{LogState, OptionalSend, RaftLogReader};

use super::Log;
use crate::type_config::{Ballot, LogEntry, LogId, Types};

impl RaftLogReader<Types> for Log {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> io::Result<Vec<LogEntry>> {
        let from = match range.start_bound() {
            Bound::Included(index) => *index,
            Bound::Excluded(index) => index + 1,
            Bound::Unbounded => 0,
        };
        let to = match range.end_bound() {
            Bound::Included(index) => index + 1,
            Bound::Excluded(index) => *index,
            Bound::Unbounded => u64::MAX,
        };
        Ok(self.shared.state.lock().entries(from, to, u64::MAX))
    }

    async fn limited_get_log_entries(&mut self, from: u64, to: u64) -> io::Result<Vec<LogEntry>> {
        Ok(self.shared.state.lock().entries(from, to, APPEND_BYTES))
    }

    async fn read_vote(&mut self) -> io::Result<Option<Ballot>> {
        Ok(self.shared.state.lock().vote)
    }
}

impl RaftLogStorage<Types> for Log {
    type LogReader = Log;

    async fn get_log_state(&mut self) -> io::Result<LogState<Types>> {
        let state = self.shared.state.lock();
        Ok(LogState { last_purged_log_id: state.purged, last_log_id: state.last() })
    }

    async fn get_log_reader(&mut self) -> Log {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Ballot) -> io::Result<()> {
        let position = self.change(|state| state.save_vote(*vote))?;
        self.durable(position).await
    }

    /// Does not wait: applying does, see [`Log::committed_is_durable`].
    async fn save_committed(&mut self, committed: Option<LogId>) -> io::Result<()> {
        match committed {
            Some(committed) => self.change(|state| state.save_committed(committed)),
            None => Ok(()),
        }
    }

    async fn read_committed(&mut self) -> io::Result<Option<LogId>> {
        Ok(self.shared.state.lock().committed)
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<Types>) -> io::Result<()>
    where
        I: IntoIterator<Item = LogEntry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        self.change(|state| state.append(entries.into_iter(), callback))
    }

    /// Does not wait: records reach the disk in order, and a truncation that a crash took is made again by the next leader.
    async fn truncate_after(&mut self, last: Option<LogId>) -> io::Result<()> {
        self.change(|state| state.truncate_after(last))
    }

    async fn purge(&mut self, upto: LogId) -> io::Result<()> {
        self.change(|state| state.purge(upto))
    }
}

/// An append frame of a megabyte keeps a link of 100 Mbit/s busy for 80 ms; larger ones would only hold up what is behind them.
const APPEND_BYTES: u64 = 1 << 20;
