//! One region: a member when it is alive, its disk always.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use lc_core::{Dot, NodeId, VersionVector};
use lc_crdt::{Entry, Merge};
use lc_env::Disk;
use lc_journal::{Position, SyncJob};
use lc_member::{Member, Settings};
use lc_policy::{Table, Tables};
use lc_store::{FlushJob, Store};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::Bug;
use crate::bug;
use crate::disk::SimDisk;
use crate::mistaken_disk::MistakenDisk;
use crate::rng::Rng;
use crate::store::SimStore;

/// What is wrong with a wall clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum WallClock {
    Right,
    /// Hours ahead or behind, since some moment.
    Off {
        by_ms: i64,
        since: Duration,
    },
    /// As it stood at some moment.
    Frozen {
        at: Duration,
    },
}

pub(crate) struct Region {
    pub node: NodeId,
    pub settings: Settings,
    pub member: Option<Member>,
    pub disk: SimDisk,
    pub store: SimStore,
    /// Grows at every restart: what was scheduled for an earlier life is void.
    pub life: u64,
    pub sync_job: Option<SyncJob>,
    /// Rows on their way to the store, and what must be durable before they may be there.
    pub flush: Option<(FlushJob<dyn Store>, Position)>,
    /// Until then its disk takes long for everything.
    pub slow_until: Duration,
    /// The member takes no writes any more, and its restart is under way.
    pub given_up: bool,
    /// How often disk and store had failed when this life began.
    pub failures_at_start: u64,
    /// How far its wall clock is always off, ms; may be negative.
    pub skew_ms: i64,
    /// What is wrong with its wall clock beside that.
    pub wall: WallClock,
    /// Where its monotonic clock stood when this life began, by what the world's clock showed then, and how much it is
    /// fast, in parts in a million: nobody else's.
    pub monotonic: (Duration, Duration, i64),
    pub old_disk: Option<(SimDisk, SimStore, Archive)>,
    /// Entries of its journal, those too that were dropped since.
    pub archive: Archive,
    /// It got records as state at some time.
    pub filled: bool,
    /// The tables that it was told last; a restart finds them again.
    pub tables: Arc<Tables>,
    /// The tables that it goes by; others than those only by a seeded bug.
    pub in_use: Arc<Tables>,
    /// Everything that was ever durable here: what a crash cannot take away.
    pub durable: VersionVector,
}

/// Entries in the order in which a journal got them.
#[derive(Clone, Default)]
pub(crate) struct Archive {
    entries: Vec<Entry>,
    dots: BTreeSet<Dot>,
}

impl Archive {
    fn take(&mut self, entries: Vec<Entry>) {
        self.entries.extend(entries.into_iter().filter(|entry| self.dots.insert(entry.dot)));
    }
}

impl Region {
    pub(crate) fn new(node: NodeId, settings: Settings, skew_ms: i64, disk_seed: u64) -> Region {
        Region {
            tables: settings.tables.clone(),
            in_use: settings.tables.clone(),
            durable: VersionVector::new(),
            node,
            settings,
            member: None,
            disk: SimDisk::new(disk_seed),
            store: SimStore::default(),
            life: 0,
            sync_job: None,
            flush: None,
            slow_until: Duration::ZERO,
            given_up: false,
            failures_at_start: 0,
            skew_ms,
            wall: WallClock::Right,
            monotonic: (Duration::ZERO, Duration::ZERO, 0),
            old_disk: None,
            archive: Archive::default(),
            filled: false,
        }
    }

    /// Starts the member from what its disk has.
    pub(crate) fn start(&mut self, bug: Option<Bug>) -> Result<(), lc_member::Error> {
        self.life += 1;
        (self.given_up, self.sync_job, self.flush) = (false, None, None);
        // A machine sets its clock when it starts.
        self.wall = WallClock::Right;
        self.failures_at_start = self.failures();
        self.disk = self.disk.reopen();
        if let Some(bug) = bug {
            bug::falsify_journal(bug, &self.disk, self.life);
            bug::forget_rows(bug, &self.store);
        }
        let disk: Arc<dyn Disk> = match bug {
            Some(bug) => Arc::new(MistakenDisk { disk: self.disk.clone(), bug }),
            None => Arc::new(self.disk.clone()),
        };
        self.in_use = match bug {
            Some(Bug::PolicyForgottenAtStart) if self.life > 1 => Arc::default(),
            _ => self.misread(bug),
        };
        let mut settings = Settings { tables: self.in_use.clone(), ..self.settings.clone() };
        // Random on a real node, and another one in each life.
        settings.table.hash_seed = xxh3_64_with_seed(&self.life.to_le_bytes(), u64::from(self.node.0));
        let member = Member::open(settings, disk, Arc::new(self.store.clone()))?;
        self.member = Some(member);
        self.note_durable();
        Ok(())
    }

    /// Goes by these tables from now on, also after a restart.
    pub(crate) fn set_tables(&mut self, tables: Arc<Tables>, bug: Option<Bug>) {
        self.tables = tables;
        self.in_use = self.misread(bug);
        if let Some(member) = &mut self.member {
            member.set_tables(self.in_use.clone());
        }
    }

    /// The tables as a seeded bug lets this region understand them.
    fn misread(&self, bug: Option<Bug>) -> Arc<Tables> {
        let changed = |table: &Arc<Table>| {
            let mut table = (**table).clone();
            match bug {
                Some(Bug::RuleMixedUp) if self.node == NodeId(1) && table.policy.merge == Merge::Max => {
                    table.policy.merge = Merge::Min;
                }
                Some(Bug::LedgerKeepsLittle) => table.policy.ledger_bytes_max = 2000,
                _ => {}
            }
            table
        };
        match bug {
            Some(Bug::RuleMixedUp | Bug::LedgerKeepsLittle) => {
                Arc::new(Tables::new(self.tables.version, self.tables.iter().map(changed).collect()))
            }
            _ => self.tables.clone(),
        }
    }

    /// Drops what of its journal nobody needs any more.
    pub(crate) fn truncate(&mut self) -> Result<(), lc_member::Error> {
        let Some(member) = &mut self.member else { return Ok(()) };
        let Some(job) = member.begin_truncate() else { return Ok(()) };
        self.archive.take(member.journal_entries()?);
        let done = job.run();
        member.finish_truncate(done)
    }

    /// Every entry that its journal ever had, and still would if none were dropped.
    pub(crate) fn entries(&self) -> Result<Vec<Entry>, lc_member::Error> {
        let mut archive = self.archive.clone();
        if let Some(member) = &self.member {
            archive.take(member.journal_entries()?);
        }
        Ok(archive.entries)
    }

    /// What came as records instead.
    pub(crate) fn adopted(&self) -> VersionVector {
        self.member.as_ref().map(|member| member.adopted().clone()).unwrap_or_default()
    }

    /// Remembers what is durable, for the time when the member is down.
    pub(crate) fn note_durable(&mut self) {
        if let Some(member) = &self.member {
            self.durable.merge(&member.snapshot().durable);
        }
    }

    /// At the first crash keeps a copy of the disk, at the next puts it in place of the disk, as a restored backup would.
    pub(crate) fn swap_old_disk(&mut self, rng: &Rng) {
        match self.old_disk.take() {
            Some((disk, store, archive)) => (self.disk, self.store, self.archive) = (disk, store, archive),
            None => self.old_disk = Some((self.disk.copy(rng.u64()), self.store.copy(), self.archive.clone())),
        }
    }

    /// Disk and store work again, and what they have is what was written.
    pub(crate) fn mend(&mut self) {
        self.disk.mend();
        self.store.mend();
    }

    /// How often disk and store have failed somebody.
    pub(crate) fn failures(&self) -> u64 {
        self.disk.failures() + self.store.failures()
    }

    /// Sets its monotonic clock, as a machine does that starts.
    pub(crate) fn set_monotonic(&mut self, now: Duration, shows: Duration, fast_ppm: i64) {
        self.monotonic = (now, shows, fast_ppm);
    }

    /// What its monotonic clock shows.
    pub(crate) fn time(&self, now: Duration) -> Duration {
        let (since, shown, fast_ppm) = self.monotonic;
        let passed = now.saturating_sub(since).as_nanos() as u64;
        let gained = passed as i64 / 1_000 * fast_ppm / 1_000;
        shown + Duration::from_nanos(passed.saturating_add_signed(gained))
    }

    /// What its wall clock shows.
    pub(crate) fn wall_ms(&self, now: Duration) -> u64 {
        match self.wall {
            WallClock::Right => self.right_ms(now),
            WallClock::Off { by_ms, .. } => self.right_ms(now).saturating_add_signed(by_ms),
            WallClock::Frozen { at } => self.right_ms(at),
        }
    }

    /// What the wall clocks of its clients show, which nothing is wrong with.
    pub(crate) fn right_ms(&self, now: Duration) -> u64 {
        (EPOCH_MS + now.as_millis() as u64).saturating_add_signed(self.skew_ms)
    }
}

/// When simulated worlds begin: 2026-01-01.
pub(crate) const EPOCH_MS: u64 = 1_767_225_600_000;
