//! One member of a group.

mod decide;
mod inbound;
mod keeper;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use lc_env::Disk;
use openraft::Raft;
use openraft::async_runtime::watch::WatchReceiver;
use openraft::errors::{Fatal, InitializeError, RaftError};
use openraft::metrics::WaitError;
use openraft::type_config::TypeConfigExt;
use openraft::type_config::alias::InstantOf;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::bytes_budget::BytesBudget;
use crate::frame::{Ask, Verdict};
use crate::log::Log;
use crate::network::Network;
use crate::runtime::Runtime;
use crate::snapshots::Snapshots;
use crate::state_machine::StateMachine;
use crate::type_config::Types;
use crate::wire::Wire;
use crate::{Carrier, Error, Machine, PrefixedDisk, Settings, Status};
use inbound::Inbound;

type Core = Raft<Types, StateMachine>;
type Instant = InstantOf<Types>;

/// One member of a group; clones are the same member. It ends with [`Group::stop`], or with the last clone.
#[derive(Clone)]
pub struct Group {
    member: Arc<Member>,
}

struct Member {
    settings: Settings,
    core: Core,
    wire: Arc<Wire>,
    log: Log,
    inbound: Inbound,
    proposals: BytesBudget,
    /// Frames may come from any thread.
    runtime: Handle,
    keeper: JoinHandle<()>,
}

impl Group {
    /// Starts the member whose files on `disk` begin with `raft-`; new ones are made if there are none. Must be called inside a tokio runtime.
    ///
    /// When it returns, `machine` has everything that it had published before, without a leader or a peer. Dropped half-way, nothing is lost.
    ///
    /// # Errors
    /// [`Error::Settings`]; [`Error::Journal`], [`Error::Disk`] or [`Error::Corrupt`] if the files cannot be read; [`Error::Stopped`] if the
    /// machine does not restore its snapshot.
    pub async fn start(
        settings: Settings,
        disk: Arc<dyn Disk>,
        machine: Box<dyn Machine>,
        carrier: Arc<dyn Carrier>,
    ) -> Result<Group, Error> {
        let config = Arc::new(settings.config()?);
        let disk: Arc<dyn Disk> = Arc::new(PrefixedDisk::new(disk, FILE_PREFIX));
        let log = Log::open(Arc::clone(&disk), settings.disk_work, settings.segment_bytes).await?;
        let snapshots = Snapshots::open(disk, settings.disk_work).await?;
        let machine = StateMachine::new(machine, log.clone(), snapshots, settings.snapshot_bytes_max);
        let wire = Arc::new(Wire::new(carrier, settings.random.as_ref()));
        let answer_timeout = Duration::from_millis(settings.answer_timeout_ms);
        let network = Network { me: settings.me, wire: Arc::clone(&wire), answer_timeout };
        let core = Core::new(settings.me, config, network, log.clone(), machine);
        let core = Runtime::scope(settings.random.u64(), core).await.map_err(stopped)?;
        let member = Member {
            keeper: tokio::spawn(keeper::keep(core.clone(), log.clone(), settings.snapshot_after_bytes)),
            inbound: Inbound::new(settings.inbound_bytes_max),
            proposals: BytesBudget::new(settings.proposals_bytes_max),
            runtime: Handle::current(),
            settings,
            core,
            wire,
            log,
        };
        Ok(Group { member: Arc::new(member) })
    }

    /// Makes `members` the first members of a new group. Every one of them calls it with the same set; later calls change nothing.
    ///
    /// A member that lost its disk must not call it: it would vote again in a term in which it has voted. It is removed, then added.
    ///
    /// # Errors
    /// [`Error::Refused`] if this member is not among them, [`Error::Stopped`].
    pub async fn bootstrap(&self, members: &BTreeSet<u16>) -> Result<(), Error> {
        let nodes: BTreeMap<u16, ()> = members.iter().map(|node| (*node, ())).collect();
        match self.member.core.initialize(nodes).await {
            Ok(()) | Err(RaftError::APIError(InitializeError::NotAllowed(_))) => Ok(()),
            Err(RaftError::APIError(error)) => Err(Error::Refused { why: error.to_string() }),
            Err(RaftError::Fatal(fatal)) => Err(self.member.stopped(fatal)),
        }
    }

    /// Whether this member has a group: it was begun here, or a leader has written to it.
    ///
    /// # Errors
    /// [`Error::Stopped`].
    pub async fn is_begun(&self) -> Result<bool, Error> {
        self.member.core.is_initialized().await.map_err(|fatal| self.member.stopped(fatal))
    }

    /// Takes a frame that came from member `from`; may be called from any thread, and never panics or blocks. Frames of one member should be
    /// given in the order in which they came.
    pub fn frame(&self, from: u16, frame: Bytes) {
        inbound::take(&self.member, from, frame);
    }

    /// Proposes a command, through the leader if that is another member; gives the machine's answer once this command is applied where it
    /// was decided. A dropped proposal may still be decided.
    ///
    /// # Errors
    /// [`Error::NoLeader`], [`Error::NoQuorum`], [`Error::TooLarge`], [`Error::Full`]: nothing was proposed. [`Error::OutcomeUnknown`]: read
    /// before trying again. [`Error::Stopped`].
    pub async fn propose(&self, command: Vec<u8>) -> Result<Vec<u8>, Error> {
        let (bytes, bytes_max) = (command.len(), self.member.settings.command_bytes_max);
        if bytes > bytes_max {
            return Err(Error::TooLarge { bytes, bytes_max });
        }
        let full = || Error::Full { why: "too many proposals are under way on this node".to_owned() };
        let _share = self.member.proposals.take(bytes).ok_or_else(full)?;
        let answer = self.ask(Ask::Propose(Bytes::from(command)), self.member.settings.propose_timeout_ms).await?;
        Ok(answer.to_vec())
    }

    /// Returns once this member's machine has everything that any member's machine had when this was called. Can be dropped.
    ///
    /// Takes up to two round trips between the leader and a majority, and one to the leader.
    ///
    /// # Errors
    /// [`Error::NoLeader`], [`Error::NoQuorum`], [`Error::Stopped`].
    pub async fn read_barrier(&self) -> Result<(), Error> {
        let timeout_ms = self.member.settings.propose_timeout_ms;
        let deadline = deadline(timeout_ms);
        let index = decide::read_index(&self.ask(Ask::Read, timeout_ms).await?)?;
        let left = deadline.saturating_duration_since_now();
        match self.member.core.wait(Some(left)).applied_index_at_least(Some(index), "read barrier").await {
            Ok(_) => Ok(()),
            Err(WaitError::Timeout(..)) => Err(Error::NoQuorum { waited_ms: timeout_ms }),
            Err(WaitError::ShuttingDown) => Err(self.member.stopped(Fatal::Stopped)),
        }
    }

    /// Adds a member: it first receives everything, then votes. Calling it again goes on where a lost call ended.
    ///
    /// # Errors
    /// As [`Group::propose`]; [`Error::OutcomeUnknown`] also if the newcomer has not caught up in time, and then it stays a learner.
    pub async fn add_member(&self, node: u16) -> Result<(), Error> {
        self.ask(Ask::Add(node), self.member.settings.member_timeout_ms).await.map(|_| ())
    }

    /// Removes a member, dead or alive, itself too. Nothing happens if it is none.
    ///
    /// # Errors
    /// As [`Group::propose`]; [`Error::Refused`] for the last voter.
    pub async fn remove_member(&self, node: u16) -> Result<(), Error> {
        self.ask(Ask::Remove(node), self.member.settings.member_timeout_ms).await.map(|_| ())
    }

    /// What this member knows.
    pub fn status(&self) -> Status {
        let metrics = self.member.core.metrics();
        let metrics = metrics.borrow_watched();
        let members = metrics.membership_config.membership();
        let voters: BTreeSet<u16> = members.voter_ids().collect();
        Status {
            me: self.member.settings.me,
            leader: metrics.current_leader,
            term: metrics.current_term,
            learners: members.learner_ids().collect(),
            last_index: metrics.last_log_index,
            committed: metrics.local_committed.map(|id| id.index),
            applied: metrics.last_applied.map(|id| id.index),
            log_bytes: self.member.log.entry_bytes(),
            is_voter: voters.contains(&self.member.settings.me),
            voters,
            stopped: metrics.running_state.as_ref().err().map(|fatal| self.member.why_stopped(fatal)),
        }
    }

    /// Stops this member; everything it accepted is durable when it returns. The rest of the group goes on.
    pub async fn stop(&self) {
        let _ = self.member.core.shutdown().await;
        self.member.keeper.abort();
        self.member.log.close().await;
    }

    async fn ask(&self, ask: Ask, timeout_ms: u64) -> Result<Bytes, Error> {
        let deadline = deadline(timeout_ms);
        let mut hint = None;
        loop {
            let verdict = self.member.ask_once(hint, &ask, deadline).await?;
            let error = match verdict {
                Verdict::Done(answer) => return Ok(answer),
                Verdict::Unknown => return Err(Error::OutcomeUnknown { waited_ms: timeout_ms }),
                Verdict::Refused(why) => return Err(Error::Refused { why }),
                Verdict::Full => return Err(Error::Full { why: "the leader's log is too long".to_owned() }),
                Verdict::NotLeader(leader) => {
                    hint = leader;
                    Error::NoLeader { waited_ms: timeout_ms }
                }
                Verdict::NoQuorum => Error::NoQuorum { waited_ms: timeout_ms },
                Verdict::Again => Error::Full { why: "another change of members is under way".to_owned() },
            };
            if Types::now() + PAUSE >= deadline {
                return Err(error);
            }
            Types::sleep(PAUSE).await;
        }
    }
}

impl Member {
    fn leader(&self) -> Option<u16> {
        self.core.metrics().borrow_watched().current_leader
    }

    fn stopped(&self, fatal: Fatal<Types>) -> Error {
        Error::Stopped { why: self.why_stopped(&fatal) }
    }

    /// The disk's own words, if it was the disk.
    fn why_stopped(&self, fatal: &Fatal<Types>) -> String {
        self.log.stopped().unwrap_or_else(|| fatal.to_string())
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // It holds the core, which would go on without us.
        self.keeper.abort();
    }
}

/// Time left until an instant of tokio's clock.
trait Left {
    fn saturating_duration_since_now(self) -> Duration;
}

impl Left for Instant {
    fn saturating_duration_since_now(self) -> Duration {
        openraft::Instant::saturating_duration_since(&self, Types::now())
    }
}

fn deadline(timeout_ms: u64) -> Instant {
    Types::now() + Duration::from_millis(timeout_ms)
}

fn stopped(fatal: Fatal<Types>) -> Error {
    Error::Stopped { why: fatal.to_string() }
}

const FILE_PREFIX: &str = "raft-";
/// Between two attempts to find a leader: short beside a round trip, long beside asking.
const PAUSE: Duration = Duration::from_millis(25);
