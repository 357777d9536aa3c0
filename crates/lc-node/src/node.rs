//! A running node: the member behind a lock, its threads, its links.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use lc_core::{NodeId, VersionVector};
use lc_env::{Clock, Random, RealClock, RealDisk, RealRandom};
use lc_journal::Position;
use lc_member::{Member, Outgoing, Settings};
use lc_net::LinkShape;
use lc_policy::Tables;
use lc_store::{FjallOptions, Store};
use parking_lot::RwLock;
use tokio::sync::watch;

use crate::clients::Clients;
use crate::control_plane::{self, ControlPlane, Known};
use crate::disk_threads::{self, Wakeup};
use crate::durable::Durable;
use crate::journal_line::JournalLine;
use crate::links::{self, Wired};
use crate::waiting::Waiting;
use crate::{ClientExcess, ClientInfo, Config, Connection, Error};

/// A running node. Its public methods may be called from any task.
pub struct Node {
    pub(crate) config: Config,
    pub(crate) member: RwLock<Member>,
    pub(crate) clock: RealClock,
    pub(crate) clients: Clients,
    pub(crate) links: std::sync::OnceLock<Wired>,
    pub(crate) wakeup: Wakeup,
    pub(crate) durable: watch::Sender<Durable>,
    pub(crate) stopping: AtomicBool,
    /// A watch over changed rows: writers are slowed down when the store cannot follow.
    pub(crate) dirty_bytes: AtomicU64,
    pub(crate) store: Arc<dyn Store>,
    /// After a truncation of the journal failed: when to try the next, ms since the start.
    pub(crate) truncate_again_at: AtomicU64,
    pub(crate) waiting: Waiting,
    pub(crate) line: Arc<JournalLine>,
    pub(crate) control_plane: ControlPlane,
    /// What the catalogue says, as this node knows it now.
    pub(crate) known: RwLock<Arc<Known>>,
    /// Another data directory has this node's id, as a peer said.
    pub(crate) refused: AtomicBool,
    /// Whether every table is local and typed, so that commands need not look.
    pub(crate) plain: AtomicBool,
    pub(crate) backups: crate::control::Backups,
    seeds: AtomicU64,
    threads: parking_lot::Mutex<Vec<std::thread::JoinHandle<()>>>,
}

impl Node {
    /// Opens the data directory, applies what the journal has beyond the records, starts threads and links.
    /// Dropping the future before it ends may leave the data directory locked until the process ends.
    pub async fn start(config: Config) -> Result<Arc<Node>, Error> {
        let directory = config.data_dir.display().to_string();
        let disk: Arc<dyn lc_env::Disk> =
            Arc::new(open_disk(&config).map_err(|source| Error::DataDirectory { directory, source })?);
        let store: Arc<dyn Store> = lc_member::open_records(
            &config.data_dir.join("records"),
            &store_options(&config),
            config.peers.is_empty(),
        )?;
        // First: what lost during a replay is judged by the tables' rules.
        let control_plane = ControlPlane::start(&config, disk.clone()).await?;
        let known = Arc::new(Known::of(&control_plane.catalogue(), &config));
        let member = Member::open(settings(&config, &known), disk, store.clone())?;
        crate::mending_log::tell_put_aside(&member, &config.data_dir);
        let durable = Durable { position: member.durable(), ..Durable::default() };
        let node = Arc::new(Node {
            member: RwLock::new(member),
            clock: RealClock::new(),
            clients: Clients::default(),
            links: std::sync::OnceLock::new(),
            wakeup: Wakeup::default(),
            durable: watch::Sender::new(durable),
            stopping: AtomicBool::new(false),
            dirty_bytes: AtomicU64::new(0),
            store,
            truncate_again_at: AtomicU64::new(0),
            waiting: Waiting::default(),
            line: Arc::default(),
            control_plane,
            refused: AtomicBool::new(false),
            plain: AtomicBool::new(known.tables.all_plain()),
            known: RwLock::new(known),
            backups: crate::control::Backups::default(),
            seeds: AtomicU64::new(RealRandom.u64()),
            threads: parking_lot::Mutex::default(),
            config,
        });
        let wait = control_plane::why_wait(&node);
        node.member.write().wait_with_writes(wait);
        let threads = disk_threads::start(&node);
        *node.threads.lock() = threads;
        links::start(&node)?;
        control_plane::follow(&node);
        Ok(node)
    }

    /// A new client.
    pub fn connect(self: &Arc<Node>, client: ClientInfo) -> Connection {
        Connection::new(self.clone(), client)
    }

    /// How many clients are connected.
    pub fn client_count(&self) -> usize {
        self.clients.count()
    }

    /// What the node was told at start.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Returns once the journal is durable up to `position`, or with an error when it never will be. Safe to drop:
    /// nothing is undone, only nobody waits.
    pub async fn durable(&self, position: Position) -> Result<(), lc_db::Error> {
        let mut durable = self.durable.subscribe();
        let settled =
            |durable: &Durable| durable.position >= position || durable.failed.is_some() || durable.full.is_some();
        // Copied out at once: what `wait_for` gives holds the channel's lock.
        let (reached, full) = match durable.wait_for(settled).await {
            Ok(durable) if durable.position >= position => (true, None),
            other => (false, other.ok().and_then(|durable| durable.full.clone())),
        };
        if !reached {
            // Boxed: it is rare, and every waiting client would have room for it.
            Box::pin(self.durable_late(durable, position, full)).await?;
        }
        self.room_in_memory().await;
        Ok(())
    }

    /// The disk is full, for this reason, or the journal failed, or the node is stopping.
    async fn durable_late(
        &self,
        mut durable: watch::Receiver<Durable>,
        position: Position,
        full: Option<String>,
    ) -> Result<(), lc_db::Error> {
        let settled = |durable: &Durable| durable.position >= position || durable.failed.is_some();
        let outcome = match full {
            None => durable.wait_for(settled).await,
            Some(why) => match tokio::time::timeout(ROOM_PATIENCE, durable.wait_for(settled)).await {
                Ok(outcome) => outcome,
                Err(_) => return Err(in_doubt(&why)),
            },
        };
        let (reached, why) =
            outcome.map_or((false, None), |durable| (durable.position >= position, durable.failed.clone()));
        if reached {
            return Ok(());
        }
        Err(lc_db::Error::Unavailable(why.unwrap_or_else(|| "the node is stopping".to_owned())))
    }

    /// Back-pressure: a client whose write made the store fall behind waits for it, rather than memory growing.
    async fn room_in_memory(&self) {
        let limit = (self.config.dirty_bytes_max as u64).saturating_mul(DIRTY_TIMES_MAX);
        while self.dirty_bytes.load(Ordering::Relaxed) > limit && !self.stopping.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// A connection was turned away because there are too many.
    pub fn client_refused(&self) {
        self.clients.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// A client did what a bound had to stop.
    pub fn client_exceeded(&self, what: ClientExcess) {
        self.clients.exceeded[what as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Shapes the link to a peer; only in a development world.
    pub fn shape_link(&self, peer_node: u16, shape: LinkShape) -> Result<(), Error> {
        if !self.config.emulation {
            return Err(Error::NoEmulation);
        }
        let known = self.known();
        let peer = known.peers.iter().find(|peer| peer.node_id == peer_node).ok_or(Error::UnknownPeer(peer_node))?;
        let wan = self.links.get().and_then(|wired| wired.wan.as_ref()).ok_or(Error::NoEmulation)?;
        wan.set(peer.address, shape);
        Ok(())
    }

    /// Ends links and threads, makes everything durable and marks the journal as closed in order.
    pub async fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        self.wakeup.urgent();
        self.control_plane.stop().await;
        if let Some(wired) = self.links.get() {
            wired.links.close().await;
        }
        let threads = std::mem::take(&mut *self.threads.lock());
        let joined =
            tokio::task::spawn_blocking(move || threads.into_iter().for_each(|thread| drop(thread.join()))).await;
        if joined.is_err() {
            tracing::error!("a disk thread could not be joined");
        }
        if let Err(error) = self.member.write().close() {
            tracing::error!(%error, "the journal was not closed in order");
        }
    }

    /// What the catalogue says, as this node knows it now.
    pub(crate) fn known(&self) -> Arc<Known> {
        self.known.read().clone()
    }

    /// The tables and their dials.
    pub(crate) fn tables(&self) -> Arc<Tables> {
        self.known.read().tables.clone()
    }

    /// Whether a table of this name is declared, or it is the default one.
    pub fn has_table(&self, name: &str) -> bool {
        self.known.read().tables.named(name).is_some()
    }

    /// How many regions the cluster has.
    pub(crate) fn region_count(&self) -> usize {
        self.known.read().regions
    }

    /// The region of a node.
    pub(crate) fn region_of(&self, node: u16) -> String {
        if node == self.config.node_id {
            return self.config.region.clone();
        }
        let known = self.known.read();
        known.peers.iter().find(|peer| peer.node_id == node).map_or(format!("node {node}"), |peer| peer.region.clone())
    }

    /// Signs what a session has seen.
    pub(crate) fn seal(&self, vector: &VersionVector) -> Result<String, lc_db::Error> {
        let known = self.known.read();
        let key = known.session_keys.first().ok_or_else(no_session_key)?;
        Ok(lc_db::Token::seal(vector, key))
    }

    /// What a token says, if this cluster signed it.
    pub(crate) fn open(&self, token: &[u8]) -> Result<VersionVector, lc_db::Error> {
        let known = self.known.read();
        if known.session_keys.is_empty() {
            return Err(no_session_key());
        }
        lc_db::Token::open(token, &known.session_keys)
    }

    pub(crate) fn seed(&self) -> u64 {
        self.seeds.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed)
    }

    pub(crate) fn wall_ms(&self) -> u64 {
        self.clock.wall_ms()
    }

    pub(crate) fn now(&self) -> Duration {
        self.clock.monotonic()
    }

    /// Hands frames to the links. Called with the member locked, so that frames leave in the order of their making.
    pub(crate) fn send(&self, frames: Vec<Outgoing>) {
        let Some(Wired { links, .. }) = self.links.get() else { return };
        for Outgoing { to, frame } in frames {
            // A full queue drops the frame; replication notices the silence and sends again.
            if let Err(error) = links.send(to.0, frame) {
                tracing::debug!(%to, %error, "frame not sent");
            }
        }
    }

    /// The journal or the store failed: nobody may wait for it any more.
    pub(crate) fn fail(&self, why: &str) {
        tracing::error!(why, "this node takes no more writes");
        self.durable.send_modify(|durable| {
            durable.failed.get_or_insert_with(|| why.to_owned());
        });
    }
}

/// The data directory, claimed for this process.
fn open_disk(config: &Config) -> Result<RealDisk, lc_env::Error> {
    let disk = RealDisk::open(&config.data_dir)?;
    lc_env::Disk::lock(&disk)?;
    Ok(disk)
}

/// Rows that are read often are in the row cache; the block cache beneath it only has to be a fraction of that.
fn store_options(config: &Config) -> FjallOptions {
    FjallOptions { cache_bytes: config.cache_bytes as u64 / 8, ..FjallOptions::default() }
}

fn no_session_key() -> lc_db::Error {
    lc_db::Error::Unavailable(
        "session tokens are signed with the cluster's key, which a majority of its nodes makes when it first meets: try again then"
            .to_owned(),
    )
}

fn settings(config: &Config, known: &Known) -> Settings {
    Settings {
        cluster: config.cluster.clone(),
        node: NodeId(config.node_id),
        region: config.region.clone(),
        peers: known.members(),
        left: known.left.clone(),
        tables: known.tables.clone(),
        max_offset_ms: config.max_offset_ms,
        dirty_bytes_max: config.dirty_bytes_max,
        disk: lc_member::DiskBounds {
            reserve_bytes: config.disk_reserve_bytes,
            journal_truncate: config.journal_truncate,
            journal_retain_bytes: config.journal_retain_bytes,
            journal_retain_ms: config.journal_retain_s.saturating_mul(1000),
            recount_rows_per_second: config.recount_rows_per_second,
        },
        table: lc_store::TableOptions { cache_bytes: config.cache_bytes, hash_seed: RealRandom.u64() },
        journal: lc_journal::Options {
            segment_bytes: config.journal_segment_bytes,
            tail_bytes: config.queues.journal_tail_bytes,
            pending_bytes_max: config.queues.journal_pending_bytes_max,
        },
        replication: lc_repl::Settings {
            inbox_bytes: config.queues.inbox_bytes_max,
            catch_up_bytes_per_second: config.catch_up_bytes_per_second,
            ..lc_repl::Settings::default()
        },
    }
}

/// What was decided cannot be undone, and whether it survives is not known before there is room.
fn in_doubt(why: &str) -> lc_db::Error {
    let ms = ROOM_PATIENCE.as_millis();
    lc_db::Error::DiskFull(format!(
        "the disk is full ({why}): what was written or seen here is not durable after {ms} ms; it is not undone, and becomes durable once there is room"
    ))
}

/// How long a write that was taken just before the disk was full waits for room before its client is told.
const ROOM_PATIENCE: Duration = Duration::from_secs(2);
/// Changed rows may grow to this many times their flush size before writers wait.
const DIRTY_TIMES_MAX: u64 = 2;
