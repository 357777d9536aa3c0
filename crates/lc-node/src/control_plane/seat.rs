//! This node's seat in the group: how it begins, how it is written into the catalogue, and who votes.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use lc_catalogue::{
    Catalogue, Change, ClusterId, Command, Coordinates, NodeClaim, Secret, decode_command, encode_command,
};
use lc_core::NodeId;
use lc_env::{Random, RealRandom};
use lc_member::Outgoing;

use super::frames::{REGISTER_FRAME, STAMP_BYTES, UNFOUNDED_FRAME, refusal_frame};
use crate::Node;

/// Makes sure that the group exists and that this node stands in the catalogue as it is now, and if it leads, that the
/// group's members are the catalogue's nodes. Everything here can be done twice.
pub(super) async fn take_part(node: Arc<Node>) {
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
    if control_plane.catalogue().cluster().is_none() && !node.config.joined {
        // A node that heard a leader before it was taken out knows of a group, and nobody hears what it proposes.
        ask_to_register(node);
        if !found(node).await {
            return false;
        }
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
pub(super) fn on_register(node: &Node, from: u16, frame: &Bytes) {
    let Ok(Command { change: Change::RegisterNode(claim), .. }) = decode_command(&frame[1..]) else { return };
    if claim.node != NodeId(from) {
        return;
    }
    let answer = |frame| node.send(vec![Outgoing { to: NodeId(from), frame }]);
    let catalogue = node.control_plane.catalogue();
    if catalogue.cluster().is_none() {
        return answer(Bytes::from_static(&[UNFOUNDED_FRAME]));
    }
    if let Some(instance) = claim.instance.filter(|&instance| is_anothers(&catalogue, from, instance)) {
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

/// A peer says that this data directory has no right to its id. Writes under it could be mistaken for those of the
/// directory that has, so none are taken.
pub(super) fn on_refusal(node: &Node, from: u16, frame: &Bytes) {
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

/// Whether a node's id belongs to another data directory than this one.
pub(super) fn is_anothers(catalogue: &Catalogue, node: u16, instance: u64) -> bool {
    catalogue.node(NodeId(node)).and_then(|node| node.instance).is_some_and(|known| known != instance)
}

/// Whether this node's data begins anew, and its new data directory is not known yet.
pub(super) fn is_awaited(catalogue: &Catalogue, node: u16) -> bool {
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

const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_millis(1000);
