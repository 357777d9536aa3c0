//! Frames that wait for one peer's link: first in, first out, bounded by bytes.

use std::collections::VecDeque;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// A queue that exists only while its link is up: what is in it when the link goes down is dropped,
/// because the journal, not the link, remembers what a peer lacks.
#[derive(Debug)]
pub(crate) struct Outbox {
    state: Mutex<State>,
    filled: Notify,
    limit_bytes: usize,
}

#[derive(Debug, Default)]
struct State {
    open: bool,
    frames: VecDeque<Bytes>,
    /// Frames queued, and those taken but not yet handed to the transport.
    held_bytes: usize,
}

/// Why a frame was not taken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Rejected {
    Shut,
    Full { queued_bytes: usize },
}

impl Outbox {
    pub(crate) fn new(limit_bytes: usize) -> Outbox {
        Outbox { state: Mutex::default(), filled: Notify::new(), limit_bytes }
    }

    /// Takes a frame or says why not. A single frame always fits an empty queue.
    pub(crate) fn push(&self, frame: Bytes) -> Result<(), Rejected> {
        let mut state = self.state.lock();
        if !state.open {
            return Err(Rejected::Shut);
        }
        let held = state.held_bytes + cost(&frame);
        if held > self.limit_bytes && state.held_bytes > 0 {
            return Err(Rejected::Full { queued_bytes: state.held_bytes });
        }
        state.held_bytes = held;
        state.frames.push_back(frame);
        drop(state);
        self.filled.notify_one();
        Ok(())
    }

    /// Waits until there is a frame. Safe to drop: nothing is taken.
    pub(crate) async fn filled(&self) {
        while self.state.lock().frames.is_empty() {
            self.filled.notified().await;
        }
    }

    /// Moves frames of about `burst_bytes` to `burst` (one at least, if there is one); says whether more wait.
    pub(crate) fn take(&self, burst_bytes: usize, burst: &mut Vec<Bytes>) -> bool {
        let mut state = self.state.lock();
        let mut taken = 0;
        while taken < burst_bytes {
            let Some(frame) = state.frames.pop_front() else {
                return false;
            };
            taken += cost(&frame);
            burst.push(frame);
        }
        !state.frames.is_empty()
    }

    /// The transport has these frames now; their room is free again.
    pub(crate) fn release(&self, burst: &[Bytes]) {
        let freed: usize = burst.iter().map(cost).sum();
        let mut state = self.state.lock();
        state.held_bytes = state.held_bytes.saturating_sub(freed);
    }

    pub(crate) fn queued_bytes(&self) -> usize {
        self.state.lock().held_bytes
    }

    /// The link is up: take frames.
    pub(crate) fn open(&self) {
        *self.state.lock() = State { open: true, ..State::default() };
    }

    /// The link is down: drop what waits, take no more.
    pub(crate) fn shut(&self) {
        *self.state.lock() = State::default();
    }
}

fn cost(frame: &Bytes) -> usize {
    frame.len() + FRAME_COST_BYTES
}

/// What a queued frame costs beside its bytes, so that many empty ones are bounded too.
const FRAME_COST_BYTES: usize = 64;

#[cfg(test)]
mod tests {
    use super::{Bytes, Outbox, Rejected};

    #[test]
    fn a_shut_outbox_takes_nothing() {
        let outbox = Outbox::new(1000);
        assert_eq!(outbox.push(Bytes::from_static(b"x")), Err(Rejected::Shut));
    }

    #[test]
    fn bytes_are_held_until_the_transport_has_them() {
        let outbox = Outbox::new(1000);
        outbox.open();
        outbox.push(Bytes::from(vec![0; 800])).unwrap();
        assert_eq!(outbox.push(Bytes::from(vec![0; 100])), Err(Rejected::Full { queued_bytes: 864 }));
        let mut burst = Vec::new();
        assert!(!outbox.take(10_000, &mut burst));
        assert_eq!(outbox.queued_bytes(), 864);
        outbox.release(&burst);
        assert_eq!(outbox.queued_bytes(), 0);
    }

    #[test]
    fn one_frame_larger_than_the_bound_fits_an_empty_queue() {
        let outbox = Outbox::new(100);
        outbox.open();
        outbox.push(Bytes::from(vec![0; 5000])).unwrap();
        assert!(matches!(outbox.push(Bytes::new()), Err(Rejected::Full { .. })));
    }

    #[test]
    fn empty_frames_are_bounded_too() {
        let outbox = Outbox::new(640);
        outbox.open();
        let taken = (0..1000).take_while(|_| outbox.push(Bytes::new()).is_ok()).count();
        assert_eq!(taken, 10);
    }

    #[test]
    fn a_link_that_comes_up_again_starts_empty() {
        let outbox = Outbox::new(1000);
        outbox.open();
        outbox.push(Bytes::from_static(b"old")).unwrap();
        outbox.shut();
        outbox.open();
        let mut burst = Vec::new();
        outbox.take(1000, &mut burst);
        assert!(burst.is_empty());
    }

    #[test]
    fn a_burst_says_whether_more_waits() {
        let outbox = Outbox::new(10_000);
        outbox.open();
        for _ in 0..3 {
            outbox.push(Bytes::from(vec![0; 100])).unwrap();
        }
        let mut burst = Vec::new();
        assert!(outbox.take(150, &mut burst));
        assert_eq!(burst.len(), 1);
    }
}
