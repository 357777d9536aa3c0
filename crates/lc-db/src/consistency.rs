//! What a command needs beyond what is here: the table's dials, what the request asks for instead, what the session saw.

use bytes::Bytes;
use lc_core::VersionVector;
use lc_policy::{Ack, Placement, Policy, Read, Tables};

use crate::Error;

/// What one request or one connection asks for instead of what the table says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Wish {
    /// Who must hold its writes.
    pub ack: Option<Ack>,
    /// How fresh its reads must be.
    pub read: Option<Read>,
}

impl Wish {
    /// This wish, and where it says nothing the other.
    pub fn or(self, other: Wish) -> Wish {
        Wish { ack: self.ack.or(other.ack), read: self.read.or(other.read) }
    }
}

/// What must hold before a command may run here, or another region runs it instead.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Demand {
    /// All of this must be applied.
    pub covers: VersionVector,
    /// Nothing that any region of the table acknowledged longer ago than this, ms, may be missing.
    pub fresh_ms: Option<u64>,
    /// The records of these keys, as this many regions together have them.
    pub quorum: Option<Quorum>,
    /// How long may be waited, ms.
    pub wait_ms: u64,
    /// The command, to be run elsewhere if it cannot be run here; empty if it must run here.
    pub words: Vec<Bytes>,
}

/// A read of several regions.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Quorum {
    /// How many, the asked one among them.
    pub regions: usize,
    /// Whose records.
    pub keys: Vec<Bytes>,
}

impl Demand {
    /// Whether there is nothing to demand.
    pub fn is_empty(&self) -> bool {
        self.covers.is_empty() && self.fresh_ms.is_none() && self.quorum.is_none()
    }
}

/// Who must hold a write before its reply leaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Promise {
    /// The setting.
    pub ack: Ack,
    /// How many regions that is, the deciding one among them.
    pub regions: usize,
    /// How long may be waited, ms.
    pub timeout_ms: u64,
}

/// The dials that count for one command: the strictest of its keys' tables, with what was asked for instead.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dials {
    pub read: Read,
    pub ack: Ack,
    wait_ms: u64,
    ack_timeout_ms: u64,
    regions: usize,
}

impl Dials {
    /// `regions` is how many the cluster has.
    pub(crate) fn of(tables: &Tables, keys: &[&[u8]], wish: Wish, regions: usize) -> Dials {
        let mut policies = keys.iter().map(|key| &tables.of_key(key).policy);
        let first = policies.next().unwrap_or_else(|| &tables.of_key(b"").policy);
        let mut dials = Dials::of_policy(first, regions);
        for policy in policies {
            dials.tighten(&Dials::of_policy(policy, regions));
        }
        dials.read = wish.read.unwrap_or(dials.read);
        dials.ack = wish.ack.unwrap_or(dials.ack);
        dials
    }

    fn of_policy(policy: &Policy, cluster: usize) -> Dials {
        let regions = match &policy.placement {
            Placement::Everywhere => cluster,
            Placement::Regions(regions) => regions.len(),
        };
        Dials {
            read: policy.read,
            ack: policy.ack,
            wait_ms: policy.wait_ms,
            ack_timeout_ms: policy.ack_timeout_ms,
            regions,
        }
    }

    fn tighten(&mut self, other: &Dials) {
        if other.ack.needed(other.regions) > self.ack.needed(self.regions) {
            (self.ack, self.ack_timeout_ms) = (other.ack, other.ack_timeout_ms);
        }
        if strictness(other.read) > strictness(self.read) {
            (self.read, self.wait_ms) = (other.read, other.wait_ms);
        }
        self.regions = self.regions.max(other.regions);
    }

    /// What a write promises; `None` if this node's disk is enough.
    pub(crate) fn promise(&self) -> Result<Option<Promise>, Error> {
        let needed = self.ack.needed(self.regions);
        if needed > self.regions {
            return Err(Error::caller(format!(
                "ack={} asks for {needed} regions, there are {}: ask for all, majority or regions(n) with n up to {}",
                self.ack, self.regions, self.regions
            )));
        }
        let promise = Promise { ack: self.ack, regions: needed, timeout_ms: self.ack_timeout_ms };
        Ok((needed > 1).then_some(promise))
    }

    /// What must hold before a command runs; `required` is what its session saw.
    pub(crate) fn demand(&self, required: &VersionVector, keys: &[&[u8]], writes: bool) -> Result<Demand, Error> {
        let mut demand = Demand { wait_ms: self.wait_ms, ..Demand::default() };
        if writes || self.read != Read::Eventual {
            demand.covers = required.clone();
        }
        // A write is decided by what is here; how fresh a read must be says nothing about it.
        match self.read {
            _ if writes => {}
            Read::Eventual | Read::Causal | Read::Session => {}
            Read::Bounded(ms) => demand.fresh_ms = Some(ms),
            Read::Quorum(regions) => demand.quorum = self.quorum(usize::from(regions), keys)?,
            Read::Strong => {
                return Err(Error::NotYet(
                    "read=strong needs a table with one decider (writers=home or consensus), which does not exist yet; the nearest that can be kept is quorum(n)".to_owned(),
                ));
            }
        }
        Ok(demand)
    }

    fn quorum(&self, regions: usize, keys: &[&[u8]]) -> Result<Option<Quorum>, Error> {
        if regions == 0 || regions > self.regions {
            return Err(Error::caller(format!(
                "read=quorum({regions}): there are {} regions, so it must be from 1 to {}",
                self.regions, self.regions
            )));
        }
        let keys: Vec<Bytes> = keys.iter().map(|key| Bytes::copy_from_slice(key)).collect();
        Ok((regions > 1 && !keys.is_empty()).then_some(Quorum { regions, keys }))
    }
}

/// Higher is stricter; a shorter bound is stricter than a longer one.
fn strictness(read: Read) -> (u8, u64) {
    match read {
        Read::Eventual => (0, 0),
        Read::Causal => (1, 0),
        Read::Session => (2, 0),
        Read::Bounded(ms) => (3, u64::MAX - ms),
        Read::Quorum(regions) => (4, u64::from(regions)),
        Read::Strong => (5, 0),
    }
}
