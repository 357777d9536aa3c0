//! Decides what to send to whom and what may be applied.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use lc_core::{Dot, Hlc, NodeId, ReplicaId, VersionVector};

use crate::Time;
use crate::freshness::{Freshness, Known};
use crate::inbox::{Arrival, Inbox};
use crate::message::{JournalState, Message, Shared};
use crate::peer::{Peer, PeerView};
use crate::stream::Stream;

/// Times and sizes.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// A peer hears what we have at least this often.
    pub heartbeat: Time,
    /// After something became durable, what we have is told within this time; several changes share a message.
    pub acknowledge_within: Time,
    /// Bytes of one stream that may be under way; 1 Gbit/s over 100 ms is 12 MB.
    pub window_bytes: usize,
    /// Bytes in one message.
    pub batch_bytes: usize,
    /// Bytes of entries that wait for others.
    pub inbox_bytes: usize,
    /// Shortest wait before another path is tried.
    pub hedge_after_min: Time,
    /// Bytes of records that are sent to all peers together in a second, and taken; 0: no limit.
    pub catch_up_bytes_per_second: u64,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            heartbeat: Time::from_millis(100),
            acknowledge_within: Time::from_millis(10),
            window_bytes: 16 << 20,
            batch_bytes: 256 << 10,
            inbox_bytes: 64 << 20,
            hedge_after_min: Time::from_millis(200),
            catch_up_bytes_per_second: 100 << 20,
        }
    }
}

/// The durable entries of this replica's journal, of every origin.
pub trait Log {
    /// Entries of `origin` with a sequence above `after` as `to` may have them, ascending without holes, up to about
    /// `max_bytes` but at least one if there is any that may go there. Gives (sequence, encoded entry).
    fn read(&self, to: NodeId, origin: ReplicaId, after: u64, max_bytes: usize) -> Vec<(u64, Bytes)>;

    /// Peers of the same audience may have the same; 0: those that may have everything.
    fn audience(&self, to: NodeId) -> u32 {
        let _ = to;
        0
    }
}

/// Digests of the rows that are here now.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Digests {
    /// Of all rows that may be everywhere or with every peer that is not in `apart`.
    pub shared: Option<u128>,
    /// Of the rows that each of these peers may have too; `None`: not known now.
    pub apart: BTreeMap<NodeId, Option<u128>>,
    /// The catalogue's version that tells who may have what.
    pub placement: u64,
}

impl Digests {
    /// Of all rows, where every peer may have all of them.
    pub fn of_all(digest: u128) -> Digests {
        Digests { shared: Some(digest), ..Digests::default() }
    }

    fn with(&self, peer: NodeId) -> Option<u128> {
        self.apart.get(&peer).copied().unwrap_or(self.shared)
    }
}

/// What happens to a replica.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "an input lives for one step and is never kept")]
pub enum Input<P> {
    /// A link came up; `rtt` as measured by it.
    Up {
        /// The peer.
        peer: NodeId,
        /// Round trip.
        rtt: Time,
    },
    /// A link went down.
    Down {
        /// The peer.
        peer: NodeId,
    },
    /// A message other than entries.
    Message {
        /// Who sent it.
        peer: NodeId,
        /// What it says.
        message: Message,
    },
    /// Entries, decoded and checked.
    Entries {
        /// Who sent them.
        peer: NodeId,
        /// The entries.
        arrivals: Vec<Arrival<P>>,
        /// The sender wants to hear at once when they are durable.
        urgent: bool,
    },
    /// A client waits until peers have this replica's entries up to `seq`.
    Hurry {
        /// The last of them.
        seq: u64,
    },
    /// A peer turned out to lack what is here: send it without waiting until it asks.
    Help {
        /// The peer.
        peer: NodeId,
        /// What it has.
        has: VersionVector,
    },
    /// Records came as state; with what was here they are all that this stands for, durably.
    Adopted {
        /// What is applied and durable from here on.
        applied: VersionVector,
    },
    /// The journal is durable up to this vector.
    Durable {
        /// What is durable here.
        durable: VersionVector,
    },
    /// Time passed. About every 20 ms.
    Tick {
        /// This replica's clock, for heartbeats.
        hlc: Hlc,
        /// What this node's wall clock shows, Unix ms, for heartbeats.
        wall_ms: u64,
        /// The digests of its rows, at what is applied now.
        digests: Digests,
    },
}

/// What a replica does about it.
#[derive(Debug, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "an output lives for one step and is never kept")]
pub enum Output<P> {
    /// Send; it may get lost.
    Send {
        /// To whom.
        to: NodeId,
        /// What.
        message: Message,
    },
    /// Apply and append to the journal, in this order.
    Apply(Arrival<P>),
    /// Tell an operator.
    Alarm(Alarm),
    /// A peer of which [`Alarm::Diverged`] was told has the same rows again.
    Agreed {
        /// The peer.
        peer: NodeId,
    },
    /// A peer told what its wall clock showed when it made a message, which took at most this long to arrive.
    Clock {
        /// Whose.
        peer: NodeId,
        /// Unix ms.
        wall_ms: u64,
        /// By this node's own clock.
        way_max: Time,
    },
}

/// Something that must not happen.
#[derive(Clone, PartialEq, Debug)]
pub enum Alarm {
    /// A peer has entries of ours that we do not have: this data directory is older than what was acknowledged.
    StaleData {
        /// Who has them.
        peer: NodeId,
        /// Our highest sequence there.
        theirs: u64,
        /// Our highest sequence here.
        ours: u64,
    },
    /// A replica's name covers two different histories.
    Forked {
        /// The entry that does not fit.
        dot: Dot,
        /// What it follows.
        prev_seq: u64,
        /// What was applied here.
        applied_seq: u64,
    },
    /// Equal vectors, different rows.
    Diverged {
        /// The other one.
        peer: NodeId,
        /// At which vector.
        at: VersionVector,
    },
}

/// The replication state of one replica.
#[derive(Debug)]
pub struct Replicator<P> {
    me: ReplicaId,
    settings: Settings,
    applied: VersionVector,
    durable: VersionVector,
    inbox: Inbox<P>,
    peers: BTreeMap<NodeId, Peer>,
    gaps: BTreeMap<ReplicaId, Gap>,
    /// Something became durable that was not told yet, since when.
    untold_since: Option<Time>,
    /// Our digest at the last tick, and at which vector it was taken.
    digest_now: Option<(VersionVector, Digests)>,
    freshness: Freshness,
    /// Own entries up to this one go out as urgent.
    hurried: u64,
    /// A peer wants to hear at once what is durable.
    tell_at_once: bool,
    hlc_now: Hlc,
    /// By which version of the catalogue entries are left incomplete here.
    placement: u64,
    journal: JournalState,
}

/// What others have and this replica lacks.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Lacks {
    /// How many entries, about.
    pub entries: u64,
    /// Nobody who can be reached has all of them in its journal any more.
    pub stranded: bool,
    /// Reachable peers that have some of it and can send records by ranges; the nearest first, those that are catching up
    /// themselves last.
    pub sources: Vec<NodeId>,
}

/// An origin of which others have more than we do.
#[derive(Debug)]
struct Gap {
    since: Time,
    at_seq: u64,
    asked: Option<(NodeId, Time)>,
    turn: usize,
}

impl<P> Replicator<P> {
    /// A replica that has `applied`, all of it durable.
    pub fn new(me: ReplicaId, applied: VersionVector, settings: Settings) -> Replicator<P> {
        Replicator {
            me,
            settings,
            durable: applied.clone(),
            applied,
            inbox: Inbox::new(settings.inbox_bytes),
            peers: BTreeMap::new(),
            gaps: BTreeMap::new(),
            untold_since: None,
            digest_now: None,
            freshness: Freshness::default(),
            hurried: 0,
            tell_at_once: false,
            hlc_now: Hlc::default(),
            placement: 0,
            journal: JournalState::default(),
        }
    }

    /// What is applied here.
    pub fn applied(&self) -> &VersionVector {
        &self.applied
    }

    /// What is durable here.
    pub fn durable(&self) -> &VersionVector {
        &self.durable
    }

    /// Bytes of entries that wait for others.
    pub fn inbox_bytes(&self) -> usize {
        self.inbox.bytes()
    }

    /// How long ago it is that nothing of what a node had acknowledged was missing here; `None`: unknown. Never too
    /// low, whatever the clocks say; up to a round trip too high.
    pub fn staleness(&self, now: Time, node: NodeId) -> Option<Time> {
        if node == self.me.node() {
            return Some(Time::ZERO);
        }
        // A node whose data was lost goes on as a new replica; what the old one wrote is all there is of it.
        let replica = self.freshness.replicas().filter(|replica| replica.node() == node).max()?;
        self.freshness.complete_until(replica).map(|at| now.saturating_sub(at))
    }

    /// Nodes known to have everything of `wanted` durably and reachable now, the nearest first.
    pub fn nodes_with(&self, wanted: &VersionVector) -> Vec<NodeId> {
        self.nearest().into_iter().filter(|node| self.peers[node].have.covers_all(wanted)).collect()
    }

    /// Nodes that can be asked, the nearest first.
    pub fn nearest(&self) -> Vec<NodeId> {
        let mut nodes: Vec<(Time, NodeId)> =
            self.peers.iter().filter(|(_, peer)| peer.up).map(|(&node, peer)| (peer.rtt, node)).collect();
        nodes.sort();
        nodes.into_iter().map(|(_, node)| node).collect()
    }

    /// The round trip to a peer, as its link measured it.
    pub fn rtt(&self, node: NodeId) -> Option<Time> {
        self.peers.get(&node).map(|peer| peer.rtt)
    }

    /// Whether a peer waits to hear what becomes durable here.
    pub fn is_hurried(&self) -> bool {
        self.tell_at_once
    }

    /// Goes on as another replica, which has decided nothing yet. Peers are greeted anew.
    pub fn begin_incarnation(&mut self, me: ReplicaId) {
        self.me = me;
        self.hurried = 0;
        for peer in self.peers.values_mut() {
            peer.greeted = false;
            peer.told_at = Time::ZERO;
            peer.streams.clear();
        }
    }

    /// What is told from here on was kept by the placements of this version of the catalogue.
    pub fn set_placement(&mut self, version: u64) {
        self.placement = version;
    }

    /// What peers are told of the journal. A pause that ends is told soon.
    pub fn set_journal(&mut self, now: Time, journal: JournalState) {
        if self.journal.paused != journal.paused {
            // The next tick tells.
            self.peers.values_mut().for_each(|peer| peer.told_at = now.saturating_sub(self.settings.heartbeat));
        }
        self.journal = journal;
    }

    /// What others in reach have, as far as they told, and this replica lacks. What only somebody out of reach has comes
    /// from there, or from whoever gets it from there.
    pub fn lacks(&self) -> Lacks {
        let mut best = VersionVector::new();
        let in_reach = |peer: &&Peer| peer.up && peer.greeted;
        self.peers.values().filter(in_reach).for_each(|peer| best.merge(&peer.have));
        let mut lacks = Lacks::default();
        for (origin, seq) in best.iter().filter(|&(origin, _)| origin != self.me) {
            let applied_seq = self.applied.get(origin);
            lacks.entries += seq.saturating_sub(applied_seq);
            lacks.stranded |= seq > applied_seq && !self.is_sendable(origin, applied_seq);
        }
        let more =
            |peer: &Peer| peer.have.iter().any(|(origin, seq)| origin != self.me && seq > self.applied.get(origin));
        lacks.sources = self.sources_that(more);
        lacks.stranded &= !lacks.sources.is_empty();
        lacks
    }

    /// Reachable peers that can send records by ranges, the nearest first; those that are catching up themselves last.
    pub fn sources(&self) -> Vec<NodeId> {
        self.sources_that(|_| true)
    }

    fn sources_that(&self, able: impl Fn(&Peer) -> bool) -> Vec<NodeId> {
        let able = self.peers.iter().filter(|(_, peer)| peer.up && peer.greeted && able(peer));
        let mut sources: Vec<(bool, Time, NodeId)> =
            able.filter_map(|(&node, peer)| Some((peer.journal.as_ref()?.paused, peer.rtt, node))).collect();
        sources.sort();
        sources.into_iter().map(|(.., node)| node).collect()
    }

    /// Whether somebody who can be reached has an origin's entries after this one.
    fn is_sendable(&self, origin: ReplicaId, after: u64) -> bool {
        self.peers
            .values()
            .filter(|peer| peer.up && peer.greeted && peer.have.get(origin) > after)
            .any(|peer| peer.journal.as_ref().is_none_or(|journal| journal.begins_after.get(origin) <= after))
    }

    /// Drops entries that wait for others and are not to be kept: they are sent again.
    pub fn retain_waiting(&mut self, keep: impl Fn(&P) -> bool) {
        self.inbox.retain(keep);
    }

    /// Forgets a node that is no peer any more.
    pub fn forget(&mut self, node: NodeId) {
        self.peers.remove(&node);
    }

    /// The peers, as far as they have been heard.
    pub fn peers(&self) -> impl Iterator<Item = (NodeId, PeerView)> + '_ {
        self.peers.iter().map(|(&node, peer)| (node, peer.view()))
    }

    /// This replica decided an entry and applied it. Not a [`Replicator::step`]: it happens at every write, and nothing
    /// follows from it before the entry is durable.
    pub fn decided(&mut self, dot: Dot) {
        self.applied.raise(dot.replica, dot.seq);
    }

    /// Advances by one input. Never blocks; `now` is the only time it knows.
    pub fn step(&mut self, now: Time, input: Input<P>, log: &dyn Log, out: &mut Vec<Output<P>>) {
        match input {
            Input::Up { peer, rtt } => self.on_up(now, peer, rtt, out),
            Input::Down { peer } => self.on_down(peer),
            Input::Message { peer, message } => self.on_message(now, peer, message, log, out),
            Input::Entries { peer, arrivals, urgent } => {
                self.tell_at_once |= urgent;
                self.on_entries(now, peer, arrivals, out);
            }
            Input::Hurry { seq } => self.hurried = self.hurried.max(seq),
            Input::Help { peer, has } => self.on_help(now, peer, &has, log, out),
            Input::Adopted { applied } => self.on_adopted(now, &applied, log, out),
            Input::Durable { durable } => self.on_durable(now, durable, log, out),
            Input::Tick { hlc, wall_ms, digests } => self.on_tick(now, (hlc, wall_ms), digests, log, out),
        }
    }

    fn on_up(&mut self, now: Time, node: NodeId, rtt: Time, out: &mut Vec<Output<P>>) {
        let peer = self.peers.entry(node).or_default();
        peer.up = true;
        peer.greeted = false;
        peer.rtt = rtt;
        peer.streams.clear();
        peer.told_at = now;
        let message = hello(self.me, &self.durable, self.placement, &self.journal);
        out.push(Output::Send { to: node, message });
    }

    fn on_down(&mut self, node: NodeId) {
        let peer = self.peers.entry(node).or_default();
        peer.up = false;
        peer.greeted = false;
        peer.streams.clear();
    }

    fn on_message(&mut self, now: Time, from: NodeId, message: Message, log: &dyn Log, out: &mut Vec<Output<P>>) {
        let Some(peer) = self.peers.get_mut(&from) else { return };
        peer.heard_at = Some(now);
        match message {
            Message::Hello { replica, durable, placement, journal } => {
                peer.placement = peer.placement.max(placement);
                peer.journal = journal;
                self.greet(now, from, replica, &durable, out);
            }
            Message::Have { replica, durable, placement, journal, applied, hlc, pulse, known } => {
                peer.placement = peer.placement.max(placement);
                peer.journal = journal.or(peer.journal.take());
                peer.hlc = peer.hlc.max(hlc);
                if let Some(made_at) = peer.pulses.heard(now, &pulse) {
                    if pulse.wall_ms > 0 {
                        let way_max = now.saturating_sub(made_at);
                        out.push(Output::Clock { peer: from, wall_ms: pulse.wall_ms, way_max });
                    }
                    self.freshness.claim(replica, durable.get(replica), made_at, &self.applied);
                    for Known { origin, seq, age_ms } in known.into_iter().filter(|known| known.origin != self.me) {
                        let at = made_at.saturating_sub(Time::from_millis(age_ms));
                        self.freshness.claim(origin, seq, at, &self.applied);
                    }
                }
                for (origin, stream) in &mut peer.streams {
                    stream.on_acked(now, durable.get(*origin));
                }
                // As good as a hello, which may have been lost.
                self.greet(now, from, replica, &durable, out);
                self.check_digest(from, applied, out);
            }
            Message::Want { origin, after } => self.on_want(now, from, origin, after),
            // Entries come decoded, as Input::Entries.
            Message::Entries { .. } => {}
        }
        self.pump(now, from, log, out);
    }

    fn greet(
        &mut self,
        now: Time,
        from: NodeId,
        replica: ReplicaId,
        durable: &VersionVector,
        out: &mut Vec<Output<P>>,
    ) {
        let (theirs, ours) = (durable.get(self.me), self.applied.get(self.me));
        if theirs > ours {
            out.push(Output::Alarm(Alarm::StaleData { peer: from, theirs, ours }));
        }
        let Some(peer) = self.peers.get_mut(&from) else { return };
        peer.replica = Some(replica);
        peer.have.merge(durable);
        // Only the first greeting of a connection starts the stream; a late one of an earlier connection finds it running.
        if !std::mem::replace(&mut peer.greeted, true) {
            peer.streams.insert(self.me, Stream::new(theirs, None, now));
        }
    }

    fn on_want(&mut self, now: Time, from: NodeId, origin: ReplicaId, after: u64) {
        let lease = now + LEASE;
        let own = origin == self.me;
        let Some(peer) = self.peers.get_mut(&from).filter(|peer| peer.greeted && !own) else { return };
        match peer.streams.get_mut(&origin) {
            Some(stream) => {
                stream.until = Some(lease);
                stream.on_acked(now, after);
            }
            None => {
                peer.streams.insert(origin, Stream::new(after, Some(lease), now));
            }
        }
    }

    /// Streams everything that a peer lacks, of every origin, for a while.
    fn on_help(&mut self, now: Time, to: NodeId, has: &VersionVector, log: &dyn Log, out: &mut Vec<Output<P>>) {
        let lacking: Vec<(ReplicaId, u64)> = self
            .durable
            .iter()
            .filter(|&(origin, seq)| origin != self.me && origin.node() != to && has.get(origin) < seq)
            .collect();
        for (origin, _) in lacking {
            self.on_want(now, to, origin, has.get(origin));
        }
        self.pump(now, to, log, out);
    }

    /// Equal vectors must come with equal digests. Each change of that is told once.
    fn check_digest(&mut self, from: NodeId, theirs: Option<Shared>, out: &mut Vec<Output<P>>) {
        if let (Some(theirs), Some((ours_at, ours))) = (theirs, &self.digest_now)
            && theirs.at == *ours_at
            && theirs.placement == ours.placement
            && let Some(digest) = ours.with(from)
            && let Some(peer) = self.peers.get_mut(&from)
        {
            let agreed = peer.agrees.replace(digest == theirs.digest);
            match (agreed, digest == theirs.digest) {
                (Some(true) | None, false) => out.push(Output::Alarm(Alarm::Diverged { peer: from, at: theirs.at })),
                (Some(false), true) => out.push(Output::Agreed { peer: from }),
                _ => {}
            }
        }
    }

    fn on_entries(&mut self, now: Time, from: NodeId, arrivals: Vec<Arrival<P>>, out: &mut Vec<Output<P>>) {
        if let Some(peer) = self.peers.get_mut(&from) {
            peer.heard_at = Some(now);
        }
        for arrival in arrivals.into_iter().filter(|arrival| arrival.dot.replica != self.me) {
            if let Err(forked) = self.inbox.offer(arrival, &self.applied) {
                let crate::inbox::Forked { dot, prev_seq, applied_seq } = forked;
                out.push(Output::Alarm(Alarm::Forked { dot, prev_seq, applied_seq }));
            }
        }
        self.deliver(out);
    }

    fn on_durable(&mut self, now: Time, durable: VersionVector, log: &dyn Log, out: &mut Vec<Output<P>>) {
        let others = durable.iter().any(|(replica, seq)| replica != self.me && seq > self.durable.get(replica));
        if others && self.untold_since.is_none() {
            self.untold_since = Some(now);
        }
        self.durable.merge(&durable);
        self.pump_all(now, log, out);
        if others && std::mem::take(&mut self.tell_at_once) {
            self.untold_since = None;
            self.tell_all(now, out);
        }
    }

    fn on_adopted(&mut self, now: Time, applied: &VersionVector, log: &dyn Log, out: &mut Vec<Output<P>>) {
        self.applied.merge(applied);
        self.durable.merge(applied);
        self.untold_since = self.untold_since.or(Some(now));
        self.deliver(out);
        self.pump_all(now, log, out);
    }

    fn deliver(&mut self, out: &mut Vec<Output<P>>) {
        let mut ready = Vec::new();
        self.inbox.deliver(&mut self.applied, &mut ready);
        self.freshness.advance(&self.applied);
        out.extend(ready.into_iter().map(Output::Apply));
    }

    /// What is durable, without waiting for the next tick.
    fn tell_all(&mut self, now: Time, out: &mut Vec<Output<P>>) {
        for (&to, peer) in self.peers.iter_mut().filter(|(_, peer)| peer.up && peer.greeted) {
            // What the wall clock shows is known at ticks only.
            let (durable, pulse) = (self.durable.clone(), peer.pulses.next(now, 0));
            let message = Message::Have {
                replica: self.me,
                durable,
                placement: self.placement,
                journal: None,
                applied: None,
                hlc: self.hlc_now,
                pulse,
                known: Vec::new(),
            };
            out.push(Output::Send { to, message });
        }
    }

    fn on_tick(
        &mut self,
        now: Time,
        (hlc, wall_ms): (Hlc, u64),
        digests: Digests,
        log: &dyn Log,
        out: &mut Vec<Output<P>>,
    ) {
        self.tell(now, (hlc, wall_ms), &digests, out);
        self.digest_now = Some((self.applied.clone(), digests));
        self.hlc_now = hlc;
        self.ask(now, out);
        for peer in self.peers.values_mut() {
            let patience = (peer.rtt * 4).max(PATIENCE_MIN);
            peer.streams.retain(|_, stream| stream.until.is_none_or(|until| until > now));
            peer.streams.values_mut().for_each(|stream| stream.check_stall(now, patience));
        }
        self.pump_all(now, log, out);
    }

    /// Tells peers what we have: soon after it grew, and as a heartbeat.
    fn tell(&mut self, now: Time, (hlc, wall_ms): (Hlc, u64), digests: &Digests, out: &mut Vec<Output<P>>) {
        let grown =
            self.untold_since.is_some_and(|since| now.saturating_sub(since) >= self.settings.acknowledge_within);
        if grown {
            self.untold_since = None;
        }
        for (&to, peer) in self.peers.iter_mut().filter(|(_, peer)| peer.up) {
            if !peer.greeted && now.saturating_sub(peer.told_at) >= self.settings.heartbeat {
                // The hello or its answer may have been lost.
                let message = hello(self.me, &self.durable, self.placement, &self.journal);
                out.push(Output::Send { to, message });
                peer.told_at = now;
                continue;
            }
            let beat = now.saturating_sub(peer.told_at) >= self.settings.heartbeat;
            if grown || beat {
                let shared = |digest| Shared { at: self.applied.clone(), digest, placement: digests.placement };
                let applied = if beat { digests.with(to).map(shared) } else { None };
                let known = if beat { self.freshness.known(now) } else { Vec::new() };
                let (durable, pulse) = (self.durable.clone(), peer.pulses.next(now, wall_ms));
                let placement = self.placement;
                let journal = beat.then(|| self.journal.clone());
                let message =
                    Message::Have { replica: self.me, durable, placement, journal, applied, hlc, pulse, known };
                out.push(Output::Send { to, message });
            }
            if beat {
                peer.told_at = now;
            }
        }
    }

    /// Asks another peer for an origin's entries that somebody has and that do not come from the origin itself.
    fn ask(&mut self, now: Time, out: &mut Vec<Output<P>>) {
        let mut best = VersionVector::new();
        for peer in self.peers.values() {
            best.merge(&peer.have);
        }
        self.gaps.retain(|origin, _| best.get(*origin) > self.applied.get(*origin));
        for (origin, seq) in best.iter() {
            if origin != self.me && seq > self.applied.get(origin) {
                self.ask_for(now, origin, out);
            }
        }
    }

    fn ask_for(&mut self, now: Time, origin: ReplicaId, out: &mut Vec<Output<P>>) {
        let applied_seq = self.applied.get(origin);
        let gap = self.gaps.entry(origin).or_insert(Gap { since: now, at_seq: applied_seq, asked: None, turn: 0 });
        let direct = self.peers.get(&origin.node()).filter(|peer| peer.greeted && peer.replica == Some(origin));
        if gap.at_seq != applied_seq {
            // It moves. Keep a running relay alive while the origin itself is silent; otherwise be content.
            gap.at_seq = applied_seq;
            gap.since = now;
            if direct.is_some() {
                return;
            }
        }
        // About two round trips of silence, then a second path; at once when the link is known to be down.
        let patience = direct.map_or(Time::ZERO, |peer| (peer.rtt * 2).max(self.settings.hedge_after_min));
        if now.saturating_sub(gap.since) < patience {
            return;
        }
        let again = match gap.asked {
            Some((_, at)) => now.saturating_sub(at) >= RENEW,
            None => true,
        };
        if !again {
            return;
        }
        let stuck = gap.asked.is_some() && now.saturating_sub(gap.since) >= STUCK;
        if stuck {
            gap.turn += 1;
            gap.since = now;
        }
        let able: Vec<NodeId> = self
            .peers
            .iter()
            .filter(|(node, peer)| **node != origin.node() && peer.greeted && peer.have.get(origin) > applied_seq)
            .map(|(&node, _)| node)
            .collect();
        if let Some(&to) = able.get(gap.turn % able.len().max(1)) {
            gap.asked = Some((to, now));
            out.push(Output::Send { to, message: Message::Want { origin, after: applied_seq } });
        }
    }

    fn pump_all(&mut self, now: Time, log: &dyn Log, out: &mut Vec<Output<P>>) {
        let mut last: Option<Batch> = None;
        for (&to, peer) in &mut self.peers {
            pump_peer(&self.durable, &self.settings, (self.me, self.hurried), now, to, peer, log, &mut last, out);
        }
    }

    fn pump(&mut self, now: Time, to: NodeId, log: &dyn Log, out: &mut Vec<Output<P>>) {
        if let Some(peer) = self.peers.get_mut(&to) {
            pump_peer(&self.durable, &self.settings, (self.me, self.hurried), now, to, peer, log, &mut None, out);
        }
    }
}

fn hello(replica: ReplicaId, durable: &VersionVector, placement: u64, journal: &JournalState) -> Message {
    Message::Hello { replica, durable: durable.clone(), placement, journal: Some(journal.clone()) }
}

/// Entries read for one peer, for the next peer that stands at the same place.
struct Batch {
    audience: u32,
    origin: ReplicaId,
    after: u64,
    last: u64,
    bytes: usize,
    entries: Arc<[Bytes]>,
}

impl Batch {
    fn read(log: &dyn Log, to: NodeId, origin: ReplicaId, after: u64, max_bytes: usize) -> Option<Batch> {
        let read = log.read(to, origin, after, max_bytes);
        let last = read.last()?.0;
        let bytes = read.iter().map(|(_, entry)| entry.len()).sum();
        Some(Batch {
            audience: log.audience(to),
            origin,
            after,
            last,
            bytes,
            entries: read.into_iter().map(|(_, entry)| entry).collect(),
        })
    }
}

/// Sends what the peer lacks, stream by stream, as far as their windows allow.
#[allow(clippy::too_many_arguments, reason = "the disjoint parts of a replicator that one peer needs")]
fn pump_peer<P>(
    durable: &VersionVector,
    settings: &Settings,
    (me, hurried): (ReplicaId, u64),
    now: Time,
    to: NodeId,
    peer: &mut Peer,
    log: &dyn Log,
    last: &mut Option<Batch>,
    out: &mut Vec<Output<P>>,
) {
    if !peer.up || !peer.greeted || peer.journal.as_ref().is_some_and(|journal| journal.paused) {
        return;
    }
    let audience = log.audience(to);
    for (&origin, stream) in &mut peer.streams {
        while stream.sent < durable.get(origin) && stream.in_flight_bytes() < settings.window_bytes {
            let fits =
                |batch: &Batch| batch.origin == origin && batch.after == stream.sent && batch.audience == audience;
            if !last.as_ref().is_some_and(fits) {
                *last = Batch::read(log, to, origin, stream.sent, settings.batch_bytes);
            }
            let Some(batch) = last else { break };
            // The last hurried entry and those before it; what follows it can wait for the next tick.
            let urgent = origin == me && stream.sent < hurried;
            stream.on_sent(now, batch.last, batch.bytes);
            out.push(Output::Send { to, message: Message::Entries { entries: batch.entries.clone(), urgent } });
        }
    }
}

/// How long a relayed stream runs without being asked again.
const LEASE: Time = Time::from_millis(1500);
/// How often a receiver asks again while it still needs the relay.
const RENEW: Time = Time::from_millis(500);
/// No progress for this long although a relay was asked: ask the next one.
const STUCK: Time = Time::from_millis(2000);
/// Shortest time before entries that were not acknowledged are sent again.
const PATIENCE_MIN: Time = Time::from_millis(1000);
