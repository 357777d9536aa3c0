//! A fourth replica that gets records in pieces while everybody, itself included, goes on writing.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use lc_core::{ReplicaId, Span, VersionVector};
use lc_crdt::{
    Contexts, Entry, Incoming, Known, Room, SpanRows, Stamp, Tail, apply, apply_op, apply_outside, cell_span,
    fingerprints, install, key_span, merge, place_of, settling,
};
use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop_oneof};

use crate::world::{Hearing, Intent, KEYS, Replica, Step, heard, heard_all, intents, step};

/// One thing that happens while the receiver catches up.
#[derive(Clone, Debug)]
pub enum Happening {
    /// One of the three decides an entry, or hears of one.
    Elsewhere(Step),
    /// The receiver decides an entry.
    Write(Vec<Intent>),
    /// An entry reaches the receiver by the stream: the next of its origin, or one that it had before.
    Hear { pick: usize },
    /// The receiver asks for a stretch.
    Ask { span: usize, prints: bool },
    /// The receiver looks at all records of a stretch, to ask whether they are equal.
    Look { span: usize },
    /// One of the three answers the oldest or the latest question, as far as it has room.
    Answer { by: usize, latest: bool, bytes: usize, cells: usize, joins: bool },
    /// Somebody asks the receiver for a stretch.
    Serve { span: usize },
    /// The receiver's rows, contexts and standing reach its store.
    Flush,
    /// The receiver starts anew from its store and its journal.
    Restart,
    /// A byte of an answer is another.
    Damaged { at: usize, byte: u8 },
}

/// Anything that may happen.
pub fn happenings() -> impl Strategy<Value = Happening> {
    prop_oneof![
        4 => step().prop_map(Happening::Elsewhere),
        4 => vec(intents(), 1..3).prop_map(Happening::Write),
        2 => any::<usize>().prop_map(|pick| Happening::Hear { pick }),
        3 => (any::<usize>(), any::<bool>()).prop_map(|(span, prints)| Happening::Ask { span, prints }),
        1 => any::<usize>().prop_map(|span| Happening::Look { span }),
        4 => (0..3usize, any::<bool>(), 0..200usize, 0..12usize, any::<bool>())
            .prop_map(|(by, latest, bytes, cells, joins)| Happening::Answer { by, latest, bytes, cells, joins }),
        1 => any::<usize>().prop_map(|span| Happening::Serve { span }),
        1 => proptest::prelude::Just(Happening::Flush),
        1 => proptest::prelude::Just(Happening::Restart),
    ]
}

/// How records take their place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// The sender has first heard of all that is here.
    Installed,
    /// It has not.
    Merged,
    /// The one or the other.
    Either,
}

impl Way {
    fn joins(self, joins: bool) -> bool {
        self == Way::Merged || self == Way::Either && joins
    }
}

/// A question that is not answered yet.
struct Question {
    span: Span,
    at_least: VersionVector,
    mark: u64,
    prints: Vec<u8>,
    places: Vec<Bytes>,
    /// It asks only whether this is what stands there.
    looked: Option<SpanRows>,
}

/// What a restart finds.
#[derive(Clone, Default)]
struct Store {
    replica: Replica,
    journal_at: usize,
}

/// Three replicas and the receiver.
pub struct World {
    replicas: Vec<Replica>,
    entries: Vec<Entry>,
    receiver: Replica,
    contexts: Contexts,
    tail: Tail,
    questions: Vec<Question>,
    journal: Vec<Entry>,
    store: Store,
}

const ME: ReplicaId = ReplicaId(4);
const SALT: u64 = 7;

impl World {
    /// The receiver has heard of some entries.
    pub fn new(steps: &[Step], known: &Hearing) -> World {
        let (replicas, entries) = crate::world::replicas_of(steps);
        let receiver = heard(&entries, known);
        let mut contexts = Contexts::default();
        contexts.begin(1);
        let store = Store { replica: receiver.clone(), journal_at: 0 };
        World {
            replicas,
            entries,
            receiver,
            contexts,
            tail: Tail::new(usize::MAX),
            questions: Vec::new(),
            journal: Vec::new(),
            store,
        }
    }

    pub fn happen(&mut self, happening: &Happening, way: Way) {
        match happening {
            Happening::Elsewhere(step) => self.elsewhere(step),
            Happening::Write(intents) => self.write(intents),
            Happening::Hear { pick } => self.hear(*pick),
            Happening::Ask { span, prints } => {
                let span = span_of(*span);
                self.ask(span, *prints);
            }
            Happening::Look { span } => self.look(span_of(*span)),
            Happening::Answer { by, latest, bytes, cells, joins } => {
                let room = Room { bytes: *bytes, cells: *cells };
                self.answer(*by, *latest, room, way.joins(*joins));
            }
            Happening::Serve { span } if way == Way::Installed => self.serve(&span_of(*span)),
            Happening::Serve { .. } => {}
            Happening::Flush => self.flush(),
            Happening::Restart => self.restart(),
            Happening::Damaged { at, byte } => self.damaged(*at, *byte),
        }
    }

    fn elsewhere(&mut self, step: &Step) {
        match step {
            Step::Write { at, intents } => {
                let id = ReplicaId(1 + *at as u16);
                self.entries.extend(self.replicas[*at].decide(id, intents));
            }
            Step::Carry { to, pick } => self.replicas[*to].hear(&self.entries, *pick),
        }
    }

    /// A write claims to have seen what is covered of the keys that it is about.
    fn write(&mut self, intents: &[Intent]) {
        let spans: Vec<Span> =
            intents.iter().map(|intent| intent.key().map_or_else(Span::all, |key| key_span(key.as_bytes()))).collect();
        let deps = self.contexts.least(&spans, &self.receiver.applied);
        if let Some(entry) = self.receiver.decide_after(ME, intents, deps) {
            self.decided(entry);
        }
    }

    fn decided(&mut self, entry: Entry) {
        self.tail.push(entry.clone(), 1);
        self.journal.push(entry.clone());
        self.entries.push(entry);
    }

    fn hear(&mut self, pick: usize) {
        let ready: Vec<&Entry> = self
            .entries
            .iter()
            .filter(|entry| {
                !self.receiver.applied.covers(entry.dot)
                    && entry.prev_seq <= self.receiver.applied.get(entry.dot.replica)
                    && self.receiver.applied.covers_all(&entry.deps)
            })
            .collect();
        if ready.is_empty() {
            return;
        }
        let entry = ready[pick % ready.len()].clone();
        apply_outside(&mut self.receiver.rows, &entry, &self.contexts).unwrap();
        self.receiver.raise(&entry);
        self.tail.push(entry.clone(), 1);
        self.journal.push(entry);
        self.contexts.settle(&mut self.receiver.rows, &self.receiver.applied).unwrap();
    }

    fn ask(&mut self, span: Span, prints: bool) {
        let at_least = self.contexts.most(&span, &self.receiver.applied);
        let (prints, places) = match prints {
            true => fingerprints(&self.receiver.rows, &span, SALT, 20).unwrap().unwrap_or_default(),
            false => Default::default(),
        };
        self.questions.push(Question { span, at_least, mark: self.tail.mark(), prints, places, looked: None });
    }

    fn look(&mut self, span: Span) {
        let looked = Some(whole(&self.receiver, &span));
        let (at_least, mark) = (VersionVector::new(), self.tail.mark());
        self.questions.push(Question { span, at_least, mark, prints: Vec::new(), places: Vec::new(), looked });
    }

    /// A sender looks at its records in steps and goes on hearing of entries meanwhile. Its vector is that of the beginning,
    /// so what they touched is equal to nothing.
    fn compare(&mut self, by: usize, question: &Question, looked: &SpanRows, heard: usize) {
        let sender = &mut self.replicas[by];
        let vector = sender.applied.clone();
        let mut meanwhile = Tail::new(usize::MAX);
        for pick in 0..heard % 3 {
            let before = sender.applied.clone();
            sender.hear(&self.entries, heard + pick);
            let come =
                self.entries.iter().filter(|entry| sender.applied.covers(entry.dot) && !before.covers(entry.dot));
            come.for_each(|entry| meanwhile.push(entry.clone(), 1));
        }
        let moved = meanwhile.touched(0, &sender.applied).unwrap().meets(&question.span);
        let disturbed = self.tail.touched(question.mark, &vector).is_none_or(|touched| touched.meets(&question.span));
        if whole(sender, &question.span) == *looked && !moved && !disturbed && !self.contexts.is_torn(&question.span) {
            self.contexts.cover(&mut self.receiver.rows, &question.span, &vector).unwrap();
            self.installed(&question.span);
        }
    }

    /// What is covered throughout a stretch is what its records stand for.
    fn serve(&self, span: &Span) {
        let (span, vector) = self.contexts.even(span, &self.receiver.applied);
        if self.contexts.is_torn(&span) {
            return;
        }
        let mut listener = Replica::default();
        let covered = self.entries.iter().filter(|entry| vector.covers(entry.dot));
        covered.for_each(|entry| apply(&mut listener.rows, entry).unwrap());
        assert_eq!(whole(&self.receiver, &span), whole(&listener, &span), "served {span:?} at {vector}");
    }

    fn answer(&mut self, by: usize, latest: bool, mut room: Room, joins: bool) {
        let question = match latest {
            true => self.questions.pop(),
            false if self.questions.is_empty() => None,
            false => Some(self.questions.remove(0)),
        };
        let Some(mut question) = question else { return };
        if let Some(looked) = question.looked.take() {
            return self.compare(by, &question, &looked, room.cells);
        }
        let sender = &mut self.replicas[by];
        if !joins {
            bring(sender, &self.entries, &question.at_least);
        }
        let mut sent = SpanRows::default();
        let known = Known::new(&question.prints);
        let stopped = sent.read(&sender.rows, &question.span, (&known, SALT, 0), &|_| true, &mut room).unwrap();
        let vector = sender.applied.clone();
        question.span.to = stopped.unwrap_or(question.span.to);
        let mut bytes = Vec::new();
        sent.encode(&mut bytes);
        let sent = SpanRows::decode(bytes.into()).unwrap();
        if joins { self.merge(&question, &sent, &vector) } else { self.install(&question, &sent, &vector) }
    }

    fn install(&mut self, question: &Question, sent: &SpanRows, vector: &VersionVector) {
        let same = same(question, sent);
        let incoming = Incoming {
            span: &question.span,
            vector,
            rows: sent,
            same: &|place| same.contains(place),
            settles: &|_| true,
        };
        // Another answer came in between from somebody who had more: this one is older than what is here.
        if !vector.covers_all(&self.contexts.most(&question.span, &question.at_least)) {
            return;
        }
        let Some(since) = self.tail.since(question.mark, vector) else { return };
        if self.stale(question, vector, &same) {
            return;
        }
        install(&mut self.receiver.rows, &incoming, &since).unwrap();
        self.contexts.cover(&mut self.receiver.rows, &question.span, vector).unwrap();
        self.installed(&question.span);
    }

    /// Whether a cell that the sender has as it was here when it was asked about changed here by what the sender had.
    fn stale(&self, question: &Question, vector: &VersionVector, same: &BTreeSet<Bytes>) -> bool {
        let touched = self.tail.touched(question.mark, vector);
        touched.is_none_or(|touched| same.iter().any(|place| touched.contains(place)))
    }

    /// What was named as known in questions about this stretch is not what is here any more.
    fn installed(&mut self, span: &Span) {
        self.questions.retain(|question| {
            let knows = !question.places.is_empty() || question.looked.is_some();
            !knows || question.span.meet(span).is_none()
        });
    }

    fn merge(&mut self, question: &Question, sent: &SpanRows, vector: &VersionVector) {
        let same = same(question, sent);
        if self.stale(question, vector, &same) {
            return;
        }
        let mut span = question.span.clone();
        let mut doubtful = Vec::new();
        loop {
            let (even, covered) = self.contexts.even(&span, &self.receiver.applied);
            let incoming =
                Incoming { span: &even, vector, rows: sent, same: &|place| same.contains(place), settles: &|_| true };
            // What is torn waits for a sender that has what it is owed.
            let torn = self.contexts.is_torn(&even);
            if !torn || vector.covers_all(&self.contexts.owed(&even)) {
                doubtful.extend(merge(&mut self.receiver.rows, &incoming, &covered).unwrap());
                if torn {
                    self.contexts.mend(&mut self.receiver.rows, &incoming).unwrap();
                }
                self.contexts.cover(&mut self.receiver.rows, &even, vector).unwrap();
            }
            if even.to == span.to {
                break;
            }
            span.from = even.to;
        }
        self.installed(&question.span);
        // What was merged must not be lost by a crash that keeps what is decided after it.
        self.flush();
        for at in doubtful {
            let Some(op) = settling(&self.receiver.rows, &at).unwrap() else { continue };
            let deps = self.contexts.least(&[cell_span(&at)], &self.receiver.applied);
            let entry = self.receiver.decide_op(ME, deps, op);
            self.decided(entry);
        }
    }

    fn flush(&mut self) {
        self.store = Store { replica: self.receiver.clone(), journal_at: self.journal.len() };
    }

    fn restart(&mut self) {
        self.receiver = self.store.replica.clone();
        self.contexts = Contexts::open(&self.receiver.rows).unwrap();
        self.contexts.begin(1);
        self.questions.clear();
        self.tail = Tail::new(usize::MAX);
        for entry in self.journal[self.store.journal_at..].iter() {
            apply_outside(&mut self.receiver.rows, entry, &self.contexts).unwrap();
            if entry.dot.replica == ME {
                self.contexts.tear(&mut self.receiver.rows, entry, &self.receiver.applied).unwrap();
            }
            self.receiver.raise(entry);
        }
    }

    /// Asks for all that is left, then hears of everything.
    pub fn catch_up(&mut self, picks: &[u16], way: Way) {
        self.questions.clear();
        for turn in 0.. {
            let left = self.contexts.left(&Span::all());
            // Nobody who is asked for the same with the same has more than before, so it does not always end by itself.
            let pick = usize::from(picks[turn % picks.len()]) + turn / 64;
            let Some(span) = left.get(pick % left.len().max(1)) else { break };
            if pick % 5 == 0 {
                self.look(span.clone());
                self.answer(pick % 3, true, Room { bytes: 0, cells: pick % 17 }, false);
            }
            self.ask(span.clone(), pick % 3 == 0);
            self.answer(pick % 3, true, Room { bytes: pick % 300, cells: pick % 17 }, way.joins(pick % 2 == 0));
            self.contexts.settle(&mut self.receiver.rows, &VersionVector::new()).unwrap();
        }
        let covered = self.contexts.least(&[Span::all()], &self.receiver.applied);
        self.receiver.applied.merge(&covered);
        self.contexts.settle(&mut self.receiver.rows, &self.receiver.applied).unwrap();
        let all: usize = self.entries.len();
        (0..all).for_each(|_| self.hear(0));
    }

    /// The receiver has what one who heard of every entry has, and so have the others.
    pub fn check(&mut self) {
        let listener = heard_all(&self.entries);
        assert!(self.contexts.is_empty(), "{:?}", self.contexts);
        assert_eq!(self.receiver.applied, listener.applied);
        assert_eq!(self.receiver.rows.0, listener.rows.0);
        for replica in &mut self.replicas {
            bring(replica, &self.entries, &listener.applied);
            assert_eq!(replica.rows.0, listener.rows.0);
        }
    }

    fn damaged(&mut self, at: usize, byte: u8) {
        let mut sent = SpanRows::default();
        let mut room = Room { bytes: usize::MAX, cells: usize::MAX };
        let sender = &self.replicas[0];
        sent.read(&sender.rows, &Span::all(), (&Known::default(), 0, 0), &|_| true, &mut room).unwrap();
        let mut bytes = Vec::new();
        sent.encode(&mut bytes);
        let at = at % bytes.len();
        bytes[at] = byte;
        let Ok(sent) = SpanRows::decode(bytes.into()) else { return };
        let span = Span::all();
        let incoming =
            Incoming { span: &span, vector: &sender.applied, rows: &sent, same: &|_| false, settles: &|_| true };
        install(&mut self.receiver.rows, &incoming, &[]).unwrap();
    }
}

fn whole(replica: &Replica, span: &Span) -> SpanRows {
    let mut rows = SpanRows::default();
    let mut room = Room { bytes: usize::MAX, cells: usize::MAX };
    rows.read(&replica.rows, span, (&Known::default(), 0, 0), &|_| true, &mut room).unwrap();
    rows
}

fn same(question: &Question, sent: &SpanRows) -> BTreeSet<Bytes> {
    let places = question.places.iter().enumerate().filter(|(at, _)| sent.is_same(*at));
    places.map(|(_, place)| place.clone()).collect()
}

/// Carries to a replica what it lacks of `vector`.
fn bring(replica: &mut Replica, entries: &[Entry], vector: &VersionVector) {
    let lacking: Vec<Entry> = entries.iter().filter(|entry| vector.covers(entry.dot)).cloned().collect();
    while !replica.applied.covers_all(vector) {
        let before = replica.applied.clone();
        replica.hear(&lacking, 0);
        // A write of the receiver may depend on what it only knows of a stretch.
        if replica.applied == before {
            replica.hear(entries, 0);
        }
        assert_ne!(replica.applied, before, "nothing more can be heard of {vector}");
    }
}

/// Stretches whose ends are between keys, at elements, or nowhere.
fn span_of(pick: usize) -> Span {
    let mut ends: BTreeMap<Vec<u8>, ()> = BTreeMap::new();
    for key in KEYS {
        ends.insert(key_span(key.as_bytes()).from.to_vec(), ());
        for kind in lc_crdt::Kind::COLLECTIONS {
            for field in ["x", "y"] {
                ends.insert(place_of(key.as_bytes(), kind, field.as_bytes()), ());
            }
        }
    }
    let ends: Vec<Bytes> =
        [Bytes::new()].into_iter().chain(ends.into_keys().map(Bytes::from)).chain([Bytes::new()]).collect();
    let (from, length) = (pick % (ends.len() - 1), pick / 31 % ends.len());
    let to = (from + 1 + length).min(ends.len() - 1);
    Span { from: ends[from].clone(), to: ends[to].clone() }
}

impl Replica {
    fn raise(&mut self, entry: &Entry) {
        self.applied.raise(entry.dot.replica, entry.dot.seq);
        self.saw(entry.hlc);
    }

    fn decide_op(&mut self, id: ReplicaId, deps: VersionVector, op: lc_crdt::Op) -> Entry {
        let (dot, hlc) = self.next_stamp(id);
        apply_op(&mut self.rows, &Stamp { dot, hlc, deps: &deps }, &op).unwrap();
        self.applied.raise(id, dot.seq);
        Entry { dot, prev_seq: dot.seq - 1, hlc, deps, ops: vec![op] }
    }
}
