//! Records that travel by ranges, on both sides: contexts, the tail of what was applied, questions and answers.
//!
//! Owns no rows: whoever calls lends them, and carries out what comes back.

use std::collections::BTreeSet;

use bytes::Bytes;
use lc_core::{Hlc, NodeId, Span, VersionVector};
use lc_crdt::{
    Address, Contexts, Entry, FINGERPRINT_BYTES, Incoming, Known, Op, Room, RowError, Rows, SpanRows, Tail,
    apply_outside, cell_span, digest_rows, fingerprints, install, key_span, merge, settling,
};
use lc_repl::Time;
use lc_repl::ranges::{
    CatchUp, CatchUpInput, CatchUpOutput, CatchUpSettings, Ground, Install, Job, Mode, Progress, RangeAnswer,
    RangeMessage, RangeRows, Serving, ServingSettings, SumTree,
};

/// What a member lends.
pub(crate) struct Here<'a> {
    /// Its records.
    pub rows: &'a mut dyn Rows,
    /// What it has applied.
    pub applied: &'a VersionVector,
    /// The latest stamp that it has seen.
    pub hlc: Hlc,
    /// Whether this node and a peer may both hold a key.
    pub shares: &'a dyn Fn(NodeId, &[u8]) -> bool,
    /// Whether who has applied only this can never get by journal what is applied here.
    pub strands: &'a dyn Fn(&VersionVector) -> bool,
}

/// What a member has to do.
#[derive(Debug)]
pub(crate) enum Do {
    /// Send; records only once all that is applied now is durable.
    Send { to: NodeId, message: RangeMessage },
    /// The clock is not behind this.
    Saw(Hlc),
    /// Merged records: flush before anything that is decided from now on becomes durable. Then decide these, each as an
    /// entry of its own with these dependencies.
    Settle(Vec<(VersionVector, Op)>),
    /// Everything is here: this much is applied once a flush has made it durable.
    Caught(VersionVector),
    /// A peer's message made no sense.
    Refuse { from: NodeId },
}

/// Both sides of catching up.
pub(crate) struct Ranges {
    me: NodeId,
    contexts: Contexts,
    tail: Tail,
    serving: Serving,
    catch_up: Option<CatchUp>,
    /// Whose records are compared with ours.
    source: Option<NodeId>,
    own_look: Option<Look>,
    look: Option<Look>,
    /// A catch-up that a restart found.
    unfinished: Option<u64>,
}

/// Looking at all records, so many at a time.
struct Look {
    salt: u64,
    tree: SumTree,
    next: u32,
    vector: VersionVector,
    peer: Option<NodeId>,
}

struct Standing<'a, 'b> {
    contexts: &'a Contexts,
    tail: &'a Tail,
    here: &'a Here<'b>,
}

impl Ground for Standing<'_, '_> {
    fn covered(&self, spans: &[Span]) -> VersionVector {
        spans.iter().fold(self.here.applied.clone(), |most, span| self.contexts.most(span, &most))
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
        (self.here.strands)(theirs)
    }
}

impl Ranges {
    /// Reads contexts, and whether a catch-up was going on.
    pub(crate) fn open(rows: &dyn Rows, me: NodeId) -> Result<Ranges, RowError> {
        let unfinished =
            rows.get(CATCH_UP_ROW)?.and_then(|bytes| Some(u64::from_le_bytes(bytes.as_ref().try_into().ok()?)));
        let mut contexts = Contexts::open(rows)?;
        unfinished.into_iter().for_each(|round| contexts.begin(round));
        Ok(Ranges {
            me,
            contexts,
            tail: Tail::new(TAIL_BYTES_MAX),
            serving: Serving::new(ServingSettings::default()),
            catch_up: None,
            source: None,
            own_look: None,
            look: None,
            unfinished,
        })
    }

    /// Whether a catch-up was going on when the process ended: [`Ranges::begin`] goes on with it.
    pub(crate) fn unfinished(&self) -> bool {
        self.unfinished.is_some()
    }

    /// Whether one is going on.
    pub(crate) fn catching_up(&self) -> bool {
        self.catch_up.is_some() || self.unfinished.is_some()
    }

    /// How far it is.
    pub(crate) fn progress(&self) -> Option<Progress> {
        self.catch_up.as_ref().map(CatchUp::progress)
    }

    /// Begins, or goes on after a restart. `random` names questions of this life.
    pub(crate) fn begin(
        &mut self,
        rows: &mut dyn Rows,
        settings: CatchUpSettings,
        sources: Vec<NodeId>,
        mode: Mode,
        random: u64,
    ) -> Result<(), RowError> {
        let round = self.unfinished.take().unwrap_or(self.contexts.round() + 1);
        self.contexts.begin(round);
        let old = rows.get(CATCH_UP_ROW)?;
        rows.replace(CATCH_UP_ROW.to_vec(), old.as_ref(), Some(Bytes::copy_from_slice(&round.to_le_bytes())));
        let left = self.contexts.left(&Span::all());
        self.source = sources.first().copied();
        self.catch_up = Some(CatchUp::new(settings, self.me, sources, mode, left, random >> 1));
        Ok(())
    }

    /// Applies an entry that came by the journal or the stream.
    pub(crate) fn apply(&mut self, rows: &mut dyn Rows, entry: &Entry) -> Result<(), RowError> {
        apply_outside(rows, entry, &self.contexts)
    }

    /// An entry that is found in the journal beyond the rows; `own`: it was decided here.
    pub(crate) fn replayed(&mut self, rows: &mut dyn Rows, entry: &Entry, own: bool) -> Result<(), RowError> {
        apply_outside(rows, entry, &self.contexts)?;
        if own && self.unfinished.is_some() { self.contexts.reopen(rows, entry) } else { Ok(()) }
    }

    /// An entry was applied, decided here or elsewhere; `bytes` are about what it occupies.
    pub(crate) fn applied(&mut self, entry: &Entry, bytes: usize) {
        if self.catch_up.is_some() {
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

    /// What a reader may have seen here.
    pub(crate) fn seen(&self, applied: &VersionVector) -> VersionVector {
        if self.contexts.is_empty() { applied.clone() } else { self.contexts.most(&Span::all(), applied) }
    }

    /// The replica has applied this much by now.
    pub(crate) fn settle(&mut self, rows: &mut dyn Rows, applied: &VersionVector) -> Result<(), RowError> {
        if self.contexts.is_empty() { Ok(()) } else { self.contexts.settle(rows, applied) }
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
                let (message, look) = self.serving.sums(&ask);
                out.push(Do::Send { to: from, message });
                if let Some((salt, bits)) = look {
                    let vector = self.contexts.least(&[Span::all()], here.applied);
                    self.look = Some(Look { salt, tree: SumTree::new(bits), next: 0, vector, peer: Some(from) });
                }
                Ok(())
            }
            message => self.step(now, CatchUpInput::Message { from, message }, here, out),
        }
    }

    /// Time passed. Looks at some records, answers some questions, asks some.
    pub(crate) fn tick(&mut self, now: Time, here: &mut Here<'_>, out: &mut Vec<Do>) -> Result<(), RowError> {
        self.answer(now, here, out)?;
        if let Some(look) = self.look.take() {
            match look.go_on(here)? {
                Ok(look) => self.look = Some(look),
                Err(look) => self.serving.looked(look.salt, look.tree, look.vector),
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
        match self.catch_up.as_ref().map(CatchUp::oldest_mark) {
            Some(Some(mark)) => self.tail.release(mark),
            _ => self.tail.release(self.tail.mark()),
        }
        Ok(())
    }

    fn answer(&mut self, now: Time, here: &mut Here<'_>, out: &mut Vec<Do>) -> Result<(), RowError> {
        let (contexts, applied) = (&self.contexts, here.applied);
        let covered = |ask: &lc_repl::ranges::RangeAsk| {
            let (_, vector) =
                contexts.even(&ask.spans.first().map(|(span, _)| span.clone()).unwrap_or_default(), applied);
            vector.covers_all(&ask.at_least)
        };
        for _ in 0..ANSWERS_AT_ONCE {
            let Some(job) = self.serving.next(now, &covered) else { break };
            let to = job.to;
            let message = read(job, contexts, here)?;
            if let RangeMessage::Answer { answer: RangeAnswer::Rows(rows), .. } = &message {
                self.serving.sent(rows.rows.len());
            }
            out.push(Do::Send { to, message });
        }
        let catching_up = self.catch_up.is_some() || self.unfinished.is_some();
        let late = self.serving.behind(now, applied, catching_up, &covered);
        out.extend(late.into_iter().map(|(to, message)| Do::Send { to, message }));
        Ok(())
    }

    fn step(&mut self, now: Time, input: CatchUpInput, here: &mut Here<'_>, out: &mut Vec<Do>) -> Result<(), RowError> {
        let Some(mut catch_up) = self.catch_up.take() else { return Ok(()) };
        let mut outputs = Vec::new();
        let standing = Standing { contexts: &self.contexts, tail: &self.tail, here };
        catch_up.step(now, input, &standing, &mut outputs);
        let mut done = false;
        for output in outputs {
            match output {
                CatchUpOutput::Send { to, message } => out.push(Do::Send { to, message }),
                CatchUpOutput::Look { salt, bits } => {
                    let (tree, vector) = (SumTree::new(bits), VersionVector::new());
                    self.own_look = Some(Look { salt, tree, next: 0, vector, peer: self.source });
                }
                CatchUpOutput::Equal { spans, vector } => {
                    for span in &spans {
                        self.contexts.cover(here.rows, span, &vector)?;
                    }
                }
                CatchUpOutput::Install(records) => self.install(records, &mut catch_up, here, out)?,
                CatchUpOutput::Done => done = true,
            }
        }
        if done && catch_up.is_done() {
            return self.finish(here, out);
        }
        self.catch_up = Some(catch_up);
        Ok(())
    }

    fn install(
        &mut self,
        records: Install,
        catch_up: &mut CatchUp,
        here: &mut Here<'_>,
        out: &mut Vec<Do>,
    ) -> Result<(), RowError> {
        let Ok(sent) = SpanRows::decode(records.rows.clone()) else {
            out.push(Do::Refuse { from: records.from });
            catch_up.put_back(records.spans.into_iter().map(|(span, _)| span));
            return Ok(());
        };
        out.push(Do::Saw(records.hlc));
        let (mut offset, mut doubtful) = (0, Vec::new());
        for (span, places) in &records.spans {
            let named = places.iter().enumerate();
            let same: BTreeSet<&[u8]> =
                named.filter(|(at, _)| sent.is_same(offset + at)).map(|(_, place)| place.as_ref()).collect();
            offset += places.len();
            let (rows, vector) = (&sent, &records.vector);
            let same = |place: &[u8]| same.contains(place);
            let settles = |key: &[u8]| (here.shares)(records.from, key);
            let incoming = Incoming { span, vector, rows, same: &same, settles: &settles };
            if records.merges {
                self.merge(here.rows, here.applied, &incoming, &mut doubtful)?;
            } else if !self.replace(here.rows, &records, &incoming)? {
                catch_up.put_back([span.clone()]);
            }
        }
        if records.merges {
            out.push(Do::Settle(self.settle_doubtful(here, doubtful)?));
        }
        Ok(())
    }

    /// False if it is too late for these records.
    fn replace(&mut self, rows: &mut dyn Rows, records: &Install, incoming: &Incoming<'_>) -> Result<bool, RowError> {
        if !records.vector.covers_all(&self.contexts.most(incoming.span, &records.at_least)) {
            return Ok(false);
        }
        let Some(since) = self.tail.since(records.mark, &records.vector) else { return Ok(false) };
        install(rows, incoming, &since)?;
        self.contexts.cover(rows, incoming.span, &records.vector)?;
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
            doubtful.extend(merge(rows, &Incoming { span: &span, ..*incoming }, &covered)?);
            self.contexts.cover(rows, &span, incoming.vector)?;
            if span.to == left.to {
                return Ok(());
            }
            left.from = span.to;
        }
    }

    fn settle_doubtful(&self, here: &Here<'_>, doubtful: Vec<Address>) -> Result<Vec<(VersionVector, Op)>, RowError> {
        let mut writes = Vec::new();
        for at in doubtful {
            let deps = self.contexts.least(&[cell_span(&at)], here.applied);
            writes.extend(settling(&*here.rows, &at)?.map(|op| (deps, op)));
        }
        Ok(writes)
    }

    fn finish(&mut self, here: &mut Here<'_>, out: &mut Vec<Do>) -> Result<(), RowError> {
        let covered = self.contexts.least(&[Span::all()], here.applied);
        self.contexts.settle(here.rows, &covered)?;
        let old = here.rows.get(CATCH_UP_ROW)?;
        here.rows.replace(CATCH_UP_ROW.to_vec(), old.as_ref(), None);
        self.tail.release(self.tail.mark());
        out.push(Do::Caught(covered));
        Ok(())
    }
}

/// Reads what a job asks for, as far as the same is covered throughout.
fn read(job: Job, contexts: &Contexts, here: &Here<'_>) -> Result<RangeMessage, RowError> {
    let (to, ask) = (job.to, job.ask);
    let mut rows = SpanRows::default();
    let mut room = Room { bytes: ask.bytes_max as usize, cells: CELLS_AT_ONCE };
    let (mut whole, mut cut, mut offset, mut vector) = (0, Bytes::new(), 0, None);
    let wanted = |key: &[u8]| (here.shares)(to, key);
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
        let peer = self.peer;
        let wanted = |key: &[u8]| peer.is_none_or(|peer| (here.shares)(peer, key));
        let tree = &mut self.tree;
        let add = &mut |hash, digest| tree.add(hash, digest);
        match digest_rows(&*here.rows, self.next, KEYS_AT_ONCE, self.salt, &wanted, add)? {
            Some(next) => Ok(Ok(Look { next, ..self })),
            None => Ok(Err(self)),
        }
    }
}

const CATCH_UP_ROW: &[u8] = b"m\0catch-up";
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
