//! Frames of one peer that were received and that nobody has dealt with yet: bounded by bytes, and then its socket is read no
//! further, so that QUIC's window holds the peer back.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The room for one peer's frames.
#[derive(Debug)]
pub(crate) struct Inbox {
    room: Arc<Semaphore>,
    limit_bytes: usize,
}

/// The room that a received frame takes until this is dropped: keep it until the frame has been dealt with. A part of the
/// frame that is kept longer is its keeper's to bound.
#[derive(Debug)]
pub struct Unread {
    /// `None` only for a frame that took none.
    _room: Option<OwnedSemaphorePermit>,
}

impl Inbox {
    pub(crate) fn new(limit_bytes: usize) -> Inbox {
        Inbox { room: Arc::new(Semaphore::new(limit_bytes)), limit_bytes }
    }

    /// Waits for room for a frame of this many bytes. A frame larger than all the room takes all of it. Safe to drop.
    pub(crate) async fn enter(&self, frame_bytes: usize) -> Unread {
        let wanted = (frame_bytes + FRAME_COST_BYTES).min(self.limit_bytes);
        let wanted = u32::try_from(wanted).expect("the limit is checked to fit");
        // An error would mean that the semaphore is closed, which nobody does.
        Unread { _room: self.room.clone().acquire_many_owned(wanted).await.ok() }
    }

    pub(crate) fn unread_bytes(&self) -> usize {
        self.limit_bytes.saturating_sub(self.room.available_permits())
    }
}

/// What a frame costs beside its bytes, so that many empty ones are bounded too.
const FRAME_COST_BYTES: usize = 64;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::Inbox;

    #[tokio::test]
    async fn what_does_not_fit_waits_until_something_was_dealt_with() {
        let inbox = Inbox::new(1000);
        let first = inbox.enter(800).await;
        assert_eq!(inbox.unread_bytes(), 864);
        assert!(timeout(Duration::from_millis(20), inbox.enter(100)).await.is_err());
        drop(first);
        let _second = inbox.enter(100).await;
        assert_eq!(inbox.unread_bytes(), 164);
    }

    #[tokio::test]
    async fn a_frame_larger_than_the_bound_goes_alone() {
        let inbox = Inbox::new(1000);
        let large = inbox.enter(5000).await;
        assert!(timeout(Duration::from_millis(20), inbox.enter(0)).await.is_err());
        drop(large);
        assert_eq!(inbox.unread_bytes(), 0);
    }
}
