//! Writers for which the journal has no room yet: first come, first served, each for a bounded time.
//!
//! The member refuses such a write and forgets it. Its command is executed again once something of the journal has become
//! durable, as a command is that waited for another region; so what a connection sends stays in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use lc_db::Error;
use tokio::sync::{Mutex, OwnedMutexGuard, watch};

use crate::durable::Durable;

/// All who wait on one node.
#[derive(Default)]
pub(crate) struct JournalLine {
    /// Whose turn it is: held by the first in line.
    turn: Arc<Mutex<()>>,
    waiting: AtomicUsize,
    /// Writes that waited, since start.
    pub waited: AtomicU64,
    /// Writes that were refused after waiting, or because the line was full, since start.
    pub refused: AtomicU64,
}

/// One writer's place; dropped, the next one has its turn.
pub(crate) struct Place {
    line: Arc<JournalLine>,
    since: Duration,
    turn: Option<OwnedMutexGuard<()>>,
    /// Changes when something has become durable since the last try.
    synced: Option<watch::Receiver<Durable>>,
}

impl JournalLine {
    /// How many wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// A place at the end; none if the line is full.
    fn enter(self: &Arc<JournalLine>, now: Duration) -> Option<Place> {
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= WAITING_MAX {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        self.waited.fetch_add(1, Ordering::Relaxed);
        Some(Place { line: self.clone(), since: now, turn: None, synced: None })
    }

    /// What becomes of a write that was refused as [`Error::JournalFull`]: it stands in line, and is to be executed again, or
    /// it has stood long enough. `synced` was subscribed before the journal could become durable any further, if it was tried.
    pub(crate) fn stand(
        self: &Arc<JournalLine>,
        place: &mut Option<Place>,
        (now, patience): (Duration, Duration),
        refusal: Error,
        synced: Option<watch::Receiver<Durable>>,
    ) -> Error {
        if place.is_none() && !patience.is_zero() {
            *place = self.enter(now);
        }
        match place {
            Some(standing) if now.saturating_sub(standing.since) < patience => {
                standing.synced = synced;
                return Error::Later;
            }
            _ => *place = None,
        }
        self.refused.fetch_add(1, Ordering::Relaxed);
        Error::Unavailable(format!(
            "{refusal}; nothing of this write was done after waiting {} ms: try again",
            patience.as_millis()
        ))
    }
}

impl Place {
    /// Returns when the write is to be tried again. Safe to drop.
    pub(crate) async fn wait(&mut self, now: Duration, patience: Duration) {
        let left = (self.since + patience).saturating_sub(now);
        let next = async {
            if self.turn.is_none() {
                self.turn = Some(self.line.turn.clone().lock_owned().await);
            }
            if let Some(synced) = &mut self.synced {
                // An error would mean that the node is gone; then the next try says so.
                let _ = synced.changed().await;
            }
        };
        // Past its time it is tried once more, and then refused.
        let _ = tokio::time::timeout(left, next).await;
    }
}

impl Place {
    /// The command waits for another region first; meanwhile others may have their turn.
    pub(crate) fn step_back(&mut self) {
        self.turn = None;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.line.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Each waiting command lies in its client's buffers, which are bounded; this bounds how long the line is.
const WAITING_MAX: usize = 10_000;

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use lc_db::Error;
    use tokio::sync::watch;
    use tokio::time::timeout;

    use super::{JournalLine, Place};
    use crate::durable::Durable;

    const PATIENCE: Duration = Duration::from_secs(5);
    const SOON: Duration = Duration::from_millis(20);
    const FULL: Error = Error::JournalFull { pending_bytes_max: 64 };

    fn stand(line: &Arc<JournalLine>, place: &mut Option<Place>, ms: u64, durable: &watch::Sender<Durable>) -> Error {
        line.stand(place, (Duration::from_millis(ms), PATIENCE), FULL, Some(durable.subscribe()))
    }

    #[tokio::test]
    async fn the_first_in_line_is_tried_when_something_became_durable_and_the_next_after_it() {
        let (line, durable) = (Arc::new(JournalLine::default()), watch::Sender::new(Durable::default()));
        let (mut first, mut second) = (None, None);
        assert_eq!(stand(&line, &mut first, 0, &durable), Error::Later);
        assert_eq!(stand(&line, &mut second, 0, &durable), Error::Later);
        let (mut one, mut other) = (first.expect("a place"), second.expect("a place"));
        assert!(timeout(SOON, one.wait(Duration::ZERO, PATIENCE)).await.is_err());
        assert!(timeout(SOON, other.wait(Duration::ZERO, PATIENCE)).await.is_err());
        durable.send_modify(|_| {});
        assert!(timeout(SOON, other.wait(Duration::ZERO, PATIENCE)).await.is_err(), "not before the first");
        one.wait(Duration::ZERO, PATIENCE).await;
        drop(one);
        other.wait(Duration::ZERO, PATIENCE).await;
        assert_eq!(line.waiting(), 1);
        drop(other);
        assert_eq!(line.waiting(), 0);
    }

    #[tokio::test]
    async fn who_has_waited_long_enough_is_refused_and_leaves() {
        let (line, durable) = (Arc::new(JournalLine::default()), watch::Sender::new(Durable::default()));
        let mut place = None;
        assert_eq!(stand(&line, &mut place, 0, &durable), Error::Later);
        assert_eq!(stand(&line, &mut place, 4_999, &durable), Error::Later);
        place.as_mut().expect("a place").wait(PATIENCE, PATIENCE).await;
        let Error::Unavailable(why) = stand(&line, &mut place, 5_000, &durable) else { panic!("refused") };
        assert!(why.contains("64 bytes") && why.contains("5000 ms"), "{why}");
        assert!(place.is_none() && line.waiting() == 0);
    }
}
