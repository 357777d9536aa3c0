//! The replicated log with the vote, in memory and in a journal; synced many appends at a time.

mod record;
mod state;
mod store;
#[cfg(test)]
mod tests;

use std::io;
use std::sync::{Arc, Weak};

use lc_env::Disk;
use lc_journal::{Options, SyncDone};
use openraft::storage::IOFlushed;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::type_config::Types;
use crate::watched::Sender;
use crate::{DiskWork, Error};
use state::State;

/// A handle on the log; clones are the same log.
#[derive(Clone)]
pub(crate) struct Log {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    work: DiskWork,
    /// There is something to sync.
    wake: Arc<Notify>,
    progress: Sender<Progress>,
    flusher: Mutex<Option<JoinHandle<()>>>,
}

/// How far the disk is.
#[derive(Clone, Default)]
struct Progress {
    /// Up to this position of the journal everything is durable.
    durable: u64,
    /// The index up to which it is durable that entries are committed.
    committed: Option<u64>,
    stopped: Option<Arc<str>>,
    closed: bool,
}

/// A record, read and written again, for [`crate::fuzzing`].
#[cfg(feature = "fuzzing")]
pub(crate) fn record_again(bytes: &[u8]) -> Option<Vec<u8>> {
    record::Record::decode(bytes).ok().map(|record| record.encode())
}

/// Reads a whole log, for [`crate::fuzzing`].
#[cfg(feature = "fuzzing")]
pub(crate) fn read_whole(disk: Arc<dyn Disk>) -> Result<(), Error> {
    State::open(disk, Options::default()).map(|_| ())
}

impl Log {
    /// Opens the log in `disk`, a directory of its own, and starts the task that syncs it, which ends with the last handle.
    pub(crate) async fn open(disk: Arc<dyn Disk>, work: DiskWork, segment_bytes: u64) -> Result<Log, Error> {
        // Nothing is read back while running, and what may wait is bounded by those who append.
        let options = Options { segment_bytes, tail_bytes: 0, pending_bytes_max: usize::MAX };
        let opened = work.run(move || State::open(disk, options)).await;
        let state = opened.map_err(|error| Error::Stopped { why: error.to_string() })??;
        let committed = state.committed.map(|id| id.index);
        let progress = Progress { durable: state.journal.durable().0, committed, ..Progress::default() };
        let wake = Arc::new(Notify::new());
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            work,
            wake: Arc::clone(&wake),
            progress: Sender::new(progress),
            flusher: Mutex::new(None),
        });
        *shared.flusher.lock() = Some(tokio::spawn(flush(Arc::downgrade(&shared), wake)));
        Ok(Log { shared })
    }

    /// Bytes of entries that are kept.
    pub(crate) fn entry_bytes(&self) -> u64 {
        self.shared.state.lock().entry_bytes
    }

    /// Why the disk stopped, if it did.
    pub(crate) fn stopped(&self) -> Option<String> {
        self.shared.progress.borrow().stopped.as_ref().map(|why| why.to_string())
    }

    /// Returns once a restart would know that `index` is committed; an error if the disk failed.
    pub(crate) async fn committed_is_durable(&self, index: u64) -> io::Result<()> {
        self.wait(|progress| progress.committed >= Some(index)).await
    }

    /// Syncs what waits and marks a clean end. The log cannot be used afterwards.
    pub(crate) async fn close(&self) {
        self.shared.progress.modify(|progress| progress.closed = true);
        self.shared.wake.notify_one();
        let flusher = self.shared.flusher.lock().take();
        if let Some(flusher) = flusher {
            let _ = flusher.await;
        }
        let shared = Arc::clone(&self.shared);
        let closed = self.shared.work.run(move || shared.state.lock().journal.close_clean()).await;
        if let Ok(Err(error)) = closed {
            tracing::warn!(%error, "the group's log was not closed cleanly");
        }
    }

    /// Returns once everything appended so far is durable.
    pub(crate) async fn all_durable(&self) -> io::Result<()> {
        let appended = self.shared.state.lock().journal.appended().0;
        self.durable(appended).await
    }

    async fn durable(&self, position: u64) -> io::Result<()> {
        self.wait(|progress| progress.durable >= position).await
    }

    async fn wait(&self, enough: impl Fn(&Progress) -> bool) -> io::Result<()> {
        let outcome = |progress: &Progress| match &progress.stopped {
            Some(why) => Some(Err(io::Error::other(why.to_string()))),
            None => enough(progress).then_some(Ok(())),
        };
        let found = self.shared.progress.receiver().find(outcome).await;
        found.unwrap_or_else(|closed| Err(io::Error::other(closed)))
    }

    /// Changes the log and sees to it that this reaches the disk.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> io::Result<T>) -> io::Result<T> {
        let result = change(&mut self.shared.state.lock());
        self.shared.wake.notify_one();
        result
    }
}

impl Shared {
    /// Writes what waits until nothing does.
    async fn flush_all(self: &Arc<Shared>) {
        loop {
            let Some(job) = self.state.lock().journal.begin_sync() else { return };
            let Ok(done) = self.work.run(move || job.run()).await else {
                self.stop("the task that syncs the log panicked");
                return;
            };
            if !self.synced(done) {
                // The disk is full: the same is written again once there is room.
                tokio::time::sleep(ROOM_LOOK).await;
            }
            self.drop_old_segments().await;
        }
    }

    /// Takes note of how a write ended; false if it found no room.
    fn synced(&self, done: SyncDone) -> bool {
        let mut state = self.state.lock();
        match state.journal.finish_sync(done) {
            Ok(durable) => {
                let (callbacks, committed) = state.take_durable(durable.0);
                drop(state);
                self.progress.modify(|progress| {
                    progress.durable = durable.0;
                    progress.committed = progress.committed.max(committed);
                });
                complete(callbacks, || Ok(()));
                true
            }
            Err(error @ lc_journal::Error::NoRoom { .. }) => {
                tracing::warn!(%error, "the group's log waits for room on the disk");
                false
            }
            Err(error) => {
                drop(state);
                self.stop(&error.to_string());
                true
            }
        }
    }

    /// Nothing that waits will ever be durable.
    fn stop(&self, why: &str) {
        tracing::error!(why, "the group's log failed");
        let callbacks = self.state.lock().take_all(why);
        self.progress.modify(|progress| progress.stopped = Some(why.into()));
        complete(callbacks, || Err(io::Error::other(why.to_owned())));
    }

    async fn drop_old_segments(self: &Arc<Shared>) {
        let Some(before) = self.state.lock().take_droppable() else { return };
        let shared = Arc::clone(self);
        // Blocks appends for two directory changes a segment, which happens once in many thousand entries.
        let dropped = self.work.run(move || shared.state.lock().journal.truncate_before(before)).await;
        match dropped {
            // The next ones take these with them.
            Ok(Err(lc_journal::Error::Disk(error))) if error.is_full() => {
                tracing::warn!(%error, "the group's old log stays for now");
            }
            Ok(Err(error)) => self.stop(&error.to_string()),
            _ => {}
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // The flusher wakes, finds nobody, and ends.
        self.wake.notify_one();
    }
}

async fn flush(shared: Weak<Shared>, wake: Arc<Notify>) {
    loop {
        wake.notified().await;
        let Some(shared) = shared.upgrade() else { return };
        shared.flush_all().await;
        let ended = { shared.progress.borrow().closed };
        if ended {
            return;
        }
    }
}

fn complete(callbacks: Vec<IOFlushed<Types>>, outcome: impl Fn() -> io::Result<()>) {
    for callback in callbacks {
        callback.io_completed(outcome());
    }
}

/// How often it is tried again whether there is room.
const ROOM_LOOK: std::time::Duration = std::time::Duration::from_millis(500);
