//! Links: opaque frames from node to node, in order, encrypted and compressed, over a WAN that loses, delays and cuts.
//!
//! In:    frames to send; where peers are; this node's certificate; the shape of an emulated WAN.
//! Out:   link up, link down, frames received; counters.
//! Never: what a frame means, which entries a peer lacks (lc-repl), what to do after a loss (lc-node).
//! Proof: tests/links.rs over real sockets; unit tests of each decision; examples/link_throughput.rs for numbers.
//! Start: `Links::start` in link.rs; one connection's life is session.rs; certificates are certificate.rs,
//!        who signs them authority.rs.
//!
//! For each pair of nodes the one with the smaller id dials and the other accepts, so there is one connection.

mod accept;
mod authority;
mod certificate;
mod congestion;
mod dial;
mod door_tls;
mod error;
mod fingerprint;
mod frame_stream;
mod hello;
mod inbox;
mod link;
mod moment;
mod node;
mod outbox;
mod peer;
mod random;
mod rival;
mod session;
mod signing_request;
mod tls;
mod transport;
mod wan;
mod worth;

pub use authority::Authority;
pub use certificate::{Identity, NodeCertificate, NodeName};
pub use door_tls::{DoorStream, DoorTls, VisitorStream, VisitorTls};
pub use error::{Error, SendError};
pub use fingerprint::{Fingerprint, sha256};
pub use inbox::Unread;
pub use link::{Config, Limits, LinkEvent, Links, PeerAddress, Refusals};
pub use peer::PeerStats;
pub use signing_request::SigningRequest;
pub use wan::{LinkShape, WanEmulation};
