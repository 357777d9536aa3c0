//! The machine as openraft asks for it.

use std::io;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use openraft::storage::{EntryResponder, RaftStateMachine};
use openraft::{EntryPayload, OptionalSend, RaftSnapshotBuilder};
use parking_lot::Mutex;

use crate::Machine;
use crate::log::Log;
use crate::snapshots::Snapshots;
use crate::type_config::{LogEntry, LogId, Snapshot, SnapshotMeta, StoredMembers, Types};

/// The machine, and how far it is.
pub(crate) struct StateMachine {
    /// Never locked twice at a time; openraft wants to share what it does not share.
    machine: Mutex<Box<dyn Machine>>,
    log: Log,
    snapshots: Snapshots,
    snapshot_bytes_max: usize,
    applied: Option<LogId>,
    members: StoredMembers,
}

impl StateMachine {
    pub(crate) fn new(
        machine: Box<dyn Machine>,
        log: Log,
        snapshots: Snapshots,
        snapshot_bytes_max: usize,
    ) -> StateMachine {
        StateMachine {
            machine: Mutex::new(machine),
            log,
            snapshots,
            snapshot_bytes_max,
            applied: None,
            members: StoredMembers::default(),
        }
    }

    fn apply_one(&mut self, entry: LogEntry) -> Bytes {
        self.applied = Some(entry.log_id);
        match entry.payload {
            EntryPayload::Blank => Bytes::new(),
            EntryPayload::Normal(command) => Bytes::from(self.machine.get_mut().apply(entry.log_id.index, &command.0)),
            EntryPayload::Membership(members) => {
                self.members = StoredMembers::new(Some(entry.log_id), members);
                Bytes::new()
            }
        }
    }

    fn publish(&mut self) {
        if let Some(applied) = self.applied {
            self.machine.get_mut().applied(applied.index);
        }
    }
}

impl RaftStateMachine<Types> for StateMachine {
    type SnapshotData = Bytes;
    type SnapshotBuilder = Builder;

    async fn applied_state(&mut self) -> io::Result<(Option<LogId>, StoredMembers)> {
        Ok((self.applied, self.members.clone()))
    }

    async fn apply<Entries>(&mut self, mut entries: Entries) -> io::Result<()>
    where
        Entries: Stream<Item = io::Result<EntryResponder<Types>>> + Unpin + OptionalSend,
    {
        let mut answers = Vec::new();
        while let Some(entry) = entries.next().await {
            let (entry, responder) = entry?;
            // Readers must not see what a restart of this member alone would take back.
            self.log.committed_is_durable(entry.log_id.index).await?;
            let answer = self.apply_one(entry);
            answers.extend(responder.map(|responder| (responder, answer)));
        }
        self.publish();
        // Only now: who hears that a command was applied finds it in what is published here.
        for (responder, answer) in answers {
            responder.send(answer);
        }
        Ok(())
    }

    async fn try_create_snapshot_builder(&mut self, force: bool) -> Option<Builder> {
        let data = self.machine.get_mut().snapshot();
        if data.len() > self.snapshot_bytes_max && !force {
            tracing::warn!(
                bytes = data.len(),
                bytes_max = self.snapshot_bytes_max,
                "no snapshot: the machine is too large"
            );
            return None;
        }
        let meta = SnapshotMeta { last_log_id: self.applied, last_membership: self.members.clone() };
        Some(Builder { snapshot: Snapshot { meta, snapshot: Bytes::from(data) }, snapshots: self.snapshots.clone() })
    }

    async fn get_snapshot_builder(&mut self) -> Builder {
        self.try_create_snapshot_builder(true).await.expect("forced")
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMeta, data: Bytes) -> io::Result<()> {
        self.machine.get_mut().restore(&data).map_err(|why| io::Error::other(format!("restore the machine: {why}")))?;
        // Entries that contradict the snapshot were cut off just before. Should a crash bring them back beside it, the log could not be opened.
        self.log.all_durable().await?;
        self.snapshots.keep(Snapshot { meta: meta.clone(), snapshot: data }).await?;
        self.applied = meta.last_log_id;
        self.members = meta.last_membership.clone();
        self.publish();
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> io::Result<Option<Snapshot>> {
        Ok(self.snapshots.newest().await)
    }
}

/// A snapshot that is taken and still has to be written.
pub(crate) struct Builder {
    snapshot: Snapshot,
    snapshots: Snapshots,
}

impl RaftSnapshotBuilder<Types> for Builder {
    type SnapshotData = Bytes;

    async fn build_snapshot(&mut self) -> io::Result<Snapshot> {
        self.snapshots.keep(self.snapshot.clone()).await?;
        Ok(self.snapshot.clone())
    }
}
