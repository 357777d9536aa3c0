//! Going on under another name: a data directory that is older than what its node had acknowledged must not use a dot twice.

use lc_core::{Dot, ReplicaId};

use super::holds::Holds;
use super::{Member, Settled};
use crate::Error;

impl Member {
    /// How often the node's data began anew.
    pub fn incarnation(&self) -> u16 {
        self.identity.incarnation
    }

    /// Decides writes as this incarnation from now on, if it is a later one; what the earlier one wrote comes from others, as
    /// any replica's. A member that had refused writes because its data was too old takes them again.
    ///
    /// # Errors
    /// The new identity could not be made durable; the member goes on as it was.
    pub fn begin_incarnation(&mut self, incarnation: u16) -> Result<(), Error> {
        if incarnation <= self.identity.incarnation {
            return Ok(());
        }
        let mut identity = self.identity.clone();
        identity.begin_incarnation(self.disk.as_ref(), incarnation)?;
        // Whoever waits for acknowledgements of the earlier one cannot be told any more: dots are compared by sequence.
        for (ticket, dot) in std::mem::take(&mut self.holds).into_tickets() {
            let error = lc_db::Error::Unavailable(format!(
                "the node began a new incarnation; how many regions have the write {dot} is not known"
            ));
            self.requests.settle(ticket, Settled::Failed(error));
        }
        self.identity = identity;
        self.me = ReplicaId::new(self.settings.node, incarnation);
        self.last_seq = self.replicator.applied().get(self.me);
        self.next_seq = self.last_seq + 1;
        self.replicator.begin_incarnation(self.me);
        self.health.forget_stale_data();
        Ok(())
    }
}

impl Holds {
    fn into_tickets(self) -> Vec<(super::Ticket, Dot)> {
        self.by_need.into_values().flatten().map(|hold| (hold.ticket, hold.dot)).collect()
    }
}
