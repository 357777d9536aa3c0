//! Tasks that wait for the member to settle a request.

use std::sync::{Arc, Weak};

use lc_member::{Member, Settled, Ticket};
use parking_lot::Mutex;
use std::collections::HashMap;
use tokio::sync::oneshot;

use crate::Node;

/// Who waits for which ticket.
#[derive(Default)]
pub(crate) struct Waiting {
    tickets: Mutex<HashMap<Ticket, oneshot::Sender<Settled>>>,
}

/// A ticket and whoever will be told. Dropped before that, the member forgets the request.
pub(crate) struct Awaited {
    ticket: Ticket,
    node: Weak<Node>,
    told: Option<oneshot::Receiver<Settled>>,
}

/// A write that several regions are to hold.
pub struct Hold(pub(crate) Awaited);

impl Waiting {
    /// Call with the member locked: nothing can settle before the ticket is known here.
    pub(crate) fn enter(&self, node: &Arc<Node>, ticket: Ticket) -> Awaited {
        let (sender, told) = oneshot::channel();
        self.tickets.lock().insert(ticket, sender);
        Awaited { ticket, node: Arc::downgrade(node), told: Some(told) }
    }

    pub(crate) fn tell(&self, settled: Vec<(Ticket, Settled)>) {
        let mut tickets = self.tickets.lock();
        for (ticket, settled) in settled {
            if let Some(sender) = tickets.remove(&ticket) {
                // Whoever hung up meanwhile has nothing to be told.
                let _ = sender.send(settled);
            }
        }
    }
}

impl Awaited {
    pub(crate) async fn settled(mut self) -> Settled {
        let gone = || Settled::Failed(lc_db::Error::Unavailable("the node is stopping".to_owned()));
        match self.told.as_mut() {
            // Polled in place, so that being dropped half-way still forgets the request.
            Some(told) => {
                let settled = told.await.unwrap_or_else(|_| gone());
                self.told = None;
                settled
            }
            None => gone(),
        }
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        if self.told.is_none() {
            return;
        }
        if let Some(node) = self.node.upgrade() {
            node.waiting.tickets.lock().remove(&self.ticket);
            node.member.write().forget_request(self.ticket);
        }
    }
}

impl Node {
    /// Tells everybody whose request the member has settled.
    pub(crate) fn deliver_settled(&self, member: &mut Member) {
        let settled = member.take_settled();
        if !settled.is_empty() {
            self.waiting.tell(settled);
        }
    }
}
