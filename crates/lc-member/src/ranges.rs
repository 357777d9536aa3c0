//! Records that travel by ranges, on both sides: contexts, the tail of what was applied, questions and answers.
//!
//! Owns no rows: whoever calls lends them, and carries out what comes back.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use lc_core::{Hlc, NodeId, Span, VersionVector};
use lc_crdt::{
    Address, Contexts, Entry, FINGERPRINT_BYTES, Incoming, Known, Op, Room, RowError, Rows, SpanRows, Tail, address_of,
    apply_op_outside, cell_span, digest_rows, fingerprints, install, key_span, merge, place_at, settling,
};
use lc_repl::Time;
use lc_repl::ranges::{
    CatchUp, CatchUpInput, CatchUpOutput, CatchUpSettings, Ground, Install, Job, Mode, Progress, RangeAnswer,
    RangeMessage, RangeRows, Serving, ServingSettings, SumTree,
};

mod noted;
#[cfg(test)]
mod tests;

use crate::missing::Missing;
use noted::Noted;

/// Whether this node and a peer may both hold a key, and it is of this table; empty: of any.
pub(crate) type Shares<'a> = dyn Fn(NodeId, &[u8], &[u8]) -> bool + 'a;

/// What a member lends.
pub(crate) struct Here<'a> {
    /// Its records.
    pub rows: &'a mut dyn Rows,
    /// What it has applied.
    pub applied: &'a VersionVector,
    /// The latest stamp that it has seen.
    pub hlc: Hlc,
    pub shares: &'a Shares<'a>,
    /// Keys of which it is not known what they hold.
    pub missing: &'a Missing,
    /// Whether who has applied only this can never get by journal what is applied here.
    pub strands: &'a dyn Fn(&VersionVector) -> bool,
}

/// What a member has to do.
#[derive(Debug)]
pub(crate) enum Do {
    /// Send; records only once all that is applied now is durable.
    Send { to: NodeId, message: RangeMessage },
    /// Merged records: flush before anything is decided; then decide what [`Ranges::settling`] gives.
    Merged,
    /// Everything is here: this much is applied once a flush has made it durable.
    Caught(VersionVector),
    /// The records of a table are here, or of all tables if it is empty, as the peers have them; to be flushed.
    Filled {
        /// The table.
        table: Bytes,
        /// Bytes of records that came.
        bytes: u64,
    },
    /// What was lost in these stretches is here again; to be flushed.
    Mended {
        spans: Vec<Span>,
        /// Bytes of records that came.
        bytes: u64,
    },
    /// Records of these keys were, or are, others than a peer's: how many of each.
    Differed(BTreeMap<Bytes, u64>),
    /// It is known what differs from this peer; nothing was changed.
    Compared { with: Option<NodeId> },
    /// Records that a peer asked for cannot be read here.
    Unreadable { to: NodeId, why: String },
    /// A peer's message made no sense.
    Refuse { from: NodeId },
}

/// Both sides of catching up.
pub(crate) struct Ranges {
    me: NodeId,
    contexts: Contexts,
    tail: Tail,
    serving: Serving,
    work: Option<Work>,
    own_look: Option<Look>,
    look: Option<Look>,
    /// A catch-up that a restart found.
    unfinished: Option<u64>,
    /// Cells that were merged and have to be written anew.
    doubtful: BTreeSet<Address>,
}

/// Records that are being got.
struct Work {
    catch_up: CatchUp,
    purpose: Purpose,
    /// Whose records are compared with ours.
    source: Option<NodeId>,
    /// Came from somebody who has applied more than this replica; installed once it has caught up with that.
    ahead: VecDeque<Install>,
    ahead_bytes: usize,
    /// When the look at the own records began.
    look_mark: u64,
    /// Stretches that were equal when they were looked at, and may not be any more.
    disturbed: Vec<Span>,
    /// Messages that came.
    heard: u64,
}

/// What records are got for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Purpose {
    /// They stand for entries that cannot be had any more.
    CatchUp,
    /// Entries are applied as everywhere, but records are missing or wrong: of this table, or of any if it is empty.
    Fill(Bytes),
    /// It is to be found out what a peer has otherwise; nothing is changed.
    Compare,
    /// Entries are applied as everywhere, but records in these stretches are lost.
    Mend(Vec<Span>),
}

/// How far it is with what is being got.
pub(crate) struct WorkView<'a> {
    pub purpose: &'a Purpose,
    pub from: Option<NodeId>,
    pub progress: Progress,
    /// Which part of the own records was looked at, while that goes on.
    pub looked: Option<f64>,
    /// Which part of what differs is left, once that is known.
    pub left: Option<f64>,
    /// Grows as long as something happens.
    pub moved: u64,
}

/// Looking at all records, so many at a time.
struct Look {
    salt: u64,
    table: Bytes,
    tree: SumTree,
    /// Entries from here on were applied while it went on.
    mark: u64,
    next: u32,
    vector: VersionVector,
    /// What was got as records meanwhile counts as applied by now.
    overtaken: bool,
    peer: Option<NodeId>,
}

struct Standing<'a, 'b> {
    contexts: &'a Contexts,
    tail: &'a Tail,
    purpose: &'a Purpose,
    here: &'a Here<'b>,
}

impl Ground for Standing<'_, '_> {
    fn covered(&self, spans: &[Span]) -> VersionVector {
        spans.iter().fold(self.here.applied.clone(), |most, span| self.contexts.most(span, &most))
    }

    fn owed(&self, spans: &[Span]) -> VersionVector {
        spans.iter().fold(VersionVector::new(), |mut owed, span| {
            owed.merge(&self.contexts.owed(span));
            owed
        })
    }

    fn is_torn(&self) -> bool {
        self.contexts.is_torn(&Span::all())
    }

    fn mark(&self) -> u64 {
        self.tail.mark()
    }

    fn known(&self, span: &Span, salt: u64) -> Option<(Bytes, Vec<Bytes>)> {
        // Rows that cannot be read are asked for whole.
        let known = fingerprints(&*self.here.rows, span, salt, KNOWN_CELLS_MAX).ok().flatten();
        known.map(|(prints, places)| (prints.into(), places))
    }

    fn strands(&self, theirs: &VersionVector) -> bool {
        // Who only fills in records gets entries as ever, and waits for them.
        *self.purpose == Purpose::CatchUp && (self.here.strands)(theirs)
    }
}

impl Ranges {
    /// Reads contexts, and whether a catch-up was going on.
    pub(crate) fn open(rows: &dyn Rows, me: NodeId, bytes_per_second: u64) -> Result<Ranges, RowError> {
        let unfinished =
            rows.get(CATCH_UP_ROW)?.and_then(|bytes| Some(u64::from_le_bytes(bytes.as_ref().try_into().ok()?)));
        let mut contexts = Contexts::open(rows)?;
        unfinished.into_iter().for_each(|round| contexts.begin(round));
        Ok(Ranges {
            me,
            contexts,
            tail: Tail::new(TAIL_BYTES_MAX),
            serving: Serving::new(ServingSettings { bytes_per_second, ..ServingSettings::default() }),
            work: None,
            own_look: None,
            look: None,
            unfinished,
            doubtful: doubtful_in(rows)?,
        })
    }

    /// Whether a catch-up was going on when the process ended: [`Ranges::begin`] goes on with it.
    pub(crate) fn unfinished(&self) -> bool {
        self.work.is_none() && (self.unfinished.is_some() || self.contexts.is_torn(&Span::all()))
    }

    /// What is going on, and how far it is.
    pub(crate) fn progress(&self) -> Option<(&Purpose, Progress)> {
        self.work.as_ref().map(|work| (&work.purpose, work.catch_up.progress()))
    }

    /// How far it is, in more detail.
    pub(crate) fn view(&self) -> Option<WorkView<'_>> {
        let Work { catch_up, purpose, heard, .. } = self.work.as_ref()?;
        let next = self.own_look.as_ref().map(|look| look.next);
        Some(WorkView {
            purpose,
            from: catch_up.source(),
            progress: catch_up.progress(),
            looked: next.map(|next| f64::from(next) / 2_f64.powi(32)),
            left: catch_up.share_left(),
            moved: *heard + u64::from(next.unwrap_or(0)),
        })
    }

    /// Whether a catch-up is going on now.
    pub(crate) fn is_catching_up(&self) -> bool {
        self.work.as_ref().is_some_and(Work::is_catch_up)
    }

    /// Whether some stretches have had more than what is applied.
    pub(crate) fn is_uneven(&self) -> bool {
        !self.contexts.is_empty()
    }

    /// Whether a crash took records from under what was decided here.
    pub(crate) fn is_torn(&self) -> bool {
        self.contexts.is_torn(&Span::all())
    }

    /// Whether merged cells are still to be written anew: until then they are not what other replicas have.
    pub(crate) fn has_doubts(&self) -> bool {
        !self.doubtful.is_empty()
    }

    /// Begins to get records from these, nearest first; a catch-up that a restart found goes on. `random` names questions
    /// of this life.
    pub(crate) fn begin(
        &mut self,
        rows: &mut dyn Rows,
        purpose: Purpose,
        settings: CatchUpSettings,
        sources: Vec<NodeId>,
        mode: Mode,
        random: u64,
    ) -> Result<(), RowError> {
        let source = sources.first().copied();
        let (table, left) = match &purpose {
            Purpose::Fill(table) => (table.clone(), vec![Span::all()]),
            Purpose::Compare => (Bytes::new(), vec![Span::all()]),
            Purpose::Mend(spans) => (Bytes::new(), spans.clone()),
            Purpose::CatchUp => {
                let round = self.unfinished.take().unwrap_or(self.contexts.round() + 1);
                self.contexts.begin(round);
                let old = rows.get(CATCH_UP_ROW)?;
                let new = Bytes::copy_from_slice(&round.to_le_bytes());
                rows.replace(CATCH_UP_ROW.to_vec(), old.as_ref(), Some(new));
                (Bytes::new(), self.contexts.left(&Span::all()))
            }
        };
        let catch_up = CatchUp::new(settings, self.me, sources, mode, left, random >> 1).of_table(table);
        self.own_look = None;
        let (ahead, disturbed, look_mark) = (VecDeque::new(), Vec::new(), self.tail.mark());
        let work = Work { catch_up, purpose, source, ahead, ahead_bytes: 0, look_mark, disturbed, heard: 0 };
        self.work = Some(work);
        Ok(())
    }

    /// Asks these from now on, nearest first.
    pub(crate) fn set_sources(&mut self, sources: Vec<NodeId>) {
        if let Some(work) = &mut self.work {
            work.catch_up.set_sources(sources);
        }
    }

    /// Leaves records that were to be filled in as they are.
    pub(crate) fn give_up_filling(&mut self) {
        if self.work.as_ref().is_some_and(|work| !work.is_catch_up()) {
            (self.work, self.own_look) = (None, None);
        }
    }

    /// One op of it alone.
    pub(crate) fn apply_op(&self, rows: &mut dyn Rows, entry: &Entry, op: &Op) -> Result<(), RowError> {
        apply_op_outside(rows, entry, op, &self.contexts)
    }

    /// Rows could not be read while they were used: what was going on begins anew.
    pub(crate) fn interrupted(&mut self, rows: &dyn Rows) {
        (self.work, self.own_look, self.look) = (None, None, None);
        self.serving.look_ended();
        let unfinished = rows.get(CATCH_UP_ROW).ok().flatten();
        self.unfinished = unfinished.and_then(|bytes| Some(u64::from_le_bytes(bytes.as_ref().try_into().ok()?)));
    }

    /// An entry that was found in the journal beyond the rows, and was applied; `applied` before it.
    pub(crate) fn replayed(
        &mut self,
        rows: &mut dyn Rows,
        entry: &Entry,
        applied: &VersionVector,
    ) -> Result<(), RowError> {
        // A write decided here may have been decided over records that a crash took.
        if entry.dot.replica.node() == self.me { self.contexts.tear(rows, entry, applied) } else { Ok(()) }
    }

    /// An entry was applied, decided here or elsewhere; `bytes` are about what it occupies.
    pub(crate) fn applied(&mut self, entry: &Entry, bytes: usize) {
        if self.work.is_some() || self.look.is_some() {
            self.tail.push(entry.clone(), bytes);
        }
    }

    /// What a write that touches these keys may claim to have seen; no keys: it may touch any.
    pub(crate) fn claim(&self, keys: &[&[u8]], applied: &VersionVector) -> VersionVector {
        if self.contexts.is_empty() {
            return applied.clone();
        }
        let spans: Vec<Span> = match keys {
            [] => vec![Span::all()],
            keys => keys.iter().map(|key| key_span(key)).collect(),
        };
        self.contexts.least(&spans, applied)
    }

    /// What is covered of some keys, if it is the same throughout.
    pub(crate) fn even_over(&self, keys: &[Bytes], applied: &VersionVector) -> Option<VersionVector> {
        let mut common: Option<VersionVector> = None;
        for key in keys.iter().filter(|_| !self.contexts.is_empty()) {
            let span = key_span(key);
            let (even, covered) = self.contexts.even(&span, applied);
            if even.to != span.to || common.as_ref().is_some_and(|common| *common != covered) {
                return None;
            }
            common = Some(covered);
        }
        Some(common.unwrap_or_else(|| applied.clone()))
    }

    /// What a reader may have seen here.
    pub(crate) fn seen(&self, applied: &VersionVector) -> VersionVector {
        if self.contexts.is_empty() { applied.clone() } else { self.contexts.most(&Span::all(), applied) }
    }

    /// The replica has applied this much by now.
    pub(crate) fn settle(&mut self, rows: &mut dyn Rows, applied: &VersionVector) -> Result<(), RowError> {
        self.contexts.settle(rows, applied)
    }

    /// A message of a peer.
    pub(crate) fn hear(
        &mut self,
        now: Time,
        from: NodeId,
        message: RangeMessage,
        here: &mut Here<'_>,
        out: &mut Vec<Do>,
    ) -> Result<(), RowError> {
        match message {
            RangeMessage::Ask(ask) => {
                let answer = self.serving.ask(now, from, ask);
                out.extend(answer.map(|message| Do::Send { to: from, message }));
                Ok(())
            }
            RangeMessage::SumsAsk(ask) => {
                let (message, look) = self.serving.sums(now, from, &ask);
                out.push(Do::Send { to: from, message });
                if let Some((salt, bits)) = look {
                    let (tree, mark) = (SumTree::new(bits), self.tail.mark());
                    let (vector, table) = (self.contexts.least(&[Span::all()], here.applied), ask.table);
                    let (peer, overtaken) = (Some(from), false);
                    self.look = Some(Look { salt, table, tree, mark, next: 0, vector, overtaken, peer });
                }
                Ok(())
            }
            message => {
                self.work.iter_mut().for_each(|work| work.heard += 1);
                self.step(now, CatchUpInput::Message { from, message }, here, out)
            }
        }
    }

    /// Time passed. Looks at some records, answers some questions, asks some.
    pub(crate) fn tick(&mut self, now: Time, here: &mut Here<'_>, out: &mut Vec<Do>) -> Result<(), RowError> {
        if self.is_idle() {
            return Ok(());
        }
        self.answer(now, here, out)?;
        self.install_ahead(here, out)?;
        if let Some(look) = self.look.take() {
            match look.go_on(here)? {
                Ok(look) => self.look = Some(look),
                Err(look) => {
                    let look = self.disturb(look, here);
                    self.serving.looked(now, look.salt, look.tree, look.vector);
                }
            }
        }
        let looked = match self.own_look.take() {
            None => None,
            Some(look) => match look.go_on(here)? {
                Ok(look) => {
                    self.own_look = Some(look);
                    None
                }
                Err(look) => Some(look.tree),
            },
        };
        let input = looked.map_or(CatchUpInput::Tick, CatchUpInput::Looked);
        self.step(now, input, here, out)?;
        let of_work = self.work.as_ref().map_or_else(|| self.tail.mark(), |work| work.oldest_mark(self.tail.mark()));
        let of_look = self.look.as_ref().map_or(of_work, |look| look.mark);
        self.tail.release(of_work.min(of_look));
        Ok(())
    }

    /// What is not what the look's vector says counts as different, also where it is the same: what was applied or taken
    /// over while it went on, and what is covered here beyond what is covered everywhere. Who got it with the smaller
    /// vector would be given entries again that later ones, which that vector covers, have undone. What is torn, or
    /// missing, is nobody's.
    fn disturb(&self, mut look: Look, here: &Here<'_>) -> Look {
        let touched = self.tail.touched(look.mark, here.applied).filter(|_| !look.overtaken);
        let touched = touched.map_or_else(|| vec![Span::all()], |touched| touched.parts(&Span::all()));
        let torn = self.contexts.torn_in(&Span::all());
        let beyond = self.contexts.beyond(&look.vector);
        let spans = touched.into_iter().chain(torn).chain(beyond).chain(here.missing.spans().iter().cloned());
        spans.for_each(|span| look.tree.spoil(&span, look.salt));
        look
    }

    fn is_idle(&self) -> bool {
        self.work.is_none() && self.serving.is_idle()
    }

    fn answer(&mut self, now: Time, here: &mut Here<'_>, out: &mut Vec<Do>) -> Result<(), RowError> {
        let (contexts, applied) = (&self.contexts, here.applied);
        let covered = |ask: &lc_repl::ranges::RangeAsk| {
            let (_, vector) =
                contexts.even(&ask.spans.first().map(|(span, _)| span.clone()).unwrap_or_default(), applied);
            let torn = !contexts.is_empty() && ask.spans.iter().any(|(span, _)| contexts.is_torn(span));
            let missing = ask.spans.iter().any(|(span, _)| here.missing.touches(span));
            vector.covers_all(&ask.at_least) && !torn && !missing
        };
        for _ in 0..ANSWERS_AT_ONCE {
            let Some(job) = self.serving.next(now, &covered) else { break };
            let to = job.to;
            let message = match read(job, contexts, here) {
                Ok(message) => message,
                // Whoever asked asks somebody else in the end.
                Err(error) => {
                    out.push(Do::Unreadable { to, why: error.to_string() });
                    continue;
                }
            };
            if let RangeMessage::Answer { answer: RangeAnswer::Rows(rows), .. } = &message {
                self.serving.sent(rows.rows.len());
            }
            out.push(Do::Send { to, message });
        }
        let catching_up = self.work.as_ref().is_some_and(Work::is_catch_up) || self.unfinished.is_some();
        let late = self.serving.behind(now, applied, catching_up, &covered);
        out.extend(late.into_iter().map(|(to, message)| Do::Send { to, message }));
        Ok(())
    }

    fn step(&mut self, now: Time, input: CatchUpInput, here: &mut Here<'_>, out: &mut Vec<Do>) -> Result<(), RowError> {
        let Some(mut work) = self.work.take() else { return Ok(()) };
        let mut outputs = Vec::new();
        let standing = Standing { contexts: &self.contexts, tail: &self.tail, purpose: &work.purpose, here };
        work.catch_up.step(now, input, &standing, &mut outputs);
        for output in outputs {
            match output {
                CatchUpOutput::Send { to, message } => out.push(Do::Send { to, message }),
                CatchUpOutput::Look { salt, bits } => {
                    let (tree, vector, table) = (SumTree::new(bits), VersionVector::new(), work.table());
                    let mark = self.tail.mark();
                    work.look_mark = mark;
                    let (peer, overtaken) = (work.source, false);
                    self.own_look = Some(Look { salt, table, tree, mark, next: 0, vector, overtaken, peer });
                }
                CatchUpOutput::Equal { spans, vector } if work.is_catch_up() => {
                    self.cover_equal(spans, &vector, &mut work, here)?;
                }
                CatchUpOutput::Equal { .. } => {}
                CatchUpOutput::Install(records) => self.take_in(records, &mut work, here, out)?,
                // Asked below: records may still wait.
                CatchUpOutput::Done => {}
            }
        }
        if work.catch_up.is_done() && !work.disturbed.is_empty() {
            let disturbed = std::mem::take(&mut work.disturbed);
            work.catch_up.put_back(disturbed);
        } else if work.catch_up.is_done() && work.ahead.is_empty() {
            return self.finish(&work, here, out);
        }
        self.work = Some(work);
        Ok(())
    }

    /// Of stretches that were equal, what was touched since by entries that the sender had, or lost by a crash, is asked for.
    fn cover_equal(
        &mut self,
        spans: Vec<Span>,
        vector: &VersionVector,
        work: &mut Work,
        here: &mut Here<'_>,
    ) -> Result<(), RowError> {
        let touched = self.tail.touched(work.look_mark, vector);
        for span in spans {
            let mut parts = touched.as_ref().map_or_else(|| vec![span.clone()], |touched| touched.parts(&span));
            parts.extend(self.contexts.torn_in(&span));
            parts.sort_by(|one, other| one.from.cmp(&other.from));
            for rest in without(&span, &parts) {
                self.contexts.cover(here.rows, &rest, vector)?;
            }
            work.disturbed.extend(parts);
        }
        Ok(())
    }

    /// Installs records, or keeps them until everything is applied that they stand for.
    fn take_in(
        &mut self,
        records: Install,
        work: &mut Work,
        here: &mut Here<'_>,
        out: &mut Vec<Do>,
    ) -> Result<(), RowError> {
        if work.is_catch_up() || here.applied.covers_all(&records.vector) {
            return self.install(records, work, here, out);
        }
        if work.ahead_bytes + records.rows.len() > AHEAD_BYTES_MAX {
            work.catch_up.put_back(records.spans.into_iter().map(|(span, _)| span));
            return Ok(());
        }
        work.ahead_bytes += records.rows.len();
        work.ahead.push_back(records);
        Ok(())
    }

    fn install_ahead(&mut self, here: &mut Here<'_>, out: &mut Vec<Do>) -> Result<(), RowError> {
        let Some(mut work) = self.work.take() else { return Ok(()) };
        for records in std::mem::take(&mut work.ahead) {
            work.ahead_bytes -= records.rows.len();
            self.take_in(records, &mut work, here, out)?;
        }
        self.work = Some(work);
        Ok(())
    }

    fn install(
        &mut self,
        records: Install,
        work: &mut Work,
        here: &mut Here<'_>,
        out: &mut Vec<Do>,
    ) -> Result<(), RowError> {
        let Ok(sent) = SpanRows::decode(records.rows.clone()) else {
            out.push(Do::Refuse { from: records.from });
            work.catch_up.put_back(records.spans.into_iter().map(|(span, _)| span));
            return Ok(());
        };
        let table = work.table();
        let (mut offset, mut doubtful) = (0, Vec::new());
        let touched = self.tail.touched(records.mark, &records.vector);
        for (span, places) in &records.spans {
            let named = places.iter().enumerate();
            let same: BTreeSet<&[u8]> =
                named.filter(|(at, _)| sent.is_same(offset + at)).map(|(_, place)| place.as_ref()).collect();
            offset += places.len();
            if touched.as_ref().is_none_or(|touched| same.iter().any(|place| touched.contains(place))) {
                // What was the same when it was asked about may not be it any more.
                work.catch_up.put_back([span.clone()]);
                continue;
            }
            let (rows, vector) = (&sent, &records.vector);
            let same = |place: &[u8]| same.contains(place);
            let settles = |key: &[u8]| (here.shares)(records.from, &table, key);
            let incoming = Incoming { span, vector, rows, same: &same, settles: &settles };
            if records.merges {
                self.merge(here.rows, here.applied, &incoming, &mut doubtful)?;
            } else {
                self.replace_in(&records, &incoming, work, here, out)?;
            }
        }
        if records.merges {
            self.doubt(here.rows, doubtful);
            out.push(Do::Merged);
        }
        Ok(())
    }

    fn replace_in(
        &mut self,
        records: &Install,
        incoming: &Incoming<'_>,
        work: &mut Work,
        here: &mut Here<'_>,
        out: &mut Vec<Do>,
    ) -> Result<(), RowError> {
        if work.is_catch_up() {
            if !self.replace(here.rows, records, incoming, &work.purpose)? {
                work.catch_up.put_back([incoming.span.clone()]);
            }
            return Ok(());
        }
        let mut rows = Noted::new(here.rows, work.purpose == Purpose::Compare);
        let in_time = self.replace(&mut rows, records, incoming, &work.purpose)?;
        let differed = rows.end()?;
        if !in_time {
            work.catch_up.put_back([incoming.span.clone()]);
        } else if !differed.is_empty() {
            out.push(Do::Differed(differed));
        }
        Ok(())
    }

    /// False if it is too late for these records.
    fn replace(
        &mut self,
        rows: &mut dyn Rows,
        records: &Install,
        incoming: &Incoming<'_>,
        purpose: &Purpose,
    ) -> Result<bool, RowError> {
        if !records.vector.covers_all(&self.contexts.most(incoming.span, &records.at_least)) {
            return Ok(false);
        }
        let Some(since) = self.tail.since(records.mark, &records.vector) else { return Ok(false) };
        install(rows, incoming, &since)?;
        if *purpose == Purpose::CatchUp {
            self.contexts.cover(rows, incoming.span, &records.vector)?;
        }
        Ok(true)
    }

    fn merge(
        &mut self,
        rows: &mut dyn Rows,
        applied: &VersionVector,
        incoming: &Incoming<'_>,
        doubtful: &mut Vec<Address>,
    ) -> Result<(), RowError> {
        let mut left = incoming.span.clone();
        loop {
            let (span, covered) = self.contexts.even(&left, applied);
            let part = Incoming { span: &span, ..*incoming };
            doubtful.extend(merge(rows, &part, &covered)?);
            if self.contexts.is_torn(&span) {
                self.contexts.mend(rows, &part)?;
            }
            self.contexts.cover(rows, &span, incoming.vector)?;
            if span.to == left.to {
                return Ok(());
            }
            left.from = span.to;
        }
    }

    /// Remembers cells to be written anew, with the rows that made them doubtful.
    fn doubt(&mut self, rows: &mut dyn Rows, doubtful: Vec<Address>) {
        for at in doubtful {
            if self.doubtful.insert(at.clone()) {
                rows.replace(doubt_row(&at), None, Some(Bytes::new()));
            }
        }
    }

    /// The next write that makes a doubtful cell certain, with the dependencies that it claims; call once what was merged
    /// is flushed, and until there is none. It must be decided at once.
    pub(crate) fn settling(
        &mut self,
        rows: &mut dyn Rows,
        applied: &VersionVector,
    ) -> Result<Option<(VersionVector, Op)>, RowError> {
        while let Some(at) = self.doubtful.pop_first() {
            rows.replace(doubt_row(&at), Some(&Bytes::new()), None);
            let deps = self.contexts.least(&[cell_span(&at)], applied);
            if let Some(op) = settling(&*rows, &at)? {
                return Ok(Some((deps, op)));
            }
        }
        Ok(None)
    }

    /// What the look for a peer has seen stands for more than what was applied when it began.
    fn took_over(&mut self) {
        self.look.iter_mut().for_each(|look| look.overtaken = true);
    }

    fn finish(&mut self, work: &Work, here: &mut Here<'_>, out: &mut Vec<Do>) -> Result<(), RowError> {
        self.tail.release(self.tail.mark());
        match &work.purpose {
            Purpose::CatchUp => {}
            Purpose::Fill(table) => {
                out.push(Do::Filled { table: table.clone(), bytes: work.catch_up.progress().bytes });
                return Ok(());
            }
            Purpose::Compare => {
                out.push(Do::Compared { with: work.source });
                return Ok(());
            }
            Purpose::Mend(spans) => {
                out.push(Do::Mended { spans: spans.clone(), bytes: work.catch_up.progress().bytes });
                return Ok(());
            }
        }
        let covered = self.contexts.least(&[Span::all()], here.applied);
        self.contexts.settle(here.rows, &covered)?;
        self.took_over();
        let old = here.rows.get(CATCH_UP_ROW)?;
        here.rows.replace(CATCH_UP_ROW.to_vec(), old.as_ref(), None);
        out.push(Do::Caught(covered));
        Ok(())
    }
}

impl Work {
    fn is_catch_up(&self) -> bool {
        self.purpose == Purpose::CatchUp
    }

    fn table(&self) -> Bytes {
        match &self.purpose {
            Purpose::CatchUp | Purpose::Compare | Purpose::Mend(_) => Bytes::new(),
            Purpose::Fill(table) => table.clone(),
        }
    }

    /// The oldest moment since which it must be known what was applied.
    fn oldest_mark(&self, now: u64) -> u64 {
        let asked = self.ahead.iter().map(|records| records.mark).chain(self.catch_up.oldest_mark());
        let looked = self.catch_up.is_comparing().then_some(self.look_mark);
        asked.chain(looked).min().unwrap_or(now)
    }
}

/// A stretch without some parts of it, which are in order and may touch or overlap.
fn without(span: &Span, parts: &[Span]) -> Vec<Span> {
    let mut rest = Vec::new();
    let mut from = span.from.clone();
    for part in parts {
        if from < part.from {
            rest.push(Span { from: from.clone(), to: part.from.clone() });
        }
        if part.to.is_empty() {
            return rest;
        }
        from = from.max(part.to.clone());
    }
    if span.to.is_empty() || from < span.to {
        rest.push(Span { from, to: span.to.clone() });
    }
    rest
}

/// Cells whose merge a crash left to be written anew.
fn doubtful_in(rows: &dyn Rows) -> Result<BTreeSet<Address>, RowError> {
    let mut doubtful = BTreeSet::new();
    let mut end = DOUBT_ROW.to_vec();
    *end.last_mut().expect("the name of the rows is not empty") += 1;
    rows.scan(DOUBT_ROW, &end, &mut |row, _| {
        doubtful.extend(address_of(&row[DOUBT_ROW.len()..]));
        true
    })?;
    Ok(doubtful)
}

fn doubt_row(at: &Address) -> Vec<u8> {
    [DOUBT_ROW, &place_at(at)].concat()
}

/// Reads what a job asks for, as far as the same is covered throughout.
fn read(job: Job, contexts: &Contexts, here: &Here<'_>) -> Result<RangeMessage, RowError> {
    let (to, ask) = (job.to, job.ask);
    let mut rows = SpanRows::default();
    let mut room = Room { bytes: ask.bytes_max as usize, cells: CELLS_AT_ONCE };
    let (mut whole, mut cut, mut offset, mut vector) = (0, Bytes::new(), 0, None);
    let wanted = |key: &[u8]| (here.shares)(to, &ask.table, key);
    for (span, prints) in &ask.spans {
        let (even, covered) = contexts.even(span, here.applied);
        if *vector.get_or_insert_with(|| covered.clone()) != covered {
            break;
        }
        let known = Known::new(prints);
        if let Some(place) = rows.read(&*here.rows, &even, (&known, ask.salt, offset), &wanted, &mut room)? {
            cut = place;
            break;
        }
        if even.to != span.to {
            cut = even.to;
            break;
        }
        offset += prints.len() / FINGERPRINT_BYTES;
        whole += 1;
    }
    let mut bytes = Vec::new();
    rows.encode(&mut bytes);
    let vector = vector.unwrap_or_else(|| here.applied.clone());
    let rows = RangeRows { vector, hlc: here.hlc, whole, cut, rows: bytes.into() };
    Ok(RangeMessage::Answer { id: ask.id, answer: RangeAnswer::Rows(rows) })
}

impl Look {
    /// `Err`: all were looked at.
    fn go_on(mut self, here: &Here<'_>) -> Result<Result<Look, Look>, RowError> {
        let (peer, table) = (self.peer, self.table.clone());
        let wanted = |key: &[u8]| peer.is_none_or(|peer| (here.shares)(peer, &table, key));
        let tree = &mut self.tree;
        let add = &mut |hash, digest| tree.add(hash, digest);
        match digest_rows(&*here.rows, self.next, KEYS_AT_ONCE, self.salt, &wanted, add)? {
            Some(next) => Ok(Ok(Look { next, ..self })),
            None => Ok(Err(self)),
        }
    }
}

const CATCH_UP_ROW: &[u8] = b"m\0catch-up";
const DOUBT_ROW: &[u8] = b"m\0doubt";
/// Records that wait until everything is applied that they stand for.
const AHEAD_BYTES_MAX: usize = 64 << 20;
/// Entries kept while questions are out; at 20,000 writes/s of 200 bytes this is sixteen seconds.
const TAIL_BYTES_MAX: usize = 64 << 20;
/// Above this a stretch is sent whole.
const KNOWN_CELLS_MAX: usize = 256;
/// What one answer looks at: a few milliseconds.
const CELLS_AT_ONCE: usize = 20_000;
/// Answers of one tick of 10 ms: 16 of 256 KiB are 400 MB/s.
const ANSWERS_AT_ONCE: usize = 16;
/// Keys that one tick looks at: a million in two seconds.
const KEYS_AT_ONCE: usize = 5_000;
