use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use lc_env::SeededRandom;
use openraft::errors::{RPCError, Timeout};
use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse, StreamAppendError};
use openraft::{EntryPayload, RPCTypes};
use parking_lot::Mutex;

use super::{ANSWERS_MAX, AppendStream, Outcome};
use crate::Carrier;
use crate::frame::{Answer, Frame, Request};
use crate::type_config::{Ballot, LogEntry, LogId, Types};
use crate::wire::Wire;

/// Keeps the names of what was sent.
#[derive(Default)]
struct Sent(Mutex<Vec<(u64, u64)>>);

impl Carrier for Sent {
    fn send(&self, _to: u16, frame: Bytes) {
        let Ok(Frame::Request(name, Request::Append { seq, .. })) = Frame::decode(frame) else {
            panic!("only appends are sent")
        };
        self.0.lock().push((name, seq));
    }
}

struct Follower {
    wire: Arc<Wire>,
    sent: Arc<Sent>,
}

impl Follower {
    fn answer(&self, seq: u64, outcome: AppendEntriesResponse<Types>) {
        let name = self.sent.0.lock()[0].0;
        self.wire.answered(2, name, Answer::Append { seq, outcome });
    }
}

fn id(index: u64) -> LogId {
    LogId::new_term_index(1, index)
}

/// A stream of appends with one entry each, beginning after entry 9; it stays open.
async fn streaming(count: u64) -> (Follower, BoxStream<'static, Outcome>) {
    let sent = Arc::new(Sent::default());
    let wire = Arc::new(Wire::new(Arc::clone(&sent) as Arc<dyn Carrier>, &SeededRandom::new(1)));
    let appends = (0..count).map(|number| AppendEntriesRequest {
        vote: Ballot::new_committed(1, 1),
        prev_log_id: Some(id(9 + number)),
        entries: vec![LogEntry { log_id: id(10 + number), payload: EntryPayload::Blank }],
        leader_commit: None,
    });
    let requests = stream::iter(appends).chain(stream::pending());
    let late = Timeout { action: RPCTypes::AppendEntries, id: 1, target: 2, timeout: Duration::from_secs(1) };
    let state = AppendStream::new(wire.call(2, ANSWERS_MAX), Box::pin(requests).fuse(), late);
    let mut answers = stream::unfold(Some(state), AppendStream::next).boxed();
    // One poll sends everything that there is room for.
    assert!(futures_util::poll!(answers.next()).is_pending());
    (Follower { wire, sent }, answers)
}

#[tokio::test(start_paused = true)]
async fn appends_are_sent_without_waiting_and_one_answer_speaks_for_those_before_it() {
    let (follower, mut answers) = streaming(5).await;
    assert_eq!(follower.sent.0.lock().len(), 5);
    follower.answer(3, AppendEntriesResponse::Success);
    assert!(matches!(answers.next().await, Some(Ok(Ok(Some(last)))) if last == id(13)));
    follower.answer(2, AppendEntriesResponse::Success);
    follower.answer(4, AppendEntriesResponse::Success);
    assert!(
        matches!(answers.next().await, Some(Ok(Ok(Some(last)))) if last == id(14)),
        "an old answer says nothing new"
    );
}

#[tokio::test(start_paused = true)]
async fn a_conflict_at_the_first_unanswered_append_is_one_and_after_it_a_loss() {
    let (follower, mut answers) = streaming(3).await;
    follower.answer(0, AppendEntriesResponse::Conflict);
    assert!(matches!(answers.next().await, Some(Ok(Err(StreamAppendError::Conflict(at)))) if at == id(9)));
    assert!(answers.next().await.is_none(), "nothing comes after it");
    let (follower, mut answers) = streaming(3).await;
    follower.answer(1, AppendEntriesResponse::Conflict);
    assert!(matches!(answers.next().await, Some(Err(RPCError::Network(_)))));
}

/// The second append came first, found a gap, and was told apart from the first one's success by the order of the answers.
#[tokio::test(start_paused = true)]
async fn a_conflict_inside_what_is_agreed_was_overtaken_and_is_none() {
    let (follower, mut answers) = streaming(2).await;
    follower.answer(0, AppendEntriesResponse::Success);
    answers.next().await.unwrap().unwrap().unwrap();
    follower.answer(1, AppendEntriesResponse::Conflict);
    assert!(matches!(answers.next().await, Some(Err(RPCError::Network(_)))));
}

#[tokio::test(start_paused = true)]
async fn silence_ends_the_stream() {
    let (_follower, mut answers) = streaming(3).await;
    assert!(matches!(answers.next().await, Some(Err(RPCError::Timeout(_)))));
    assert!(answers.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn what_is_under_way_is_bounded() {
    let (follower, mut answers) = streaming(1000).await;
    assert_eq!(follower.sent.0.lock().len(), super::SENT_MAX);
    follower.answer(99, AppendEntriesResponse::Success);
    answers.next().await.unwrap().unwrap().unwrap();
    assert!(futures_util::poll!(answers.next()).is_pending());
    assert_eq!(follower.sent.0.lock().len(), super::SENT_MAX + 100);
}
