//! Requests that wait for their answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use lc_env::Random;
use parking_lot::Mutex;
use tokio::sync::mpsc;

use crate::Carrier;
use crate::frame::{Answer, Frame, Request};

/// Sends frames and hands answers to whoever asked.
pub(crate) struct Wire {
    carrier: Arc<dyn Carrier>,
    calls: Mutex<Calls>,
}

struct Calls {
    next: u64,
    open: BTreeMap<u64, Open>,
}

struct Open {
    peer: u16,
    answers: mpsc::Sender<Answer>,
}

impl Wire {
    pub(crate) fn new(carrier: Arc<dyn Carrier>, random: &dyn Random) -> Wire {
        // A random start, so that an answer meant for the process before this one finds nobody.
        let next = random.u64() >> 1;
        Wire { carrier, calls: Mutex::new(Calls { next, open: BTreeMap::new() }) }
    }

    pub(crate) fn send(&self, to: u16, frame: &Frame) {
        self.carrier.send(to, frame.encode());
    }

    /// A name under which `peer` may be asked, with room for `answers` answers; more are dropped as if lost.
    pub(crate) fn call(self: &Arc<Wire>, peer: u16, answers: usize) -> Call {
        let (sender, receiver) = mpsc::channel(answers);
        let mut calls = self.calls.lock();
        let name = calls.next;
        calls.next = name.wrapping_add(1);
        calls.open.insert(name, Open { peer, answers: sender });
        Call { wire: Arc::clone(self), peer, name, answers: receiver }
    }

    /// An answer came; one to a question nobody asked that peer is dropped.
    pub(crate) fn answered(&self, from: u16, name: u64, answer: Answer) {
        if let Some(open) = self.calls.lock().open.get(&name).filter(|open| open.peer == from) {
            let _ = open.answers.try_send(answer);
        }
    }
}

/// A question that is open until this is dropped.
pub(crate) struct Call {
    wire: Arc<Wire>,
    peer: u16,
    name: u64,
    answers: mpsc::Receiver<Answer>,
}

impl Call {
    pub(crate) fn send(&self, request: Request) {
        self.wire.send(self.peer, &Frame::Request(self.name, request));
    }

    /// The next answer. Waits for ever if there is none: the caller has a timeout.
    pub(crate) async fn answer(&mut self) -> Answer {
        match self.answers.recv().await {
            Some(answer) => answer,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.wire.calls.lock().open.remove(&self.name);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use lc_env::SeededRandom;

    use super::Wire;
    use crate::Carrier;
    use crate::frame::{Answer, Verdict};

    struct Nowhere;

    impl Carrier for Nowhere {
        fn send(&self, _to: u16, _frame: Bytes) {}
    }

    #[tokio::test]
    async fn only_the_peer_that_was_asked_can_answer_and_only_once() {
        let wire = Arc::new(Wire::new(Arc::new(Nowhere), &SeededRandom::new(1)));
        let mut call = wire.call(2, 1);
        let answer = |byte| Answer::Verdict(Verdict::Done(Bytes::from(vec![byte])));
        wire.answered(3, call.name, answer(3));
        wire.answered(2, call.name.wrapping_add(1), answer(4));
        wire.answered(2, call.name, answer(5));
        wire.answered(2, call.name, answer(5));
        assert_eq!(call.answer().await, answer(5));
        assert!(call.answers.try_recv().is_err());
        drop(call);
        assert!(wire.calls.lock().open.is_empty());
    }
}
