//! What replicas say to each other.

use std::sync::Arc;

use bytes::Bytes;
use lc_core::{Hlc, ReplicaId, VersionVector};

use crate::{Known, Pulse};

/// The rows that both sides of a link may have, as one of them has them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Shared {
    /// What is applied.
    pub at: VersionVector,
    /// The digest of those rows.
    pub digest: u128,
    /// The catalogue's version by which the speaker tells which rows those are; only equal ones compare.
    pub placement: u64,
}

/// What the speaker can send of its journal, and whether it wants what is in others'.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct JournalState {
    /// Of each origin, entries up to here are not in its journal any more: who lacks them needs records instead.
    pub begins_after: VersionVector,
    /// It is getting everything as records; entries would only be sent twice.
    pub paused: bool,
}

/// A message between two replicas. Any of them may be lost, doubled or late.
#[derive(Clone, PartialEq, Debug)]
pub enum Message {
    /// First on every connection: who speaks and what it has.
    Hello {
        /// The speaker.
        replica: ReplicaId,
        /// What is durable there.
        durable: VersionVector,
        /// The catalogue's version by which the speaker left out what it must not have of that.
        placement: u64,
        /// `None`: it is of a version that cannot send records by ranges.
        journal: Option<JournalState>,
    },
    /// Encoded entries of one origin, ascending without holes.
    Entries {
        /// Shared, because the same batch often goes to every peer.
        entries: Arc<[Bytes]>,
        /// A client waits until the receiver has told that it has them.
        urgent: bool,
    },
    /// What the speaker has; sent when that changes and as a heartbeat.
    Have {
        /// Who speaks; a late one of an earlier connection is as good as any.
        replica: ReplicaId,
        /// What is durable there.
        durable: VersionVector,
        /// The catalogue's version by which the speaker left out what it must not have of that.
        placement: u64,
        /// In heartbeats.
        journal: Option<JournalState>,
        /// What is applied there, with the digest of its rows; in heartbeats.
        applied: Option<Shared>,
        /// The speaker's clock.
        hlc: Hlc,
        /// When it was made, in a way that the receiver can use.
        pulse: Pulse,
        /// How far the speaker knows others; in heartbeats.
        known: Vec<Known>,
    },
    /// Please send me this origin's entries; it does not reach me. Holds for a while, so it is repeated.
    Want {
        /// Whose entries.
        origin: ReplicaId,
        /// From the one after this.
        after: u64,
    },
}
