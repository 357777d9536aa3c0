//! One region of a world of placements: a member when it is alive, its disk always.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use lc_core::{Dot, NodeId, VersionVector};
use lc_crdt::Op;
use lc_env::MemoryDisk;
use lc_journal::{Position, SyncJob};
use lc_member::{Member, Peer, Settings};
use lc_policy::Tables;

use super::PlacementBug;
use super::kept::KeptRows;
use super::plan::{RESTRICTED, region_name};
use crate::rng::Rng;

pub(super) struct Place {
    pub name: String,
    pub member: Option<Member>,
    pub store: KeptRows,
    /// Grows at every restart: what was scheduled for an earlier life is void.
    pub life: u64,
    pub sync_job: Option<SyncJob>,
    /// The catalogue as it is known here, kept with its log: a restart finds it again.
    pub tables: Arc<Tables>,
    /// What its member goes by; something else only by a seeded bug.
    pub in_use: Arc<Tables>,
    /// Which of the plan's versions that is.
    pub known: usize,
    /// What may be in the journal of tables that this region must not have any more: it came before that was known here.
    pub before: BTreeMap<&'static str, VersionVector>,
    rows_removed: u64,
    disk: MemoryDisk,
    settings: Settings,
    skew_ms: i64,
    index: usize,
    bodies: (Position, BTreeMap<Dot, usize>),
}

impl Place {
    pub(super) fn new(rng: &Rng, index: usize, count: usize, tables: &Arc<Tables>) -> Place {
        let mut place = Place {
            name: region_name(index),
            member: None,
            store: KeptRows::default(),
            life: 0,
            sync_job: None,
            tables: Arc::default(),
            in_use: Arc::default(),
            known: 0,
            before: BTreeMap::new(),
            rows_removed: 0,
            disk: MemoryDisk::new(),
            settings: settings(rng, index, count),
            skew_ms: rng.below(400) as i64 - 200,
            index,
            bodies: (Position::default(), BTreeMap::new()),
        };
        place.learn(0, tables, None);
        place
    }

    /// The catalogue has come as far as this.
    pub(super) fn learn(&mut self, known: usize, tables: &Arc<Tables>, bug: Option<PlacementBug>) {
        let applied = self.member.as_ref().map(|member| member.snapshot().applied).unwrap_or_default();
        for table in RESTRICTED.into_iter().filter(|table| !holds(tables, &self.name, table)) {
            self.before.entry(table).or_insert_with(|| applied.clone());
            if bug == Some(PlacementBug::RowsStay) {
                self.store.keep();
            }
        }
        (self.known, self.tables, self.in_use) = (known, tables.clone(), tables.clone());
        if let Some(member) = &mut self.member {
            member.set_tables(tables.clone());
        }
    }

    pub(super) fn holds(&self, table: &str) -> bool {
        holds(&self.tables, &self.name, table)
    }

    /// Starts the member from what its disk has.
    pub(super) fn start(&mut self, bug: Option<PlacementBug>) -> Result<(), lc_member::Error> {
        self.life += 1;
        self.disk = self.disk.reopen();
        self.in_use = match bug {
            Some(PlacementBug::CatalogueForgottenAtStart) if self.life > 1 => Arc::default(),
            _ => self.tables.clone(),
        };
        let settings = Settings { tables: self.in_use.clone(), ..self.settings.clone() };
        let member = Member::open(settings, Arc::new(self.disk.clone()), Arc::new(self.store.clone()))?;
        // What the crash took away comes again, and then it is known what may not be kept of it.
        let applied = member.snapshot().applied;
        for before in self.before.values_mut() {
            *before = before.iter().map(|(replica, seq)| (replica, seq.min(applied.get(replica)))).collect();
        }
        self.member = Some(member);
        Ok(())
    }

    /// The machine loses power; gives whether there was a member.
    pub(super) fn crash(&mut self, rng: &Rng) -> bool {
        self.look_at_bodies();
        let Some(member) = self.member.take() else { return false };
        self.rows_removed += member.snapshot().counters.rows_removed_elsewhere;
        if let Some(job) = self.sync_job.take() {
            self.disk.fail_next_sync();
            drop(job.run());
        }
        match rng.chance(50.0) {
            true => self.disk.crash(|_, unsynced| rng.below(unsynced + 1)),
            false => self.disk.crash_scattered(|_, _| rng.chance(50.0)),
        }
        true
    }

    pub(super) fn time(&self, now: Duration) -> Duration {
        now + Duration::from_secs(1000 * self.index as u64 + 77 * self.life)
    }

    pub(super) fn wall_ms(&self, now: Duration) -> u64 {
        (EPOCH_MS + now.as_millis() as u64).saturating_add_signed(self.skew_ms)
    }

    /// Rows that a narrower placement removed, in all lives.
    pub(super) fn rows_removed_in_all(&self) -> u64 {
        let now = self.member.as_ref().map_or(0, |member| member.snapshot().counters.rows_removed_elsewhere);
        self.rows_removed + now
    }

    /// How many ops its journal durably has of an entry, or had when it was lost.
    pub(super) fn ops_of(&mut self, dot: Dot) -> Option<usize> {
        self.look_at_bodies();
        self.bodies.1.get(&dot).copied()
    }

    /// Everything its journal durably has.
    pub(super) fn dots(&mut self) -> BTreeSet<Dot> {
        self.look_at_bodies();
        self.bodies.1.keys().copied().collect()
    }

    fn look_at_bodies(&mut self) {
        let Some(member) = &self.member else { return };
        if member.durable() == self.bodies.0 {
            return;
        }
        let entries = member.journal_entries().unwrap_or_default();
        let ops = |ops: &[Op]| ops.iter().filter(|op| !matches!(op, Op::Withheld { .. })).count();
        self.bodies = (member.durable(), entries.iter().map(|entry| (entry.dot, ops(&entry.ops))).collect());
    }
}

/// Whether a region may have what a table holds, or what it will hold once it is declared.
pub(super) fn holds(tables: &Tables, region: &str, table: &str) -> bool {
    tables.named(table).is_none_or(|table| table.policy.placement.holds(region))
}

fn settings(rng: &Rng, index: usize, count: usize) -> Settings {
    let peers = (0..count).filter(|&other| other != index);
    Settings {
        cluster: "simulated".to_owned(),
        left: Vec::new(),
        node: node(index),
        region: region_name(index),
        peers: peers.map(|other| Peer { node: node(other), region: region_name(other) }).collect(),
        tables: Arc::default(),
        max_offset_ms: 500,
        dirty_bytes_max: 1,
        table: lc_store::TableOptions { cache_bytes: 4096, hash_seed: 1 },
        disk: lc_member::DiskBounds::default(),
        journal: lc_journal::Options {
            segment_bytes: 4096 << rng.below(6),
            tail_bytes: 2048 << rng.below(8),
            ..lc_journal::Options::default()
        },
        replication: lc_repl::Settings {
            window_bytes: 2048 << rng.below(10),
            batch_bytes: 256 << rng.below(10),
            heartbeat: Duration::from_millis(50 << rng.below(4)),
            ..lc_repl::Settings::default()
        },
    }
}

pub(super) fn node(index: usize) -> NodeId {
    NodeId(index as u16 + 1)
}

/// When these worlds begin: 2026-01-01.
const EPOCH_MS: u64 = 1_767_225_600_000;
