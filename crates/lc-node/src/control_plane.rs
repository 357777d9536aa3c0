//! The node's part of the control plane: its copy of the catalogue, kept by consensus, and what follows from it here.
//!
//! Commands of clients never wait for any of this. They go by [`Known`], which is replaced whenever the catalogue
//! changes; with no leader in reach everything stays as it was last known.

mod arrivals;
mod frames;
mod instance;
mod seat;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use lc_catalogue::{Answer, Catalogue, Change, Command, decode_answer, encode_command};
use lc_core::NodeId;
use lc_db::SessionKey;
use lc_env::Disk;
use lc_member::Outgoing;
use lc_policy::Tables;
use lc_raft::{Group, Machine};
use parking_lot::Mutex;
use tokio::sync::watch;

pub(crate) use frames::is_control_frame;
use frames::{LinkCarrier, REFUSAL_FRAME, REGISTER_FRAME, STAMP_BYTES, STAMPED_FRAME, UNFOUNDED_FRAME, refusal_frame};

use crate::{Config, Error, Node, Peer, control};

/// What the data path knows of the catalogue.
pub(crate) struct Known {
    /// The tables and their dials.
    pub tables: Arc<Tables>,
    /// The other nodes.
    pub peers: Vec<Peer>,
    /// Nodes that were taken out.
    pub left: Vec<NodeId>,
    /// How many regions there are.
    pub regions: usize,
    /// Keys of session tokens, the one that signs first.
    pub session_keys: Vec<SessionKey>,
}

impl Known {
    /// The catalogue, and the configuration where the catalogue says nothing yet.
    pub(crate) fn of(catalogue: &Catalogue, config: &Config) -> Known {
        let mut peers: Vec<Peer> = catalogue
            .nodes()
            .filter(|node| node.is_active() && node.id.0 != config.node_id)
            .filter_map(|node| {
                // Where the configuration names a peer, whoever wrote it knows where it is now.
                let configured = config.peers.iter().find(|peer| peer.node_id == node.id.0).map(|peer| peer.address);
                let address: SocketAddr = configured.or_else(|| node.address.parse().ok())?;
                Some(Peer { node_id: node.id.0, region: node.region.clone(), address })
            })
            .collect();
        // A peer that the catalogue names as left stays away, whatever an old file says.
        let unknown = |peer: &&Peer| !catalogue.nodes().any(|node| node.id.0 == peer.node_id);
        peers.extend(config.peers.iter().filter(unknown).cloned());
        let names: BTreeSet<&str> = peers.iter().map(|peer| peer.region.as_str()).collect();
        let regions = names.len() + usize::from(!names.contains(config.region.as_str()));
        let session_keys = catalogue.session_keys();
        Known {
            tables: Arc::new(catalogue.tables()),
            regions,
            left: catalogue.nodes().filter(|node| !node.is_active()).map(|node| node.id).collect(),
            session_keys: session_keys.iter().map(|key| SessionKey::new(*key.secret.bytes())).collect(),
            peers,
        }
    }

    /// The other nodes, as the member wants them.
    pub(crate) fn members(&self) -> Vec<lc_member::Peer> {
        let member = |peer: &Peer| lc_member::Peer { node: NodeId(peer.node_id), region: peer.region.clone() };
        self.peers.iter().map(member).collect()
    }
}

/// The group, and the catalogue as it was last applied here.
pub(crate) struct ControlPlane {
    group: Group,
    published: watch::Receiver<Arc<Catalogue>>,
    /// The version by which the node goes.
    followed: watch::Sender<u64>,
    links: Arc<LinkCarrier>,
    /// Tells this data directory from every other one.
    instance: u64,
    /// Peers that said that they know of no cluster either.
    unfounded: Mutex<BTreeSet<u16>>,
}

impl ControlPlane {
    /// Opens what is on disk: when it returns, everything that was decided and known here before is known again.
    pub(crate) async fn start(config: &Config, disk: Arc<dyn Disk>) -> Result<ControlPlane, Error> {
        let instance = instance::instance(disk.as_ref())?;
        let (publish, published) = watch::channel(Arc::new(Catalogue::default()));
        let machine = CatalogueMachine { catalogue: Catalogue::default(), publish };
        let links = Arc::new(LinkCarrier { instance, node: OnceLock::new() });
        let settings = lc_raft::Settings::new(config.node_id);
        let group = Group::start(settings, disk, Box::new(machine), links.clone()).await?;
        Ok(ControlPlane {
            group,
            published,
            followed: watch::Sender::new(0),
            links,
            instance,
            unfounded: Mutex::default(),
        })
    }

    /// The catalogue as this node knows it.
    pub(crate) fn catalogue(&self) -> Arc<Catalogue> {
        self.published.borrow().clone()
    }

    /// A frame of the group came. One from another data directory than the catalogue knows under this id is not the
    /// member's: it would say of a log that it lost what the member has, which stops a leader. The answer is why not.
    /// Nobody hears one whose data begins anew before it is registered.
    pub(crate) fn frame(&self, from: u16, frame: &Bytes) -> Option<Bytes> {
        match *frame.first()? {
            STAMPED_FRAME => {
                let instance = u64::from_le_bytes(frame.get(1..STAMP_BYTES)?.try_into().ok()?);
                let catalogue = self.catalogue();
                if seat::is_anothers(&catalogue, from, instance) {
                    return Some(refusal_frame(from, instance));
                }
                if seat::is_awaited(&catalogue, from) {
                    return None;
                }
                self.group.frame(from, frame.slice(STAMP_BYTES..));
            }
            _ => return None,
        }
        None
    }

    /// Proposes a change. Dropped, it may still be decided.
    pub(crate) async fn propose(&self, at_ms: u64, actor: String, change: Change) -> Result<Answer, control::Refusal> {
        let command = encode_command(&Command { at_ms, actor, change });
        let answer = self.group.propose(command).await.map_err(control::Refusal::of_group)?;
        // An answer that cannot be read says nothing about what was decided.
        let answer = decode_answer(&answer).map_err(|error| {
            control::Refusal::new(
                control::RefusalKind::Unknown,
                format!("the catalogue's answer is unreadable: {error}"),
            )
        })?;
        answer.map_err(control::Refusal::of_catalogue)
    }

    /// Returns once this node goes by at least `version` of the catalogue; after a while also if it does not.
    pub(crate) async fn wait_for(&self, version: u64) {
        let mut followed = self.followed.subscribe();
        let reached = followed.wait_for(|&followed| followed >= version);
        let _ = tokio::time::timeout(Duration::from_secs(2), reached).await;
    }

    /// Who leads and who votes, as this node knows it.
    pub(crate) fn status(&self) -> lc_raft::Status {
        self.group.status()
    }

    pub(crate) async fn stop(&self) {
        self.group.stop().await;
    }
}

/// Why a node without a write of its own takes none yet: its id may be somebody else's, who has a right to it. Once it
/// stands in the catalogue, or if there is nobody else, it never waits again.
pub(crate) fn why_wait(node: &Node) -> Option<String> {
    let control_plane = &node.control_plane;
    let known = control_plane.catalogue().node(NodeId(node.config.node_id)).and_then(|node| node.instance);
    let alone = node.config.peers.is_empty() && !node.config.joined;
    let has_written = node.member.read().last_dot().seq > 0;
    let own = known == Some(control_plane.instance);
    if alone || own || has_written && known.is_none() {
        return None;
    }
    if known.is_some() {
        return Some(
            "its data directory is a copy, or an earlier one of this node: what it wrote since may be known to others; renew the node's data (lightcone region renew-node) and start it again"
                .to_owned(),
        );
    }
    Some("its data directory is new, and the catalogue has not confirmed yet that its id is free; that takes a majority of the nodes, once".to_owned())
}

/// Starts the tasks that carry changes of the catalogue into the node, and this node into the catalogue.
pub(crate) fn follow(node: &Arc<Node>) {
    // Set once, by Node::start.
    let _ = node.control_plane.links.node.set(Arc::downgrade(node));
    tokio::spawn(apply_changes(node.clone()));
    tokio::spawn(seat::take_part(node.clone()));
    tokio::spawn(arrivals::tell(node.clone()));
}

/// Takes a frame of the control plane from a peer.
pub(crate) fn on_frame(node: &Node, from: u16, frame: &Bytes) {
    if frame.first() == Some(&REFUSAL_FRAME) {
        seat::on_refusal(node, from, frame);
    } else if frame.first() == Some(&REGISTER_FRAME) {
        seat::on_register(node, from, frame);
    } else if frame.first() == Some(&UNFOUNDED_FRAME) {
        node.control_plane.unfounded.lock().insert(from);
    } else if let Some(refusal) = node.control_plane.frame(from, frame) {
        tracing::warn!(peer = from, "a node claims an id that the catalogue knows with another data directory");
        node.send(vec![Outgoing { to: NodeId(from), frame: refusal }]);
    }
}

async fn apply_changes(node: Arc<Node>) {
    let mut published = node.control_plane.published.clone();
    published.mark_changed();
    while published.changed().await.is_ok() && !node.stopping.load(Ordering::Relaxed) {
        let catalogue = published.borrow_and_update().clone();
        apply(&node, &catalogue);
    }
}

fn apply(node: &Node, catalogue: &Catalogue) {
    let known = Arc::new(Known::of(catalogue, &node.config));
    let plain = known.tables.all_plain();
    let peers_changed = node.known().peers != known.peers;
    {
        let mut member = node.member.write();
        member.set_tables(known.tables.clone());
        member.set_peers(known.members(), known.left.clone());
        *node.known.write() = known.clone();
        node.plain.store(plain, Ordering::Relaxed);
    }
    if peers_changed
        && let Some(wired) = node.links.get()
        && let Err(error) = wired.links.set_peers(known.peers.iter().map(Peer::link_address).collect())
    {
        tracing::error!(%error, "the catalogue's nodes cannot all be linked to");
    }
    if catalogue.nodes().any(|other| other.id.0 == node.config.node_id && !other.is_active()) {
        node.member.write().refuse_writes("it was taken out of the cluster".to_owned());
    }
    follow_incarnation(node, catalogue);
    node.control_plane.followed.send_replace(catalogue.version());
}

/// Goes on as the incarnation that the catalogue knows, once it knows this data directory. Until then no write is decided
/// under a name that another directory may have used.
fn follow_incarnation(node: &Node, catalogue: &Catalogue) {
    let Some(known) = catalogue.node(NodeId(node.config.node_id)) else { return };
    let mut member = node.member.write();
    if known.incarnation <= member.incarnation() {
        return;
    }
    if known.instance != Some(node.control_plane.instance) {
        member.wait_with_writes(Some(
            "its data begins anew, and the catalogue has not confirmed this directory yet".to_owned(),
        ));
        return;
    }
    let begun = member.begin_incarnation(known.incarnation);
    match begun {
        Ok(()) => {
            tracing::info!(incarnation = known.incarnation, "this node's data begins anew");
            member.wait_with_writes(None);
        }
        Err(error) => member.refuse_writes(format!("its new incarnation could not be written: {error}")),
    }
}

impl Node {
    /// Who proposes what this node proposes, for the catalogue's history.
    pub(crate) fn actor(&self) -> String {
        format!("node {} in {}", self.config.node_id, self.config.region)
    }

    /// The control plane's own state, for operators.
    pub(crate) fn control_plane_status(&self) -> crate::status::ControlPlaneStatus {
        let status = self.control_plane.status();
        crate::status::ControlPlaneStatus {
            leader: status.leader.map(|leader| self.region_of(leader)),
            voters: status.voters.iter().map(|&voter| self.region_of(voter)).collect(),
            catalogue_version: self.control_plane.catalogue().version(),
            trouble: status.stopped.unwrap_or_default(),
        }
    }
}

/// The catalogue as consensus applies it.
struct CatalogueMachine {
    catalogue: Catalogue,
    publish: watch::Sender<Arc<Catalogue>>,
}

impl Machine for CatalogueMachine {
    fn apply(&mut self, _index: u64, command: &[u8]) -> Vec<u8> {
        self.catalogue.apply_bytes(command)
    }

    fn snapshot(&self) -> Vec<u8> {
        self.catalogue.snapshot()
    }

    fn restore(&mut self, snapshot: &[u8]) -> Result<(), String> {
        self.catalogue = Catalogue::restore(snapshot).map_err(|error| error.to_string())?;
        Ok(())
    }

    fn applied(&mut self, _index: u64) {
        let version = self.catalogue.version();
        self.publish.send_if_modified(|published| {
            let news = published.version() != version;
            if news {
                *published = Arc::new(self.catalogue.clone());
            }
            news
        });
    }
}
