//! A request on its way through a region.

use std::sync::Arc;
use std::time::Duration;

use lc_core::Dot;
use lc_db::{Error, Reply, Session, Wish};
use lc_member::Ticket;
use lc_policy::Tables;

use crate::client::Line;
use crate::clients::Words;
use crate::roamer::{Again, Doing};

/// Commands of one connection, carried out one after the other and answered together.
pub(crate) struct Call {
    pub purpose: Purpose,
    pub steps: Vec<Words>,
    /// Of the steps that are done.
    pub replies: Vec<Reply>,
    pub session: Session,
    pub line: Line,
    pub wish: Wish,
    pub asked_at: Duration,
    /// The region's tables when it was asked.
    pub tables: Arc<Tables>,
    /// The write among it, if it wrote.
    pub decided: Option<Decided>,
    /// How the wait for other regions ended.
    pub held: Option<Result<(), Error>>,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Decided {
    pub dot: Dot,
    /// How many regions must hold it.
    pub need: usize,
}

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) enum Purpose {
    /// Somebody, once.
    Crowd,
    /// Somebody who replaces the siblings that it is shown.
    Resolve { key: String, value: String },
    /// A client that goes from region to region.
    Roam { roamer: usize, doing: Doing, again: Option<Again> },
}

impl Call {
    /// Whether it waits for what this ticket stands for: before a step can run, or after all of them.
    pub(crate) fn waits_for(&self, ticket: Ticket) -> bool {
        self.line.pending == Some(ticket) || self.holds(ticket)
    }

    pub(crate) fn holds(&self, ticket: Ticket) -> bool {
        self.line.hold == Some(ticket)
    }

    /// Whether all steps are done.
    pub(crate) fn is_done(&self) -> bool {
        self.replies.len() == self.steps.len()
    }

    /// The keys of all steps.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &[u8]> {
        self.steps.iter().flat_map(keys_of)
    }
}

/// The keys of a command line of this simulator.
pub(crate) fn keys_of(words: &Words) -> impl Iterator<Item = &[u8]> {
    // WITH ACK level command, or the command itself.
    let start = if words[0] == b"WITH" { 3 } else { 0 };
    let keyed = words.get(start).is_some_and(|name| !WITHOUT_KEYS.contains(&name.as_slice()));
    let count = match words.get(start).map(Vec::as_slice) {
        _ if !keyed => 0,
        Some(b"MGET") => usize::MAX,
        _ => 1,
    };
    words.iter().skip(start + 1).take(count).map(Vec::as_slice)
}

const WITHOUT_KEYS: [&[u8]; 4] = [b"MULTI", b"EXEC", b"SESSION", b"FLUSHALL"];
