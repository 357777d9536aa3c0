//! How much may be under way: CUBIC, but what is lost counts as congestion only where it looks like it.
//!
//! CUBIC narrows its window at every lost packet, and widens it slowly. One that got lost while dialling keeps a new link
//! at 1 MB/s for ten seconds, and one in ten thousand keeps a long fat line at a tenth of what it carries. So a loss is
//! passed on to it only if packets also stand in a queue, if much is lost within one round trip, or if nothing gets
//! through. Less than that is repeated, and nothing else.

use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};

use quinn::congestion::{Controller, ControllerFactory, ControllerMetrics, Cubic, CubicConfig};
use quinn_proto::RttEstimator;

/// Makes one for each connection.
#[derive(Debug)]
pub(crate) struct Steady {
    cubic: Arc<CubicConfig>,
}

impl Steady {
    /// Begins with so many bytes at once.
    pub(crate) fn new(initial_window_bytes: u64) -> Steady {
        let mut cubic = CubicConfig::default();
        cubic.initial_window(initial_window_bytes);
        Steady { cubic: Arc::new(cubic) }
    }
}

impl ControllerFactory for Steady {
    fn build(self: Arc<Self>, now: Instant, current_mtu: u16) -> Box<dyn Controller> {
        Box::new(Window { cubic: Cubic::new(self.cubic.clone(), now, current_mtu), losses: Losses::new(now) })
    }
}

#[derive(Clone, Debug)]
struct Window {
    cubic: Cubic,
    losses: Losses,
}

/// What is known of the path and of what it lost lately.
#[derive(Clone, Copy, Debug)]
struct Losses {
    min_rtt: Duration,
    rtt: Duration,
    round_began: Instant,
    lost_bytes: u64,
}

impl Losses {
    fn new(now: Instant) -> Losses {
        Losses { min_rtt: Duration::ZERO, rtt: Duration::ZERO, round_began: now, lost_bytes: 0 }
    }

    /// Whether packets wait somewhere on their way.
    fn queue(&self) -> bool {
        self.rtt > self.min_rtt + (self.min_rtt / 4).max(QUEUED_FOR)
    }

    /// Takes note of a loss; whether it means that too much is under way.
    fn are_congestion(&mut self, now: Instant, lost_bytes: u64, window_bytes: u64) -> bool {
        if now.saturating_duration_since(self.round_began) > self.rtt {
            (self.round_began, self.lost_bytes) = (now, 0);
        }
        self.lost_bytes += lost_bytes;
        self.queue() || self.lost_bytes > (window_bytes / LOST_PART).max(LOST_BYTES_MIN)
    }
}

impl Controller for Window {
    fn on_sent(&mut self, now: Instant, bytes: u64, last_packet_number: u64) {
        self.cubic.on_sent(now, bytes, last_packet_number);
    }

    fn on_ack(&mut self, now: Instant, sent: Instant, bytes: u64, app_limited: bool, rtt: &RttEstimator) {
        (self.losses.min_rtt, self.losses.rtt) = (rtt.min(), rtt.get());
        self.cubic.on_ack(now, sent, bytes, app_limited, rtt);
    }

    fn on_end_acks(&mut self, now: Instant, in_flight: u64, app_limited: bool, largest_packet_num_acked: Option<u64>) {
        self.cubic.on_end_acks(now, in_flight, app_limited, largest_packet_num_acked);
    }

    fn on_congestion_event(&mut self, now: Instant, sent: Instant, is_persistent_congestion: bool, lost_bytes: u64) {
        // Nothing lost, yet an event: a router marked packets instead of dropping them.
        let marked = lost_bytes == 0;
        let window_bytes = self.cubic.window();
        if self.losses.are_congestion(now, lost_bytes, window_bytes) || is_persistent_congestion || marked {
            self.cubic.on_congestion_event(now, sent, is_persistent_congestion, lost_bytes);
        }
    }

    fn on_mtu_update(&mut self, new_mtu: u16) {
        self.cubic.on_mtu_update(new_mtu);
    }

    fn window(&self) -> u64 {
        self.cubic.window()
    }

    fn metrics(&self) -> ControllerMetrics {
        self.cubic.metrics()
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(self.clone())
    }

    fn initial_window(&self) -> u64 {
        self.cubic.initial_window()
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

/// A round trip that takes so much longer than the shortest one, or a quarter, has stood in a queue.
const QUEUED_FOR: Duration = Duration::from_millis(10);
/// One part in fifty within a round trip is more than lines lose by themselves.
const LOST_PART: u64 = 50;
/// A few packets are no measure, however small the window is.
const LOST_BYTES_MIN: u64 = 4 * 1500;

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use quinn::congestion::{Controller, ControllerFactory};

    use super::{Losses, Steady};
    use crate::moment;

    const MS: Duration = Duration::from_millis(1);

    fn window() -> Box<dyn Controller> {
        Arc::new(Steady::new(38_400)).build(moment::now().into_std(), 1200)
    }

    #[test]
    fn a_packet_lost_while_dialling_leaves_the_window_alone() {
        let (mut window, now) = (window(), moment::now().into_std());
        window.on_congestion_event(now, now, false, 1200);
        assert_eq!(window.window(), 38_400);
    }

    #[test]
    fn many_lost_at_once_silence_or_a_mark_narrow_it() {
        let now = moment::now().into_std();
        for (silence, lost) in [(false, 12_000), (true, 1200), (false, 0)] {
            let mut window = window();
            window.on_congestion_event(now, now, silence, lost);
            assert!(window.window() < 38_400, "{silence} {lost}");
        }
    }

    #[test]
    fn losses_add_up_within_a_round_trip_and_not_over_many() {
        let began = moment::now().into_std();
        let mut losses = Losses { min_rtt: MS * 80, rtt: MS * 82, ..Losses::new(began) };
        let big = 10_000_000;
        assert!(!losses.are_congestion(began + MS * 100, 150_000, big));
        assert!(losses.are_congestion(began + MS * 150, 100_000, big));
        assert!(!losses.are_congestion(began + MS * 300, 150_000, big));
    }

    #[test]
    fn with_a_queue_every_loss_counts() {
        let now = moment::now().into_std();
        let mut losses = Losses { min_rtt: MS * 80, rtt: MS * 110, ..Losses::new(now) };
        assert!(losses.are_congestion(now, 1200, 10_000_000));
        let mut near = Losses { min_rtt: MS, rtt: MS * 8, ..Losses::new(now) };
        assert!(!near.are_congestion(now, 1200, 10_000_000));
    }
}
