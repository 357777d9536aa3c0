//! Getting records as state: when their entries cannot be had any more, when a table arrives in this region, and when
//! records have to be repaired. The protocol is in `lc_repl::ranges`, what it means for rows in `crate::ranges`; here is
//! when it begins, what it may touch, and what waits until a flush has made it durable.

use std::collections::BTreeMap;

use bytes::Bytes;
use lc_core::{NodeId, ReplicaId, VersionVector, limits, wire::Reader};
use lc_crdt::{Entry, Op, Rows};
use lc_policy::Tables;
use lc_repl::ranges::{CatchUpSettings, Mode, RangeAnswer, RangeMessage, SumTree};
use lc_repl::{Input, JournalState, Lacks, Time};

use super::{Member, Outgoing};
use crate::log::begins_after;
use crate::ranges::{Do, Here, Purpose, Ranges};
use crate::records::{ADOPTED_ROW, Records};
use crate::settings::{Peer, Settings};
use crate::wire;

/// What a member keeps about it.
pub(super) struct Filling {
    pub(super) ranges: Ranges,
    /// Of each origin, entries up to here were never in this journal: records stood for them.
    pub(super) adopted: VersionVector,
    /// What waits for a flush, and whether that has begun.
    waiting: Vec<(AfterFlush, bool)>,
    flushed: Vec<AfterFlush>,
    /// Tables that arrived here, and the version of their placement.
    arrived: BTreeMap<String, u64>,
    /// The placement's version of the table that is being filled in.
    version: u64,
    /// Peers are asked not to send entries: everything comes as records.
    paused: bool,
    stranded_since: Option<Time>,
    looked_at: Option<Time>,
    turns: u64,
    /// When what goes on began.
    began: Time,
    /// When it was known what has to come.
    pub(super) comes_since: Option<Time>,
    now: Time,
}

/// What becomes true once records are durable.
#[derive(Clone, PartialEq, Debug)]
enum AfterFlush {
    /// This much is applied.
    Adopt(VersionVector),
    /// Writes may be decided over what was merged.
    Merged,
    /// What was lost is here again.
    Mended,
    /// A table is here, by this version of its placement; without a name: what differed from a peer.
    Filled { table: String, version: u64 },
}

/// What of the records is being got from others.
#[derive(Clone, PartialEq, Debug)]
pub struct FillingView {
    /// From which peer, now.
    pub from: Option<NodeId>,
    /// Of which table; `None`: all of them.
    pub table: Option<String>,
    /// Whether this region goes on from records because it cannot get the entries any more.
    pub catches_up: bool,
    /// Whether nothing is replaced: it is only to be known what differs.
    pub only_compares: bool,
    /// Whether it is what cannot be read here any more.
    pub mends: bool,
    /// When it began.
    pub began: Time,
    /// When it was known what has to come.
    pub comes_since: Option<Time>,
    /// Bytes of records that came.
    pub bytes: u64,
    /// Stretches that are left; each may be large or small.
    pub left: usize,
    /// Which part of the own records was looked at so far, while that goes on, from 0 to 1.
    pub share_looked: Option<f64>,
    /// Which part of what has to come is left; `None` until it is known what has to come.
    pub share_left: Option<f64>,
}

impl Filling {
    /// As the store has it. `new`: nothing was ever applied here.
    pub(super) fn open(
        records: &Records,
        me: ReplicaId,
        new: bool,
        bytes_per_second: u64,
    ) -> Result<Filling, crate::Error> {
        let ranges = Ranges::open(records, me.node(), bytes_per_second)?;
        let adopted = match records.get(ADOPTED_ROW)? {
            Some(bytes) => adopted_in(bytes)
                .map_err(|source| crate::Error::Malformed { what: "what was taken over as records", source })?,
            None => VersionVector::new(),
        };
        // What was merged before a crash is in the store, so its doubtful cells can be written anew.
        let flushed = vec![AfterFlush::Merged];
        Ok(Filling {
            ranges,
            adopted,
            waiting: Vec::new(),
            flushed,
            arrived: BTreeMap::new(),
            version: 0,
            paused: new,
            stranded_since: None,
            looked_at: None,
            turns: 0,
            began: Time::ZERO,
            comes_since: None,
            now: Time::ZERO,
        })
    }

    /// Whether what is applied says all of what is here.
    pub(super) fn is_even(&self) -> bool {
        !self.ranges.is_uneven() && self.adopting().is_none()
    }

    /// What is applied once the flush under way has succeeded.
    fn adopting(&self) -> Option<&VersionVector> {
        self.waiting.iter().map(|(after, _)| after).chain(&self.flushed).find_map(|after| match after {
            AfterFlush::Adopt(applied) => Some(applied),
            _ => None,
        })
    }

    /// What the store's standing says is applied: with what the flush that takes it along makes durable.
    pub(super) fn standing(&self, applied: &VersionVector) -> VersionVector {
        let mut standing = applied.clone();
        if let Some(adopting) = self.adopting() {
            standing.merge(adopting);
        }
        standing
    }

    /// Whether entries of others would get lost between records and a vector that does not say yet what they stand for.
    pub(super) fn takes_no_entries(&self) -> bool {
        self.adopting().is_some()
    }

    pub(super) fn wants_flush(&self) -> bool {
        self.waiting.iter().any(|(_, begun)| !begun)
    }

    pub(super) fn flush_begins(&mut self) {
        self.waiting.iter_mut().for_each(|(_, begun)| *begun = true);
    }

    pub(super) fn flush_succeeded(&mut self) {
        let (begun, waiting) = std::mem::take(&mut self.waiting).into_iter().partition(|(_, begun)| *begun);
        self.waiting = waiting;
        let begun: Vec<(AfterFlush, bool)> = begun;
        self.flushed.extend(begun.into_iter().map(|(after, _)| after));
    }

    fn then(&mut self, after: AfterFlush) {
        self.waiting.push((after, false));
    }

    fn is_merging(&self) -> bool {
        self.waiting.iter().any(|(after, _)| *after == AfterFlush::Merged) || self.flushed.contains(&AfterFlush::Merged)
    }

    /// Whether it is being found out what a peer has otherwise.
    pub(super) fn is_comparing(&self) -> bool {
        self.ranges.progress().is_some_and(|(purpose, _)| *purpose == Purpose::Compare)
    }

    /// As of the last look.
    pub(super) fn now(&self) -> Time {
        self.now
    }

    /// A number that names a comparison, or the questions of this life.
    fn draw(&mut self, seed: u64, now: Time) -> u64 {
        self.turns += 1;
        let mixed = (seed ^ self.turns.rotate_left(32)).wrapping_add(now.as_nanos() as u64);
        let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb)
    }
}

impl Member {
    /// Whether records come, or wait for the flush after which they count.
    pub fn is_filling(&self) -> bool {
        self.filling.ranges.progress().is_some() || !self.filling.waiting.is_empty() || !self.filling.flushed.is_empty()
    }

    /// What of the records is being got from others now.
    pub fn filling(&self) -> Option<FillingView> {
        let view = self.filling.ranges.view()?;
        let purpose = view.purpose;
        let table = match purpose {
            Purpose::Fill(table) if !table.is_empty() => Some(String::from_utf8_lossy(table).into_owned()),
            _ => None,
        };
        Some(FillingView {
            from: view.from,
            table,
            catches_up: *purpose == Purpose::CatchUp,
            only_compares: *purpose == Purpose::Compare,
            mends: matches!(purpose, Purpose::Mend(_)),
            began: self.filling.began,
            comes_since: self.filling.comes_since,
            bytes: view.progress.bytes,
            left: view.progress.left,
            share_looked: view.looked,
            share_left: view.left,
        })
    }

    /// Tables of which this node has everything although the catalogue still has its region as one where they arrive, with
    /// the version of their placement.
    pub fn arrived(&self) -> Vec<(String, u64)> {
        let arriving = self.tables.arriving_in(&self.settings.region);
        let here = arriving.filter(|table| self.filling.arrived.get(&table.name) == Some(&table.placement_version));
        here.map(|table| (table.name.clone(), table.placement_version)).collect()
    }

    /// What a write may claim to have seen of the keys that it touches; `None`: it may touch any.
    pub(super) fn claimed(&self, keys: Option<&[Bytes]>) -> VersionVector {
        let applied = self.filling.standing(self.replicator.applied());
        let claimed = match keys {
            None => self.filling.ranges.claim(&[], &applied),
            Some([]) => applied,
            Some(keys) => {
                let keys: Vec<&[u8]> = keys.iter().map(AsRef::as_ref).collect();
                self.filling.ranges.claim(&keys, &applied)
            }
        };
        self.of_others(&claimed)
    }

    /// What an entry depends on: its own replica's earlier ones go without saying.
    pub(super) fn of_others(&self, vector: &VersionVector) -> VersionVector {
        vector.iter().filter(|&(replica, seq)| replica != self.me && seq > 0).collect()
    }

    /// What a write should have claimed that decided these ops claiming `deps`, if that is something else. Knowing more, it
    /// may touch other keys; the last of a few attempts claims the least.
    pub(super) fn other_claim(&self, deps: &VersionVector, ops: &[Op], attempt: usize) -> Option<VersionVector> {
        let keys: Option<Vec<Bytes>> = ops.iter().map(|op| op.key().cloned()).collect();
        let claim = match keys {
            Some(keys) if attempt + 1 < ATTEMPTS => self.claimed(Some(&keys)),
            _ => self.claimed(None),
        };
        (claim != *deps && attempt < ATTEMPTS).then_some(claim)
    }

    /// What is covered of some keys, if it is the same throughout: what their rows may be joined by.
    pub(super) fn covered_of(&self, keys: &[Bytes]) -> Option<VersionVector> {
        let applied = self.filling.standing(self.replicator.applied());
        self.filling.ranges.even_over(keys, &applied)
    }

    /// What whoever reads here may have seen.
    pub(super) fn shown(&self) -> VersionVector {
        self.filling.ranges.seen(&self.filling.standing(self.replicator.applied()))
    }

    /// Refuses to decide over records that were merged and are not durable yet.
    pub(super) fn check_filling(&self) -> Result<(), lc_db::Error> {
        if self.filling.waiting.is_empty() || !self.filling.is_merging() {
            return Ok(());
        }
        Err(lc_db::Error::Unavailable(
            "this region was away for so long that its records are being joined with another's: try again in a moment"
                .to_owned(),
        ))
    }

    /// What peers are told of the journal: from where on it has entries.
    pub(super) fn tell_journal(&mut self, now: Time) {
        let begins_after = begins_after(&self.journal, &self.filling.adopted);
        self.replicator.set_journal(now, JournalState { begins_after, paused: self.filling.paused });
    }

    /// A peer's message about records.
    pub(super) fn on_ranges(
        &mut self,
        now: Time,
        wall_ms: u64,
        from: NodeId,
        message: RangeMessage,
        out: &mut Vec<Outgoing>,
    ) {
        if let RangeMessage::Answer { answer: RangeAnswer::Rows(rows), .. } = &message
            && let Err(ahead) = self.clock.observe(rows.hlc, wall_ms, self.settings.max_offset_ms)
        {
            // As with entries from the future: asked again later.
            self.counters.entries_from_the_future += 1;
            self.health.clock_ahead(ReplicaId::new(from, 0), ahead.ahead_ms);
            return;
        }
        let mut todo = Vec::new();
        let outcome = self.lend(|ranges, here| ranges.hear(now, from, message, here, &mut todo));
        self.carry_out(todo, outcome, out);
    }

    /// Time passed: what was flushed takes effect, what is missing is noticed, questions are asked and answered.
    pub(super) fn fill(&mut self, now: Time, out: &mut Vec<Outgoing>) {
        self.after_flush(now, out);
        if self.is_rebuilding() && self.filling.ranges.progress().is_some() {
            self.filling.ranges.interrupted(&self.records);
        }
        if self.filling.looked_at.is_none_or(|at| now.saturating_sub(at) >= LOOK_EVERY || now < at) {
            self.filling.looked_at = Some(now);
            self.filling.now = now;
            self.look_at_progress(now);
            self.look_for_gaps(now);
        }
        let mut todo = Vec::new();
        let outcome = self.lend(|ranges, here| ranges.tick(now, here, &mut todo));
        self.carry_out(todo, outcome, out);
        self.note_conflicts();
    }

    /// Forgets contexts that what is applied covers by now.
    pub(super) fn settle_contexts(&mut self) {
        if self.filling.ranges.is_uneven()
            && let Err(error) = self.filling.ranges.settle(&mut self.records, self.replicator.applied())
        {
            self.filling_failed(&error.to_string());
        }
    }

    /// Tables have changed: what only one of them needed is given up, and entries that came without what this region is to
    /// have from now on come again.
    pub(super) fn placements_changed(&mut self, before: &Tables) {
        let (tables, region) = (&self.tables, &self.settings.region);
        // What arrived, or is arriving, goes on doing so where another region's arrival alone has changed the placement.
        for table in tables.arriving_in(region) {
            let Some(old) = before.named(&table.name).filter(|old| old.is_arriving_in(region)) else { continue };
            if let Some(version) = self.filling.arrived.get_mut(&table.name)
                && *version == old.placement_version
            {
                *version = table.placement_version;
            }
            let filled = self.filling.ranges.progress().map(|(purpose, _)| purpose.clone());
            if filled == Some(Purpose::Fill(table.name.clone().into())) && self.filling.version == old.placement_version
            {
                self.filling.version = table.placement_version;
            }
        }
        self.replicator
            .retain_waiting(|(entry, _): &(Entry, Bytes)| crate::placement::is_understood(entry, tables, region));
        if let Some((Purpose::Fill(table), _)) = self.filling.ranges.progress()
            && !table.is_empty()
        {
            let version = self.filling.version;
            let mut arriving = tables.arriving_in(region);
            if !arriving.any(|it| it.name.as_bytes() == table.as_ref() && it.placement_version == version) {
                self.filling.ranges.give_up_filling();
            }
        }
    }

    fn after_flush(&mut self, now: Time, out: &mut Vec<Outgoing>) {
        let mut flushed = std::mem::take(&mut self.filling.flushed);
        // First what is applied: what is decided over merged records claims to have seen them.
        flushed.sort_by_key(|after| !matches!(after, AfterFlush::Adopt(_)));
        flushed.dedup();
        for after in flushed {
            match after {
                AfterFlush::Adopt(applied) => {
                    self.counters.catch_ups += 1;
                    self.filling.paused = false;
                    self.tell_journal(now);
                    self.replicate(now, Input::Adopted { applied }, out);
                }
                AfterFlush::Merged if !self.may_settle() => self.filling.flushed.push(AfterFlush::Merged),
                AfterFlush::Merged => self.settle_doubtful(),
                AfterFlush::Mended => {}
                AfterFlush::Filled { table, .. } if table.is_empty() => self.on_repaired(),
                AfterFlush::Filled { table, version } => {
                    self.filling.arrived.insert(table, version);
                }
            }
        }
    }

    /// Whether a merged cell may be written anew now: not over what is lost, and like any other write only while this node's
    /// identity and clock are trusted and there is room for it. It waits, as nobody is there to try it again.
    fn may_settle(&self) -> bool {
        let fits = self.has_room_for_pending(limits::ENTRY_BYTES_MAX);
        fits && self.records.missing.is_empty() && self.health.decides().is_ok() && !self.room.is_used_up()
    }

    /// Writes a merged cell anew whose increments nobody can tell apart any more; one at a tick.
    fn settle_doubtful(&mut self) {
        let standing = self.filling.standing(self.replicator.applied());
        match self.filling.ranges.settling(&mut self.records, &standing) {
            Ok(Some((deps, op))) => {
                // There may be more of them.
                self.filling.flushed.push(AfterFlush::Merged);
                if let Err(error) = self.decide_op(deps, op) {
                    self.filling_failed(&error.to_string());
                }
            }
            Ok(None) => {}
            Err(error) => self.filling_failed(&error.to_string()),
        }
    }

    fn look_for_gaps(&mut self, now: Time) {
        let busy = !self.filling.waiting.is_empty() || !self.health.may_be_filled() || self.is_rebuilding();
        if busy {
            return;
        }
        let lacks = self.replicator.lacks();
        let waits = lacks.stranded || !self.records.missing.is_empty();
        if waits && self.filling.is_comparing() {
            // It can wait; what it would find may be replaced by then.
            self.filling.ranges.give_up_filling();
        }
        let sources = self.holders_of_all(&lacks.sources);
        if self.filling.ranges.progress().is_some() {
            if self.filling.ranges.is_catching_up() {
                // Whoever has nothing that is lacked may still have what a crash took; asked for more, it would end a catch-up
                // that has brought nothing, and the next one begins with it.
                let all = sources.is_empty() || self.filling.ranges.is_torn();
                let others = if all { self.holders_of_all(&self.replicator.sources()) } else { Vec::new() };
                let others = others.into_iter().filter(|node| !sources.contains(node));
                self.filling.ranges.set_sources(sources.iter().copied().chain(others).collect());
            }
            return;
        }
        if self.filling.ranges.unfinished() {
            let sources = self.holders_of_all(&self.replicator.sources());
            if !sources.is_empty() {
                self.begin_filling(now, Purpose::CatchUp, sources);
            }
        } else if self.is_far_behind(now, &lacks, !sources.is_empty()) {
            self.begin_filling(now, Purpose::CatchUp, sources);
        } else if self.filling.is_even() && !self.fetch_missing(now) {
            self.receive_tables(now);
            if self.filling.ranges.progress().is_none() {
                self.compare_diverged(now);
            }
        }
    }

    /// Whether records are needed: entries are not to be had, or so many that they would take longer.
    fn is_far_behind(&mut self, now: Time, lacks: &Lacks, able: bool) -> bool {
        if !lacks.stranded {
            self.filling.stranded_since = None;
        }
        if self.filling.paused {
            // A node without anything asked not to be sent entries until it knows how many there are.
            let heard = self.replicator.peers().any(|(_, peer)| peer.up);
            if able && (lacks.stranded || lacks.entries > BY_JOURNAL_MAX) {
                return true;
            }
            if heard {
                self.filling.paused = false;
                self.tell_journal(now);
            }
            return false;
        }
        let since = *self.filling.stranded_since.get_or_insert(now);
        able && lacks.stranded && now.saturating_sub(since) >= STRANDED_FOR
    }

    /// Begins with the first table that arrives in this region and is not here yet.
    fn receive_tables(&mut self, now: Time) {
        let (tables, region) = (self.tables.clone(), self.settings.region.clone());
        // Rows that must not be here are still being removed; they would be taken for records.
        if self.records.shares.walk_from().is_some() {
            return;
        }
        let missing = tables
            .arriving_in(&region)
            .find(|table| self.filling.arrived.get(&table.name) != Some(&table.placement_version));
        let Some(table) = missing else { return };
        let peers = self.replicator.sources().into_iter();
        let sources: Vec<NodeId> = peers.filter(|&node| table.is_held_in(self.region_of(node))).collect();
        if !sources.is_empty() {
            self.filling.version = table.placement_version;
            self.begin_filling(now, Purpose::Fill(table.name.clone().into()), sources);
        }
    }

    /// Those of the peers that hold every table of which this region gets anything, in their order. Where no region does,
    /// there is nobody to go on from.
    pub(super) fn holders_of_all(&self, peers: &[NodeId]) -> Vec<NodeId> {
        let here = &self.settings.region;
        let holds = |region: &str| {
            self.tables.restricted().iter().all(|table| !table.receives(here) || table.is_held_in(region))
        };
        peers.iter().copied().filter(|&node| holds(self.region_of(node))).collect()
    }

    pub(super) fn begin_filling(&mut self, now: Time, purpose: Purpose, sources: Vec<NodeId>) {
        let seed = self.settings.table.hash_seed;
        let (random, salt) = (self.filling.draw(seed, now), self.filling.draw(seed, now));
        (self.filling.began, self.filling.comes_since) = (now, None);
        let empty = self.records.keys == 0;
        let mode = if empty || matches!(purpose, Purpose::Mend(_)) {
            Mode::Whole
        } else {
            Mode::Differences { salt, bits: SumTree::bits_for(self.records.keys) }
        };
        if purpose == Purpose::CatchUp {
            self.filling.paused = empty;
            self.tell_journal(now);
        }
        let bytes_per_second = self.settings.replication.catch_up_bytes_per_second;
        let settings = CatchUpSettings { bytes_per_second, ..CatchUpSettings::default() };
        if let Err(error) = self.filling.ranges.begin(&mut self.records, purpose, settings, sources, mode, random) {
            self.filling_failed(&error.to_string());
        }
    }

    /// Lends the records to both sides of the protocol.
    fn lend<T>(&mut self, run: impl FnOnce(&mut Ranges, &mut Here<'_>) -> T) -> T {
        let Member { filling, records, replicator, clock, tables, settings, journal, .. } = self;
        let adopted = &filling.adopted;
        // Also while it waits for a flush: it is what the rows hold.
        let standing = filling.adopting().map(|_| filling.standing(replicator.applied()));
        let applied = standing.as_ref().unwrap_or(replicator.applied());
        let strands = |theirs: &VersionVector| !theirs.covers_all(&begins_after(journal, adopted));
        let shares = |peer: NodeId, table: &[u8], key: &[u8]| may_share(tables, settings, peer, table, key);
        let missing = records.missing.clone();
        // What comes replaces what is missing, and who looks at all records counts that as different.
        records.unguarded = true;
        let (missing, rows): (_, &mut dyn Rows) = (&missing, records);
        let mut here = Here { rows, applied, hlc: clock.last(), shares: &shares, missing, strands: &strands };
        let done = run(&mut filling.ranges, &mut here);
        self.records.unguarded = false;
        done
    }

    fn carry_out(&mut self, todo: Vec<Do>, outcome: Result<(), lc_crdt::RowError>, out: &mut Vec<Outgoing>) {
        for what in todo {
            match what {
                Do::Send { to, message } => self.send_ranges(to, &message, out),
                Do::Merged => {
                    self.counters.merges += 1;
                    self.filling.then(AfterFlush::Merged);
                }
                Do::Caught(applied) => self.caught(applied),
                Do::Filled { table, bytes } => {
                    if table.is_empty() {
                        self.on_replaced(bytes);
                    }
                    let table = String::from_utf8_lossy(&table).into_owned();
                    self.filling.then(AfterFlush::Filled { table, version: self.filling.version });
                }
                // What was lost differs.
                Do::Differed(_) if !self.records.missing.is_empty() => {}
                Do::Differed(differed) => self.on_differed(&differed),
                Do::Mended { spans, bytes } => {
                    self.mended(&spans, bytes);
                    self.filling.then(AfterFlush::Mended);
                }
                Do::Compared { with } => self.on_compared(with),
                Do::Unreadable { to, why } => {
                    let why = format!("records that {} asked for cannot be read: {why}", self.region_of(to));
                    self.counters.alarms += u64::from(self.health.rot(why));
                }
                Do::Refuse { from } => {
                    let why = format!("records that {} sent make no sense", self.region_of(from));
                    self.counters.alarms += u64::from(self.health.damage(why));
                }
            }
        }
        if let Err(error) = outcome {
            self.filling_failed(&error.to_string());
        }
    }

    /// Notes from where on the journal will have entries, in the rows that the flush takes along.
    fn caught(&mut self, applied: VersionVector) {
        let more = applied.iter().filter(|&(replica, seq)| seq > self.replicator.applied().get(replica));
        let more: Vec<(ReplicaId, u64)> = more.collect();
        more.into_iter().for_each(|(replica, seq)| self.filling.adopted.raise(replica, seq));
        let bytes = adopted_bytes(&self.filling.adopted);
        match self.records.get(ADOPTED_ROW) {
            Ok(old) => self.records.replace(ADOPTED_ROW.to_vec(), old.as_ref(), Some(bytes)),
            Err(error) => return self.filling_failed(&error.to_string()),
        }
        self.filling.then(AfterFlush::Adopt(applied));
    }

    /// Records and sums speak of everything that is applied, so all of it must be durable before they leave.
    fn send_ranges(&mut self, to: NodeId, message: &RangeMessage, out: &mut Vec<Outgoing>) {
        let frame = Outgoing { to, frame: wire::encode_ranges(message) };
        let speaks =
            matches!(message, RangeMessage::Answer { answer: RangeAnswer::Rows(_), .. } | RangeMessage::Sums(_));
        let appended = self.journal.appended();
        if speaks && appended > self.journal.durable() {
            self.answers.when_durable(appended, frame);
        } else {
            out.push(frame);
        }
    }

    fn filling_failed(&mut self, why: &str) {
        if self.rot_was_met() {
            self.filling.ranges.interrupted(&self.records);
            return;
        }
        self.broken = true;
        self.health.fail(format!("records of other regions: {why}"));
    }

    /// Decides one op with these dependencies, over whatever is here.
    fn decide_op(&mut self, deps: VersionVector, op: Op) -> Result<(), lc_db::Error> {
        let dot = lc_core::Dot::new(self.me, self.next_seq);
        let hlc = self.clock.next(0);
        let deps = self.of_others(&deps);
        self.records.begin();
        let entry = Entry { dot, prev_seq: self.last_seq, hlc, deps, ops: vec![op] };
        if let Err(error) = lc_crdt::apply(&mut self.records, &entry) {
            self.records.undo();
            return Err(error.into());
        }
        self.append_own(&entry).map(|_| ())
    }
}

fn may_share(tables: &Tables, settings: &Settings, peer: NodeId, table: &[u8], key: &[u8]) -> bool {
    let of_key = tables.of_key(key);
    let region = settings.peers.iter().find(|other: &&Peer| other.node == peer).map_or("", |peer| peer.region.as_str());
    (table.is_empty() || of_key.name.as_bytes() == table)
        && of_key.receives(&settings.region)
        && of_key.receives(region)
}

pub(super) fn adopted_bytes(adopted: &VersionVector) -> Bytes {
    let mut bytes = vec![ADOPTED_VERSION];
    adopted.encode(&mut bytes);
    bytes.into()
}

fn adopted_in(bytes: Bytes) -> Result<VersionVector, lc_core::wire::Malformed> {
    let mut reader = Reader::new(bytes);
    reader.version(ADOPTED_VERSION, "version of what was taken over")?;
    let adopted = VersionVector::decode(&mut reader)?;
    reader.end("what was taken over")?;
    Ok(adopted)
}

const ADOPTED_VERSION: u8 = 1;
/// So often a write is decided again because it turned out to touch other keys.
const ATTEMPTS: usize = 4;
/// How often it is looked whether records are needed.
const LOOK_EVERY: Time = Time::from_millis(50);
/// Nobody in reach has had the entries for so long: more than a link that comes up needs to tell.
const STRANDED_FOR: Time = Time::from_secs(2);
/// A node without anything gets up to so many entries from journals; more are quicker as records.
const BY_JOURNAL_MAX: u64 = 4096;
