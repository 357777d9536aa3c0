//! What a command needs beyond what is here: the table's dials, what the request asks for instead, what the session saw.

use std::sync::Arc;

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

    /// Refuses at once what no table can keep, instead of when it is first needed.
    ///
    /// # Errors
    /// `NotYet`, with the nearest level that can be kept.
    pub fn check(&self) -> Result<(), Error> {
        if self.read == Some(Read::Strong) { Err(no_strong_reads()) } else { Ok(()) }
    }
}

fn no_strong_reads() -> Error {
    Error::NotYet(
        "read=strong needs a table with one decider (writers=home or consensus), which does not exist yet; the nearest that can be kept is quorum(n)".to_owned(),
    )
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
    /// Only these regions have the keys.
    pub among: Among,
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

/// The regions that may have a command's keys; `None`: all.
pub type Among = Option<Arc<[String]>>;

/// Whether a region is one of them.
pub fn is_among(among: &Among, region: &str) -> bool {
    among.as_ref().is_none_or(|regions| regions.iter().any(|name| name == region))
}

impl Demand {
    /// Whether there is nothing to demand.
    pub fn is_empty(&self) -> bool {
        self.covers.is_empty() && self.fresh_ms.is_none() && self.quorum.is_none()
    }
}

/// Who must hold a write before its reply leaves.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Promise {
    /// The setting.
    pub ack: Ack,
    /// How many regions that is, the deciding one among them.
    pub regions: usize,
    /// How long may be waited, ms.
    pub timeout_ms: u64,
    /// Only these regions count: others are told of the write but do not have its bytes.
    pub among: Among,
}

/// The dials that count for one command: the strictest of its keys' tables, with what was asked for instead.
#[derive(Clone, Debug)]
pub(crate) struct Dials {
    pub read: Read,
    pub ack: Ack,
    wait_ms: u64,
    ack_timeout_ms: u64,
    /// Of the table with most.
    regions: usize,
    /// Those that have all the keys.
    among: Among,
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
        let (regions, among) = match &policy.placement {
            Placement::Everywhere => (cluster, None),
            Placement::Regions(regions) => (regions.len(), Some(regions.as_slice().into())),
        };
        Dials {
            among,
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
        self.among = match (self.among.take(), &other.among) {
            (Some(these), Some(those)) => Some(these.iter().filter(|name| those.contains(name)).cloned().collect()),
            (these, those) => these.or_else(|| those.clone()),
        };
    }

    /// How many regions have all the keys.
    fn common(&self) -> usize {
        self.among.as_ref().map_or(self.regions, |among| among.len())
    }

    fn apart(&self, setting: &str, needed: usize) -> Error {
        Error::caller(format!(
            "{setting} needs {needed} regions, but only {} have the tables of all these keys: take one table at a time",
            self.common()
        ))
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
        if needed > self.common().max(1) {
            return Err(self.apart(&format!("ack={}", self.ack), needed));
        }
        let among = self.among.clone();
        let promise = Promise { ack: self.ack, regions: needed, timeout_ms: self.ack_timeout_ms, among };
        Ok((needed > 1).then_some(promise))
    }

    /// What must hold before a command runs; `required` is what its session saw.
    pub(crate) fn demand(&self, required: &VersionVector, keys: &[&[u8]], writes: bool) -> Result<Demand, Error> {
        let mut demand = Demand { wait_ms: self.wait_ms, among: self.among.clone(), ..Demand::default() };
        if writes || self.read != Read::Eventual {
            demand.covers = required.clone();
        }
        // A write is decided by what is here; how fresh a read must be says nothing about it.
        match self.read {
            _ if writes => {}
            Read::Eventual | Read::Causal | Read::Session => {}
            Read::Bounded(ms) => demand.fresh_ms = Some(ms),
            Read::Quorum(regions) => demand.quorum = self.quorum(usize::from(regions), keys)?,
            Read::Strong => return Err(no_strong_reads()),
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
        if regions > self.common() {
            return Err(self.apart(&format!("read=quorum({regions})"), regions));
        }
        let keys: Vec<Bytes> = keys.iter().map(|key| Bytes::copy_from_slice(key)).collect();
        Ok((regions > 1 && !keys.is_empty()).then_some(Quorum { regions, keys }))
    }
}

/// Refuses keys of tables that a region must not have.
pub fn held_here(tables: &Tables, region: &str, keys: &[&[u8]]) -> Result<(), Error> {
    match keys.iter().find(|key| !tables.may_hold(region, key)) {
        None => Ok(()),
        Some(key) => Err(Error::elsewhere(tables.of_key(key), region)),
    }
}

/// The regions that have all these keys.
pub(crate) fn among(tables: &Tables, keys: &[&[u8]]) -> Among {
    Dials::of(tables, keys, Wish::default(), 0).among
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
