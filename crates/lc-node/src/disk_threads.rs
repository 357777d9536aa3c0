//! Two threads that wait for the disk, so that nobody else has to: one syncs the journal, one flushes rows.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use lc_core::Fault;
use parking_lot::{Condvar, Mutex};

use crate::Node;
use crate::mending_log::MendingLog;

/// Tells the syncing thread that there is something to do.
#[derive(Default)]
pub(crate) struct Wakeup {
    wanted: Mutex<Wanted>,
    changed: Condvar,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
enum Wanted {
    #[default]
    Nothing,
    /// Entries of peers: their origin has them durable already, so several may share a sync.
    Soon,
    /// A client waits.
    Now,
}

impl Wakeup {
    /// A client waits for a sync.
    pub(crate) fn urgent(&self) {
        self.raise(Wanted::Now);
    }

    /// Peers' entries want to become durable soon.
    pub(crate) fn soon(&self) {
        self.raise(Wanted::Soon);
    }

    fn raise(&self, wanted: Wanted) {
        let mut current = self.wanted.lock();
        if *current < wanted {
            *current = wanted;
            self.changed.notify_one();
        }
    }

    /// Waits for something to do; what is wanted soon waits a little for company.
    fn wait(&self) {
        let mut current = self.wanted.lock();
        if *current == Wanted::Nothing {
            self.changed.wait_for(&mut current, IDLE);
        }
        if *current == Wanted::Soon {
            self.changed.wait_while_for(&mut current, |wanted| *wanted < Wanted::Now, SOON);
        }
        *current = Wanted::Nothing;
    }
}

pub(crate) fn start(node: &Arc<Node>) -> Vec<JoinHandle<()>> {
    let (syncer, flusher) = (node.clone(), node.clone());
    vec![
        lc_env::spawn_thread("journal-sync", move || sync_loop(&syncer)),
        lc_env::spawn_thread("row-flush", move || flush_loop(&flusher)),
    ]
}

fn sync_loop(node: &Node) {
    loop {
        node.wakeup.wait();
        let stopping = node.stopping.load(Ordering::SeqCst);
        let mut group = 0;
        loop {
            gather(node, group);
            group = node.member.read().unsynced_entries();
            if !sync_once(node) {
                break;
            }
        }
        if stopping {
            return;
        }
    }
}

/// The clients of the last group have just been answered and most of them write again: a moment's wait lets them share
/// the next sync, where the first few would have one to themselves. A lone client never waits.
fn gather(node: &Node, last_group: usize) {
    if last_group < GATHER_FROM {
        return;
    }
    for _ in 0..GATHER_ROUNDS {
        if node.member.read().unsynced_entries() * 2 >= last_group {
            return;
        }
        lc_env::pause(GATHER_ROUND);
    }
}

/// Makes durable what was appended; answers whether there was anything.
fn sync_once(node: &Node) -> bool {
    let Some(job) = node.member.write().begin_sync() else { return false };
    let done = job.run();
    let mut frames = Vec::new();
    let mut member = node.member.write();
    let outcome = member.finish_sync(node.now(), done, &mut frames);
    if let Ok(position) = outcome {
        node.durable.send_modify(|durable| {
            durable.position = position;
            durable.full = None;
        });
    }
    node.send(frames);
    drop(member);
    match outcome {
        Ok(_) => true,
        Err(error) if error.fault() == Fault::Unavailable => {
            wait_for_room(node, &error.to_string());
            false
        }
        Err(error) => {
            node.fail(&error.to_string());
            false
        }
    }
}

/// The journal found no room: the same write is tried again, and whoever waits for it is told.
fn wait_for_room(node: &Node, why: &str) {
    node.durable.send_if_modified(|durable| {
        let news = durable.full.is_none();
        if news {
            tracing::error!(why, "the disk is full: writes wait, reads go on");
            durable.full = Some(why.to_owned());
        }
        news
    });
    if !node.stopping.load(Ordering::SeqCst) {
        lc_env::pause(ROOM_LOOK);
        node.wakeup.soon();
    }
}

fn flush_loop(node: &Node) {
    let mut said = MendingLog::default();
    while !node.stopping.load(Ordering::SeqCst) {
        lc_env::pause(FLUSH_LOOK);
        flush_once(node, false);
        said.look(node);
        truncate_once(node);
        node.forget_idle_backup();
    }
    // Without this a restart only takes longer: the journal has everything.
    flush_once(node, true);
}

fn flush_once(node: &Node, even_if_small: bool) {
    let begun = node.member.write().begin_flush(even_if_small);
    if let Some((job, position)) = begun {
        node.wakeup.urgent();
        // Waiting on a full disk would keep this thread from dropping what is not needed any more.
        let goes = wait_durable(node, position) && has_room_for(node, job.bytes());
        let done = if goes { job.run() } else { job.put_off() };
        // A binding, so that what was flushed is dropped after the lock.
        let flushed = node.member.write().finish_flush(done);
        match flushed {
            Err(error) if error.fault() == Fault::Unavailable => flush_waits(node),
            Err(error) => node.fail(&error.to_string()),
            Ok(_) => {}
        }
    }
    let dirty = node.member.read().dirty_bytes();
    node.dirty_bytes.store(dirty as u64, Ordering::Relaxed);
}

/// A commit that fails half-way leaves its files behind, so one that can be seen to fail is not begun.
fn has_room_for(node: &Node, bytes: usize) -> bool {
    let free = node.member.read().room().free_bytes;
    free.is_none_or(|free| free > (bytes as u64).saturating_add(FLUSH_ROOM_BYTES))
}

/// Waits a little, and lets the store put right what the full disk broke, if there is any room to do that.
fn flush_waits(node: &Node) {
    let free = node.member.read().room().free_bytes;
    if free.is_none_or(|free| free > FLUSH_ROOM_BYTES)
        && let Err(error) = node.store.mend()
    {
        tracing::error!(%error, "the record store is not well since the disk was full");
    }
    for _ in 0..FLUSH_WAIT_LOOKS {
        if node.stopping.load(Ordering::SeqCst) {
            return;
        }
        lc_env::pause(ROOM_LOOK);
    }
}

/// Drops what of the journal nobody needs any more.
fn truncate_once(node: &Node) {
    if (node.now().as_millis() as u64) < node.truncate_again_at.load(Ordering::Relaxed) {
        return;
    }
    let Some(job) = node.member.write().begin_truncate() else { return };
    let done = job.run();
    let outcome = node.member.write().finish_truncate(done);
    if let Err(error) = outcome {
        tracing::warn!(%error, "the journal's oldest part could not be dropped; it is tried again in a while");
        node.truncate_again_at.store(node.now().as_millis() as u64 + TRUNCATE_PAUSE_MS, Ordering::Relaxed);
    }
}

/// The store must never know of a write that the journal may still lose.
fn wait_durable(node: &Node, position: lc_journal::Position) -> bool {
    loop {
        {
            let durable = node.durable.borrow();
            if durable.position >= position {
                return true;
            }
            if durable.failed.is_some() || durable.full.is_some() {
                return false;
            }
        }
        lc_env::pause(Duration::from_millis(1));
        // The syncing thread may have left already while the node stops.
        if node.stopping.load(Ordering::SeqCst) && !sync_once(node) && node.durable.borrow().position < position {
            return false;
        }
    }
}

const GATHER_FROM: usize = 8;
const GATHER_ROUNDS: usize = 4;
const GATHER_ROUND: Duration = Duration::from_micros(20);
const IDLE: Duration = Duration::from_millis(50);
/// Company for peers' entries; acknowledgements go out every 10 ms anyway.
const SOON: Duration = Duration::from_millis(5);
/// How often it is tried again whether there is room.
const ROOM_LOOK: Duration = Duration::from_millis(200);
const TRUNCATE_PAUSE_MS: u64 = 5_000;
const FLUSH_WAIT_LOOKS: u32 = 5;
/// What a commit's tables, manifest and the store's own files take beyond the rows.
const FLUSH_ROOM_BYTES: u64 = 4 << 20;
const FLUSH_LOOK: Duration = Duration::from_millis(20);
