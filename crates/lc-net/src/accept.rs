//! Letting in peers with smaller ids, and nobody else.

use std::sync::Arc;

use quinn::Incoming;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::error::Error;
use crate::node::Node;
use crate::peer::Peer;
use crate::session;
use crate::tls;

/// Accepts until the endpoint is closed.
pub(crate) async fn accept_all(node: Arc<Node>) {
    let handshakes = Arc::new(Semaphore::new(HANDSHAKES_MAX));
    while let Some(incoming) = node.endpoint.accept().await {
        let Ok(permit) = handshakes.clone().try_acquire_owned() else {
            // No answer costs least; a real peer repeats its packet.
            incoming.ignore();
            continue;
        };
        if handshakes.available_permits() < HANDSHAKES_MAX / 2 && incoming.may_retry() {
            // Under load, an address must first show that it receives what is sent to it.
            let _ = incoming.retry();
            continue;
        }
        tokio::spawn(welcome(node.clone(), incoming, permit));
    }
}

async fn welcome(node: Arc<Node>, incoming: Incoming, permit: OwnedSemaphorePermit) {
    let address = incoming.remote_address();
    let admitted = admit(&node, incoming).await;
    drop(permit);
    match admitted {
        Ok((peer, connection)) => {
            let error = session::run(&node, &peer, connection).await;
            // A second process of the peer says nothing about the link of the first.
            if !matches!(error, Error::ConnectedAlready { .. }) {
                peer.note_failure(&error);
            }
            if matches!(error, Error::Refused { .. } | Error::ConnectedAlready { .. }) {
                node.refuse(address, &error);
            }
        }
        // A peer behind a bad path gives up and comes again: nothing was refused.
        Err(error @ Error::NoAnswer { .. }) => tracing::debug!(from = %address, reason = %error, "handshake"),
        Err(error) => node.refuse(address, &error),
    }
}

async fn admit(node: &Node, incoming: Incoming) -> Result<(Arc<Peer>, quinn::Connection), Error> {
    let address = incoming.remote_address();
    let Ok(shaken) = timeout(node.limits.dial_timeout, incoming).await else {
        return Err(session::no_answer(node, address));
    };
    let connection = shaken?;
    match tls::peer_name(&connection).and_then(|name| node.expected(&name)) {
        Ok(peer) => Ok((peer, connection)),
        Err(error) => {
            connection.close(CLOSE_NOT_EXPECTED.into(), error.to_string().as_bytes());
            Err(error)
        }
    }
}

/// Handshakes at a time; each holds some tens of kilobytes until it is done or timed out.
const HANDSHAKES_MAX: usize = 64;
const CLOSE_NOT_EXPECTED: u32 = 2;
