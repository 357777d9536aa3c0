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

/// What a sender keeps: questions, and a tree of sums for each of a few peers. All of it may be forgotten; askers ask again.
#[derive(Debug)]
pub struct Serving {
    settings: ServingSettings,
    waiting: VecDeque<(NodeId, RangeAsk, Time)>,
    pace: Pace,
    trees: Vec<Looked>,
    looking: Option<(NodeId, u64)>,
}

/// All records as they were looked at for one peer.
#[derive(Debug)]
struct Looked {
    peer: NodeId,
    salt: u64,
    tree: SumTree,
    vector: VersionVector,
    asked_at: Time,
}

impl Serving {
    /// Nothing is asked yet.
    pub fn new(settings: ServingSettings) -> Serving {
        let pace = Pace::new(settings.bytes_per_second);
        Serving { settings, waiting: VecDeque::new(), pace, trees: Vec::new(), looking: None }
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

    /// Forgets what nobody asks about any more. Gives questions that have waited too long for what is not applied here, and what to tell their askers.
    pub fn behind(
        &mut self,
        now: Time,
        applied: &VersionVector,
        catching_up: bool,
        covered: &dyn Fn(&RangeAsk) -> bool,
    ) -> Vec<(NodeId, RangeMessage)> {
        self.trees.retain(|looked| now.saturating_sub(looked.asked_at) < TREE_KEPT);
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

    /// A peer asks for sums. The second is a salt and bits with which to look at all records, unless others come first.
    pub fn sums(&mut self, now: Time, from: NodeId, ask: &SumsAsk) -> (RangeMessage, Option<(u64, u8)>) {
        let first = ask.prefixes.first().copied().unwrap_or(0);
        let mut answer =
            Sums { salt: ask.salt, depth: ask.depth, fan: ask.fan, first, vector: None, sums: Bytes::new() };
        let fits =
            |looked: &&mut Looked| looked.peer == from && looked.salt == ask.salt && looked.tree.bits() == ask.bits;
        if let Some(looked) = self.trees.iter_mut().find(fits) {
            looked.asked_at = now;
            let mut sums = Vec::new();
            for prefix in &ask.prefixes {
                let children = (0..1u32 << ask.fan).map(|child| (prefix << ask.fan) + child);
                children.for_each(|child| sums.extend_from_slice(&looked.tree.sum(ask.depth + ask.fan, child)));
            }
            answer.sums = sums.into();
            answer.vector = Some(looked.vector.clone());
            return (RangeMessage::Sums(answer), None);
        }
        // One look at a time, and a few trees: who comes later asks again.
        let look = self.looking.is_none() && self.has_room_for_tree(now, from);
        if look {
            self.looking = Some((from, ask.salt));
        }
        (RangeMessage::Sums(answer), look.then_some((ask.salt, ask.bits)))
    }

    /// Forgets the peer's last tree, and those that nobody has asked about for a while.
    fn has_room_for_tree(&mut self, now: Time, from: NodeId) -> bool {
        self.trees.retain(|looked| looked.peer != from && now.saturating_sub(looked.asked_at) < TREE_KEPT);
        self.trees.len() < TREES_MAX
    }

    /// All records were looked at, with this salt; `vector` is what was covered everywhere when that began.
    pub fn looked(&mut self, now: Time, salt: u64, tree: SumTree, vector: VersionVector) {
        if let Some((peer, of)) = self.looking.take()
            && of == salt
        {
            self.trees.push(Looked { peer, salt, tree, vector, asked_at: now });
        }
    }

    /// A look ended before all records were looked at: who asked for it asks again.
    pub fn look_ended(&mut self) {
        self.looking = None;
    }

    /// Whether there is nothing to answer and nothing kept.
    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.trees.is_empty() && self.looking.is_none()
    }
}

/// Comparisons with so many peers at a time; each keeps up to 8 MiB.
const TREES_MAX: usize = 4;
/// A peer that has not asked for so long has what it wanted, or is gone.
const TREE_KEPT: Time = Time::from_secs(10);
