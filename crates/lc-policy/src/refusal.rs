//! Whether a policy can keep its promise, and if not, the nearest one that can.

use lc_core::Fault;
use serde::{Serialize, Serializer};

use crate::contradiction::{Problem, first_problem};
use crate::{Dial, Policy, Topology};

/// A policy that cannot be kept.
#[derive(Clone, PartialEq, Debug, Serialize, thiserror::Error)]
#[error("{dial}={setting}: {reason}; the nearest that can be kept is {nearest_words}")]
pub struct Refusal {
    /// Which dial.
    pub dial: Dial,
    /// Its setting.
    pub setting: String,
    /// What stands against it, a sentence without its full stop.
    pub reason: String,
    /// Whether that may change.
    pub why: Why,
    /// The nearest policy that can be kept.
    pub nearest: Box<Policy>,
    /// Where it differs from what was asked for, as `ack=all, read=quorum(1)`.
    pub nearest_words: String,
}

/// Why a policy is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Why {
    /// Its dials contradict each other, the cluster, or the speed of light.
    Contradiction,
    /// What would keep it does not exist yet.
    NotYet,
}

impl Policy {
    /// Whether every promise of this policy can be kept by a cluster of these regions. Only places count here, never
    /// what was measured, so that a slow day refuses nothing.
    pub fn check(&self, topology: &Topology) -> Result<(), Refusal> {
        match first_problem(self, topology) {
            None => Ok(()),
            Some(problem) => Err(self.refusal(problem, topology)),
        }
    }

    fn refusal(&self, problem: Problem, topology: &Topology) -> Refusal {
        let Problem { dial, reason, why, instead } = problem;
        let nearest = keepable(instead, topology);
        let words = self.differences(&nearest).into_iter().map(|dial| format!("{dial}={}", nearest.setting(dial)));
        Refusal {
            dial,
            setting: crate::text::clipped(&self.setting(dial)),
            reason,
            why,
            nearest_words: words.collect::<Vec<_>>().join(", "),
            nearest: Box::new(nearest),
        }
    }
}

/// Mends one problem after the other: mending one dial may bring up the next.
fn keepable(mut policy: Policy, topology: &Topology) -> Policy {
    for _ in 0..MENDS_MAX {
        match first_problem(&policy, topology) {
            None => return policy,
            Some(problem) => policy = problem.instead,
        }
    }
    // Local, everywhere and the session's own can be kept by any cluster.
    Policy::default()
}

impl Refusal {
    /// What the caller can do: ask for the nearest.
    pub fn fault(&self) -> Fault {
        match self.why {
            Why::Contradiction | Why::NotYet => Fault::Caller,
        }
    }
}

impl Why {
    /// As a stable code.
    pub fn name(self) -> &'static str {
        match self {
            Why::Contradiction => "contradiction",
            Why::NotYet => "not_yet",
        }
    }
}

impl Serialize for Why {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// There are fewer rules than this, and no mend brings back what an earlier one took away.
const MENDS_MAX: usize = 32;
