//! The node's part of the control plane: its copy of the catalogue, kept by consensus, and what follows from it here.
//!
//! Commands of clients never wait for any of this. They go by [`Known`], which is replaced whenever the catalogue
//! changes; with no leader in reach everything stays as it was last known.

mod arrivals;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use bytes::Bytes;
use lc_catalogue::{
    Answer, Catalogue, Change, ClusterId, Command, Coordinates, NodeClaim, Secret, decode_answer, decode_command,
    encode_command,
};
use lc_core::NodeId;
use lc_db::SessionKey;
use lc_env::{Disk, Random, RealRandom};
use lc_member::Outgoing;
use lc_policy::Tables;
use lc_raft::{Carrier, Group, Machine};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::links::addresses;
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
        let instance = instance(disk.as_ref())?;
        let (publish, published) = watch::channel(Arc::new(Catalogue::default()));
        let machine = CatalogueMachine { catalogue: Catalogue::default(), publish };
        let links = Arc::new(LinkCarrier { instance, node: OnceLock::new() });
        let settings = lc_raft::Settings::new(config.node_id);
        let group = Group::start(settings, disk, Box::new(machine), links.clone()).await?;
        Ok(ControlPlane { group, published, followed: watch::Sender::new(0), links, instance, unfounded: Mutex::default() })
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
                if let Some(known) = catalogue.node(NodeId(from)).and_then(|node| node.instance)
                    && known != instance
                {
                    return Some(refusal_frame(from, instance));
                }
                if is_awaited(&catalogue, from) {
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
    tokio::spawn(take_part(node.clone()));
    tokio::spawn(arrivals::tell(node.clone()));
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
        && let Err(error) = wired.links.set_peers(addresses(&known.peers))
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

/// Makes sure that the group exists and that this node stands in the catalogue as it is now, and if it leads, that the
/// group's members are the catalogue's nodes. Everything here can be done twice.
async fn take_part(node: Arc<Node>) {
    let control_plane = &node.control_plane;
    if !node.config.joined {
        begin_group(&node).await;
    }
    let (mut registered, mut pause) = (false, PAUSE_MIN);
    while !node.stopping.load(Ordering::Relaxed) {
        let known = control_plane.catalogue().node(NodeId(node.config.node_id)).and_then(|node| node.instance);
        // Whoever renewed this node's data made the catalogue forget which directory it is.
        registered &= known.is_some();
        if !registered {
            registered = register(&node).await;
        }
        if registered && control_plane.status().leader == Some(node.config.node_id) {
            match_members(&node).await;
        }
        pause = if registered { PAUSE_MAX } else { (pause * 2).min(PAUSE_MAX) };
        tokio::time::sleep(pause).await;
    }
}

/// Begins the group with the configured nodes, once most of them know of no cluster. With an empty data directory in a
/// cluster that has begun, this node may have voted before: it waits until the others have taken it out and in again.
async fn begin_group(node: &Node) {
    let control_plane = &node.control_plane;
    let members: BTreeSet<u16> =
        node.config.peers.iter().map(|peer| peer.node_id).chain([node.config.node_id]).collect();
    let mut pause = PAUSE_MIN;
    while !node.stopping.load(Ordering::Relaxed) {
        let unfounded = control_plane.unfounded.lock().intersection(&members).count() + 1;
        match control_plane.group.is_begun().await {
            Ok(true) => return,
            Ok(false) if unfounded > members.len() / 2 => {
                if let Err(error) = control_plane.group.bootstrap(&members).await {
                    tracing::error!(%error, "the control plane's group did not begin");
                }
                return;
            }
            Ok(false) => ask_to_register(node),
            Err(error) => {
                tracing::error!(%error, "the control plane's group did not begin");
                return;
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

/// Writes this node into the catalogue, and the catalogue's beginning if there is none. Answers whether it is done.
async fn register(node: &Node) -> bool {
    let control_plane = &node.control_plane;
    if control_plane.catalogue().cluster().is_none() && !node.config.joined && !found(node).await {
        return false;
    }
    let change = Change::RegisterNode(own_claim(node));
    match control_plane.propose(node.wall_ms(), node.actor(), change).await {
        Ok(answer) => {
            // What the catalogue knows of this node holds before its first write.
            control_plane.wait_for(answer.version).await;
            node.member.write().wait_with_writes(None);
            true
        }
        Err(refusal) if refusal.is_final() => {
            tracing::error!(%refusal, "the catalogue does not take this node");
            node.member.write().refuse_writes(refusal.to_string());
            true
        }
        Err(refusal) => {
            tracing::debug!(%refusal, "not in the catalogue yet");
            ask_to_register(node);
            false
        }
    }
}

/// Whoever is out of the group, because its data begins anew, hears no leader: members propose for it.
fn ask_to_register(node: &Node) {
    let change = Change::RegisterNode(own_claim(node));
    let mut frame = vec![REGISTER_FRAME];
    frame.extend_from_slice(&encode_command(&Command { at_ms: node.wall_ms(), actor: node.actor(), change }));
    let frame = Bytes::from(frame);
    let peers = node.known().peers.clone();
    node.send(peers.iter().map(|peer| Outgoing { to: NodeId(peer.node_id), frame: frame.clone() }).collect());
}

/// A node asks to be registered. Only one whose data begins anew needs that, and it speaks for itself only. It must be out
/// of the group before it comes in again, which the leader knows best.
fn on_register(node: &Node, from: u16, frame: &Bytes) {
    let Ok(Command { change: Change::RegisterNode(claim), .. }) = decode_command(&frame[1..]) else { return };
    if claim.node != NodeId(from) {
        return;
    }
    let answer = |frame| node.send(vec![Outgoing { to: NodeId(from), frame }]);
    let catalogue = node.control_plane.catalogue();
    if catalogue.cluster().is_none() {
        return answer(Bytes::from_static(&[UNFOUNDED_FRAME]));
    }
    let known = catalogue.node(NodeId(from)).and_then(|node| node.instance);
    if let Some(instance) = claim.instance.filter(|&instance| known.is_some_and(|known| known != instance)) {
        return answer(refusal_frame(from, instance));
    }
    let group = node.control_plane.status();
    let seated = group.voters.contains(&from) || group.learners.contains(&from);
    let leads = group.leader == Some(node.config.node_id);
    let Some(node) = node.control_plane.links.node.get().and_then(Weak::upgrade) else { return };
    if !is_awaited(&catalogue, from) || seated || !leads {
        return;
    }
    tokio::spawn(async move {
        let change = Change::RegisterNode(claim);
        if let Err(refusal) = node.control_plane.propose(node.wall_ms(), node.actor(), change).await {
            tracing::info!(from, %refusal, "a node whose data begins anew is not registered yet");
        }
    });
}

/// Whether this node's data begins anew, and its new data directory is not known yet.
fn is_awaited(catalogue: &Catalogue, node: u16) -> bool {
    catalogue.node(NodeId(node)).is_some_and(|node| node.incarnation > 0 && node.instance.is_none())
}

/// Proposes the cluster's beginning; the first proposal wins, whoever makes it.
async fn found(node: &Node) -> bool {
    let mut bytes = [0; 48];
    RealRandom.fill(&mut bytes);
    let (mut id, mut key) = ([0; 16], [0; 32]);
    id.copy_from_slice(&bytes[..16]);
    key.copy_from_slice(&bytes[16..]);
    let peers = node.config.peers.iter().map(|peer| NodeClaim {
        node: NodeId(peer.node_id),
        region: peer.region.clone(),
        address: peer.address.to_string(),
        incarnation: 0,
        instance: None,
        coordinates: None,
        jurisdictions: BTreeSet::new(),
    });
    let change = Change::Genesis {
        cluster: node.config.cluster.clone(),
        cluster_id: ClusterId(id),
        session_key: Secret::new(key),
        nodes: std::iter::once(own_claim(node)).chain(peers).collect(),
    };
    match node.control_plane.propose(node.wall_ms(), node.actor(), change).await {
        Ok(_) => true,
        // Somebody else was first, which is as good.
        Err(refusal) => refusal.is_final(),
    }
}

fn own_claim(node: &Node) -> NodeClaim {
    let config = &node.config;
    let coordinates = config
        .latitude
        .zip(config.longitude)
        .and_then(|(latitude, longitude)| Coordinates::of_degrees(latitude, longitude));
    NodeClaim {
        node: NodeId(config.node_id),
        region: config.region.clone(),
        address: config.link.advertised().to_string(),
        incarnation: node.member.read().incarnation(),
        instance: Some(node.control_plane.instance),
        coordinates,
        jurisdictions: config.jurisdictions.iter().cloned().collect(),
    }
}

/// The leader takes the catalogue's nodes into the group, and others out of it, one at a time.
async fn match_members(node: &Node) {
    let catalogue = node.control_plane.catalogue();
    let status = node.control_plane.status();
    // Whoever's data begins anew has forgotten its votes: it must be out before it comes in again.
    let seated = |node: &&lc_catalogue::Node| node.is_active() && !is_awaited(&catalogue, node.id.0);
    let wanted: BTreeSet<u16> = catalogue.nodes().filter(seated).map(|node| node.id.0).collect();
    if wanted.is_empty() {
        return;
    }
    for &newcomer in wanted.difference(&status.voters) {
        match node.control_plane.group.add_member(newcomer).await {
            Ok(()) => tracing::info!(newcomer, "votes in the control plane now"),
            Err(error) => tracing::info!(newcomer, %error, "does not vote in the control plane yet"),
        }
    }
    for &leaver in status.voters.union(&status.learners).filter(|id| !wanted.contains(id)) {
        match node.control_plane.group.remove_member(leaver).await {
            Ok(()) => tracing::info!(leaver, "is out of the control plane"),
            Err(error) => tracing::info!(leaver, %error, "is not out of the control plane yet"),
        }
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

/// The group's frames go over the links that everything else uses.
struct LinkCarrier {
    /// Stands before each frame, so that nobody takes another data directory's for this one's.
    instance: u64,
    node: OnceLock<Weak<Node>>,
}

impl Carrier for LinkCarrier {
    fn send(&self, to: u16, frame: Bytes) {
        // Before the links are there, frames are as good as lost, and are made again.
        if let Some(node) = self.node.get().and_then(Weak::upgrade) {
            let mut stamped = Vec::with_capacity(STAMP_BYTES + frame.len());
            stamped.push(STAMPED_FRAME);
            stamped.extend_from_slice(&self.instance.to_le_bytes());
            stamped.extend_from_slice(&frame);
            node.send(vec![Outgoing { to: NodeId(to), frame: stamped.into() }]);
        }
    }
}

/// Whether a frame is the control plane's.
pub(crate) fn is_control_frame(frame: &[u8]) -> bool {
    matches!(frame.first(), Some(&(STAMPED_FRAME | REFUSAL_FRAME | REGISTER_FRAME | UNFOUNDED_FRAME)))
}

/// Tells a node that its data directory is not the one that its id belongs to.
fn refusal_frame(node: u16, instance: u64) -> Bytes {
    let mut frame = vec![REFUSAL_FRAME];
    frame.extend_from_slice(&instance.to_le_bytes());
    frame.extend_from_slice(format!("node id {node} belongs to another data directory").as_bytes());
    frame.into()
}

/// Takes a frame of the control plane from a peer.
pub(crate) fn on_frame(node: &Node, from: u16, frame: &Bytes) {
    if frame.first() == Some(&REFUSAL_FRAME) {
        on_refusal(node, from, frame);
    } else if frame.first() == Some(&REGISTER_FRAME) {
        on_register(node, from, frame);
    } else if frame.first() == Some(&UNFOUNDED_FRAME) {
        node.control_plane.unfounded.lock().insert(from);
    } else if let Some(refusal) = node.control_plane.frame(from, frame) {
        tracing::warn!(peer = from, "a node claims an id that the catalogue knows with another data directory");
        node.send(vec![Outgoing { to: NodeId(from), frame: refusal }]);
    }
}

/// A peer says that this data directory has no right to its id. Writes under it could be mistaken for those of the
/// directory that has, so none are taken.
fn on_refusal(node: &Node, from: u16, frame: &Bytes) {
    let meant = frame.get(1..STAMP_BYTES).and_then(|bytes| bytes.try_into().ok()).map(u64::from_le_bytes);
    // It comes with every frame that this node sends; once is enough.
    if meant != Some(node.control_plane.instance) || node.refused.swap(true, Ordering::Relaxed) {
        return;
    }
    let why = format!(
        "{} says that node id {} belongs to another data directory than this one ({:016x}): start the one that has it, or let the node's \
         data begin anew (lightcone region renew-node) and start this one again",
        node.region_of(from),
        node.config.node_id,
        node.control_plane.instance
    );
    tracing::error!(why, "this node takes no writes");
    node.member.write().refuse_writes(why);
}

/// The random number of a data directory, made once. A copy of the directory, such as one put back from a backup, is
/// another directory: what the first one wrote since may be known to others.
fn instance(disk: &dyn Disk) -> Result<u64, Error> {
    let names = disk.list()?;
    if !names.iter().any(|name| name == PLACE_FILE) {
        disk.write_atomic(PLACE_FILE, PLACE_TEXT)?;
    }
    let here = disk.mark(PLACE_FILE)?;
    if names.iter().any(|name| name == INSTANCE_FILE) {
        let text = String::from_utf8_lossy(&disk.read(INSTANCE_FILE)?).trim().to_owned();
        let (instance, place) = parsed_instance(&text).ok_or(Error::Instance(text))?;
        if place == Some(here) {
            return Ok(instance);
        }
        // Without a place it was made by an earlier release, and is taken for what it says.
        if place.is_none() && names.iter().all(|name| name != PLACE_FILE) {
            disk.write_atomic(INSTANCE_FILE, format!("{instance:016x} {here:016x}\n").as_bytes())?;
            return Ok(instance);
        }
        tracing::warn!("this data directory is a copy of one that was elsewhere: it is another data directory");
    }
    let instance = RealRandom.u64();
    disk.write_atomic(INSTANCE_FILE, format!("{instance:016x} {here:016x}\n").as_bytes())?;
    Ok(instance)
}

/// The number, and the mark of the place file when it was written.
fn parsed_instance(text: &str) -> Option<(u64, Option<u64>)> {
    let mut words = text.split_whitespace().map(|word| u64::from_str_radix(word, 16));
    let instance = words.next()?.ok()?;
    let place = words.next().transpose().ok()?;
    words.next().is_none().then_some((instance, place))
}

const INSTANCE_FILE: &str = "instance";
/// Told from its copies by the file system.
const PLACE_FILE: &str = "place";
const PLACE_TEXT: &[u8] = b"This file stays where it is: a copy of it marks a copy of the data directory.\n";
/// A frame of the group, after the number of the sender's data directory.
const STAMPED_FRAME: u8 = 10;
/// Not the data directory that the id belongs to.
const REFUSAL_FRAME: u8 = 11;
/// A node asks others to propose what it says of itself: a command of the catalogue follows.
const REGISTER_FRAME: u8 = 12;
/// An answer to that: no cluster is known here.
const UNFOUNDED_FRAME: u8 = 13;
const STAMP_BYTES: usize = 9;
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_millis(1000);
