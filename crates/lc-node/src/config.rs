//! What a node is told at start. Parsing and bounds are the binary's.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// A node's configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// 1 to 63, unique in the cluster.
    pub node_id: u16,
    /// The region this node stands in.
    pub region: String,
    /// Name of the cluster.
    pub cluster: String,
    /// Where journal and records live; used by one process at a time.
    pub data_dir: PathBuf,
    /// The link to other nodes.
    pub link: LinkConfig,
    /// The other nodes.
    pub peers: Vec<Peer>,
    /// Clean rows kept in memory, bytes.
    pub cache_bytes: usize,
    /// Changed rows in memory above which they are written to the store, bytes.
    pub dirty_bytes_max: usize,
    /// Size of a journal segment, bytes.
    pub journal_segment_bytes: u64,
    /// Clients' writes are refused while less than this is free on the disk, bytes.
    pub disk_reserve_bytes: u64,
    /// Whether anything is dropped from the journal; a region that joins later begins without what was.
    pub journal_truncate: bool,
    /// How much journal is kept for nodes that lack it, bytes.
    pub journal_retain_bytes: u64,
    /// How long journal is kept for nodes that lack it, seconds.
    pub journal_retain_s: u64,
    /// Rows looked at in a second to see whether they are what was written; 0: none.
    pub recount_rows_per_second: u64,
    /// Bytes of records sent to others that catch up in a second, and taken; 0: no limit.
    pub catch_up_bytes_per_second: u64,
    /// How much may wait for the disk, and how long.
    pub queues: Queues,
    /// How large what clients write and read may be.
    pub bounds: lc_db::Bounds,
    /// Settings of the doors, as `CONFIG GET` shows them.
    pub shown: Vec<(String, String)>,
    /// Memory for what clients send and are sent, beyond what each has of its own, bytes.
    pub client_buffers_bytes_max: usize,
    /// Connections at once.
    pub clients_max: usize,
    /// What clients must say with `AUTH`; `None`: nothing.
    pub password: Option<String>,
    /// A stamp further ahead than this is refused, ms.
    pub max_offset_ms: u64,
    /// Whether links may be shaped (development only).
    pub emulation: bool,
    /// Shapes of links from the first packet on: (peer, shape); development only.
    pub shapes: Vec<(u16, lc_net::LinkShape)>,
    /// The authority's own key, PEM: nodes that have it can admit new ones.
    pub authority_key_file: Option<PathBuf>,
    /// Where the region stands, degrees north; there if and only if the longitude is.
    pub latitude: Option<f64>,
    /// Where the region stands, degrees east.
    pub longitude: Option<f64>,
    /// Whose law the region stands under, such as `eu`.
    pub jurisdictions: Vec<String>,
    /// Whether this node was invited into a cluster that was there before; otherwise it begins one with its peers.
    pub joined: bool,
}

/// How much may wait, and how long.
#[derive(Clone, Debug)]
pub struct Queues {
    /// Own writes in the journal that are not durable yet, bytes.
    pub journal_pending_bytes_max: usize,
    /// How long a write waits for room there before it is refused; zero: not at all.
    pub journal_wait: Duration,
    /// Newest journal kept in memory for peers, bytes.
    pub journal_tail_bytes: usize,
    /// Entries of others that wait for what they depend on, bytes.
    pub inbox_bytes_max: usize,
}

/// Where a node listens for others, and who it says it is.
#[derive(Clone, Debug)]
pub struct LinkConfig {
    /// UDP address.
    pub listen: SocketAddr,
    /// Where other nodes reach it, if that is another address.
    pub advertise: Option<SocketAddr>,
    /// The node's certificate, PEM.
    pub certificate_file: PathBuf,
    /// Its key, PEM.
    pub key_file: PathBuf,
    /// The authority that all nodes' certificates come from, PEM.
    pub authority_file: PathBuf,
    /// After a flush, wait this long for more before the next one, microseconds: fewer packets against latency.
    pub coalesce_us: u64,
    /// Frames that wait to be sent to one peer, bytes.
    pub queue_bytes_max: usize,
    /// Frames of one peer that were received and not dealt with, bytes.
    pub unread_bytes_max: usize,
}

impl LinkConfig {
    /// Where other nodes reach this one.
    pub fn advertised(&self) -> SocketAddr {
        self.advertise.unwrap_or(self.listen)
    }
}

/// Another node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its id.
    pub node_id: u16,
    /// Its region.
    pub region: String,
    /// Its link address.
    pub address: SocketAddr,
}

impl Peer {
    /// What links are told of it.
    pub(crate) fn link_address(&self) -> lc_net::PeerAddress {
        lc_net::PeerAddress { node_id: self.node_id, region: self.region.clone(), addr: self.address }
    }
}
