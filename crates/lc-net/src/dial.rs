//! Reaching a peer with a larger id, again and again, for as long as it is a peer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use lc_env::SeededRandom;
use tokio::time::{sleep, timeout};

use crate::error::Error;
use crate::link::LinkEvent;
use crate::moment;
use crate::node::Node;
use crate::peer::Peer;
use crate::random::fraction;
use crate::session::{self, GOOD_LIFE};

/// Dials, carries, dials again, until the peer is stopped.
pub(crate) async fn keep_dialling(node: Arc<Node>, peer: Arc<Peer>) {
    let mut backoff = Backoff::new(node.seed ^ u64::from(peer.node_id));
    loop {
        let started = moment::now();
        let error = tokio::select! {
            biased;
            () = peer.stopped() => return,
            dialled = dial(&node, &peer) => match dialled {
                Ok(connection) => session::run(&node, &peer, connection).await,
                Err(error) => error,
            },
        };
        if peer.note_failure(&error) {
            tracing::warn!(peer = %peer.name, reason = %error, "no link");
        }
        if let Error::TurnedAway { reason } = &error {
            let event = LinkEvent::TurnedAway { peer: peer.node_id, reason: reason.clone() };
            // An event that nobody receives any more is not an error here: the node is ending.
            let _ = node.events.send(event).await;
        }
        // No further pause after long silence: it was one already, and the first packet
        // after a heal must not be far.
        if matches!(error, Error::NoAnswer { .. } | Error::Moved) || started.elapsed() > GOOD_LIFE {
            backoff.reset();
        }
        let pause = pause_after(&error, backoff.next_pause());
        tokio::select! {
            biased;
            () = peer.stopped() => return,
            () = sleep(pause) => {}
        }
    }
}

/// Whoever is turned away because another process of its id is linked may be that one's successor: it must not sleep
/// through the moment when the other one is found dead.
fn pause_after(error: &Error, pause: Duration) -> Duration {
    if matches!(error, Error::TurnedAway { .. }) { pause.min(PAUSE_TURNED_AWAY_MAX) } else { pause }
}

async fn dial(node: &Node, peer: &Peer) -> Result<quinn::Connection, Error> {
    let moved = peer.moved();
    tokio::select! {
        dialled = dial_at(node, peer, peer.addr()) => dialled,
        // Nobody may be at the old address any more.
        () = moved => Err(Error::Moved),
    }
}

async fn dial_at(node: &Node, peer: &Peer, address: SocketAddr) -> Result<quinn::Connection, Error> {
    let connecting = node
        .endpoint
        .connect_with(node.dialling.clone(), address, &peer.name.dns_name())
        .map_err(|e| Error::Lost { reason: e.to_string() })?;
    match timeout(node.limits.dial_timeout, connecting).await {
        Ok(connected) => Ok(connected?),
        Err(_) => Err(session::no_answer(node, address)),
    }
}

/// Pauses between attempts: 50 ms, doubling to 2 s, each drawn from its upper half.
pub(crate) struct Backoff {
    pause: Duration,
    random: SeededRandom,
}

impl Backoff {
    pub(crate) fn new(seed: u64) -> Backoff {
        Backoff { pause: PAUSE_MIN, random: SeededRandom::new(seed) }
    }

    pub(crate) fn next_pause(&mut self) -> Duration {
        let pause = self.pause.mul_f64(0.5 + fraction(&self.random) / 2.0);
        self.pause = (self.pause * 2).min(PAUSE_MAX);
        pause
    }

    pub(crate) fn reset(&mut self) {
        self.pause = PAUSE_MIN;
    }
}

const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(2);
const PAUSE_TURNED_AWAY_MAX: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use super::{Backoff, Duration, Error, PAUSE_MAX, PAUSE_MIN, pause_after};

    #[test]
    fn pauses_grow_to_two_seconds_and_start_over_after_a_good_link() {
        let mut backoff = Backoff::new(1);
        let pauses: Vec<Duration> = (0..10).map(|_| backoff.next_pause()).collect();
        assert!((PAUSE_MIN / 2..=PAUSE_MIN).contains(&pauses[0]));
        assert!(pauses.iter().all(|pause| *pause <= PAUSE_MAX));
        assert!(pauses[9] >= PAUSE_MAX / 2);
        backoff.reset();
        assert!(backoff.next_pause() <= PAUSE_MIN);
    }

    #[test]
    fn who_is_turned_away_asks_again_at_least_four_times_a_second() {
        let turned_away = Error::TurnedAway { reason: String::new() };
        assert_eq!(pause_after(&turned_away, PAUSE_MAX), Duration::from_millis(250));
        assert_eq!(pause_after(&turned_away, PAUSE_MIN), PAUSE_MIN);
        assert_eq!(pause_after(&Error::Stopped, PAUSE_MAX), PAUSE_MAX);
    }

    #[test]
    fn two_nodes_with_different_seeds_do_not_dial_in_step() {
        let (mut one, mut other) = (Backoff::new(1), Backoff::new(2));
        assert_ne!(one.next_pause(), other.next_pause());
    }
}
