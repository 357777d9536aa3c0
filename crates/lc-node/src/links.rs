//! Carries link events into the member, and time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use lc_core::NodeId;
use lc_net::{LinkEvent, Links, WanEmulation};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::mpsc;

use crate::divergence_log::DivergenceLog;
use crate::{Error, Node, control_plane};

/// The links, and what shapes them in a development world.
pub(crate) struct Wired {
    pub links: Links,
    pub wan: Option<WanEmulation>,
}

/// Starts links, the task that takes their events, and the ticking task. All end when the node stops.
pub(crate) fn start(node: &Arc<Node>) -> Result<(), Error> {
    let wan = node.config.emulation.then(|| WanEmulation::new(node.seed()));
    for (peer, shape) in &node.config.shapes {
        let address = node.known().peers.iter().find(|other| other.node_id == *peer).map(|other| other.address);
        let address = address.ok_or(Error::UnknownPeer(*peer))?;
        wan.as_ref().ok_or(Error::NoEmulation)?.set(address, *shape);
    }
    let (sender, events) = mpsc::channel(EVENTS_MAX);
    let links = Links::start(link_config(node, wan.clone())?, sender)?;
    if node.links.set(Wired { links, wan }).is_err() {
        unreachable!("links are started once, by Node::start");
    }
    tokio::spawn(take_events(node.clone(), events));
    tokio::spawn(tick(node.clone()));
    Ok(())
}

fn link_config(node: &Node, wan: Option<WanEmulation>) -> Result<lc_net::Config, Error> {
    let config = &node.config;
    let limits = lc_net::Limits {
        frame_bytes_max: lc_member::MAX_FRAME_BYTES,
        queue_bytes_max: config.link.queue_bytes_max,
        unread_bytes_max: config.link.unread_bytes_max,
        coalesce: Duration::from_micros(config.link.coalesce_us),
        ..lc_net::Limits::default()
    };
    Ok(lc_net::Config {
        cluster_id: config.cluster.clone(),
        node_id: config.node_id,
        region: config.region.clone(),
        listen: config.link.listen,
        identity: lc_net::Identity::load(
            &config.link.certificate_file,
            &config.link.key_file,
            &config.link.authority_file,
        )?,
        peers: node.known().peers.iter().map(crate::Peer::link_address).collect(),
        limits,
        wan,
        seed: node.seed(),
    })
}

async fn take_events(node: Arc<Node>, mut events: mpsc::Receiver<LinkEvent>) {
    let mut double = Double::default();
    while let Some(event) = events.recv().await {
        if node.stopping.load(Ordering::Relaxed) {
            return;
        }
        double.notice(&node, &event);
        let long = matches!(&event, LinkEvent::Frame { frame, .. } if frame.len() >= LONG_FRAME_BYTES);
        aside(long, || on_event(&node, event));
    }
}

/// What peers say of another process under this node's id, from each the last word.
///
/// Writes wait meanwhile: that process decides some too, and two writes of one name cannot both reach the others.
#[derive(Default)]
struct Double {
    said: BTreeMap<u16, String>,
}

impl Double {
    fn notice(&mut self, node: &Node, event: &LinkEvent) {
        match event {
            LinkEvent::TurnedAway { peer, reason } => {
                if self.said.insert(*peer, reason.clone()).is_none() {
                    tracing::error!(peer, %reason, "turned away; this node decides no writes meanwhile");
                }
            }
            LinkEvent::Up { peer, .. } if self.said.contains_key(peer) => {
                self.said.remove(peer);
            }
            _ => return,
        }
        let known = node.known();
        self.said.retain(|peer, _| known.peers.iter().any(|other| other.node_id == *peer));
        let why = self.said.iter().next().map(|(peer, reason)| format!("{} says: {reason}", node.region_of(*peer)));
        let why = why.or_else(|| control_plane::why_wait(node));
        node.member.write().wait_with_writes(why);
    }
}

fn on_event(node: &Node, event: LinkEvent) {
    if let LinkEvent::Frame { peer, frame, .. } = &event
        && control_plane::is_control_frame(frame)
    {
        control_plane::on_frame(node, *peer, frame);
        return;
    }
    let mut frames = Vec::new();
    let mut member = node.member.write();
    match event {
        LinkEvent::Up { peer, rtt } => {
            tracing::info!(peer, rtt_ms = rtt.as_millis() as u64, "link up");
            member.link_up(node.now(), NodeId(peer), rtt, &mut frames);
        }
        LinkEvent::Down { peer, reason } => {
            tracing::info!(peer, %reason, "link down");
            member.link_down(node.now(), NodeId(peer));
        }
        // Noticed already: as long as it lasts, the link is down.
        LinkEvent::TurnedAway { .. } => {}
        // What the member keeps of a frame stands within bounds of its own, so its room is free after this.
        LinkEvent::Frame { peer, frame, unread: _unread } => {
            if let Err(error) = member.frame(node.now(), node.wall_ms(), NodeId(peer), frame, &mut frames) {
                tracing::warn!(peer, %error, "unreadable frame from a peer, ignored");
            }
        }
    }
    node.send(frames);
    node.deliver_settled(&mut member);
    let (wants_sync, hurried) = (member.wants_sync(), member.is_hurried());
    drop(member);
    match (wants_sync, hurried) {
        (true, true) => node.wakeup.urgent(),
        (true, false) => node.wakeup.soon(),
        _ => {}
    }
}

/// Runs what may hold the member for milliseconds. A worker that does so takes no datagrams meanwhile, and those that find no
/// room in the socket are lost: so another takes its place.
fn aside<T>(long: bool, run: impl FnOnce() -> T) -> T {
    // There is nobody else on a runtime with one thread, as tests have it.
    let able = long && Handle::current().runtime_flavor() == RuntimeFlavor::MultiThread;
    if able { tokio::task::block_in_place(run) } else { run() }
}

async fn tick(node: Arc<Node>) {
    let mut every = tokio::time::interval(TICK);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut apart, mut long, mut divergence) = (false, false, DivergenceLog::default());
    while !node.stopping.load(Ordering::Relaxed) {
        every.tick().await;
        let began = node.now();
        apart = aside(long, || tick_once(&node, apart));
        // The next one will be like it.
        long = node.now().saturating_sub(began) >= LONG_TICK;
        divergence.look(&node);
    }
}

/// Lets the member know the time; answers whether the clock is apart.
fn tick_once(node: &Node, apart: bool) -> bool {
    let mut frames = Vec::new();
    let mut member = node.member.write();
    member.tick(node.now(), node.wall_ms(), &mut frames);
    let apart = tell_of_clock(apart, member.health().clock_apart());
    node.send(frames);
    node.deliver_settled(&mut member);
    let wants_sync = member.wants_sync();
    drop(member);
    if wants_sync {
        node.wakeup.soon();
    }
    apart
}

/// Tells when the clock begins or ceases to be apart; answers whether it is.
fn tell_of_clock(before: bool, apart: Option<&str>) -> bool {
    match apart {
        Some(why) if !before => tracing::error!(why, "this node takes no writes now"),
        None if before => tracing::info!("this node's clock is near those of its peers again: writes go on"),
        _ => {}
    }
    apart.is_some()
}

/// Events that wait for the member, all peers together; their frames are bounded in bytes beside that.
const EVENTS_MAX: usize = 256;
const TICK: Duration = Duration::from_millis(10);
/// To take records out of a frame of this size takes a millisecond or more.
const LONG_FRAME_BYTES: usize = 64 * 1024;
const LONG_TICK: Duration = Duration::from_millis(2);
