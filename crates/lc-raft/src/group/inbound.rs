//! Frames from other members.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use openraft::async_runtime::watch::WatchReceiver;
use openraft::raft::{AppendEntriesRequest, VoteRequest};
use parking_lot::Mutex;
use tokio::task::unconstrained;

use super::{Member, deadline};
use crate::bytes_budget::BytesBudget;
use crate::frame::{Answer, Ask, Frame, Request, Verdict};
use crate::type_config::{Ballot, Snapshot, SnapshotMeta, Types};

/// What is under way for others.
pub(super) struct Inbound {
    budget: BytesBudget,
    /// The newest proposals of each peer, so that a doubled frame does not propose twice.
    asked: Mutex<BTreeMap<u16, VecDeque<u64>>>,
}

impl Inbound {
    pub(super) fn new(bytes_max: usize) -> Inbound {
        Inbound { budget: BytesBudget::new(bytes_max), asked: Mutex::default() }
    }

    /// Whether `name` is new from that peer, as far as is remembered.
    fn is_new(&self, from: u16, name: u64) -> bool {
        let mut asked = self.asked.lock();
        let names = asked.entry(from).or_default();
        if names.contains(&name) {
            return false;
        }
        if names.len() == ASKED_MAX {
            names.pop_front();
        }
        names.push_back(name);
        true
    }
}

/// Takes a frame: an answer goes to who asked, a request is begun.
pub(super) fn take(member: &Arc<Member>, from: u16, frame: Bytes) {
    let bytes = frame.len();
    match Frame::decode(frame) {
        Ok(Frame::Answer(name, answer)) => member.wire.answered(from, name, answer),
        Ok(Frame::Request(name, request)) => begin(member, from, name, request, bytes),
        Err(error) => tracing::debug!(from, %error, "frame dropped"),
    }
}

/// Begins a request. Its first step is taken here and now, which puts it into the core's queue: so requests enter in the order in which
/// they came, and the core answers them while the next ones come.
fn begin(member: &Arc<Member>, from: u16, name: u64, request: Request, bytes: usize) {
    if !is_sound(member, from, &request) {
        tracing::debug!(from, "request dropped: it contradicts itself");
        return;
    }
    // Beyond the bound it is as good as lost: who sent it asks again.
    let Some(share) = member.inbound.budget.take(bytes) else { return };
    let member = Arc::clone(member);
    let runtime = member.runtime.clone();
    let serving = async move {
        if let Some(answer) = serve(&member, from, name, request).await {
            member.wire.send(from, &Frame::Answer(name, answer));
        }
        drop(share);
    };
    // The thread may be one of the links'.
    let _entered = runtime.enter();
    // Without a budget of steps, or the first step might end before the queue.
    let mut serving = Box::pin(unconstrained(serving));
    if (&mut serving).now_or_never().is_none() {
        runtime.spawn(serving);
    }
}

/// The answer; none if there is nothing to say, and then the peer takes its question as lost.
async fn serve(member: &Member, from: u16, name: u64, request: Request) -> Option<Answer> {
    let core = &member.core;
    match request {
        Request::Append { seq, append } => {
            let outcome = core.append_entries(append).await.ok()?;
            Some(Answer::Append { seq, outcome })
        }
        Request::Vote(request) => core.vote(request).await.ok().map(Answer::Vote),
        Request::PreVote(request) => core.pre_vote(request).await.ok().map(Answer::Vote),
        Request::Snapshot { vote, meta, data } => {
            let taken = core.install_full_snapshot(vote, Snapshot { meta, snapshot: data }).await.ok()?;
            Some(Answer::Snapshot(taken.vote))
        }
        Request::Transfer(request) => Some(Answer::Transfer(core.handle_transfer_leader(request).await.ok()?.is_ok())),
        Request::Ask { timeout_ms, ask } => serve_ask(member, from, name, timeout_ms, ask).await.map(Answer::Verdict),
    }
}

async fn serve_ask(member: &Member, from: u16, name: u64, timeout_ms: u64, ask: Ask) -> Option<Verdict> {
    if ask != Ask::Read && !member.inbound.is_new(from, name) {
        return None;
    }
    // A member that stopped leads nobody.
    Some(member.decide(ask, deadline(timeout_ms)).await.unwrap_or(Verdict::NotLeader(None)))
}

/// Whether a request is one that a member in its right mind sends in its own name. openraft trusts its peers, and so must not see others.
fn is_sound(member: &Member, from: u16, request: &Request) -> bool {
    match request {
        Request::Append { append, .. } => leads(&append.vote, from) && is_consecutive(append),
        Request::Vote(request) | Request::PreVote(request) => is_candidate(request, from),
        Request::Snapshot { vote, meta, .. } => leads(vote, from) && fits(member, vote, meta),
        Request::Transfer(request) => leads(request.from_leader(), from),
        Request::Ask { .. } => true,
    }
}

fn leads(vote: &Ballot, from: u16) -> bool {
    vote.committed && vote.leader_id.voted_for == from
}

fn is_candidate(request: &VoteRequest<Types>, from: u16) -> bool {
    !request.vote.committed && request.vote.leader_id.voted_for == from
}

fn is_consecutive(append: &AppendEntriesRequest<Types>) -> bool {
    let mut index = append.prev_log_id.map_or(0, |prev| prev.index + 1);
    let mut term = append.prev_log_id.map_or(0, |prev| prev.leader_id.term);
    for entry in &append.entries {
        if entry.log_id.index != index || entry.log_id.leader_id.term < term {
            return false;
        }
        (index, term) = (index + 1, entry.log_id.leader_id.term);
    }
    term <= append.vote.leader_id.term
}

/// A snapshot ends where its leader can have been, and not inside what is decided here.
fn fits(member: &Member, vote: &Ballot, meta: &SnapshotMeta) -> bool {
    let Some(last) = meta.last_log_id else { return false };
    let committed = member.core.metrics().borrow_watched().local_committed;
    let behind = committed.is_some_and(|committed| last > committed && last.index <= committed.index);
    last.leader_id.term <= vote.leader_id.term && !behind
}

/// Proposals of one peer that are remembered: a doubled frame comes within moments, and more than this does not come between.
const ASKED_MAX: usize = 1024;
