//! One region: a member when it is alive, its disk always.

use std::sync::Arc;
use std::time::Duration;

use lc_core::{NodeId, VersionVector};
use lc_env::{Disk, MemoryDisk};
use lc_journal::SyncJob;
use lc_member::{Member, Settings};
use lc_policy::Tables;
use lc_store::{MemoryStore, Store};

use crate::Bug;
use crate::lying_disk::LyingDisk;

pub(crate) struct Region {
    pub node: NodeId,
    pub settings: Settings,
    pub member: Option<Member>,
    pub disk: MemoryDisk,
    pub store: MemoryStore,
    /// Grows at every restart: what was scheduled for an earlier life is void.
    pub life: u64,
    pub sync_job: Option<SyncJob>,
    /// How far its wall clock is off, ms; may be negative.
    pub skew_ms: i64,
    pub old_disk: Option<(MemoryDisk, MemoryStore)>,
    /// The tables that it was told last; a restart finds them again.
    pub tables: Arc<Tables>,
    /// Everything that was ever durable here: what a crash cannot take away.
    pub durable: VersionVector,
}

impl Region {
    pub(crate) fn new(node: NodeId, settings: Settings, skew_ms: i64) -> Region {
        Region {
            tables: settings.tables.clone(),
            durable: VersionVector::new(),
            node,
            settings,
            member: None,
            disk: MemoryDisk::new(),
            store: MemoryStore::new(),
            life: 0,
            sync_job: None,
            skew_ms,
            old_disk: None,
        }
    }

    /// Starts the member from what its disk has.
    pub(crate) fn start(&mut self, bug: Option<Bug>) -> Result<(), lc_member::Error> {
        self.life += 1;
        self.disk = self.disk.reopen();
        let disk: Arc<dyn Disk> = match bug {
            Some(Bug::SyncLies) => Arc::new(LyingDisk(self.disk.clone())),
            _ => Arc::new(self.disk.clone()),
        };
        if bug == Some(Bug::LedgerForgotten) {
            self.forget_newest_loss();
        }
        let tables = match bug {
            Some(Bug::PolicyForgottenAtStart) if self.life > 1 => Arc::default(),
            _ => self.tables.clone(),
        };
        let settings = Settings { tables, ..self.settings.clone() };
        let member = Member::open(settings, disk, Arc::new(self.store.clone()))?;
        self.member = Some(member);
        self.note_durable();
        Ok(())
    }

    /// Goes by these tables from now on, also after a restart.
    pub(crate) fn set_tables(&mut self, tables: Arc<Tables>) {
        self.tables = tables.clone();
        if let Some(member) = &mut self.member {
            member.set_tables(tables);
        }
    }

    /// Remembers what is durable, for the time when the member is down.
    pub(crate) fn note_durable(&mut self) {
        if let Some(member) = &self.member {
            self.durable.merge(&member.snapshot().durable);
        }
    }

    /// Takes the ledger's newest loss out of the store, with the rows that lead to it.
    fn forget_newest_loss(&mut self) {
        let newest = |prefix: &[u8], end: &[u8]| {
            let row = self.store.scan_back(prefix, Some(end)).next();
            row.map(|row| (row.expect("a memory store reads").0, None))
        };
        // docs/formats/ledger.md: losses, their order (by table, so of one table there), their names.
        let rows: Vec<_> = [newest(b"ln", b"lo"), newest(b"lo", b"lp"), newest(b"li", b"lj")].into_iter().flatten().collect();
        if rows.len() == 3 {
            self.store.commit(&mut rows.into_iter()).expect("a memory store commits");
        }
    }

    /// At the first crash keeps a copy of the disk, at the next puts it in place of the disk, as a restored backup would.
    pub(crate) fn swap_old_disk(&mut self) {
        match self.old_disk.take() {
            Some((disk, store)) => (self.disk, self.store) = (disk, store),
            None => self.old_disk = Some((copy_of_disk(&self.disk.reopen()), copy_of_store(&self.store))),
        }
    }

    pub(crate) fn wall_ms(&self, now: Duration) -> u64 {
        (EPOCH_MS + now.as_millis() as u64).saturating_add_signed(self.skew_ms)
    }
}

fn copy_of_disk(disk: &MemoryDisk) -> MemoryDisk {
    let copy = MemoryDisk::new();
    for name in disk.list().expect("a memory disk lists its files") {
        let bytes = disk.read(&name).expect("a memory disk reads what it lists");
        copy.write_atomic(&name, &bytes).expect("a memory disk has room");
    }
    copy
}

fn copy_of_store(store: &MemoryStore) -> MemoryStore {
    let copy = MemoryStore::new();
    let mut rows =
        store.scan(b"\0", None).map(|row| row.map(|(key, value)| (key, Some(value))).expect("a memory store reads"));
    copy.commit(&mut rows).expect("a memory store commits");
    copy
}

/// When simulated worlds begin: 2026-01-01.
pub(crate) const EPOCH_MS: u64 = 1_767_225_600_000;
