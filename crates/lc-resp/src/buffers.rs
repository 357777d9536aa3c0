//! Memory for what clients send and are sent: a little for each, and a common room for what is larger.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The common room of one door.
#[derive(Clone)]
pub(crate) struct Buffers {
    units: Arc<Semaphore>,
}

/// What one buffer has of it; given back when dropped.
pub(crate) struct Share {
    units: Arc<Semaphore>,
    held: Option<OwnedSemaphorePermit>,
}

impl Buffers {
    pub(crate) fn new(bytes_max: usize) -> Buffers {
        Buffers { units: Arc::new(Semaphore::new((bytes_max / UNIT_BYTES).min(Semaphore::MAX_PERMITS))) }
    }

    /// A share that holds nothing yet.
    pub(crate) fn share(&self) -> Share {
        Share { units: self.units.clone(), held: None }
    }
}

impl Share {
    /// Makes room for a buffer of this many bytes in all; false if there is none now, and then the share is as it was.
    #[inline]
    pub(crate) fn try_hold(&mut self, bytes: usize) -> bool {
        bytes <= OWN_BYTES && self.held.is_none() || self.try_hold_more(bytes)
    }

    fn try_hold_more(&mut self, bytes: usize) -> bool {
        let Some(more) = self.lacking(bytes) else { return true };
        self.units.clone().try_acquire_many_owned(more).map(|added| self.add(added)).is_ok()
    }

    /// The same, but waits for room. Safe to drop.
    pub(crate) async fn hold(&mut self, bytes: usize) {
        let Some(more) = self.lacking(bytes) else { return };
        // An error would mean that the semaphore is closed, which nobody does.
        if let Ok(added) = self.units.clone().acquire_many_owned(more).await {
            self.add(added);
        }
    }

    /// Gives back what a buffer of this many bytes does not need.
    pub(crate) fn shrink(&mut self, bytes: usize) {
        let Some(held) = &mut self.held else { return };
        match held.num_permits().saturating_sub(units(bytes)) {
            _ if units(bytes) == 0 => self.held = None,
            spare => drop(held.split(spare)),
        }
    }

    /// Bytes of the common room that it has.
    pub(crate) fn bytes(&self) -> usize {
        self.held.as_ref().map_or(0, |held| held.num_permits() * UNIT_BYTES)
    }

    fn lacking(&self, bytes: usize) -> Option<u32> {
        let held = self.held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        match units(bytes).saturating_sub(held) {
            0 => None,
            more => Some(u32::try_from(more).unwrap_or(u32::MAX)),
        }
    }

    fn add(&mut self, added: OwnedSemaphorePermit) {
        match &mut self.held {
            Some(held) => held.merge(added),
            None => self.held = Some(added),
        }
    }
}

fn units(bytes: usize) -> usize {
    bytes.saturating_sub(OWN_BYTES).div_ceil(UNIT_BYTES)
}

/// What every buffer may have of its own, and keeps between requests.
pub(crate) const OWN_BYTES: usize = 16 * 1024;
const UNIT_BYTES: usize = 1024;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::{Buffers, OWN_BYTES};

    #[test]
    fn small_buffers_need_no_room_and_large_ones_share_it() {
        let buffers = Buffers::new(4096);
        let (mut one, mut other) = (buffers.share(), buffers.share());
        assert!(one.try_hold(OWN_BYTES) && one.bytes() == 0);
        assert!(one.try_hold(OWN_BYTES + 1) && one.bytes() == 1024);
        assert!(one.try_hold(OWN_BYTES + 3000) && one.bytes() == 3072);
        assert!(other.try_hold(OWN_BYTES + 1024) && !other.try_hold(OWN_BYTES + 1025));
        one.shrink(OWN_BYTES + 1500);
        assert_eq!((one.bytes(), other.bytes()), (2048, 1024));
        assert!(other.try_hold(OWN_BYTES + 2048));
        one.shrink(0);
        other.shrink(OWN_BYTES * 9);
        assert_eq!((one.bytes(), other.bytes()), (0, 2048));
    }

    #[tokio::test]
    async fn who_waits_goes_on_when_another_gives_room_back() {
        let buffers = Buffers::new(4096);
        let (mut one, mut other) = (buffers.share(), buffers.share());
        assert!(one.try_hold(OWN_BYTES + 4096));
        assert!(timeout(Duration::from_millis(20), other.hold(OWN_BYTES + 1)).await.is_err());
        drop(one);
        other.hold(OWN_BYTES + 4096).await;
        assert_eq!(other.bytes(), 4096);
    }
}
