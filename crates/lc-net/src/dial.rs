//! Reaching a peer with a larger id, again and again, for as long as it is a peer.

use std::sync::Arc;
use std::time::Duration;

use lc_env::SeededRandom;
use tokio::time::{sleep, timeout};

use crate::error::Error;
use crate::moment;
use crate::node::Node;
use crate::peer::Peer;
use crate::random::fraction;
use crate::session::{self, GOOD_LIFE};

/// Dials, carries, dials again, until the peer is stopped.
pub(crate) async fn keep_dialling(node: Arc<Node>, peer: Arc<Peer>) {
    let mut backoff = Backoff::new(node.seed ^ u64::from(peer.address.node_id));
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
        // No further pause after long silence: it was one already, and the first packet
        // after a heal must not be far.
        if matches!(error, Error::NoAnswer { .. }) || started.elapsed() > GOOD_LIFE {
            backoff.reset();
        }
        tokio::select! {
            biased;
            () = peer.stopped() => return,
            () = sleep(backoff.next_pause()) => {}
        }
    }
}

async fn dial(node: &Node, peer: &Peer) -> Result<quinn::Connection, Error> {
    let address = peer.address.addr;
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

#[cfg(test)]
mod tests {
    use super::{Backoff, Duration, PAUSE_MAX, PAUSE_MIN};

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
    fn two_nodes_with_different_seeds_do_not_dial_in_step() {
        let (mut one, mut other) = (Backoff::new(1), Backoff::new(2));
        assert_ne!(one.next_pause(), other.next_pause());
    }
}
