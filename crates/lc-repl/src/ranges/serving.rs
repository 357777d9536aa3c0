//! Who has records: keeps questions until they can be answered, in order, and no faster than it may.

use std::collections::VecDeque;

use bytes::Bytes;
use lc_core::{NodeId, VersionVector};

use super::message::{RangeAnswer, RangeAsk, RangeMessage, Sums, SumsAsk};
use super::pace::Pace;
use super::tree::SumTree;
use crate::Time;

/// Times and sizes of a sender.
#[derive(Clone, Copy, Debug)]
pub struct ServingSettings {
    /// Bytes of records sent in a second, to all peers together; 0: no limit.
    pub bytes_per_second: u64,
    /// Questions that wait; more are answered with "busy".
    pub questions_max: usize,
    /// How long a question waits until what it asks for has been applied.
    pub patience: Time,
}

impl Default for ServingSettings {
    fn default() -> ServingSettings {
        ServingSettings { bytes_per_second: 100 << 20, questions_max: 1024, patience: Time::from_millis(2000) }
    }
}

/// A question to be answered now.
#[derive(Clone, PartialEq, Debug)]
pub struct Job {
    /// Who asked.
    pub to: NodeId,
    /// What.
    pub ask: RangeAsk,
}

/// What a sender keeps: questions and one tree of sums. All of it may be forgotten; askers ask again.
#[derive(Debug)]
pub struct Serving {
    settings: ServingSettings,
    waiting: VecDeque<(NodeId, RangeAsk, Time)>,
    pace: Pace,
    tree: Option<(u64, SumTree, VersionVector)>,
    looking: Option<(u64, u8)>,
}

impl Serving {
    /// Nothing is asked yet.
    pub fn new(settings: ServingSettings) -> Serving {
        let pace = Pace::new(settings.bytes_per_second);
        Serving { settings, waiting: VecDeque::new(), pace, tree: None, looking: None }
    }

    /// A peer asks for records. Gives an answer if it is not to wait.
    pub fn ask(&mut self, now: Time, from: NodeId, ask: RangeAsk) -> Option<RangeMessage> {
        if self.waiting.len() >= self.settings.questions_max {
            return Some(RangeMessage::Answer { id: ask.id, answer: RangeAnswer::Busy });
        }
        // Doubled on the way.
        if !self.waiting.iter().any(|(peer, waiting, _)| *peer == from && waiting.id == ask.id) {
            self.waiting.push_back((from, ask, now));
        }
        None
    }

    /// The next question that can be answered: all of its `at_least` is `covered` throughout its stretches. The caller
    /// reads the records and accounts for them with [`Serving::sent`]; call again until there is none.
    pub fn next(&mut self, now: Time, covered: &dyn Fn(&RangeAsk) -> bool) -> Option<Job> {
        if self.waiting.is_empty() || !self.pace.allows(now) {
            return None;
        }
        let at = self.waiting.iter().position(|(_, ask, _)| covered(ask))?;
        self.waiting.remove(at).map(|(to, ask, _)| Job { to, ask })
    }

    /// Records were sent.
    pub fn sent(&mut self, bytes: usize) {
        self.pace.spend(bytes);
    }

    /// Questions that have waited too long for what is not applied here, and what to tell their askers.
    pub fn behind(
        &mut self,
        now: Time,
        applied: &VersionVector,
        catching_up: bool,
        covered: &dyn Fn(&RangeAsk) -> bool,
    ) -> Vec<(NodeId, RangeMessage)> {
        let patience = self.settings.patience;
        let mut late = Vec::new();
        self.waiting.retain(|(peer, ask, at)| {
            let keep = now.saturating_sub(*at) < patience || covered(ask);
            if !keep {
                let answer = RangeAnswer::Behind { applied: applied.clone(), catching_up };
                late.push((*peer, RangeMessage::Answer { id: ask.id, answer }));
            }
            keep
        });
        late
    }

    /// A peer asks for sums. The second is a salt and bits with which to look at all records, unless that is under way.
    pub fn sums(&mut self, ask: &SumsAsk) -> (RangeMessage, Option<(u64, u8)>) {
        let first = ask.prefixes.first().copied().unwrap_or(0);
        let mut answer =
            Sums { salt: ask.salt, depth: ask.depth, fan: ask.fan, first, vector: None, sums: Bytes::new() };
        let mut look = None;
        match &self.tree {
            Some((salt, tree, vector)) if *salt == ask.salt && tree.bits() == ask.bits => {
                let mut sums = Vec::new();
                for prefix in &ask.prefixes {
                    let children = (0..1u32 << ask.fan).map(|child| (prefix << ask.fan) + child);
                    children.for_each(|child| sums.extend_from_slice(&tree.sum(ask.depth + ask.fan, child)));
                }
                answer.sums = sums.into();
                answer.vector = Some(vector.clone());
            }
            // One look at a time; who comes second is told to wait.
            _ if self.looking.is_none() => {
                self.looking = Some((ask.salt, ask.bits));
                look = self.looking;
            }
            _ => {}
        }
        (RangeMessage::Sums(answer), look)
    }

    /// All records were looked at; `vector` is what was covered everywhere when that began.
    pub fn looked(&mut self, salt: u64, tree: SumTree, vector: VersionVector) {
        self.looking = None;
        self.tree = Some((salt, tree, vector));
    }

    /// How many questions wait.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }
}
