//! What only the leader can do: here if this member leads, through the leader otherwise.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use lc_core::wire::{Reader, put_varint};
use openraft::async_runtime::watch::WatchReceiver;
use openraft::errors::{
    ChangeMembershipError, ClientWriteError, ForwardReason, ForwardToLeader, LinearizableReadError, RaftError,
};
use openraft::type_config::TypeConfigExt;
use openraft::{ChangeMembers, ReadPolicy};

use super::{Instant, Left, Member};
use crate::Error;
use crate::frame::{Answer, Ask, Request, Verdict};
use crate::type_config::{Command, Types};

impl Member {
    /// One attempt with whoever seems to lead: `hint` if somebody else said so.
    ///
    /// # Errors
    /// [`Error::Stopped`] if this member stopped.
    pub(super) async fn ask_once(&self, hint: Option<u16>, ask: &Ask, deadline: Instant) -> Result<Verdict, Error> {
        match hint.or_else(|| self.leader()) {
            Some(leader) if leader == self.settings.me => self.decide(ask.clone(), deadline).await,
            Some(leader) => Ok(self.forward(leader, ask, deadline).await),
            None => self.running().map(|()| Verdict::NotLeader(None)),
        }
    }

    /// Does it here, if this member leads.
    ///
    /// # Errors
    /// [`Error::Stopped`].
    pub(super) async fn decide(&self, ask: Ask, deadline: Instant) -> Result<Verdict, Error> {
        let left = deadline.saturating_duration_since_now();
        // What was handed to the core cannot be taken back; a question can.
        let late = if ask == Ask::Read { Verdict::NoQuorum } else { Verdict::Unknown };
        let decided = async {
            match ask {
                Ask::Propose(command) => self.propose_here(command).await,
                Ask::Read => self.read_here(left).await,
                Ask::Add(node) => self.add_here(node).await,
                Ask::Remove(node) => self.remove_here(node).await,
            }
        };
        Types::timeout(left, decided).await.unwrap_or(Ok(late))
    }

    async fn forward(&self, leader: u16, ask: &Ask, deadline: Instant) -> Verdict {
        let left = deadline.saturating_duration_since_now();
        // Asking twice where to read harms nobody, so a lost frame need not cost the whole time.
        let (timeout, silent) = match ask {
            Ask::Read => (left.min(Duration::from_millis(self.settings.answer_timeout_ms)), Verdict::NoQuorum),
            Ask::Propose(_) | Ask::Add(_) | Ask::Remove(_) => (left, Verdict::Unknown),
        };
        let mut call = self.wire.call(leader, 1);
        let timeout_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        call.send(Request::Ask { timeout_ms, ask: ask.clone() });
        let answer = async {
            tokio::select! {
                biased;
                answer = call.answer() => Some(answer),
                () = self.deposed(leader) => None,
            }
        };
        match Types::timeout(timeout, answer).await {
            Ok(Some(Answer::Verdict(verdict))) => verdict,
            Ok(_) | Err(_) => silent,
        }
    }

    /// Returns some time after another leader than `leader` is known: an answer that was on its way has come by then, and no other will.
    async fn deposed(&self, leader: u16) {
        let mut metrics = self.core.metrics();
        while metrics.borrow_watched().current_leader.is_none_or(|known| known == leader) {
            if metrics.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
        Types::sleep(Duration::from_millis(self.settings.answer_timeout_ms)).await;
    }

    fn running(&self) -> Result<(), Error> {
        match &self.core.metrics().borrow_watched().running_state {
            Ok(()) => Ok(()),
            Err(fatal) => Err(self.stopped(fatal.clone())),
        }
    }

    async fn propose_here(&self, command: Bytes) -> Result<Verdict, Error> {
        if command.len() > self.settings.command_bytes_max {
            return Ok(Verdict::Refused(format!(
                "the leader takes commands of {} bytes",
                self.settings.command_bytes_max
            )));
        }
        if self.log.entry_bytes() > self.settings.log_bytes_max {
            return Ok(Verdict::Full);
        }
        match self.core.client_write(Command(command)).await {
            Ok(done) => Ok(Verdict::Done(done.data)),
            Err(error) => self.not_written(error),
        }
    }

    async fn read_here(&self, left: Duration) -> Result<Verdict, Error> {
        let option = openraft::LinearizerOption::from(ReadPolicy::ReadIndex).with_wait_timeout(left);
        match self.core.get_read_linearizer(option).await {
            Ok(reader) => Ok(Verdict::Done(read_index_bytes(reader.read_log_id().index()))),
            Err(RaftError::APIError(LinearizableReadError::ForwardToLeader(forward))) => Ok(elsewhere(&forward)),
            Err(RaftError::APIError(LinearizableReadError::QuorumNotEnough(_))) => Ok(Verdict::NoQuorum),
            Err(RaftError::Fatal(fatal)) => Err(self.stopped(fatal)),
        }
    }

    async fn add_here(&self, node: u16) -> Result<Verdict, Error> {
        if self.place_of(node) == Place::Voter {
            return Ok(done());
        }
        if let Err(error) = self.core.add_learner(node, (), true).await {
            return self.not_written(error);
        }
        self.change(ChangeMembers::AddVoterIds(BTreeSet::from([node]))).await
    }

    async fn remove_here(&self, node: u16) -> Result<Verdict, Error> {
        match self.place_of(node) {
            Place::Voter => self.change(ChangeMembers::RemoveVoters(BTreeSet::from([node]))).await,
            Place::Learner => self.change(ChangeMembers::RemoveNodes(BTreeSet::from([node]))).await,
            Place::Nowhere => Ok(done()),
        }
    }

    async fn change(&self, change: ChangeMembers<u16, ()>) -> Result<Verdict, Error> {
        match self.core.change_membership(change, false).await {
            Ok(_) => Ok(done()),
            Err(error) => self.not_written(error),
        }
    }

    fn place_of(&self, node: u16) -> Place {
        let metrics = self.core.metrics();
        let metrics = metrics.borrow_watched();
        let members = metrics.membership_config.membership();
        // In the middle of a change the old set counts too, so only who is in all sets is settled.
        let voters = members.get_joint_config();
        if !voters.is_empty() && voters.iter().all(|voters| voters.contains(&node)) {
            return Place::Voter;
        }
        let known: BTreeMap<u16, ()> = members.nodes().map(|(node, ())| (*node, ())).collect();
        if known.contains_key(&node) { Place::Learner } else { Place::Nowhere }
    }

    fn not_written(&self, error: RaftError<Types, ClientWriteError<Types>>) -> Result<Verdict, Error> {
        match error {
            RaftError::Fatal(fatal) => Err(self.stopped(fatal)),
            RaftError::APIError(ClientWriteError::ForwardToLeader(forward)) => Ok(elsewhere(&forward)),
            RaftError::APIError(ClientWriteError::LogEntryDiscarded(_)) => Ok(Verdict::Unknown),
            RaftError::APIError(ClientWriteError::PreconditionFailed(_)) => Ok(Verdict::Again),
            RaftError::APIError(ClientWriteError::ChangeMembershipError(error)) => Ok(unchanged(&error)),
        }
    }
}

#[derive(PartialEq, Eq)]
enum Place {
    Voter,
    Learner,
    Nowhere,
}

fn elsewhere(forward: &ForwardToLeader<Types>) -> Verdict {
    match forward.reason {
        ForwardReason::LeaseExpired => Verdict::NoQuorum,
        ForwardReason::NotLeader | ForwardReason::LeadershipTransfer => Verdict::NotLeader(forward.leader_id),
    }
}

fn unchanged<Id: openraft::vote::RaftCommittedLeaderId>(error: &ChangeMembershipError<Id, u16>) -> Verdict {
    match error {
        ChangeMembershipError::InProgress(_) | ChangeMembershipError::UncommittedLeaderLog(_) => Verdict::Again,
        ChangeMembershipError::EmptyMembership(_)
        | ChangeMembershipError::LearnerNotFound(_)
        | ChangeMembershipError::UnsupportedMembershipTransition(_)
        | ChangeMembershipError::NodeMetadataChanged(_) => Verdict::Refused(error.to_string()),
    }
}

fn done() -> Verdict {
    Verdict::Done(Bytes::new())
}

fn read_index_bytes(index: u64) -> Bytes {
    let mut out = Vec::new();
    put_varint(&mut out, index);
    Bytes::from(out)
}

/// The index in a leader's answer to [`Ask::Read`].
pub(super) fn read_index(answer: &Bytes) -> Result<u64, Error> {
    let refused = |error| Error::Refused { why: format!("the leader's read index: {error}") };
    Reader::new(answer.clone()).varint("index").map_err(refused)
}
