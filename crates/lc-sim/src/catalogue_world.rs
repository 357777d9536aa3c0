//! A world for the control plane: the catalogue on a consensus group, over simulated links, disks and time.
//!
//! Clients on all nodes change tables, each change only if the table still has the version that they saw, while nodes
//! crash and are cut off. Time is tokio's, paused: it goes on only when nothing else can.

mod clients;
mod member;
mod post;
mod register;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use lc_catalogue::{Catalogue, Change, ClusterId, Command, NodeClaim, Secret, encode_command};
use lc_core::NodeId;
use lc_env::{Disk, MemoryDisk, SeededRandom};
use lc_raft::{DiskWork, Group, Settings};
use parking_lot::Mutex;

use crate::report::Violation;
use crate::rng::Rng;
use crate::trace::Trace;
use member::{Made, Member};
use post::Post;
use register::Operation;

/// A mistake in the control plane.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CatalogueBug {
    /// A node that reaches no leader answers from what it knows itself.
    AnsweredAlone,
    /// A read does not ask whether what is here is still so.
    ReadsUnasked,
    /// One member leaves out a command now and then.
    CommandSkipped,
}

impl CatalogueBug {
    /// All of them.
    pub const ALL: [CatalogueBug; 3] =
        [CatalogueBug::AnsweredAlone, CatalogueBug::ReadsUnasked, CatalogueBug::CommandSkipped];

    /// The bug of this name, as [`std::fmt::Debug`] shows it.
    pub fn named(name: &str) -> Option<CatalogueBug> {
        CatalogueBug::ALL.into_iter().find(|bug| format!("{bug:?}") == name)
    }
}

/// What a run found and did.
#[derive(Clone, Debug, Default)]
pub struct CatalogueReport {
    /// The seed.
    pub seed: u64,
    /// Broken promises; none is good.
    pub violations: Vec<Violation>,
    /// How much time passed in the simulated world.
    pub simulated: Duration,
    /// Nodes in the world.
    pub nodes: usize,
    /// Changes that were answered as made.
    pub changed: u64,
    /// Changes that were answered as too late: somebody else was first.
    pub refused: u64,
    /// Reads.
    pub reads: u64,
    /// Changes of which nobody was told what became of them.
    pub unknown: u64,
    /// Crashes.
    pub crashes: u64,
    /// Nodes cut off.
    pub cuts: u64,
    /// Hash of the trace.
    pub trace_hash: u128,
    /// The trace itself, if it was asked for.
    pub trace: String,
}

/// A simulated control plane.
pub struct CatalogueWorld {
    seed: u64,
    rng: Rng,
    bug: Option<CatalogueBug>,
    shared: Arc<Shared>,
    disks: BTreeMap<u16, MemoryDisk>,
    starts: u64,
    report: CatalogueReport,
}

/// What clients and members see of the world.
pub(crate) struct Shared {
    post: Arc<Post>,
    /// Members that are up, with the catalogues that they have published.
    members: Mutex<BTreeMap<u16, Member>>,
    operations: Mutex<Vec<Operation>>,
    /// Who made which version of which table, as members applied it.
    made: Mutex<Made>,
    counts: Mutex<Counts>,
    trace: Mutex<Trace>,
    done: Mutex<bool>,
}

#[derive(Clone, Copy, Default)]
pub(crate) struct Counts {
    unknown: u64,
}

impl Shared {
    fn line(&self, text: std::fmt::Arguments<'_>) {
        self.trace.lock().line(self.post.now(), text);
    }

    /// A member that is up, and its catalogue.
    fn member(&self, node: u16) -> Option<(Group, Arc<Catalogue>)> {
        let members = self.members.lock();
        let member = members.get(&node)?;
        Some((member.group.clone(), member.published.lock().clone()))
    }
}

impl CatalogueWorld {
    /// Runs a whole life: founded, busy, healed, equal, checked.
    pub fn run(seed: u64, bug: Option<CatalogueBug>, keep_trace: bool) -> CatalogueReport {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime of one thread needs nothing of the machine");
        runtime.block_on(async {
            let mut world = CatalogueWorld::new(seed, bug, keep_trace);
            world.found().await;
            world.be_busy().await;
            world.heal().await;
            world.finish().await
        })
    }

    fn new(seed: u64, bug: Option<CatalogueBug>, keep_trace: bool) -> CatalogueWorld {
        let rng = Rng::new(seed);
        let nodes = 3 + 2 * rng.below(2) as u16;
        let shared = Shared {
            post: Post::open(&rng, nodes),
            members: Mutex::default(),
            operations: Mutex::default(),
            made: Mutex::default(),
            counts: Mutex::default(),
            trace: Mutex::new(Trace::new(keep_trace)),
            done: Mutex::new(false),
        };
        CatalogueWorld {
            seed,
            rng,
            bug,
            shared: Arc::new(shared),
            disks: (1..=nodes).map(|node| (node, MemoryDisk::new())).collect(),
            starts: 0,
            report: CatalogueReport { seed, nodes: usize::from(nodes), ..CatalogueReport::default() },
        }
    }

    async fn found(&mut self) {
        let nodes: BTreeSet<u16> = self.disks.keys().copied().collect();
        for &node in &nodes {
            self.start(node).await;
        }
        for &node in &nodes {
            if let Some((group, _)) = self.shared.member(node)
                && let Err(error) = group.bootstrap(&nodes).await
            {
                self.violation("start", format!("node {node}: {error}"));
            }
        }
        let claims = nodes.iter().map(|&node| claim(node));
        let change = Change::Genesis {
            cluster: "simulated".to_owned(),
            cluster_id: ClusterId([9; 16]),
            session_key: Secret::new([1; 32]),
            nodes: claims.collect(),
        };
        let genesis = Command { at_ms: 1, actor: "founder".to_owned(), change };
        for _ in 0..FOUNDING_TRIES {
            let Some((group, _)) = self.shared.member(1) else { continue };
            if group.propose(encode_command(&genesis)).await.is_ok() {
                return;
            }
        }
        self.violation("start", "the cluster was never founded".to_owned());
    }

    async fn start(&mut self, node: u16) {
        if self.shared.members.lock().contains_key(&node) {
            return;
        }
        self.starts += 1;
        let disk: Arc<dyn Disk> = Arc::new(self.disks[&node].reopen());
        let skips = self.bug == Some(CatalogueBug::CommandSkipped) && node == 2;
        let (machine, published) = member::machine(&self.shared, skips);
        let settings = Settings {
            random: Arc::new(SeededRandom::new(self.seed.wrapping_mul(1_000_003) + self.starts)),
            disk_work: DiskWork::Inline,
            snapshot_after_entries: 30,
            keep_entries: 5,
            segment_bytes: 4 << 10,
            ..Settings::new(node)
        };
        let link = self.shared.post.link(node);
        match Group::start(settings, disk, machine, link).await {
            Ok(group) => {
                self.shared.line(format_args!("{node} starts"));
                self.shared.post.attach(node, group.clone());
                self.shared.members.lock().insert(node, Member { group, published });
            }
            Err(error) => self.violation("start", format!("node {node}: {error}")),
        }
    }

    /// Power is lost; the disk keeps what was synced, and by chance some of the rest.
    fn crash(&mut self, node: u16) {
        if self.shared.members.lock().remove(&node).is_none() {
            return;
        }
        self.report.crashes += 1;
        self.shared.line(format_args!("{node} crashes"));
        self.shared.post.end_life(node);
        let rng = &self.rng;
        self.disks[&node].crash(|_, unsynced| rng.below(unsynced + 1));
    }

    async fn be_busy(&mut self) {
        let nodes = self.disks.len() as u16;
        for client in 0..CLIENTS {
            let seed = self.rng.u64();
            tokio::spawn(clients::live(Arc::clone(&self.shared), client, nodes, seed, self.bug));
        }
        let end = self.shared.post.now() + BUSY;
        while self.shared.post.now() < end {
            let pause = self.rng.between(Duration::from_millis(100), Duration::from_millis(4000));
            tokio::time::sleep(pause).await;
            self.break_something().await;
        }
        *self.shared.done.lock() = true;
    }

    async fn break_something(&mut self) {
        let node = 1 + self.rng.below(self.disks.len() as u64) as u16;
        match self.rng.below(10) {
            0..2 => self.crash(node),
            2..6 => {
                for down in 1..=self.disks.len() as u16 {
                    self.start(down).await;
                }
            }
            6 | 7 => {
                self.report.cuts += 1;
                self.shared.line(format_args!("{node} is cut off"));
                self.shared.post.cut_off(node);
            }
            _ => self.shared.post.heal(),
        }
    }

    /// Nothing is wrong any more; clients finish what they have begun.
    async fn heal(&mut self) {
        self.shared.post.calm();
        for node in 1..=self.disks.len() as u16 {
            self.start(node).await;
        }
        let begun = self.shared.post.now();
        while self.shared.post.now() < begun + SETTLE_MAX {
            tokio::time::sleep(Duration::from_millis(500)).await;
            if self.shared.post.now() > begun + CLIENTS_DONE && self.snapshots().len() == 1 && self.is_whole() {
                return;
            }
        }
        let what = format!(
            "{} different catalogues {} s after everything healed",
            self.snapshots().len(),
            SETTLE_MAX.as_secs()
        );
        self.violation("convergence", what);
    }

    fn is_whole(&self) -> bool {
        let members = self.shared.members.lock();
        let applied: BTreeSet<_> = members.values().map(|member| member.group.status().applied).collect();
        members.len() == self.disks.len() && applied.len() == 1
    }

    /// Catalogues that differ, as bytes.
    fn snapshots(&self) -> BTreeSet<Vec<u8>> {
        self.shared.members.lock().values().map(|member| member.published.lock().snapshot()).collect()
    }

    async fn finish(mut self) -> CatalogueReport {
        let operations = std::mem::take(&mut *self.shared.operations.lock());
        let made = std::mem::take(&mut *self.shared.made.lock());
        let wrong = made.contradictions.iter().cloned().chain(register::check(&operations, &made.versions));
        for what in wrong.collect::<Vec<_>>() {
            self.violation("linearizability", what);
        }
        for operation in &operations {
            match operation.kind {
                register::Kind::Changed => self.report.changed += 1,
                register::Kind::Refused => self.report.refused += 1,
                register::Kind::Read => self.report.reads += 1,
                register::Kind::NotProposed => {}
            }
        }
        self.report.unknown = self.shared.counts.lock().unknown;
        self.report.simulated = self.shared.post.now();
        let members = std::mem::take(&mut *self.shared.members.lock());
        for member in members.into_values() {
            member.group.stop().await;
        }
        let frames = self.shared.post.hash();
        self.shared.line(format_args!("frames {frames:032x}"));
        self.shared.post.close();
        let trace = std::mem::replace(&mut *self.shared.trace.lock(), Trace::new(false));
        (self.report.trace_hash, self.report.trace) = trace.finish();
        self.report
    }

    fn violation(&mut self, checker: &'static str, what: String) {
        self.report.violations.push(Violation { checker, what });
    }
}

fn claim(node: u16) -> NodeClaim {
    NodeClaim {
        node: NodeId(node),
        region: format!("region-{node}"),
        address: format!("10.0.0.{node}:7379"),
        incarnation: 0,
        instance: Some(u64::from(node)),
        coordinates: None,
        jurisdictions: BTreeSet::new(),
    }
}

const CLIENTS: u64 = 6;
const BUSY: Duration = Duration::from_secs(60);
const FOUNDING_TRIES: u32 = 10;
/// A change may be proposed twice, and each proposal waits up to five seconds.
const CLIENTS_DONE: Duration = Duration::from_secs(15);
const SETTLE_MAX: Duration = Duration::from_secs(120);
