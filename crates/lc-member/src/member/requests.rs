//! Commands that need more than what is here: waiting for it, merging what several regions have, or letting another
//! region answer. Every wait has an end.

use std::collections::BTreeMap;

use bytes::Bytes;
use lc_core::{NodeId, VersionVector};
use lc_crdt::{JoinedKeys, KeyRows};
use lc_db::{Among, Demand, Reply, is_among};
use lc_repl::{Input, Time};

use super::{Member, Outgoing};
use crate::wire::{self, Answer, Ask};

/// Names a request while it waits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Ticket(pub u64);

/// How a request ended.
pub enum Settled {
    /// What it needs is here now: run the command.
    Here(Delivered),
    /// Run the command over these records.
    Merged(Box<JoinedKeys>, Delivered),
    /// Another region ran it.
    Answered(Reply, Delivered),
    /// Enough regions have the write.
    Held(Delivered),
    /// It could not be had in time.
    Failed(lc_db::Error),
}

/// What it took.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Delivered {
    /// Nodes that took part beside this one; of a held write, all that have it.
    pub regions: Vec<NodeId>,
    /// Bytes of frames between regions.
    pub wan_bytes: u64,
    /// How long it took.
    pub waited: Time,
    /// What the other regions had applied when they answered: the session was shown some of it.
    pub seen: VersionVector,
    /// Why it was not answered here.
    pub fallback: Option<String>,
    /// How old it may be, if the answer came from elsewhere and that is known.
    pub staleness: Option<Time>,
}

/// Requests that wait, and those that have settled and were not fetched.
#[derive(Default)]
pub(super) struct Requests {
    last: u64,
    pending: BTreeMap<Ticket, Pending>,
    settled: Vec<(Ticket, Settled)>,
}

struct Pending {
    demand: Demand,
    since: Time,
    /// When waiting for what is missing ends, and then when everything ends.
    wait_until: Time,
    give_up_at: Time,
    asked: Vec<(NodeId, Time)>,
    refused: Vec<(NodeId, String)>,
    sides: BTreeMap<NodeId, Side>,
    delivered: Delivered,
}

struct Side {
    applied: VersionVector,
    rows: Vec<KeyRows>,
}

/// What to do about a pending request now.
#[allow(clippy::large_enum_variant, reason = "a step lives for one turn of a loop and is never kept")]
enum Step {
    Wait,
    Settle(Settled),
    Ask(NodeId),
}

impl Requests {
    /// Numbers begin somewhere else in each life: an answer to what an earlier life asked is none to what this one asks.
    pub(super) fn beginning_at(random: u64) -> Requests {
        Requests { last: random >> 1, ..Requests::default() }
    }

    pub(super) fn ticket(&mut self) -> Ticket {
        self.last += 1;
        Ticket(self.last)
    }

    pub(super) fn settle(&mut self, ticket: Ticket, settled: Settled) {
        self.settled.push((ticket, settled));
    }
}

impl Member {
    /// Asks for what a command needs; `None` if that holds already. The ticket settles in time, see
    /// [`Member::take_settled`].
    pub fn demand(&mut self, now: Time, demand: Demand, out: &mut Vec<Outgoing>) -> Option<Ticket> {
        let here = demand.quorum.is_none() && self.holds_here(now, &demand);
        if here {
            return None;
        }
        let ticket = self.requests.ticket();
        let wait = Time::from_millis(demand.wait_ms);
        let pending = Pending {
            demand,
            since: now,
            wait_until: now + wait,
            give_up_at: now + wait * 2,
            asked: Vec::new(),
            refused: Vec::new(),
            sides: BTreeMap::new(),
            delivered: Delivered::default(),
        };
        self.requests.pending.insert(ticket, pending);
        self.advance(now, ticket, out);
        Some(ticket)
    }

    /// Nobody waits for this request any more.
    pub fn forget_request(&mut self, ticket: Ticket) {
        self.requests.pending.remove(&ticket);
    }

    /// Requests that have settled since the last call.
    pub fn take_settled(&mut self) -> Vec<(Ticket, Settled)> {
        std::mem::take(&mut self.requests.settled)
    }

    /// How many requests wait.
    pub fn pending_requests(&self) -> usize {
        self.requests.pending.len()
    }

    /// How old what is here may be: the worst of all other nodes; `None` if of one nothing is known.
    pub fn staleness(&self, now: Time) -> Option<Time> {
        self.staleness_among(now, &None)
    }

    /// The same of the nodes in these regions: nobody else writes what is only there.
    pub(super) fn staleness_among(&self, now: Time, among: &Among) -> Option<Time> {
        let peers = self.settings.peers.iter().filter(|peer| is_among(among, &peer.region));
        let mut of_peers = peers.map(|peer| self.replicator.staleness(now, peer.node));
        of_peers.try_fold(Time::ZERO, |worst, staleness| Some(worst.max(staleness?)))
    }

    /// How old what is here of one node may be; `None`: unknown.
    pub fn staleness_of(&self, now: Time, node: NodeId) -> Option<Time> {
        self.replicator.staleness(now, node)
    }

    /// Looks at every request that waits: something arrived, or time passed.
    pub(super) fn advance_all(&mut self, now: Time, out: &mut Vec<Outgoing>) {
        self.answer_deferred(now, out);
        if self.requests.pending.is_empty() {
            return;
        }
        let tickets: Vec<Ticket> = self.requests.pending.keys().copied().collect();
        tickets.into_iter().for_each(|ticket| self.advance(now, ticket, out));
    }

    fn advance(&mut self, now: Time, ticket: Ticket, out: &mut Vec<Outgoing>) {
        loop {
            let Some(pending) = self.requests.pending.get(&ticket) else { return };
            match self.next_step(now, pending) {
                Step::Wait => return,
                Step::Ask(node) => self.send_ask(now, ticket, node, out),
                Step::Settle(mut settled) => {
                    let Some(pending) = self.requests.pending.remove(&ticket) else { return };
                    self.help_laggards(now, &pending, &settled, out);
                    settled.finish(now.saturating_sub(pending.since));
                    self.requests.settle(ticket, settled);
                    return;
                }
            }
        }
    }

    fn next_step(&self, now: Time, pending: &Pending) -> Step {
        if pending.demand.quorum.is_some() {
            return self.next_of_quorum(now, pending);
        }
        if self.holds_here(now, &pending.demand) {
            return Step::Settle(Settled::Here(pending.delivered.clone()));
        }
        let elsewhere = !pending.demand.words.is_empty();
        // Staleness grows by itself, so waiting for it is no use; what a session saw is on its way here.
        let patient = self.is_fresh(now, &pending.demand);
        if patient && now < pending.wait_until {
            return Step::Wait;
        }
        if now >= pending.give_up_at || !elsewhere {
            return Step::Settle(Settled::Failed(self.why_not(now, pending)));
        }
        match self.next_to_ask(now, pending, 1) {
            Some(node) => Step::Ask(node),
            // Everybody who could know has said no.
            None if self.nobody_left(pending) => Step::Settle(Settled::Failed(self.why_not(now, pending))),
            None => Step::Wait,
        }
    }

    fn next_of_quorum(&self, now: Time, pending: &Pending) -> Step {
        let quorum = pending.demand.quorum.as_ref().expect("asked by next_step");
        let others = quorum.regions.saturating_sub(1);
        if self.regions_answered(pending) > others && self.sides_cover(pending) {
            return match self.join_sides(pending, &quorum.keys) {
                Ok(joined) if joined.doubtful().is_empty() => {
                    Step::Settle(Settled::Merged(Box::new(joined), pending.delivered.clone()))
                }
                Ok(joined) => self.settle_doubt(now, pending, joined),
                Err(error) => Step::Settle(Settled::Failed(error)),
            };
        }
        if now >= pending.wait_until {
            return Step::Settle(Settled::Failed(self.no_quorum(now, pending, quorum.regions)));
        }
        self.next_to_ask(now, pending, others.max(pending.sides.len())).map_or(Step::Wait, Step::Ask)
    }

    /// The nearest node not asked yet, while fewer than `wanted` are under way: those that stay silent for well over their
    /// round trip count as gone, without waiting for anybody to say so.
    fn next_to_ask(&self, now: Time, pending: &Pending, wanted: usize) -> Option<NodeId> {
        let hopeful = pending.asked.iter().filter(|(node, at)| {
            let answered = pending.sides.contains_key(node);
            let refused = pending.refused.iter().any(|(other, _)| other == node);
            let patience = self.replicator.rtt(*node).unwrap_or_default() * 3 / 2 + PATIENCE_MIN;
            answered || !refused && now.saturating_sub(*at) < patience
        });
        if hopeful.count() >= wanted {
            return None;
        }
        let candidates = match pending.demand.covers.is_empty() || pending.demand.quorum.is_some() {
            true => self.replicator.nearest(),
            false => self.replicator.nodes_with(&pending.demand.covers),
        };
        let answered: Vec<&str> = pending.sides.keys().map(|&node| self.region_of(node)).collect();
        candidates.into_iter().find(|&node| {
            let region = self.region_of(node);
            // Another node of a region that answered, or of this one, adds nothing to a quorum.
            let useless =
                pending.demand.quorum.is_some() && (region == self.settings.region || answered.contains(&region));
            // Where the keys must not be, nobody could answer.
            !useless
                && is_among(&pending.demand.among, region)
                && self.may_be_asked(node, &pending.demand)
                && !pending.asked.iter().any(|(asked, _)| *asked == node)
        })
    }

    /// A counter was reset on one side while the other counted on: rows alone do not tell the sum. Once everything that the
    /// sides know is applied here, this replica's own rows do; when that takes too long, no increment is left out, and
    /// some that were reset may be counted.
    fn settle_doubt(&self, now: Time, pending: &Pending, joined: JoinedKeys) -> Step {
        let applied = self.replicator.applied();
        let mut delivered = pending.delivered.clone();
        if pending.sides.values().all(|side| applied.covers_all(&side.applied)) {
            return Step::Settle(Settled::Here(delivered));
        }
        if now < pending.wait_until {
            return Step::Wait;
        }
        delivered.fallback = Some("a counter may include increments that were reset elsewhere".to_owned());
        Step::Settle(Settled::Merged(Box::new(joined), delivered))
    }

    /// Regions whose records are at hand, this one among them.
    fn regions_answered(&self, pending: &Pending) -> usize {
        let nodes: Vec<NodeId> = pending.sides.keys().copied().chain([self.settings.node]).collect();
        self.region_count_of(&nodes)
    }

    fn nobody_left(&self, pending: &Pending) -> bool {
        !pending.asked.is_empty() && pending.refused.len() == pending.asked.len()
    }

    fn send_ask(&mut self, now: Time, ticket: Ticket, to: NodeId, out: &mut Vec<Outgoing>) {
        let Some(pending) = self.requests.pending.get_mut(&ticket) else { return };
        pending.asked.push((to, now));
        let ask = match &pending.demand.quorum {
            Some(quorum) => Ask::Rows { keys: quorum.keys.clone() },
            None => {
                // What the session saw and wrote here is not among what it demands, because here it has it.
                let mut covers = pending.demand.covers.clone();
                covers.merge(self.replicator.applied());
                Ask::Read { words: pending.demand.words.clone(), covers, fresh_ms: pending.demand.fresh_ms }
            }
        };
        let frame = wire::encode_ask(ticket.0, &ask);
        pending.delivered.wan_bytes += frame.len() as u64;
        out.push(Outgoing { to, frame });
    }

    /// An answer came; late and doubled ones find nobody waiting.
    pub(super) fn on_answer(
        &mut self,
        now: Time,
        from: NodeId,
        id: u64,
        answer: Answer,
        bytes: usize,
        out: &mut Vec<Outgoing>,
    ) {
        let ticket = Ticket(id);
        let Some(pending) = self.requests.pending.get_mut(&ticket) else { return };
        if !pending.asked.iter().any(|(asked, _)| *asked == from) {
            return;
        }
        pending.delivered.wan_bytes += bytes as u64;
        match answer {
            Answer::Refused { why } => pending.refused.push((from, why)),
            Answer::Rows { applied, rows } => {
                let wanted = pending.demand.quorum.as_ref().map_or(0, |quorum| quorum.keys.len());
                if rows.len() == wanted && wanted > 0 {
                    pending.delivered.seen.merge(&applied);
                    pending.sides.insert(from, Side { applied, rows });
                    pending.delivered.regions = pending.sides.keys().copied().collect();
                    let seen = pending.sides.values().map(|side| &side.applied);
                    seen.for_each(|applied| pending.delivered.seen.merge(applied));
                }
            }
            Answer::Reply { reply, applied, staleness_ms } => {
                let mut delivered = std::mem::take(&mut pending.delivered);
                delivered.regions = vec![from];
                delivered.seen = applied;
                delivered.staleness = staleness_ms.map(Time::from_millis);
                delivered.fallback = Some(match pending.demand.fresh_ms {
                    Some(ms) => format!("not known to be within {ms} ms here"),
                    None => "not all that the session saw is here".to_owned(),
                });
                let mut settled = Settled::Answered(reply, delivered);
                settled.finish(now.saturating_sub(pending.since));
                self.requests.pending.remove(&ticket);
                self.requests.settle(ticket, settled);
                return;
            }
        }
        self.advance(now, ticket, out);
    }

    fn holds_here(&self, now: Time, demand: &Demand) -> bool {
        self.replicator.applied().covers_all(&demand.covers) && self.is_fresh(now, demand)
    }

    fn is_fresh(&self, now: Time, demand: &Demand) -> bool {
        let fresh = |ms| self.staleness_among(now, &demand.among).is_some_and(|age| age <= Time::from_millis(ms));
        demand.fresh_ms.is_none_or(fresh)
    }

    fn sides_cover(&self, pending: &Pending) -> bool {
        if pending.demand.covers.is_empty() {
            return true;
        }
        let mut together = self.replicator.applied().clone();
        pending.sides.values().for_each(|side| together.merge(&side.applied));
        together.covers_all(&pending.demand.covers)
    }

    fn join_sides(&self, pending: &Pending, keys: &[Bytes]) -> Result<JoinedKeys, lc_db::Error> {
        let mut joined = JoinedKeys::default();
        for (at, key) in keys.iter().enumerate() {
            let Some(applied) = self.covered_of(std::slice::from_ref(key)) else {
                return Err(lc_db::Error::Unavailable(
                    "this region is getting these records from another one: try again in a moment".to_owned(),
                ));
            };
            let own = self.key_rows(key)?;
            let theirs = pending.sides.values().map(|side| (&side.applied, &side.rows[at]));
            let sides: Vec<_> = std::iter::once((&applied, &own)).chain(theirs).collect();
            joined.add(key, &sides)?;
        }
        Ok(joined)
    }

    pub(super) fn key_rows(&self, key: &[u8]) -> Result<KeyRows, lc_db::Error> {
        KeyRows::read(&self.records, key, ROWS_BYTES_MAX).map_err(|error| lc_db::Error::caller(error.to_string()))
    }

    /// Regions that answered without what others have are sent it now, rather than when they notice.
    fn help_laggards(&mut self, now: Time, pending: &Pending, settled: &Settled, out: &mut Vec<Outgoing>) {
        let (Settled::Merged(..), Some(quorum)) = (settled, &pending.demand.quorum) else { return };
        let laggards: Vec<(NodeId, VersionVector)> = pending
            .sides
            .iter()
            .filter(|(_, side)| {
                // Streams bring the ordinary difference; only one that shows in what was read is worth sending twice.
                let differs = |(at, key): (usize, &Bytes)| self.key_rows(key).is_ok_and(|own| own != side.rows[at]);
                !side.applied.covers_all(self.replicator.durable()) && quorum.keys.iter().enumerate().any(differs)
            })
            .map(|(&node, side)| (node, side.applied.clone()))
            .collect();
        for (peer, has) in laggards {
            self.counters.laggards_helped += 1;
            self.replicate(now, Input::Help { peer, has }, out);
        }
    }

    fn no_quorum(&self, now: Time, pending: &Pending, need: usize) -> lc_db::Error {
        let silent: Vec<&str> = self
            .settings
            .peers
            .iter()
            .filter(|peer| !pending.sides.contains_key(&peer.node) && is_among(&pending.demand.among, &peer.region))
            .map(|peer| peer.region.as_str())
            .collect();
        let refused = pending.refused.iter().map(|(node, why)| format!("; {}: {why}", self.region_of(*node)));
        lc_db::Error::NoQuorum {
            have: self.regions_answered(pending) as u16,
            need: need as u16,
            waited_ms: now.saturating_sub(pending.since).as_millis() as u32,
            silent: format!("; no answer from {}{}", silent.join(", "), refused.collect::<String>()).into(),
        }
    }

    /// Which region lacks what.
    fn why_not(&self, now: Time, pending: &Pending) -> lc_db::Error {
        let here = &self.settings.region;
        if let Some(ms) = pending.demand.fresh_ms
            && !self.is_fresh(now, &pending.demand)
        {
            let peers = self.settings.peers.iter().filter(|peer| is_among(&pending.demand.among, &peer.region));
            let stale = peers.filter_map(|peer| match self.replicator.staleness(now, peer.node) {
                Some(age) if age <= Time::from_millis(ms) => None,
                Some(age) => Some(format!("of {} {} ms", peer.region, age.as_millis())),
                None => Some(format!("of {} unknown", peer.region)),
            });
            let stale: Vec<String> = stale.collect();
            return lc_db::Error::Stale(format!(
                "bounded({ms}ms) cannot be kept: the staleness in {here} is {}, and no region that answered is fresher",
                stale.join(", ")
            ));
        }
        let applied = self.replicator.applied();
        let missing =
            pending.demand.covers.iter().filter(|&(replica, seq)| applied.get(replica) < seq).map(|(replica, seq)| {
                let (first, origin) = (applied.get(replica) + 1, self.region_of(replica.node()));
                format!("writes {first} to {seq} of {origin}")
            });
        let missing: Vec<String> = missing.collect();
        let waited_ms = now.saturating_sub(pending.since).as_millis();
        lc_db::Error::Behind(format!(
            "{here} has not received {} after {waited_ms} ms, and no reachable region that has could answer",
            missing.join(", ")
        ))
    }
}

impl Settled {
    fn finish(&mut self, waited: Time) {
        match self {
            Settled::Here(delivered)
            | Settled::Merged(_, delivered)
            | Settled::Answered(_, delivered)
            | Settled::Held(delivered) => delivered.waited = waited,
            Settled::Failed(_) => {}
        }
    }
}

/// Least time before a silent region is given up for the next one.
const PATIENCE_MIN: Time = Time::from_millis(20);
/// Records of one key that are read for a quorum, all its elements together.
pub(super) const ROWS_BYTES_MAX: usize = 8 << 20;
