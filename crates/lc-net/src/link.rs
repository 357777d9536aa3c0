//! All links of one node: what is configured, what happens on them, sending.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::accept::accept_all;
use crate::certificate::{Identity, NodeName};
use crate::dial::keep_dialling;
use crate::error::{Error, SendError};
use crate::hello::CLUSTER_ID_BYTES_MAX;
use crate::inbox::Unread;
use crate::node::Node;
use crate::outbox::Rejected;
use crate::peer::{Peer, PeerStats, Turn};
use crate::tls::Tls;
use crate::transport;
use crate::wan::WanEmulation;

/// Where a peer is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PeerAddress {
    /// Its node id.
    pub node_id: u16,
    /// Its region; its certificate must say the same.
    pub region: String,
    /// Where it listens for links (UDP).
    pub addr: SocketAddr,
}

/// What links need to start.
#[derive(Debug)]
pub struct Config {
    /// Only nodes of the same cluster link up; at most 128 bytes.
    pub cluster_id: String,
    /// This node's id; its certificate must say the same.
    pub node_id: u16,
    /// This node's region; its certificate must say the same.
    pub region: String,
    /// Where to listen (UDP). The same socket dials, so peers see this address as the source.
    pub listen: SocketAddr,
    /// This node's certificate and key, and whom it trusts.
    pub identity: Identity,
    /// All other nodes; [`Links::set_peers`] changes them later.
    pub peers: Vec<PeerAddress>,
    /// Bounds and timers.
    pub limits: Limits,
    /// The emulated WAN under the links, or none.
    pub wan: Option<WanEmulation>,
    /// Spreads redialling; different for each node.
    pub seed: u64,
}

/// Bounds and timers of every link.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Largest frame, checked before sending and again before receiving.
    pub frame_bytes_max: usize,
    /// Most that waits for one peer, 64 bytes per frame included.
    pub queue_bytes_max: usize,
    /// Most of one peer's frames that were received and not dealt with, 64 bytes per frame included; beyond it nothing more is read
    /// from that peer.
    pub unread_bytes_max: usize,
    /// Least time between two flushes; frames that come in between share a packet. A lone frame goes at once.
    pub coalesce: Duration,
    /// Silence after which a connection is given up.
    pub idle_timeout: Duration,
    /// Silence after which a sign of life is sent. A link is alive if one came within three of these.
    pub keep_alive: Duration,
    /// How long one attempt to connect may take.
    pub dial_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            frame_bytes_max: 16 * 1024 * 1024,
            queue_bytes_max: 32 * 1024 * 1024,
            unread_bytes_max: 16 * 1024 * 1024,
            coalesce: Duration::from_millis(1),
            // With the doubling of QUIC's repeats, no two signs of life are then further apart than 2 s.
            idle_timeout: Duration::from_secs(4),
            // Members speak more often than this, so it costs nothing between them.
            keep_alive: Duration::from_millis(300),
            dial_timeout: Duration::from_secs(3),
        }
    }
}

/// What happens on links. For each peer `Up`, frames and `Down` take turns in this order; `TurnedAway` comes in between
/// `Down` and `Up`.
#[derive(Debug)]
pub enum LinkEvent {
    /// Frames can be sent. Whatever was sent before an earlier `Down` may be lost.
    Up {
        /// The peer's node id.
        peer: u16,
        /// The round trip of the handshake.
        rtt: Duration,
    },
    /// The link is gone, and so are frames that the peer has not received. It is redialled without being asked.
    Down {
        /// The peer's node id.
        peer: u16,
        /// For people.
        reason: String,
    },
    /// The peer has a link with another process of this node's id, which lives; it is redialled without being asked. Comes
    /// while the link is down, again and again; the next `Up` of this peer says that it is over.
    TurnedAway {
        /// The peer's node id.
        peer: u16,
        /// In the peer's words.
        reason: String,
    },
    /// A frame, in the order in which the peer sent them.
    Frame {
        /// The peer's node id.
        peer: u16,
        /// As the peer sent it.
        frame: Bytes,
        /// The room that it takes until it has been dealt with.
        unread: Unread,
    },
}

/// Connections that were turned away.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Refusals {
    /// How many.
    pub count: u64,
    /// From where and why, the last one.
    pub last: Option<String>,
}

/// The links of one node. For each pair of nodes the one with the smaller id dials and the other accepts, so there
/// is one connection. Dropping it ends all links at once; [`Links::close`] also waits until peers were told.
pub struct Links {
    node: Arc<Node>,
}

impl Links {
    /// Starts listening and dialling. Must be called inside a tokio runtime.
    ///
    /// `events` is waited for when it is full, or when a peer's frames in it and in its receiver's hands reach
    /// `unread_bytes_max`: peers are then held back by QUIC's window. Behind it QUIC holds up to 38 MiB per peer. It ends when
    /// `Links` is dropped.
    ///
    /// # Errors
    /// `Setting`, `RegionName`, `Certificate` or `Identity` if the configuration contradicts itself;
    /// `Listen` if the address is taken.
    pub fn start(config: Config, events: mpsc::Sender<LinkEvent>) -> Result<Links, Error> {
        config.limits.check()?;
        let name = NodeName::new(&config.region, config.node_id)?;
        check_identity(&config, &name)?;
        let tls = Tls::new(&config.identity)?;
        let transport = transport::transport_config(&config.limits)?;
        let endpoint = transport::endpoint(config.listen, &tls, &transport, config.wan.as_ref())?;
        let dialling = transport::client_config(&tls, &transport);
        let node = Node::new(name, config.cluster_id, config.limits, config.seed, endpoint, dialling, events);
        let links = Links { node: Arc::new(node) };
        links.set_peers(config.peers)?;
        tokio::spawn(accept_all(links.node.clone()));
        Ok(links)
    }

    /// Makes `peers` the peers. Links to those that stay in their region stay up, also if their address is another now: it
    /// is dialled when the link is lost. Others are ended, started, or started anew.
    ///
    /// # Errors
    /// `Setting` or `RegionName` if an entry is wrong; then nothing changes.
    pub fn set_peers(&self, peers: Vec<PeerAddress>) -> Result<(), Error> {
        let mut wanted = HashMap::new();
        for address in peers {
            let name = NodeName::new(&address.region, address.node_id)?;
            let id = address.node_id;
            if id == self.node.name.node_id() || wanted.insert(id, (address, name)).is_some() {
                return Err(setting("peers", format!("node id {id} is used twice")));
            }
        }
        let mut turns = HashMap::new();
        let mut current = self.node.peers.write();
        current.retain(|id, peer| {
            let stays = wanted.get(id).filter(|(_, name)| *name == peer.name);
            match stays {
                Some((address, _)) => peer.move_to(address.addr),
                None => {
                    peer.stop();
                    turns.insert(*id, peer.turn.clone());
                }
            }
            stays.is_some()
        });
        for (id, (address, name)) in wanted {
            let turn = turns.remove(&id).unwrap_or_default();
            current.entry(id).or_insert_with(|| self.begin(address, name, turn));
        }
        Ok(())
    }

    fn begin(&self, address: PeerAddress, name: NodeName, turn: Turn) -> Arc<Peer> {
        let peer = Arc::new(Peer::new(address, name, &self.node.limits, turn));
        if self.node.dials(&peer.name) {
            tokio::spawn(keep_dialling(self.node.clone(), peer.clone()));
        }
        peer
    }

    /// Queues a frame for `peer`; never waits.
    ///
    /// An accepted frame arrives, after all accepted before it, unless the link goes down first.
    ///
    /// # Errors
    /// See [`SendError`]; nothing of the frame was sent.
    pub fn send(&self, peer: u16, frame: Bytes) -> Result<(), SendError> {
        let limits = &self.node.limits;
        if frame.len() > limits.frame_bytes_max {
            return Err(SendError::TooLarge { frame_bytes: frame.len(), limit_bytes: limits.frame_bytes_max });
        }
        let peers = self.node.peers.read();
        let known = peers.get(&peer).ok_or(SendError::UnknownPeer { peer })?;
        known.outbox.push(frame).map_err(|rejected| match rejected {
            Rejected::Shut => SendError::Down { peer },
            Rejected::Full { queued_bytes } => {
                SendError::Full { peer, queued_bytes, limit_bytes: limits.queue_bytes_max }
            }
        })
    }

    /// Bytes accepted for `peer` and not yet handed to the transport; 0 for an unknown one.
    pub fn queued_bytes(&self, peer: u16) -> usize {
        self.node.peers.read().get(&peer).map_or(0, |peer| peer.outbox.queued_bytes())
    }

    /// Every peer's counters, by node id.
    pub fn stats(&self) -> Vec<PeerStats> {
        let mut stats: Vec<PeerStats> = self.node.peers.read().values().map(|peer| peer.stats()).collect();
        stats.sort_by_key(|peer| peer.node_id);
        stats
    }

    /// Connections turned away since the start: strangers, wrong certificates, other clusters.
    pub fn refusals(&self) -> Refusals {
        self.node.refusals()
    }

    /// Where this node listens; tells the port when it was asked for as 0.
    ///
    /// # Errors
    /// `Listen` if the socket is gone.
    pub fn local_addr(&self) -> Result<SocketAddr, Error> {
        self.node.endpoint.local_addr().map_err(|source| Error::Listen { address: ([0, 0, 0, 0], 0).into(), source })
    }

    /// Ends all links and tells the peers so, waiting half a second at most. Frames still queued are dropped.
    /// Safe to drop: the links are ended by then.
    pub async fn close(&self) {
        self.end();
        // Past this time a silent peer finds out by itself.
        let _ = timeout(CLOSE_WAIT, self.node.endpoint.wait_idle()).await;
    }

    fn end(&self) {
        for peer in self.node.peers.read().values() {
            peer.stop();
        }
        self.node.endpoint.close(0_u32.into(), b"this node is closing");
    }
}

impl Drop for Links {
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Debug for Links {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Links of {}", self.node.name)
    }
}

impl Limits {
    fn check(&self) -> Result<(), Error> {
        let frame_max = u32::MAX as usize / 2;
        if self.frame_bytes_max == 0 || self.frame_bytes_max > frame_max {
            return Err(setting("frame_bytes_max", format!("must be 1 to {frame_max}")));
        }
        if self.queue_bytes_max < self.frame_bytes_max {
            return Err(setting("queue_bytes_max", "must hold at least one frame of frame_bytes_max".to_owned()));
        }
        if self.unread_bytes_max == 0 || self.unread_bytes_max > frame_max {
            return Err(setting("unread_bytes_max", format!("must be 1 to {frame_max}")));
        }
        if self.coalesce > Duration::from_secs(1) {
            return Err(setting("coalesce", "must be at most 1 s".to_owned()));
        }
        if self.keep_alive.is_zero() || self.keep_alive * 2 > self.idle_timeout {
            return Err(setting("keep_alive", "must be above 0 and at most half of idle_timeout".to_owned()));
        }
        if self.dial_timeout < Duration::from_millis(100) {
            return Err(setting("dial_timeout", "must be at least 100 ms".to_owned()));
        }
        Ok(())
    }
}

fn check_identity(config: &Config, name: &NodeName) -> Result<(), Error> {
    if config.cluster_id.is_empty() || config.cluster_id.len() > CLUSTER_ID_BYTES_MAX {
        return Err(setting("cluster_id", format!("must have 1 to {CLUSTER_ID_BYTES_MAX} bytes")));
    }
    if config.identity.name() != name {
        return Err(Error::Identity {
            presented: config.identity.name().clone(),
            expected: format!("this node, {name}"),
        });
    }
    Ok(())
}

fn setting(setting: &'static str, reason: String) -> Error {
    Error::Setting { setting, reason }
}

const CLOSE_WAIT: Duration = Duration::from_millis(500);
