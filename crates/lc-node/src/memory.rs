//! What a node's memory holds, and how much of each kind it may.

use std::sync::atomic::Ordering;

use lc_member::Snapshot;
use serde::Serialize;

use crate::Node;

/// Bytes by what they are for; every `_max` is a setting or follows from one.
#[derive(Clone, Debug, Default, Serialize)]
pub struct MemoryStatus {
    /// What the operating system says that the process has; null: unknown.
    pub resident_bytes: Option<u64>,
    /// Rows as they are on the disk.
    pub clean_rows_bytes: u64,
    /// Beyond it the least used go.
    pub clean_rows_bytes_max: u64,
    /// Changed rows that are not in the record store yet.
    pub dirty_rows_bytes: u64,
    /// Beyond it they are flushed; beyond twice that, writers wait.
    pub dirty_rows_bytes_max: u64,
    /// Journal that is not durable yet.
    pub journal_pending_bytes: u64,
    /// Beyond it own writes wait.
    pub journal_pending_bytes_max: u64,
    /// Writes that wait for room there now.
    pub writes_waiting: usize,
    /// Entries of others that wait for what they depend on.
    pub inbox_bytes: u64,
    /// Beyond it they are dropped, and sent again.
    pub inbox_bytes_max: u64,
    /// Large requests and replies of Redis clients.
    pub client_buffers_bytes: u64,
    /// Beyond it they wait, or are refused.
    pub client_buffers_bytes_max: u64,
    /// Frames that wait to be sent, all peers together.
    pub links_queued_bytes: u64,
    /// For each peer.
    pub link_queue_bytes_max: u64,
    /// Frames received and not yet dealt with, all peers together.
    pub links_unread_bytes: u64,
    /// For each peer.
    pub link_unread_bytes_max: u64,
}

/// What bounds had to stop since start.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PressureStatus {
    /// Writes that waited for the journal's disk.
    pub writes_waited: u64,
    /// Writes that were refused after such a wait.
    pub writes_refused: u64,
    /// Connections turned away because there were too many.
    pub clients_refused: u64,
    /// Clients closed or refused something, by reason.
    pub clients_stopped: Vec<(&'static str, u64)>,
}

impl Node {
    pub(crate) fn memory_status(&self, snapshot: &Snapshot, links: &[lc_net::PeerStats]) -> MemoryStatus {
        let config = &self.config;
        MemoryStatus {
            resident_bytes: resident_bytes(),
            clean_rows_bytes: snapshot.cached_bytes as u64,
            clean_rows_bytes_max: config.cache_bytes as u64,
            dirty_rows_bytes: snapshot.dirty_bytes as u64,
            dirty_rows_bytes_max: config.dirty_bytes_max as u64,
            journal_pending_bytes: snapshot.journal_pending_bytes as u64,
            journal_pending_bytes_max: config.queues.journal_pending_bytes_max as u64,
            writes_waiting: self.line.waiting(),
            inbox_bytes: snapshot.inbox_bytes as u64,
            inbox_bytes_max: config.queues.inbox_bytes_max as u64,
            client_buffers_bytes: self.clients.buffer_bytes.load(Ordering::Relaxed),
            client_buffers_bytes_max: config.client_buffers_bytes_max as u64,
            links_queued_bytes: links.iter().map(|link| link.queued_bytes as u64).sum(),
            link_queue_bytes_max: config.link.queue_bytes_max as u64,
            links_unread_bytes: links.iter().map(|link| link.unread_bytes as u64).sum(),
            link_unread_bytes_max: config.link.unread_bytes_max as u64,
        }
    }

    pub(crate) fn pressure_status(&self) -> PressureStatus {
        let clients = &self.clients;
        PressureStatus {
            writes_waited: self.line.waited.load(Ordering::Relaxed),
            writes_refused: self.line.refused.load(Ordering::Relaxed),
            clients_refused: clients.refused.load(Ordering::Relaxed),
            clients_stopped: crate::ClientExcess::ALL
                .map(|what| (what.name(), clients.exceeded[what as usize].load(Ordering::Relaxed)))
                .to_vec(),
        }
    }
}

/// As Linux counts it.
fn resident_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}

#[cfg(test)]
mod tests {
    #[test]
    #[cfg(target_os = "linux")]
    fn a_process_knows_how_large_it_is() {
        assert!(super::resident_bytes().is_some_and(|bytes| bytes > 1 << 20));
    }
}
