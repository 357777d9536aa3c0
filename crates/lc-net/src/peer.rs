//! One peer as this node sees it: where it is, whether its link is up, what has gone over it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::certificate::NodeName;
use crate::error::Error;
use crate::inbox::Inbox;
use crate::link::{Limits, PeerAddress};
use crate::moment::{self, Instant};
use crate::outbox::Outbox;

/// A link's counters, since this node started; for metrics.
#[derive(Clone, PartialEq, Debug)]
pub struct PeerStats {
    /// The peer's node id.
    pub node_id: u16,
    /// The peer's region.
    pub region: String,
    /// The peer's address.
    pub addr: SocketAddr,
    /// Whether frames flow now.
    pub up: bool,
    /// The newest link protocol that both speak, as of the last connection; 0: none came about since this node started.
    pub version: u32,
    /// How long the link has been as it is.
    pub unchanged_for: Duration,
    /// How often the link came up.
    pub connects: u64,
    /// Why the link is down, or why it last failed; `None` if it never did.
    pub last_error: Option<String>,
    /// The round trip now, if up.
    pub rtt: Option<Duration>,
    /// UDP payload sent, in bytes, acknowledgements and handshakes included.
    pub wire_sent_bytes: u64,
    /// UDP payload received, in bytes.
    pub wire_received_bytes: u64,
    /// UDP datagrams sent.
    pub wire_sent_packets: u64,
    /// UDP datagrams received.
    pub wire_received_packets: u64,
    /// Packets that QUIC found lost on the way to the peer.
    pub lost_packets: u64,
    /// Frames handed to the transport.
    pub sent_frames: u64,
    /// Frames received.
    pub received_frames: u64,
    /// Bytes of those sent frames, before compression.
    pub sent_raw_bytes: u64,
    /// Bytes of those received frames, after decompression.
    pub received_raw_bytes: u64,
    /// What sent frames became, before QUIC.
    pub sent_compressed_bytes: u64,
    /// What received frames were, after QUIC.
    pub received_compressed_bytes: u64,
    /// Bursts that frames were sent in.
    pub flushes: u64,
    /// Frames accepted and not yet handed to the transport, in bytes.
    pub queued_bytes: usize,
    /// Frames received and not yet dealt with, in bytes.
    pub unread_bytes: usize,
}

/// The right to carry frames to one node id.
pub(crate) type Turn = Arc<tokio::sync::Mutex<()>>;

/// What outlives a connection.
pub(crate) struct Peer {
    pub(crate) node_id: u16,
    pub(crate) name: NodeName,
    pub(crate) outbox: Outbox,
    pub(crate) inbox: Inbox,
    pub(crate) counters: Counters,
    /// Held by the one connection that carries frames, so that `Down` comes before the next `Up`.
    /// Shared with the peer's successor when its region changes.
    pub(crate) turn: Turn,
    addr: watch::Sender<SocketAddr>,
    state: Mutex<State>,
    stop: watch::Sender<bool>,
}

#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) sent_frames: AtomicU64,
    pub(crate) received_frames: AtomicU64,
    pub(crate) sent_raw_bytes: AtomicU64,
    pub(crate) received_raw_bytes: AtomicU64,
    pub(crate) sent_compressed_bytes: AtomicU64,
    pub(crate) received_compressed_bytes: AtomicU64,
    pub(crate) flushes: AtomicU64,
}

/// A connection of the peer, and which of its processes is at the other end.
#[derive(Clone)]
pub(crate) struct Present {
    pub(crate) connection: quinn::Connection,
    /// 0: it did not say.
    pub(crate) process: u64,
    /// The newest link protocol that both ends speak.
    pub(crate) version: u32,
}

struct State {
    /// The newest connection that was let in; it may still wait for its turn.
    newest: Option<Present>,
    /// Processes of the peer that were let in, the first one first.
    processes: Vec<u64>,
    /// Of the newest connection that was let in; 0: there was none.
    version: u32,
    /// The connection that carries frames.
    carrying: Option<quinn::Connection>,
    since: Instant,
    connects: u64,
    last_error: Option<String>,
    /// What connections of the past have sent and received.
    past: Wire,
}

/// What QUIC counts.
#[derive(Clone, Copy, Default)]
struct Wire {
    sent_bytes: u64,
    received_bytes: u64,
    sent_packets: u64,
    received_packets: u64,
    lost_packets: u64,
}

impl Peer {
    pub(crate) fn new(address: PeerAddress, name: NodeName, limits: &Limits, turn: Turn) -> Peer {
        Peer {
            node_id: address.node_id,
            addr: watch::Sender::new(address.addr),
            name,
            outbox: Outbox::new(limits.queue_bytes_max),
            inbox: Inbox::new(limits.unread_bytes_max),
            counters: Counters::default(),
            turn,
            state: Mutex::new(State {
                newest: None,
                processes: Vec::new(),
                version: 0,
                carrying: None,
                since: moment::now(),
                connects: 0,
                last_error: None,
                past: Wire::default(),
            }),
            stop: watch::Sender::new(false),
        }
    }

    /// Where it is to be dialled.
    pub(crate) fn addr(&self) -> SocketAddr {
        *self.addr.borrow()
    }

    /// It is dialled there from now on. A link that lives goes on: whoever holds it is the peer.
    pub(crate) fn move_to(&self, addr: SocketAddr) {
        self.addr.send_if_modified(|known| std::mem::replace(known, addr) != addr);
    }

    /// Waits until the address is another than at the call. Safe to drop.
    pub(crate) fn moved(&self) -> impl Future<Output = ()> + use<> {
        let mut addr = self.addr.subscribe();
        async move {
            if addr.changed().await.is_err() {
                // The peer is gone, and so is whoever dials it.
                std::future::pending().await
            }
        }
    }

    /// A connection takes the place of any other; one that waited in between finds itself closed. But not the place of
    /// another process that may be alive and was not let in later: the answer is then that rival, for the caller to find
    /// out whether it lives.
    /// `silent` is a rival that was found to be silent.
    pub(crate) fn take_over(&self, newcomer: &Present, silent: Option<&Present>) -> Result<(), Present> {
        let mut state = self.state.lock();
        if let Some(present) = &state.newest {
            let found_silent = silent.is_some_and(|silent| silent.is(present));
            if !found_silent && !newcomer.succeeds(present) && !state.was_first(newcomer, present) {
                return Err(present.clone());
            }
        }
        state.remember(newcomer.process);
        state.version = newcomer.version;
        let older = state.newest.replace(newcomer.clone());
        drop(state);
        if let Some(older) = older {
            older.connection.close(CLOSE_REPLACED.into(), b"replaced by a newer connection");
        }
        Ok(())
    }

    /// From now on `connection` carries frames.
    pub(crate) fn go_up(&self, connection: &quinn::Connection) {
        let mut state = self.state.lock();
        state.carrying = Some(connection.clone());
        state.since = moment::now();
        state.connects += 1;
        drop(state);
        self.outbox.open();
    }

    /// Nothing carries frames any more.
    pub(crate) fn go_down(&self, error: &Error) {
        self.outbox.shut();
        let mut state = self.state.lock();
        if let Some(connection) = state.carrying.take() {
            state.past.add(&connection.stats());
            // Kept if it is another: one that waits for its turn.
            state.newest.take_if(|newest| newest.connection.stable_id() == connection.stable_id());
        }
        state.since = moment::now();
        state.last_error = Some(error.to_string());
    }

    /// Keeps why no link came about; true if that is news.
    pub(crate) fn note_failure(&self, error: &Error) -> bool {
        let text = error.to_string();
        let mut state = self.state.lock();
        let news = state.last_error.as_ref() != Some(&text);
        state.last_error = Some(text);
        news
    }

    pub(crate) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Waits until `stop` was called. Safe to drop.
    pub(crate) async fn stopped(&self) {
        // An error would mean that the sender is gone, and `self` holds it.
        let _ = self.stop.subscribe().wait_for(|stop| *stop).await;
    }

    pub(crate) fn stats(&self) -> PeerStats {
        let state = self.state.lock();
        let mut wire = state.past;
        if let Some(connection) = &state.carrying {
            wire.add(&connection.stats());
        }
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counters = &self.counters;
        PeerStats {
            node_id: self.node_id,
            region: self.name.region().to_owned(),
            addr: self.addr(),
            up: state.carrying.is_some(),
            version: state.version,
            unchanged_for: moment::now().saturating_duration_since(state.since),
            connects: state.connects,
            last_error: state.last_error.clone(),
            rtt: state.carrying.as_ref().map(quinn::Connection::rtt),
            wire_sent_bytes: wire.sent_bytes,
            wire_received_bytes: wire.received_bytes,
            wire_sent_packets: wire.sent_packets,
            wire_received_packets: wire.received_packets,
            lost_packets: wire.lost_packets,
            sent_frames: count(&counters.sent_frames),
            received_frames: count(&counters.received_frames),
            sent_raw_bytes: count(&counters.sent_raw_bytes),
            received_raw_bytes: count(&counters.received_raw_bytes),
            sent_compressed_bytes: count(&counters.sent_compressed_bytes),
            received_compressed_bytes: count(&counters.received_compressed_bytes),
            flushes: count(&counters.flushes),
            queued_bytes: self.outbox.queued_bytes(),
            unread_bytes: self.inbox.unread_bytes(),
        }
    }
}

impl State {
    /// Whether the newcomer's process was let in before the other's, which then came in while the first was not heard:
    /// both live, and the first one is the one that runs.
    fn was_first(&self, newcomer: &Present, present: &Present) -> bool {
        let rank = |process: u64| self.processes.iter().position(|known| *known == process);
        rank(newcomer.process).is_some_and(|first| rank(present.process).is_none_or(|second| first < second))
    }

    fn remember(&mut self, process: u64) {
        if process == 0 || self.processes.contains(&process) {
            return;
        }
        if self.processes.len() == PROCESSES_MAX {
            self.processes.remove(0);
        }
        self.processes.push(process);
    }
}

impl Present {
    fn is(&self, other: &Present) -> bool {
        self.connection.stable_id() == other.connection.stable_id()
    }

    /// Whether it is clear without looking for life that this connection takes the other's place: the other has ended, or
    /// it is of the same process, or the same socket address, which two living processes cannot both have.
    fn succeeds(&self, other: &Present) -> bool {
        let same_process = self.process != 0 && self.process == other.process;
        same_process
            || other.connection.close_reason().is_some()
            || self.connection.remote_address() == other.connection.remote_address()
    }
}

impl Counters {
    pub(crate) fn count(counter: &AtomicU64, more: usize) {
        counter.fetch_add(more as u64, Ordering::Relaxed);
    }
}

impl Wire {
    fn add(&mut self, stats: &quinn::ConnectionStats) {
        self.sent_bytes += stats.udp_tx.bytes;
        self.received_bytes += stats.udp_rx.bytes;
        self.sent_packets += stats.udp_tx.datagrams;
        self.received_packets += stats.udp_rx.datagrams;
        self.lost_packets += stats.path.lost_packets;
    }
}

const CLOSE_REPLACED: u32 = 3;
/// One that ended so many restarts ago is not alive.
const PROCESSES_MAX: usize = 8;
