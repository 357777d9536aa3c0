//! Two processes under one node id: a copied directory, a second start elsewhere, or a restart whose old link is not
//! found dead yet. The one whose link lives keeps it.

use std::time::Duration;

use tokio::time::sleep;

use crate::error::Error;
use crate::link::Limits;
use crate::moment;
use crate::node::Node;
use crate::peer::{Peer, Present};

/// Gives the newcomer the peer's place: at once if nobody else has it, or once who has it was silent for long enough.
/// Dropped half-way, nothing has changed.
///
/// # Errors
/// `ConnectedAlready` as soon as another process gives a sign of life.
pub(crate) async fn settle(node: &Node, peer: &Peer, newcomer: &Present) -> Result<(), Error> {
    let mut silent = None;
    while let Err(rival) = peer.take_over(newcomer, silent.as_ref()) {
        if lives(&rival, silence(&node.limits)).await {
            return Err(Error::ConnectedAlready { node: peer.name.clone(), from: rival.connection.remote_address() });
        }
        silent = Some(rival);
    }
    Ok(())
}

/// Whether anything comes from it within `patience`. A living end gives a sign of life in each keep-alive interval.
async fn lives(rival: &Present, patience: Duration) -> bool {
    let heard = rival.connection.stats().udp_rx.datagrams;
    let until = moment::now() + patience;
    loop {
        sleep(LOOK_EVERY.min(patience)).await;
        // Before counting: what closed it was a datagram too.
        if rival.connection.close_reason().is_some() {
            return false;
        }
        if rival.connection.stats().udp_rx.datagrams > heard {
            return true;
        }
        if moment::now() >= until {
            return false;
        }
    }
}

/// Three signs of life may be lost; a fourth one means that there are none.
pub(crate) fn silence(limits: &Limits) -> Duration {
    (limits.keep_alive * 3).min(limits.idle_timeout)
}

const LOOK_EVERY: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use super::{Duration, Limits, silence};

    #[test]
    fn a_restart_that_cannot_prove_itself_waits_less_than_a_second() {
        assert!(silence(&Limits::default()) <= Duration::from_millis(900));
    }
}
