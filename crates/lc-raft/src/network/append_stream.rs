//! Appends to one follower, many under way at a time.
//!
//! A follower takes appends in the order in which they arrive, and its success says that its log agrees up to the end of that append. So one
//! answer speaks for all before it, a lost answer costs nothing, and a conflict after an unanswered append means that one was lost.

use std::collections::VecDeque;

use futures_util::stream::Fuse;
use futures_util::{Stream, StreamExt};
use openraft::errors::{NetworkError, RPCError, Timeout};
use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse, StreamAppendError, StreamAppendResult};
use openraft::type_config::TypeConfigExt;
use openraft::type_config::alias::InstantOf;

use crate::codec;
use crate::frame::{Answer, Request};
use crate::type_config::{LogId, Types};
use crate::wire::Call;

type Outcome = Result<StreamAppendResult<Types>, RPCError<Types>>;

/// The stream's state between two results.
pub(super) struct AppendStream<S: Stream> {
    call: Call,
    requests: Fuse<S>,
    requests_ended: bool,
    /// Unanswered, oldest first.
    sent: VecDeque<Sent>,
    sent_bytes: u64,
    next_seq: u64,
    /// Up to here the follower has said that the logs agree.
    agreed: Option<LogId>,
    late: Timeout<Types>,
}

struct Sent {
    seq: u64,
    prev: Option<LogId>,
    last: Option<LogId>,
    bytes: u64,
    late_at: InstantOf<Types>,
}

enum Event {
    Answer(Answer),
    Request(Option<AppendEntriesRequest<Types>>),
    Late,
}

impl<S: Stream<Item = AppendEntriesRequest<Types>> + Unpin> AppendStream<S> {
    pub(super) fn new(call: Call, requests: Fuse<S>, late: Timeout<Types>) -> AppendStream<S> {
        let sent = VecDeque::new();
        AppendStream { call, requests, requests_ended: false, sent, sent_bytes: 0, next_seq: 0, agreed: None, late }
    }

    /// Sends and waits until there is a result to tell; the last one leaves no stream.
    pub(super) async fn next(stream: Option<AppendStream<S>>) -> Option<(Outcome, Option<AppendStream<S>>)> {
        let mut stream = stream?;
        while !(stream.requests_ended && stream.sent.is_empty()) {
            match stream.event().await {
                Event::Request(Some(request)) => stream.send(request),
                Event::Request(None) => stream.requests_ended = true,
                Event::Late => return Some((Err(stream.late.clone().into()), None)),
                Event::Answer(answer) => match stream.answered(answer) {
                    Some(Ok(Ok(last))) => return Some((Ok(Ok(last)), Some(stream))),
                    Some(end) => return Some((end, None)),
                    None => {}
                },
            }
        }
        None
    }

    async fn event(&mut self) -> Event {
        let has_room = self.sent.len() < SENT_MAX && self.sent_bytes < SENT_BYTES_MAX;
        let late_at = self.sent.front().map(|oldest| oldest.late_at);
        let late = async {
            match late_at {
                Some(at) => Types::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            answer = self.call.answer() => Event::Answer(answer),
            request = self.requests.next(), if has_room && !self.requests_ended => Event::Request(request),
            () = late => Event::Late,
        }
    }

    fn send(&mut self, append: AppendEntriesRequest<Types>) {
        let prev = append.prev_log_id;
        let last = append.entries.last().map(|entry| entry.log_id).or(prev);
        let bytes = append.entries.iter().map(codec::entry_bytes).sum::<u64>() + APPEND_COST_BYTES;
        let seq = self.next_seq;
        self.next_seq += 1;
        self.sent_bytes += bytes;
        let late_at = Types::now() + self.late.timeout;
        self.sent.push_back(Sent { seq, prev, last, bytes, late_at });
        self.call.send(Request::Append { seq, append });
    }

    /// What the answer means for the stream; nothing if it is old or doubled.
    fn answered(&mut self, answer: Answer) -> Option<Outcome> {
        let Answer::Append { seq, outcome } = answer else { return None };
        let place = self.sent.iter().position(|sent| sent.seq == seq)?;
        match outcome {
            AppendEntriesResponse::Success => Some(Ok(Ok(self.settle(place)))),
            AppendEntriesResponse::PartialSuccess(last) => {
                self.settle(place);
                Some(Ok(Ok(last)))
            }
            AppendEntriesResponse::HigherVote(vote) => Some(Ok(Err(StreamAppendError::HigherVote(vote)))),
            AppendEntriesResponse::Conflict => self.conflict(place),
        }
    }

    /// A conflict is one only at the oldest unanswered append, and only if the follower has not since agreed to what it found missing: then
    /// it had been overtaken on the way. openraft takes a conflict inside what is agreed for a follower that lost its disk.
    fn conflict(&self, place: usize) -> Option<Outcome> {
        let prev = self.sent[place].prev;
        if place > 0 || prev <= self.agreed {
            return Some(Err(NetworkError::from_string("an append was lost or overtaken on the way").into()));
        }
        prev.map(|prev| Ok(Err(StreamAppendError::Conflict(prev))))
    }

    /// Takes everything up to `place` as answered; gives up to where the logs agree.
    fn settle(&mut self, place: usize) -> Option<LogId> {
        for sent in self.sent.drain(..=place) {
            self.sent_bytes -= sent.bytes;
            self.agreed = self.agreed.max(sent.last);
        }
        self.agreed
    }
}

/// At 10,000 appends a second and 300 ms there and back, 3,000 would be under way; each can hold hundreds of entries, so this is plenty.
const SENT_MAX: usize = 256;
/// 8 MiB in 300 ms is a link of 220 Mbit/s.
const SENT_BYTES_MAX: u64 = 8 << 20;
/// Doubled answers included.
pub(super) const ANSWERS_MAX: usize = 2 * SENT_MAX;
const APPEND_COST_BYTES: u64 = 64;

#[cfg(test)]
mod tests;
