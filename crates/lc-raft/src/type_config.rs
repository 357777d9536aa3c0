//! The types that openraft is used with here.

use std::fmt;

use bytes::Bytes;
use openraft::impls::{BoxedErrorSource, InlineBatch, OneshotResponder};
use openraft::type_config::alias;
use openraft::vote::{RaftLeaderId, leader_id_std};
use openraft::{Entry, EntryPayload, Membership, OptionalSend, RaftTypeConfig, Vote};

use crate::runtime::Runtime;

/// One leader a term, as in the Raft paper; members are known by number alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Types;

impl RaftTypeConfig for Types {
    type D = Command;
    type R = Bytes;
    type NodeId = u16;
    type Node = ();
    type Term = u64;
    type LeaderId = leader_id_std::LeaderId<u64, u16>;
    type Vote = Vote<Self::LeaderId>;
    type Payload = EntryPayload<Command, u16, ()>;
    type Entry = Entry<<Self::LeaderId as RaftLeaderId>::Committed, Self::Payload>;
    type AsyncRuntime = Runtime;
    type Responder<T>
        = OneshotResponder<Self, T>
    where
        T: OptionalSend + 'static;
    type Batch<T>
        = InlineBatch<T>
    where
        T: OptionalSend + 'static;
    type ErrorSource = BoxedErrorSource;
}

pub(crate) type LogId = alias::LogIdOf<Types>;
pub(crate) type LogEntry = alias::EntryOf<Types>;
pub(crate) type Ballot = alias::VoteOf<Types>;
pub(crate) type Members = Membership<u16, ()>;
pub(crate) type StoredMembers = alias::StoredMembershipOf<Types>;
pub(crate) type SnapshotMeta = alias::SnapshotMetaOf<Types>;
pub(crate) type Snapshot = alias::SnapshotOf<Types, Bytes>;

/// A proposed command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Command(pub(crate) Bytes);

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}
