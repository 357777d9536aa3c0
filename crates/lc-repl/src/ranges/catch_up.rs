//! Who needs records: asks stretch by stretch until everything was installed or is known to be equal.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use lc_core::{Hlc, NodeId, Span, VersionVector};

use super::compare::Compare;
use super::message::{RangeAnswer, RangeAsk, RangeMessage, RangeRows, Sums};
use super::pace::Pace;
use super::tree::{SumTree, hash_of};
use crate::Time;

/// Times and sizes of a receiver.
#[derive(Clone, Copy, Debug)]
pub struct CatchUpSettings {
    /// Bytes of records that may be asked for and not here yet; 1 Gbit/s over 160 ms there and back is 20 MB.
    pub window_bytes: usize,
    /// Bytes of records in one answer: what a sender reads without doing anything else.
    pub answer_bytes: usize,
    /// Bytes of records taken in a second; 0: no limit.
    pub bytes_per_second: u64,
    /// How long an answer may take before it is asked for again.
    pub patience: Time,
    /// Into so many stretches everything is cut at first; they are asked for side by side.
    pub lanes: u32,
}

impl Default for CatchUpSettings {
    fn default() -> CatchUpSettings {
        CatchUpSettings {
            window_bytes: 32 << 20,
            answer_bytes: 256 << 10,
            bytes_per_second: 0,
            patience: Time::from_secs(5),
            lanes: 128,
        }
    }
}

/// How records are looked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// All of them are sent.
    Whole,
    /// Only what differs: all are looked at on both sides first. `bits` by [`SumTree::bits_for`].
    Differences {
        /// A fresh random number.
        salt: u64,
        /// How many bits the smallest stretches have in common.
        bits: u8,
    },
}

/// What the receiver knows of itself when it asks.
pub trait Ground {
    /// What is covered anywhere in these stretches.
    fn covered(&self, spans: &[Span]) -> VersionVector;

    /// What a sender must have for its records of these stretches to be merged with those here.
    fn owed(&self, spans: &[Span]) -> VersionVector {
        let _ = spans;
        VersionVector::new()
    }

    /// Whether a crash took records from under what was decided here, so that nobody gets these stretches from here.
    fn is_torn(&self) -> bool {
        false
    }

    /// Names this moment: entries applied after it are applied again over what comes.
    fn mark(&self) -> u64;

    /// Fingerprints of the cells of a stretch, and their places; `None` if they are too many.
    fn known(&self, span: &Span, salt: u64) -> Option<(Bytes, Vec<Bytes>)>;

    /// Whether a peer that has applied only this can never get by journal what is applied here.
    fn strands(&self, theirs: &VersionVector) -> bool;
}

/// What happens to a receiver.
#[derive(Debug)]
pub enum CatchUpInput {
    /// Time passed. About every 10 ms.
    Tick,
    /// A message came.
    Message {
        /// From whom.
        from: NodeId,
        /// What it says.
        message: RangeMessage,
    },
    /// All records were looked at, as [`CatchUpOutput::Look`] asked.
    Looked(SumTree),
}

/// What it does about it.
#[derive(Clone, PartialEq, Debug)]
pub enum CatchUpOutput {
    /// Send; it may get lost.
    Send {
        /// To whom.
        to: NodeId,
        /// What.
        message: RangeMessage,
    },
    /// Look at all records, and add up their digests.
    Look {
        /// What digests are made with.
        salt: u64,
        /// How many bits the smallest stretches have in common.
        bits: u8,
    },
    /// Both sides have the same in these stretches: cover them with this vector.
    Equal {
        /// The stretches.
        spans: Vec<Span>,
        /// What the sender had applied.
        vector: VersionVector,
    },
    /// Install records. If it cannot be done, [`CatchUp::put_back`].
    Install(Install),
    /// Nothing is left. Told once.
    Done,
}

/// Records to be installed.
#[derive(Clone, PartialEq, Debug)]
pub struct Install {
    /// From whom.
    pub from: NodeId,
    /// The stretches; with each the places of the cells that were named as known.
    pub spans: Vec<(Span, Vec<Bytes>)>,
    /// What the sender had applied.
    pub vector: VersionVector,
    /// The latest stamp that it has seen.
    pub hlc: Hlc,
    /// The records.
    pub rows: Bytes,
    /// What was covered here when they were asked for.
    pub at_least: VersionVector,
    /// When that was.
    pub mark: u64,
    /// They are to be merged: neither side has all of the other.
    pub merges: bool,
}

/// How far it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Progress {
    /// Bytes of records that came.
    pub bytes: u64,
    /// Stretches that were installed.
    pub stretches: u64,
    /// Questions that were asked again because no answer came.
    pub repeated: u64,
    /// Stretches that are left; each may be large or small.
    pub left: usize,
}

/// A catch-up that is going on. What is left of it after a restart is what has no context yet.
#[derive(Debug)]
pub struct CatchUp {
    settings: CatchUpSettings,
    me: NodeId,
    table: Bytes,
    sources: Vec<NodeId>,
    turn: usize,
    mode: Mode,
    looking: bool,
    /// Until it is known what differs.
    comparing: bool,
    compare: Option<Compare>,
    todo: VecDeque<Span>,
    /// How many in a row said that they lack what is here.
    behind: usize,
    /// How much of everything was to do when it was known what differs.
    begun: u64,
    asked: BTreeMap<u64, Asked>,
    /// Bytes that may be asked for and not here yet: as many as come within a second or so.
    window_bytes: usize,
    narrowed: Time,
    /// When an answer came last, and when the question was asked to which it came.
    heard: Time,
    heard_asked_at: Time,
    next_id: u64,
    pace: Pace,
    silent: u32,
    not_before: Time,
    merges: bool,
    done: bool,
    progress: Progress,
}

#[derive(Debug)]
struct Asked {
    to: NodeId,
    at: Time,
    spans: Vec<(Span, Vec<Bytes>)>,
    at_least: VersionVector,
    mark: u64,
    merges: bool,
}

impl CatchUp {
    /// Gets what is `left` from one of `sources`, nearest first. `first_id` names the first question: a later life of
    /// this node begins elsewhere, so that answers to an earlier one are not taken for its own.
    pub fn new(
        settings: CatchUpSettings,
        me: NodeId,
        sources: Vec<NodeId>,
        mode: Mode,
        left: Vec<Span>,
        first_id: u64,
    ) -> CatchUp {
        let todo = match mode {
            Mode::Whole => in_lanes(&left, settings.lanes),
            Mode::Differences { .. } => VecDeque::new(),
        };
        CatchUp {
            settings,
            me,
            table: Bytes::new(),
            sources,
            turn: 0,
            mode,
            looking: false,
            comparing: mode != Mode::Whole,
            compare: None,
            behind: 0,
            begun: todo.iter().map(width).sum(),
            todo,
            asked: BTreeMap::new(),
            window_bytes: (4 * settings.answer_bytes).min(settings.window_bytes),
            narrowed: Time::ZERO,
            heard: Time::ZERO,
            heard_asked_at: Time::ZERO,
            next_id: first_id,
            pace: Pace::new(settings.bytes_per_second),
            silent: 0,
            not_before: Time::ZERO,
            merges: false,
            done: false,
            progress: Progress::default(),
        }
    }

    /// Gets only the records of this table.
    pub fn of_table(self, table: Bytes) -> CatchUp {
        CatchUp { table, ..self }
    }

    /// Advances by one input. Never blocks; `now` is the only time it knows.
    pub fn step(&mut self, now: Time, input: CatchUpInput, ground: &dyn Ground, out: &mut Vec<CatchUpOutput>) {
        match input {
            CatchUpInput::Tick => self.repeat(now),
            CatchUpInput::Looked(tree) => {
                if let Mode::Differences { salt, .. } = self.mode {
                    self.compare = Some(Compare::new(self.table.clone(), salt, tree));
                }
            }
            CatchUpInput::Message { message: RangeMessage::Answer { id, answer }, from } => {
                self.on_answer(now, from, id, answer, ground, out);
            }
            CatchUpInput::Message { message: RangeMessage::Sums(sums), from } => self.on_sums(from, &sums, out),
            // Questions are for Serving.
            CatchUpInput::Message { .. } => {}
        }
        self.go_on(now, ground, out);
    }

    /// These could not be installed: they are asked for again.
    pub fn put_back(&mut self, spans: impl IntoIterator<Item = Span>) {
        spans.into_iter().for_each(|span| self.todo.push_front(span));
        self.done = false;
    }

    /// Asks these from now on, nearest first.
    pub fn set_sources(&mut self, sources: Vec<NodeId>) {
        self.sources = sources;
    }

    /// The oldest moment that a question still out names; entries before it need not be kept.
    pub fn oldest_mark(&self) -> Option<u64> {
        self.asked.values().map(|asked| asked.mark).min()
    }

    /// Whether it is still being found out what differs.
    pub fn is_comparing(&self) -> bool {
        self.comparing
    }

    /// How far it is.
    pub fn progress(&self) -> Progress {
        Progress {
            left: self.todo.len() + self.asked.values().map(|asked| asked.spans.len()).sum::<usize>(),
            ..self.progress
        }
    }

    /// Which part is left of what was to be got, from 0 to 1; hashes are spread evenly, so it is one of the records too.
    /// `None` until it is known what differs.
    pub fn share_left(&self) -> Option<f64> {
        let asked = self.asked.values().flat_map(|asked| asked.spans.iter().map(|(span, _)| span));
        let left: u64 = self.todo.iter().chain(asked).map(width).sum();
        (!self.comparing).then(|| (left as f64 / self.begun.max(1) as f64).min(1.0))
    }

    /// Whether nothing is left.
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// Who is asked now.
    pub fn source(&self) -> Option<NodeId> {
        self.sources.get(self.turn % self.sources.len().max(1)).copied()
    }

    /// Takes back questions that nobody answered; after several of them another source is asked. On a slow line answers come
    /// one after the other, so a question waits for as long as answers to earlier ones come: what was asked again would
    /// stand behind all of them, and its answer would be late as well.
    fn repeat(&mut self, now: Time) {
        let patience = self.settings.patience * (1 << self.silent.min(4));
        let (heard, heard_asked_at) = (self.heard, self.heard_asked_at);
        let is_late = |asked: &Asked| {
            let overtaken = heard_asked_at.saturating_sub(asked.at) >= patience;
            overtaken || now.saturating_sub(asked.at.max(heard)) >= patience
        };
        let late: Vec<u64> = self.asked.iter().filter(|(_, asked)| is_late(asked)).map(|(id, _)| *id).collect();
        if late.is_empty() {
            return;
        }
        self.progress.repeated += late.len() as u64;
        self.silent += 1;
        if self.silent.is_multiple_of(SILENCES) {
            self.turn += 1;
        }
        for asked in late.iter().filter_map(|id| self.asked.remove(id)).collect::<Vec<_>>() {
            self.take_back(asked);
        }
    }

    fn take_back(&mut self, asked: Asked) {
        self.put_back(asked.spans.into_iter().rev().map(|(span, _)| span));
    }

    fn on_answer(
        &mut self,
        now: Time,
        from: NodeId,
        id: u64,
        answer: RangeAnswer,
        ground: &dyn Ground,
        out: &mut Vec<CatchUpOutput>,
    ) {
        // An answer that came twice, or to a question that was taken back, is nobody's.
        if self.asked.get(&id).is_none_or(|asked| asked.to != from) {
            return;
        }
        let Some(asked) = self.asked.remove(&id) else { return };
        (self.heard, self.heard_asked_at) = (now, self.heard_asked_at.max(asked.at));
        self.fit_window(now, asked.at);
        match answer {
            RangeAnswer::Rows(rows) => {
                self.behind = 0;
                self.on_rows(from, asked, rows, out);
            }
            RangeAnswer::Busy => {
                self.take_back(asked);
                self.not_before = now + self.settings.patience / 8;
            }
            RangeAnswer::Behind { applied, catching_up } => {
                self.take_back(asked);
                // Of two that each need the other's, one goes first; it then has all that the other asks for.
                let goes_first = !catching_up || self.me < from || ground.is_torn();
                self.behind += 1;
                // Only if nobody else has all that is here. Who merges goes on asking around: the one that it was
                // stranded from may need its records just as much.
                self.merges |= ground.strands(&applied) && goes_first && self.behind >= self.sources.len();
                self.turn += 1;
                self.not_before = now + self.settings.patience / 8;
            }
        }
    }

    /// Asks for more at a time as long as answers come at once, and for less when they have stood in a queue.
    fn fit_window(&mut self, now: Time, asked_at: Time) {
        let (took, answer) = (now.saturating_sub(asked_at), self.settings.answer_bytes);
        if took < QUEUED_FOR {
            self.window_bytes = (self.window_bytes + answer).min(self.settings.window_bytes);
        } else if took > QUEUED_FOR * 2 && asked_at >= self.narrowed {
            self.window_bytes = (self.window_bytes / 2).max(answer.min(self.settings.window_bytes));
            self.narrowed = now;
        }
    }

    fn on_rows(&mut self, from: NodeId, asked: Asked, rows: RangeRows, out: &mut Vec<CatchUpOutput>) {
        self.silent = 0;
        let RangeRows { vector, hlc, whole, cut, rows } = rows;
        let (at_least, mark, merges) = (asked.at_least, asked.mark, asked.merges);
        let mut spans = asked.spans;
        let mut left: Vec<(Span, Vec<Bytes>)> = spans.split_off((whole as usize).min(spans.len()));
        if let Some((first, known)) = left.first_mut().filter(|(span, _)| !cut.is_empty() && span.contains(&cut)) {
            spans.push((Span { from: first.from.clone(), to: cut.clone() }, known.clone()));
            first.from = cut;
        }
        self.put_back(left.into_iter().rev().map(|(span, _)| span));
        self.pace.spend(rows.len());
        self.progress.bytes += rows.len() as u64;
        self.progress.stretches += spans.len() as u64;
        if !vector.covers_all(&at_least) {
            // Not what was asked for.
            self.put_back(spans.into_iter().rev().map(|(span, _)| span));
        } else if !spans.is_empty() {
            out.push(CatchUpOutput::Install(Install { from, spans, vector, hlc, rows, at_least, mark, merges }));
        }
    }

    fn on_sums(&mut self, from: NodeId, sums: &Sums, out: &mut Vec<CatchUpOutput>) {
        let Some(compare) = self.compare.as_mut().filter(|_| self.sources.contains(&from)) else { return };
        let Some((found, vector)) = compare.take(sums) else { return };
        if !found.equal.is_empty() {
            out.push(CatchUpOutput::Equal { spans: found.equal, vector });
        }
        if let Some(differ) = found.differ {
            self.compare = None;
            self.comparing = false;
            self.begun = differ.iter().map(width).sum();
            self.todo.extend(differ);
        }
    }

    fn go_on(&mut self, now: Time, ground: &dyn Ground, out: &mut Vec<CatchUpOutput>) {
        let Some(to) = self.source() else { return };
        if let Mode::Differences { salt, bits } = self.mode
            && !std::mem::replace(&mut self.looking, true)
        {
            out.push(CatchUpOutput::Look { salt, bits });
        }
        if let Some(compare) = &mut self.compare
            && let Some(ask) = compare.ask(now, self.settings.patience / 16)
        {
            out.push(CatchUpOutput::Send { to, message: RangeMessage::SumsAsk(ask) });
        }
        while !self.todo.is_empty() && now >= self.not_before && self.has_room() && self.pace.allows(now) {
            let message = RangeMessage::Ask(self.ask(now, to, ground));
            out.push(CatchUpOutput::Send { to, message });
        }
        let nothing_left = self.todo.is_empty() && self.asked.is_empty() && !self.comparing;
        if nothing_left && !std::mem::replace(&mut self.done, true) {
            out.push(CatchUpOutput::Done);
        }
    }

    fn has_room(&self) -> bool {
        self.asked.len() * self.settings.answer_bytes < self.window_bytes
    }

    fn ask(&mut self, now: Time, to: NodeId, ground: &dyn Ground) -> RangeAsk {
        let (count, salt) = match self.mode {
            Mode::Whole => (1, 0),
            Mode::Differences { salt, .. } => (SPANS_AT_ONCE, salt),
        };
        let mut spans: Vec<Span> = self.todo.drain(..count.min(self.todo.len())).collect();
        // What was put back stands before what follows it; records are read in their order.
        spans.sort_by(|one, other| one.from.cmp(&other.from));
        let known = |span: &Span| match self.mode {
            Mode::Whole => Default::default(),
            Mode::Differences { salt, .. } => ground.known(span, salt).unwrap_or_default(),
        };
        let known: Vec<(Bytes, Vec<Bytes>)> = spans.iter().map(known).collect();
        let at_least = if self.merges { ground.owed(&spans) } else { ground.covered(&spans) };
        let id = self.next_id;
        self.next_id += 1;
        let bytes_max = self.settings.answer_bytes as u32;
        let (prints, places): (Vec<Bytes>, Vec<Vec<Bytes>>) = known.into_iter().unzip();
        let asked = spans.iter().cloned().zip(prints).collect();
        let ask = RangeAsk { id, table: self.table.clone(), salt, at_least: at_least.clone(), bytes_max, spans: asked };
        let spans = spans.into_iter().zip(places).collect();
        let asked = Asked { to, at: now, spans, at_least, mark: ground.mark(), merges: self.merges };
        self.asked.insert(id, asked);
        ask
    }
}

/// Cuts stretches at places that begin with evenly spread hashes.
fn in_lanes(left: &[Span], lanes: u32) -> VecDeque<Span> {
    let bits = (u32::BITS - lanes.max(1).leading_zeros() - 1).min(16) as u8;
    let lanes = (0..1u32 << bits).map(|lane| SumTree::span(bits, lane));
    lanes.flat_map(|lane| left.iter().filter_map(move |span| span.meet(&lane)).collect::<Vec<_>>()).collect()
}

/// How many hashes there are in a stretch; at least one.
fn width(span: &Span) -> u64 {
    let end = if span.to.is_empty() { 1 << 32 } else { u64::from(hash_of(&span.to)) };
    end.saturating_sub(u64::from(hash_of(&span.from))).max(1)
}

/// Stretches that differ are small: so many are asked for together.
const SPANS_AT_ONCE: usize = 128;
/// Answers that take longer stood in a queue; the entries of other writes stand there behind them.
const QUEUED_FOR: Time = Time::from_millis(1000);
/// So many times silence, and another source is asked.
const SILENCES: u32 = 3;
