//! What is known of one peer.

use std::collections::BTreeMap;

use lc_core::{Hlc, ReplicaId, VersionVector};

use crate::Time;
use crate::freshness::Pulses;
use crate::message::JournalState;
use crate::stream::Stream;

#[derive(Debug, Default)]
pub(crate) struct Peer {
    /// Connected; messages can be sent.
    pub up: bool,
    /// It has told what it has since it connected.
    pub greeted: bool,
    pub replica: Option<ReplicaId>,
    pub rtt: Time,
    /// What it has durably, as last told; it never shrinks, whatever order the messages come in.
    pub have: VersionVector,
    /// The highest version of the catalogue by which it said that it leaves out what it must not have.
    pub placement: u64,
    /// As last told; `None`: it does not know of records by ranges.
    pub journal: Option<JournalState>,
    pub hlc: Hlc,
    pub heard_at: Option<Time>,
    pub streams: BTreeMap<ReplicaId, Stream>,
    pub told_at: Time,
    pub pulses: Pulses,
    /// Whether its rows were ours when both had applied the same the last time; `None`: that was not seen yet.
    pub agrees: Option<bool>,
}

/// A peer as operators see it.
#[derive(Clone, PartialEq, Debug)]
pub struct PeerView {
    /// Connected and greeted.
    pub up: bool,
    /// Its replica, once it has told.
    pub replica: Option<ReplicaId>,
    /// What it has durably, as far as it told.
    pub have: VersionVector,
    /// The catalogue's version by whose placements it may lack parts of that.
    pub placement: u64,
    /// When it was last heard.
    pub heard_at: Option<Time>,
    /// Its clock when it was last heard.
    pub hlc: Hlc,
    /// Round trip, as the link measured it.
    pub rtt: Time,
    /// Bytes sent to it and not acknowledged.
    pub in_flight_bytes: usize,
    /// Whether its rows were ours when both had applied the same the last time; `None`: that was not seen yet.
    pub agrees: Option<bool>,
}

impl Peer {
    pub(crate) fn view(&self) -> PeerView {
        PeerView {
            up: self.up && self.greeted,
            replica: self.replica,
            have: self.have.clone(),
            placement: self.placement,
            heard_at: self.heard_at,
            hlc: self.hlc,
            rtt: self.rtt,
            in_flight_bytes: self.streams.values().map(Stream::in_flight_bytes).sum(),
            agrees: self.agrees,
        }
    }
}
