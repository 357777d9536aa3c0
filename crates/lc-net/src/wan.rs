//! An emulated WAN under the links: delay, jitter, loss, bandwidth and cuts, below QUIC.
//!
//! Each node shapes what it sends, by the peer's listen address, so both directions of a link are shaped,
//! each by its sender. With no shape set for an address, its datagrams go straight to the socket.

mod delay_line;
mod shaped_socket;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::RwLock;

pub(crate) use shaped_socket::ShapedSocket;

/// What the path to one peer does to datagrams. The default does nothing.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct LinkShape {
    /// Added to every datagram.
    pub one_way: Duration,
    /// Up to this much more, evenly drawn, for all datagrams of a 10 ms slice. Order is kept.
    pub jitter: Duration,
    /// Chance of each datagram to vanish, 0 to 100.
    pub loss_percent: f64,
    /// The wire's rate; it queues up to 200 ms (at least 64 KiB), then drops.
    pub bandwidth_bytes_per_s: Option<u64>,
    /// Nothing gets through, neither what is sent nor what is already under way.
    pub cut: bool,
}

/// A handle on one node's emulated WAN. Cheap to clone; all clones are the same WAN.
#[derive(Clone, Debug)]
pub struct WanEmulation {
    shapes: Arc<Shapes>,
}

#[derive(Debug)]
struct Shapes {
    /// False while no address is shaped: then the table is not even looked at.
    any: AtomicBool,
    by_address: RwLock<HashMap<SocketAddr, LinkShape>>,
    seed: u64,
}

impl WanEmulation {
    /// An emulation that shapes nothing yet. `seed` fixes which datagrams are lost.
    pub fn new(seed: u64) -> WanEmulation {
        WanEmulation { shapes: Arc::new(Shapes { any: AtomicBool::new(false), by_address: RwLock::default(), seed }) }
    }

    /// Shapes what this node sends to `peer` (its listen address) from now on. The default shape ends shaping.
    pub fn set(&self, peer: SocketAddr, shape: LinkShape) {
        let mut shapes = self.shapes.by_address.write();
        if shape == LinkShape::default() {
            shapes.remove(&canonical(peer));
        } else {
            shapes.insert(canonical(peer), shape);
        }
        self.shapes.any.store(!shapes.is_empty(), Ordering::Release);
    }

    /// How `peer` is shaped now.
    pub fn shape(&self, peer: SocketAddr) -> LinkShape {
        self.shape_set(peer).unwrap_or_default()
    }

    /// Ends all shaping.
    pub fn clear(&self) {
        let mut shapes = self.shapes.by_address.write();
        shapes.clear();
        self.shapes.any.store(false, Ordering::Release);
    }

    fn shape_set(&self, peer: SocketAddr) -> Option<LinkShape> {
        if !self.shapes.any.load(Ordering::Acquire) {
            return None;
        }
        self.shapes.by_address.read().get(&canonical(peer)).copied()
    }
}

/// A dual-stack socket writes IPv4 addresses as mapped IPv6 ones.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests {
    use super::{Duration, LinkShape, Ordering, WanEmulation};

    #[test]
    fn a_mapped_address_is_the_same_peer() {
        let wan = WanEmulation::new(1);
        let shape = LinkShape { one_way: Duration::from_millis(5), ..LinkShape::default() };
        wan.set("127.0.0.1:7000".parse().unwrap(), shape);
        assert_eq!(wan.shape("[::ffff:127.0.0.1]:7000".parse().unwrap()), shape);
        assert_eq!(wan.shape("127.0.0.1:7001".parse().unwrap()), LinkShape::default());
    }

    #[test]
    fn setting_the_default_shape_takes_the_fast_way_again() {
        let wan = WanEmulation::new(1);
        let peer = "127.0.0.1:7000".parse().unwrap();
        wan.set(peer, LinkShape { cut: true, ..LinkShape::default() });
        assert!(wan.shape_set(peer).is_some());
        wan.set(peer, LinkShape::default());
        assert!(!wan.shapes.any.load(Ordering::Acquire));
        assert!(wan.shape_set(peer).is_none());
    }
}
