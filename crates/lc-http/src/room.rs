//! Memory for bodies on their way in and out: a share of it for each, and none left means a refusal, not a queue.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::Problem;
use crate::errors::Kind;

/// The memory of one door.
#[derive(Clone)]
pub(crate) struct Room {
    units: Arc<Semaphore>,
}

/// A share of it, given back when dropped.
pub(crate) struct Share {
    units: Arc<Semaphore>,
    held: Option<OwnedSemaphorePermit>,
    bytes: usize,
}

impl Room {
    /// Room for this many bytes of bodies at a time.
    pub(crate) fn new(bytes: usize) -> Room {
        Room { units: Arc::new(Semaphore::new(bytes / UNIT_BYTES)) }
    }

    /// A share that holds nothing yet.
    pub(crate) fn share(&self) -> Share {
        Share { units: self.units.clone(), held: None, bytes: 0 }
    }
}

impl Share {
    /// Makes room for this many bytes more, or says that there is none now.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), Problem> {
        let before = self.bytes.div_ceil(UNIT_BYTES);
        let more = (self.bytes + bytes).div_ceil(UNIT_BYTES) - before;
        let busy = || Problem::new(Kind::BUSY, "too many large bodies are on their way");
        let more = u32::try_from(more).map_err(|_| busy())?;
        let added = self.units.clone().try_acquire_many_owned(more).map_err(|_| busy())?;
        self.bytes += bytes;
        match &mut self.held {
            Some(held) => held.merge(added),
            None => self.held = Some(added),
        }
        Ok(())
    }
}

/// A body that keeps its share until its last piece has gone to the connection.
pub(crate) fn held(bytes: Bytes, share: Share) -> Body {
    Body::new(Held { left: bytes, _share: share })
}

struct Held {
    left: Bytes,
    _share: Share,
}

impl hyper::body::Body for Held {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        // In pieces: the connection asks for the next one only when the client has taken most of those before.
        let piece = PIECE_BYTES.min(self.left.len());
        Poll::Ready((piece > 0).then(|| Ok(Frame::data(self.left.split_to(piece)))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.len() as u64)
    }
}

const UNIT_BYTES: usize = 1024;
const PIECE_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::Room;

    #[test]
    fn a_share_that_does_not_fit_is_refused_and_given_back_room_is_room_again() {
        let room = Room::new(4096);
        let (mut one, mut other) = (room.share(), room.share());
        assert!(one.grow(1).is_ok() && one.grow(1023).is_ok() && one.grow(2048).is_ok());
        assert_eq!(other.grow(1025).map_err(|problem| problem.code), Err("busy"));
        assert!(other.grow(1024).is_ok());
        drop(one);
        assert!(other.grow(3072).is_ok());
    }
}
