//! One replica: rows in a map, a journal in a vector, and both sides of catching up.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use lc_core::{Dot, Hlc, ReplicaId, Span, VersionVector};
use lc_crdt::{
    Address, Contexts, Entry, Incoming, Known, Op, Room, RowError, Rows, SpanRows, Tail, apply, apply_outside,
    digest_rows, fingerprints, install, key_span,
};
use lc_repl::Time;
use lc_repl::ranges::{
    CatchUp, CatchUpInput, CatchUpOutput, CatchUpSettings, Ground, Install, Job, Mode, RangeAnswer, RangeMessage,
    RangeRows, Serving, ServingSettings, SumTree,
};

#[derive(Clone, Default)]
pub struct MapRows(pub BTreeMap<Vec<u8>, Bytes>);

impl Rows for MapRows {
    fn get(&self, row: &[u8]) -> Result<Option<Bytes>, RowError> {
        Ok(self.0.get(row).cloned())
    }
    fn scan(&self, from: &[u8], to: &[u8], visit: &mut dyn FnMut(&[u8], &Bytes) -> bool) -> Result<(), RowError> {
        use std::ops::Bound;
        let span = (Bound::Included(from), Bound::Excluded(to));
        self.0.range::<[u8], _>(span).all(|(row, bytes)| visit(row, bytes));
        Ok(())
    }
    fn replace(&mut self, row: Vec<u8>, old: Option<&Bytes>, new: Option<Bytes>) {
        assert_eq!(self.0.get(&row), old, "the old row is what stands there");
        match new {
            Some(bytes) => self.0.insert(row, bytes),
            None => self.0.remove(&row),
        };
    }
    fn touched(&mut self, _key: Option<&[u8]>) {}
}

pub struct Node {
    me: ReplicaId,
    pub rows: MapRows,
    pub applied: VersionVector,
    pub contexts: Contexts,
    pub journal: Vec<Entry>,
    tail: Tail,
    hlc: u64,
    serving: Serving,
    catch_up: Option<CatchUp>,
    /// When the look at all records began with which the other's are compared.
    look_mark: u64,
    /// How often it began to catch up.
    begun: u64,
    /// Stretches that were equal when they were looked at, and are not known to be it still.
    disturbed: Vec<Span>,
    store: (MapRows, VersionVector, usize),
}

struct Standing<'a> {
    node: &'a Node,
}

impl Ground for Standing<'_> {
    fn covered(&self, spans: &[Span]) -> VersionVector {
        spans.iter().fold(self.node.applied.clone(), |most, span| self.node.contexts.most(span, &most))
    }
    fn mark(&self) -> u64 {
        self.node.tail.mark()
    }
    fn known(&self, span: &Span, salt: u64) -> Option<(Bytes, Vec<Bytes>)> {
        let known = fingerprints(&self.node.rows, span, salt, 64).expect("map rows do not fail");
        known.map(|(prints, places)| (prints.into(), places))
    }
    fn strands(&self, _theirs: &VersionVector) -> bool {
        false
    }
}

impl Node {
    pub fn new(me: ReplicaId) -> Node {
        Node {
            me,
            rows: MapRows::default(),
            applied: VersionVector::new(),
            contexts: Contexts::default(),
            journal: Vec::new(),
            tail: Tail::new(1 << 20),
            hlc: 0,
            serving: Serving::new(ServingSettings::default()),
            catch_up: None,
            look_mark: 0,
            begun: 0,
            disturbed: Vec::new(),
            store: Default::default(),
        }
    }

    /// Has all that another has, as from a journal.
    pub fn copy(&mut self, other: &Node) {
        self.rows = other.rows.clone();
        self.applied = other.applied.clone();
        self.hlc = other.hlc;
    }

    /// Heads, elements and their indexes.
    pub fn records(&self) -> BTreeMap<Vec<u8>, Bytes> {
        self.rows.0.iter().filter(|(row, _)| row[0] != b'm').map(|(row, bytes)| (row.clone(), bytes.clone())).collect()
    }

    pub fn put(&mut self, key: &str, value: &[u8]) {
        let at = Address::string(Bytes::copy_from_slice(key.as_bytes()));
        let value = Bytes::copy_from_slice(value);
        self.decide(key, Op::Put { at, value, expires_ms: None, resets: Vec::new() });
    }

    pub fn delete(&mut self, key: &str) {
        self.decide(key, Op::Delete { key: Bytes::copy_from_slice(key.as_bytes()), resets: Vec::new() });
    }

    fn decide(&mut self, key: &str, op: Op) {
        self.hlc += 1;
        let seq = self.applied.get(self.me) + 1;
        let deps = match self.contexts.is_empty() {
            true => self.applied.clone(),
            false => self.contexts.least(&[key_span(key.as_bytes())], &self.applied),
        };
        let deps = deps.iter().filter(|(replica, _)| *replica != self.me).collect();
        let entry = Entry { dot: Dot::new(self.me, seq), prev_seq: seq - 1, hlc: Hlc(self.hlc), deps, ops: vec![op] };
        apply(&mut self.rows, &entry).expect("map rows do not fail");
        self.applied.raise(self.me, seq);
        self.note(entry);
    }

    fn note(&mut self, entry: Entry) {
        self.tail.push(entry.clone(), 100);
        self.journal.push(entry);
    }

    /// Hears up to `most` entries of another's journal; gives how many of it were heard.
    pub fn follow(&mut self, other: &Node, from: usize, most: usize) -> usize {
        for (at, entry) in other.journal.iter().enumerate().skip(from).take(most) {
            if !self.hear_entry(entry) {
                return at;
            }
        }
        (from + most).min(other.journal.len())
    }

    /// Hears everything that it can of another's journal.
    pub fn follow_all(&mut self, other: &Node) {
        other.journal.iter().for_each(|entry| {
            self.hear_entry(entry);
        });
        self.contexts.settle(&mut self.rows, &self.applied).expect("map rows do not fail");
    }

    fn hear_entry(&mut self, entry: &Entry) -> bool {
        if self.applied.covers(entry.dot) {
            return true;
        }
        if !self.applied.covers_all(&entry.deps) || entry.prev_seq > self.applied.get(entry.dot.replica) {
            return false;
        }
        apply_outside(&mut self.rows, entry, &self.contexts).expect("map rows do not fail");
        self.applied.raise(entry.dot.replica, entry.dot.seq);
        self.hlc = self.hlc.max(entry.hlc.0);
        self.note(entry.clone());
        true
    }

    pub fn begin(&mut self, mode: Mode, from: ReplicaId, round: u64) {
        self.disturbed.clear();
        let round = round.max(self.contexts.round());
        self.contexts.begin(round);
        let left = self.contexts.left(&Span::all());
        let settings = CatchUpSettings { answer_bytes: 64 << 10, lanes: 16, ..CatchUpSettings::default() };
        // Answers to questions of an earlier life are still under way.
        self.begun += 1;
        let first_id = self.begun * 1_000_000_000_000;
        self.catch_up = Some(CatchUp::new(settings, self.me.node(), vec![from.node()], mode, left, first_id));
    }

    pub fn is_done(&self) -> bool {
        self.catch_up.is_none()
    }

    pub fn flush(&mut self) {
        self.store = (self.rows.clone(), self.applied.clone(), self.journal.len());
    }

    /// Starts anew from the store and the journal, and goes on catching up if it was.
    pub fn restart(&mut self, mode: Mode, from: ReplicaId) {
        let (rows, applied, at) = self.store.clone();
        (self.rows, self.applied) = (rows, applied);
        let round = self.contexts.round();
        self.contexts = Contexts::open(&self.rows).expect("rows that were written");
        self.contexts.begin(round);
        self.tail = Tail::new(1 << 20);
        let again = self.journal[at..].to_vec();
        for entry in again {
            apply_outside(&mut self.rows, &entry, &self.contexts).expect("map rows do not fail");
            if entry.dot.replica == self.me {
                self.contexts.tear(&mut self.rows, &entry, &self.applied).expect("map rows do not fail");
            }
            self.applied.raise(entry.dot.replica, entry.dot.seq);
        }
        self.serving = Serving::new(ServingSettings::default());
        self.begin(mode, from, round);
    }

    /// Loses all that a sender keeps.
    pub fn forget(&mut self) {
        self.serving = Serving::new(ServingSettings::default());
    }

    pub fn tick(&mut self, now: Time) -> Vec<RangeMessage> {
        let mut sent = Vec::new();
        loop {
            let applied = self.applied.clone();
            let Some(job) = self.serving.next(now, &|ask| applied.covers_all(&ask.at_least)) else { break };
            sent.push(self.read(job));
        }
        let applied = self.applied.clone();
        let late = self.serving.behind(now, &applied, false, &|ask| applied.covers_all(&ask.at_least));
        sent.extend(late.into_iter().map(|(_, message)| message));
        sent.extend(self.step(now, CatchUpInput::Tick));
        sent
    }

    fn read(&mut self, Job { ask, .. }: Job) -> RangeMessage {
        let mut rows = SpanRows::default();
        let mut room = Room { bytes: ask.bytes_max as usize, cells: 20_000 };
        let (mut whole, mut cut, mut offset) = (0, Bytes::new(), 0);
        for (span, known) in &ask.spans {
            let prints = Known::new(known);
            let stopped = rows.read(&self.rows, span, (&prints, ask.salt, offset), &|_| true, &mut room);
            if let Some(place) = stopped.expect("map rows do not fail") {
                cut = place;
                break;
            }
            offset += known.len() / lc_crdt::FINGERPRINT_BYTES;
            whole += 1;
        }
        let mut bytes = Vec::new();
        rows.encode(&mut bytes);
        self.serving.sent(bytes.len());
        let (vector, hlc) = (self.applied.clone(), Hlc(self.hlc));
        let rows = RangeRows { vector, hlc, whole, cut, rows: bytes.into() };
        RangeMessage::Answer { id: ask.id, answer: RangeAnswer::Rows(rows) }
    }

    pub fn hear(&mut self, now: Time, from: ReplicaId, message: RangeMessage) -> Vec<RangeMessage> {
        match message {
            RangeMessage::Ask(ask) => self.serving.ask(now, from.node(), ask).into_iter().collect(),
            RangeMessage::SumsAsk(ask) => {
                let (answer, look) = self.serving.sums(now, from.node(), &ask);
                if let Some((salt, bits)) = look {
                    let tree = self.look(salt, bits);
                    self.serving.looked(now, salt, tree, self.applied.clone());
                }
                vec![answer]
            }
            message => self.step(now, CatchUpInput::Message { from: from.node(), message }),
        }
    }

    fn look(&self, salt: u64, bits: u8) -> SumTree {
        let mut tree = SumTree::new(bits);
        let mut from = Some(0);
        while let Some(at) = from {
            let next = digest_rows(&self.rows, at, 1000, salt, &|_| true, &mut |hash, digest| tree.add(hash, digest));
            from = next.expect("map rows do not fail");
        }
        tree
    }

    fn step(&mut self, now: Time, input: CatchUpInput) -> Vec<RangeMessage> {
        let Some(mut catch_up) = self.catch_up.take() else { return Vec::new() };
        let (mut sent, mut inputs) = (Vec::new(), vec![input]);
        let mut done = false;
        while let Some(input) = inputs.pop() {
            let mut outputs = Vec::new();
            catch_up.step(now, input, &Standing { node: self }, &mut outputs);
            for output in outputs {
                match output {
                    CatchUpOutput::Send { message, .. } => sent.push(message),
                    CatchUpOutput::Look { salt, bits } => {
                        self.look_mark = self.tail.mark();
                        inputs.push(CatchUpInput::Looked(self.look(salt, bits)));
                    }
                    CatchUpOutput::Equal { spans, vector } => self.cover(spans, &vector),
                    CatchUpOutput::Install(records) => self.install(records, &mut catch_up),
                    CatchUpOutput::Done if !self.disturbed.is_empty() => {
                        catch_up.put_back(self.disturbed.drain(..).rev())
                    }
                    CatchUpOutput::Done => done = true,
                }
            }
        }
        done &= catch_up.is_done();
        self.catch_up = Some(catch_up);
        if done {
            self.finish();
        }
        sent
    }

    /// What the other had, or this one lost, since both looked may have made equal stretches different.
    fn cover(&mut self, spans: Vec<Span>, vector: &VersionVector) {
        let touched = self.tail.touched(self.look_mark, vector);
        for span in spans {
            if touched.as_ref().is_none_or(|touched| touched.meets(&span)) || self.contexts.is_torn(&span) {
                self.disturbed.push(span);
            } else {
                self.contexts.cover(&mut self.rows, &span, vector).expect("map rows do not fail");
            }
        }
    }

    fn install(&mut self, records: Install, catch_up: &mut CatchUp) {
        let rows = SpanRows::decode(records.rows.clone()).expect("a sound sender");
        let mut offset = 0;
        for (span, places) in &records.spans {
            let same: BTreeSet<&Bytes> =
                places.iter().enumerate().filter(|(at, _)| rows.is_same(offset + at)).map(|(_, place)| place).collect();
            offset += places.len();
            let since = self.tail.since(records.mark, &records.vector);
            let older = !records.vector.covers_all(&self.contexts.most(span, &records.at_least));
            let touched = self.tail.touched(records.mark, &records.vector);
            let stale = touched.is_none_or(|touched| same.iter().any(|place| touched.contains(place)));
            let Some(since) = since.filter(|_| !older && !stale) else {
                catch_up.put_back([span.clone()]);
                continue;
            };
            let same = |place: &[u8]| same.contains(&Bytes::copy_from_slice(place));
            let incoming = Incoming { span, vector: &records.vector, rows: &rows, same: &same, settles: &|_| true };
            install(&mut self.rows, &incoming, &since).expect("map rows do not fail");
            self.contexts.cover(&mut self.rows, span, &records.vector).expect("map rows do not fail");
        }
        self.hlc = self.hlc.max(records.hlc.0);
    }

    /// Everything was installed: what is covered everywhere is applied.
    fn finish(&mut self) {
        self.catch_up = None;
        let left = self.contexts.left(&Span::all());
        if !left.is_empty() {
            panic!("done, but {left:?} is not installed");
        }
        self.applied = self.contexts.least(&[Span::all()], &self.applied);
        self.contexts.settle(&mut self.rows, &self.applied).expect("map rows do not fail");
        self.flush();
    }
}
