//! The other members as openraft asks for them.

mod append_stream;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use openraft::base::{BoxFuture, BoxStream};
use openraft::errors::{NetworkError, RPCError, ReplicationClosed, StreamingError, Timeout};
use openraft::network::RPCOption;
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, StreamAppendResult, TransferLeaderRequest,
    TransferLeaderResponse, VoteRequest, VoteResponse,
};
use openraft::type_config::TypeConfigExt;
use openraft::{OptionalSend, RPCTypes, RaftNetworkFactory, RaftNetworkV2};

use crate::frame::{Answer, Request};
use crate::type_config::{Ballot, Snapshot, Types};
use crate::wire::Wire;
use append_stream::AppendStream;

type Failed = RPCError<Types>;

/// Makes ways to members.
pub(crate) struct Network {
    pub(crate) me: u16,
    pub(crate) wire: Arc<Wire>,
    /// After this without an answer a request counts as lost.
    pub(crate) answer_timeout: Duration,
}

impl RaftNetworkFactory<Types> for Network {
    type Network = Peer;

    async fn new_client(&mut self, target: u16, (): &()) -> Peer {
        Peer { me: self.me, target, wire: Arc::clone(&self.wire), answer_timeout: self.answer_timeout }
    }
}

/// The way to one member.
pub(crate) struct Peer {
    me: u16,
    target: u16,
    wire: Arc<Wire>,
    answer_timeout: Duration,
}

impl Peer {
    async fn ask(&self, request: Request, kind: RPCTypes, timeout: Duration) -> Result<Answer, Failed> {
        let mut call = self.wire.call(self.target, 1);
        call.send(request);
        match Types::timeout(timeout, call.answer()).await {
            Ok(answer) => Ok(answer),
            Err(_) => Err(self.late(kind, timeout).into()),
        }
    }

    fn late(&self, action: RPCTypes, timeout: Duration) -> Timeout<Types> {
        Timeout { action, id: self.me, target: self.target, timeout }
    }

    async fn vote(&self, request: Request, option: &RPCOption) -> Result<VoteResponse<Types>, Failed> {
        match self.ask(request, RPCTypes::Vote, option.hard_ttl()).await? {
            Answer::Vote(response) => Ok(response),
            _ => Err(strange("a vote")),
        }
    }
}

impl RaftNetworkV2<Types> for Peer {
    type SnapshotData = Bytes;

    /// Not used by openraft, which streams appends, but part of its interface.
    async fn append_entries(
        &mut self,
        append: AppendEntriesRequest<Types>,
        _option: RPCOption,
    ) -> Result<AppendEntriesResponse<Types>, Failed> {
        let request = Request::Append { seq: 0, append };
        match self.ask(request, RPCTypes::AppendEntries, self.answer_timeout).await? {
            Answer::Append { outcome, .. } => Ok(outcome),
            _ => Err(strange("an append")),
        }
    }

    fn stream_append<'s, S>(
        &'s mut self,
        input: S,
        _option: RPCOption,
    ) -> BoxFuture<'s, Result<BoxStream<'s, Result<StreamAppendResult<Types>, Failed>>, Failed>>
    where
        S: Stream<Item = AppendEntriesRequest<Types>> + OptionalSend + Unpin + 'static,
    {
        // The option's time is that between two heartbeats, which says nothing about the way there and back.
        let late = self.late(RPCTypes::AppendEntries, self.answer_timeout);
        let stream = AppendStream::new(self.wire.call(self.target, append_stream::ANSWERS_MAX), input.fuse(), late);
        let answers = futures_util::stream::unfold(Some(stream), AppendStream::next);
        Box::pin(async move { Ok(answers.boxed()) })
    }

    async fn vote(&mut self, request: VoteRequest<Types>, option: RPCOption) -> Result<VoteResponse<Types>, Failed> {
        Peer::vote(self, Request::Vote(request), &option).await
    }

    async fn pre_vote(
        &mut self,
        request: VoteRequest<Types>,
        option: RPCOption,
    ) -> Result<VoteResponse<Types>, Failed> {
        Peer::vote(self, Request::PreVote(request), &option).await
    }

    async fn full_snapshot(
        &mut self,
        vote: Ballot,
        snapshot: Snapshot,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        option: RPCOption,
    ) -> Result<SnapshotResponse<Types>, StreamingError<Types>> {
        let request = Request::Snapshot { vote, meta: snapshot.meta, data: snapshot.snapshot };
        let sent = self.ask(request, RPCTypes::InstallSnapshot, option.hard_ttl());
        let answer = tokio::select! {
            biased;
            closed = cancel => return Err(closed.into()),
            answer = sent => answer?,
        };
        match answer {
            Answer::Snapshot(vote) => Ok(SnapshotResponse::new(vote)),
            _ => Err(strange("a snapshot").into()),
        }
    }

    async fn transfer_leader(
        &mut self,
        request: TransferLeaderRequest<Types>,
        _option: RPCOption,
    ) -> Result<TransferLeaderResponse<Types>, Failed> {
        let answer = self.ask(Request::Transfer(request), RPCTypes::TransferLeader, self.answer_timeout).await?;
        match answer {
            Answer::Transfer(true) => Ok(Ok(())),
            Answer::Transfer(false) => Err(NetworkError::from_string("leadership was not taken").into()),
            _ => Err(strange("a transfer")),
        }
    }
}

/// A peer that answers what was not asked.
fn strange(asked: &str) -> Failed {
    NetworkError::from_string(format!("the answer to {asked} is another kind of answer")).into()
}
