//! What all links of this node share.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use lc_env::{Random, RealRandom};
use parking_lot::{Mutex, RwLock};
use tokio::sync::mpsc;

use crate::certificate::NodeName;
use crate::error::Error;
use crate::link::{Limits, LinkEvent, Refusals};
use crate::moment::{self, Instant};
use crate::peer::Peer;

/// This node, as its link tasks see it.
pub(crate) struct Node {
    pub(crate) name: NodeName,
    pub(crate) cluster_id: String,
    /// Tells this process from every other one, also of this node's id; never 0.
    pub(crate) process: u64,
    pub(crate) limits: Limits,
    pub(crate) seed: u64,
    pub(crate) endpoint: quinn::Endpoint,
    pub(crate) dialling: quinn::ClientConfig,
    pub(crate) events: mpsc::Sender<LinkEvent>,
    pub(crate) peers: RwLock<HashMap<u16, Arc<Peer>>>,
    refused: Mutex<Refused>,
}

#[derive(Default)]
struct Refused {
    refusals: Refusals,
    warned: Option<Instant>,
}

impl Node {
    pub(crate) fn new(
        name: NodeName,
        cluster_id: String,
        limits: Limits,
        seed: u64,
        endpoint: quinn::Endpoint,
        dialling: quinn::ClientConfig,
        events: mpsc::Sender<LinkEvent>,
    ) -> Node {
        Node {
            name,
            cluster_id,
            process: RealRandom.u64().max(1),
            limits,
            seed,
            endpoint,
            dialling,
            events,
            peers: RwLock::default(),
            refused: Mutex::default(),
        }
    }

    /// The smaller node id dials, the other accepts: two nodes never meet half-way with two connections.
    pub(crate) fn dials(&self, peer: &NodeName) -> bool {
        self.name.node_id() < peer.node_id()
    }

    /// The peer that may open a connection with this certificate.
    pub(crate) fn expected(&self, presented: &NodeName) -> Result<Arc<Peer>, Error> {
        let peers = self.peers.read();
        let wrong = |expected: String| Err(Error::Identity { presented: presented.clone(), expected });
        match peers.get(&presented.node_id()) {
            Some(peer) if peer.name != *presented => wrong(peer.name.to_string()),
            Some(peer) if self.dials(&peer.name) => wrong("a node with a smaller id, for those dial".to_owned()),
            Some(peer) => Ok(peer.clone()),
            None => wrong("one of this node's peers".to_owned()),
        }
    }

    /// Counts a connection that was turned away, and warns, but not for each: strangers must not fill the log.
    pub(crate) fn refuse(&self, address: SocketAddr, error: &Error) {
        let mut refused = self.refused.lock();
        refused.refusals.count += 1;
        refused.refusals.last = Some(format!("{address}: {error}"));
        let now = moment::now();
        if refused.warned.is_none_or(|warned| now - warned > WARN_PAUSE) {
            refused.warned = Some(now);
            tracing::warn!(from = %address, reason = %error, count = refused.refusals.count, "connection refused");
        }
    }

    pub(crate) fn refusals(&self) -> Refusals {
        self.refused.lock().refusals.clone()
    }
}

const WARN_PAUSE: Duration = Duration::from_secs(10);
