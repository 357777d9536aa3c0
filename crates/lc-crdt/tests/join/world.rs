//! Histories of three replicas: writes of every kind on few keys, entries carried in any causal order.

use std::collections::BTreeMap;

use bytes::Bytes;
use lc_core::{Dot, Hlc, ReplicaId, VersionVector};
use lc_crdt::{
    Added, Address, Cell, ElementReset, Entry, Head, KeyRows, Kind, Number, Op, RowError, Rows, Stamp, apply, apply_op,
    element_row, head_of, head_row, head_span,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::select;

/// What a writer means to do; the op depends on what it has.
#[derive(Clone, Debug)]
pub enum Intent {
    Set {
        key: &'static str,
        value: &'static str,
        expires_ms: Option<u64>,
    },
    /// Replaces those of the standing values whose bit is set.
    SetOver {
        key: &'static str,
        which: u8,
    },
    Add {
        key: &'static str,
        amount: Number,
    },
    Put {
        at: Element,
        value: i8,
    },
    AddTo {
        at: Element,
        amount: Number,
    },
    Remove {
        at: Element,
    },
    Delete {
        key: &'static str,
    },
    Expire {
        key: &'static str,
        at_ms: Option<u64>,
    },
    Clear,
}

impl Intent {
    /// The key that it is about; `None`: all.
    pub fn key(&self) -> Option<&'static str> {
        match self {
            Intent::Set { key, .. }
            | Intent::SetOver { key, .. }
            | Intent::Add { key, .. }
            | Intent::Delete { key }
            | Intent::Expire { key, .. } => Some(key),
            Intent::Put { at, .. } | Intent::AddTo { at, .. } | Intent::Remove { at } => Some(at.key),
            Intent::Clear => None,
        }
    }
}

/// A key's element.
#[derive(Clone, Copy, Debug)]
pub struct Element {
    key: &'static str,
    kind: Kind,
    field: &'static str,
}

/// One thing that happens.
#[derive(Clone, Debug)]
pub enum Step {
    /// A replica decides one entry.
    Write { at: usize, intents: Vec<Intent> },
    /// One entry reaches a replica, any whose dependencies are there.
    Carry { to: usize, pick: usize },
}

/// Rows in a map.
#[derive(Clone, Default)]
pub struct MapRows(pub BTreeMap<Vec<u8>, Bytes>);

impl Rows for MapRows {
    fn get(&self, row: &[u8]) -> Result<Option<Bytes>, RowError> {
        Ok(self.0.get(row).cloned())
    }
    fn scan(&self, from: &[u8], to: &[u8], visit: &mut dyn FnMut(&[u8], &Bytes) -> bool) -> Result<(), RowError> {
        self.0.range(from.to_vec()..to.to_vec()).all(|(row, bytes)| visit(row, bytes));
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

/// What one replica has.
#[derive(Clone, Default)]
pub struct Replica {
    pub rows: MapRows,
    pub applied: VersionVector,
    hlc: u64,
}

impl Replica {
    /// Applies an entry through its bytes.
    pub fn receive(&mut self, entry: &Entry) {
        assert!(self.applied.covers_all(&entry.deps), "a dependency is missing");
        let mut bytes = Vec::new();
        entry.encode(&mut bytes);
        let entry = Entry::decode(bytes.into()).expect("encode and decode agree");
        apply(&mut self.rows, &entry).expect("map rows do not fail");
        self.applied.raise(entry.dot.replica, entry.dot.seq);
        self.hlc = self.hlc.max(entry.hlc.0);
    }

    /// Carries one of the entries whose dependencies are there, if there is one.
    pub fn hear(&mut self, entries: &[Entry], pick: usize) {
        let ready: Vec<&Entry> = entries
            .iter()
            .filter(|entry| !self.applied.covers(entry.dot) && self.applied.covers_all(&entry.deps))
            .collect();
        if !ready.is_empty() {
            self.receive(ready[pick % ready.len()]);
        }
    }

    /// The rows of a key, through their bytes.
    pub fn key_rows(&self, key: &str) -> KeyRows {
        let rows = KeyRows::read(&self.rows, key.as_bytes(), 1 << 20).expect("within the bound");
        let mut bytes = Vec::new();
        rows.encode(&mut bytes);
        let mut reader = lc_core::wire::Reader::new(bytes.into());
        assert_eq!(KeyRows::decode(&mut reader).expect("rows that stand here are in order"), rows);
        reader.end("key rows").expect("nothing is left over");
        rows
    }

    /// Decides an entry after all that it has.
    pub fn decide(&mut self, id: ReplicaId, intents: &[Intent]) -> Option<Entry> {
        self.decide_after(id, intents, self.applied.clone())
    }

    /// Decides an entry that claims to have seen `deps`.
    pub fn decide_after(&mut self, id: ReplicaId, intents: &[Intent], deps: VersionVector) -> Option<Entry> {
        let (dot, hlc) = self.next_stamp(id);
        let mut draft = Draft { rows: &mut self.rows, stamp: Stamp { dot, hlc, deps: &deps }, ops: Vec::new() };
        intents.iter().for_each(|intent| draft.decide(intent));
        let ops = draft.ops;
        if ops.is_empty() {
            return None;
        }
        self.applied.raise(id, dot.seq);
        Some(Entry { dot, prev_seq: dot.seq - 1, hlc, deps, ops })
    }

    /// The identity of what it decides next.
    pub fn next_stamp(&mut self, id: ReplicaId) -> (Dot, Hlc) {
        self.hlc += 1;
        (Dot::new(id, self.applied.get(id) + 1), Hlc(self.hlc))
    }

    /// Its clock is not behind this.
    pub fn saw(&mut self, hlc: Hlc) {
        self.hlc = self.hlc.max(hlc.0);
    }
}

/// An entry while it is decided: every op is applied at once.
struct Draft<'a> {
    rows: &'a mut MapRows,
    stamp: Stamp<'a>,
    ops: Vec<Op>,
}

impl Draft<'_> {
    fn decide(&mut self, intent: &Intent) {
        match intent {
            Intent::Set { key, value, expires_ms } => {
                if self.head(key).lengths != [0; 3] {
                    self.delete(key);
                }
                let resets = self.head(key).string.resets();
                let value = Bytes::from_static(value.as_bytes());
                self.emit(Op::Put { at: string(key), value, expires_ms: *expires_ms, resets });
            }
            Intent::SetOver { key, which } => {
                let head = self.head(key);
                let chosen = head.string.siblings.iter().enumerate().filter(|(at, _)| which >> (at % 8) & 1 == 1);
                let over = chosen.map(|(_, sibling)| sibling.dot).collect();
                self.emit(Op::PutOver { at: string(key), value: Bytes::from_static(b"over"), expires_ms: None, over });
            }
            Intent::Add { key, amount } => {
                let added = self.added(&self.head(key).string, *amount);
                self.emit(Op::Add { at: string(key), added });
            }
            Intent::Put { at, value } => {
                let value = if at.kind == Kind::Set { Bytes::new() } else { score(f64::from(*value)) };
                let resets = self.cell(*at).resets();
                self.emit(Op::Put { at: address(*at), value, expires_ms: None, resets });
            }
            Intent::AddTo { at, amount } => {
                let added = self.added(&self.cell(*at), *amount);
                self.emit(Op::Add { at: address(*at), added });
            }
            Intent::Remove { at } => self.remove(*at),
            Intent::Delete { key } => self.delete(key),
            Intent::Expire { key, at_ms } => {
                self.emit(Op::Expire { key: Bytes::from_static(key.as_bytes()), at_ms: *at_ms });
            }
            Intent::Clear => self.clear(),
        }
    }

    fn remove(&mut self, at: Element) {
        let cell = self.cell(at);
        if cell.is_empty() {
            return;
        }
        self.emit(Op::Remove { at: address(at), resets: cell.resets() });
        if !self.head(at.key).exists() {
            self.delete(at.key);
        }
    }

    fn delete(&mut self, key: &'static str) {
        let resets = self.resets_under(key);
        self.emit(Op::Delete { key: Bytes::from_static(key.as_bytes()), resets });
    }

    fn clear(&mut self) {
        let mut keys = Vec::new();
        let (from, to) = head_span(0);
        let all = self.rows.scan(&from, &to, &mut |row, _| {
            keys.extend(KEYS.iter().copied().filter(|key| key.as_bytes() == head_of(row)));
            true
        });
        all.expect("map rows do not fail");
        let resets = keys.into_iter().flat_map(|key| self.resets_under(key)).collect();
        self.emit(Op::Clear { resets });
    }

    fn resets_under(&self, key: &'static str) -> Vec<ElementReset> {
        let elements = Kind::COLLECTIONS.into_iter().flat_map(|kind| FIELDS.iter().map(move |field| (kind, *field)));
        let elements = elements.map(|(kind, field)| Element { key, kind, field });
        let mut cells: Vec<(Address, Cell)> = elements.map(|at| (address(at), self.cell(at))).collect();
        cells.push((string(key), self.head(key).string));
        let resets = cells
            .into_iter()
            .flat_map(|(at, cell)| cell.resets().into_iter().map(move |reset| ElementReset { at: at.clone(), reset }));
        resets.collect()
    }

    fn added(&self, cell: &Cell, amount: Number) -> Added {
        let (before_seq, before) = cell.running(self.stamp.dot.replica);
        Added { before_seq, before, after: before.plus(amount) }
    }

    fn head(&self, key: &str) -> Head {
        let row = self.rows.0.get(&head_row(key.as_bytes()));
        row.map_or_else(Head::default, |bytes| Head::decode(bytes.clone()).expect("a head that was encoded here"))
    }

    fn cell(&self, at: Element) -> Cell {
        let row = self.rows.0.get(&element_row(at.key.as_bytes(), at.kind, at.field.as_bytes()));
        row.map_or_else(Cell::default, |bytes| Cell::decode(bytes.clone()).expect("a cell that was encoded here"))
    }

    fn emit(&mut self, op: Op) {
        apply_op(self.rows, &self.stamp, &op).expect("map rows do not fail");
        self.ops.push(op);
    }
}

fn string(key: &'static str) -> Address {
    Address::string(Bytes::from_static(key.as_bytes()))
}

fn address(at: Element) -> Address {
    let field = Bytes::from_static(at.field.as_bytes());
    Address { key: Bytes::from_static(at.key.as_bytes()), kind: at.kind, field }
}

fn score(value: f64) -> Bytes {
    Bytes::copy_from_slice(&value.to_bits().to_le_bytes())
}

/// Every entry that three replicas decide, in an order that is causal.
pub fn entries_of(steps: &[Step]) -> Vec<Entry> {
    replicas_of(steps).1
}

/// Three replicas, and every entry that they decided, in an order that is causal.
pub fn replicas_of(steps: &[Step]) -> (Vec<Replica>, Vec<Entry>) {
    let mut replicas = vec![Replica::default(); 3];
    let mut entries = Vec::new();
    for step in steps {
        match step {
            Step::Write { at, intents } => entries.extend(replicas[*at].decide(ReplicaId(1 + *at as u16), intents)),
            Step::Carry { to, pick } => replicas[*to].hear(&entries, *pick),
        }
    }
    (replicas, entries)
}

/// How a replica came to hear of entries: it is near one of the three, and hears of others by chance.
#[derive(Clone, Debug)]
pub struct Hearing {
    near: u16,
    /// Which of the entries that it may hear next, if not one of its neighbour; as many as it hears.
    picks: Vec<Option<usize>>,
}

/// Up to thirty entries, most from one replica.
pub fn hearing() -> impl Strategy<Value = Hearing> {
    (1..4u16, vec(option::weighted(0.4, 0..64usize), 0..30)).prop_map(|(near, picks)| Hearing { near, picks })
}

/// What a replica has that heard of entries in this way.
pub fn heard(entries: &[Entry], hearing: &Hearing) -> Replica {
    let mut replica = Replica::default();
    for pick in &hearing.picks {
        match pick {
            Some(pick) => replica.hear(entries, *pick),
            None => {
                let near: Vec<Entry> =
                    entries.iter().filter(|entry| entry.dot.replica.0 == hearing.near).cloned().collect();
                replica.hear(&near, 0);
            }
        }
    }
    replica
}

/// What a replica has that heard of all of them.
pub fn heard_all(entries: &[Entry]) -> Replica {
    let mut replica = Replica::default();
    entries.iter().for_each(|entry| replica.receive(entry));
    replica
}

/// What a replica has that has applied what any of these has.
pub fn union(entries: &[Entry], sides: &[Replica]) -> Replica {
    let mut union = sides[0].clone();
    for entry in entries {
        if !union.applied.covers(entry.dot) && sides.iter().any(|side| side.applied.covers(entry.dot)) {
            union.receive(entry);
        }
    }
    union
}

/// The keys of all intents.
pub const KEYS: &[&str] = &["a", "b"];
const FIELDS: &[&str] = &["x", "y"];
const AMOUNTS: &[Number] =
    &[Number::Int(1), Number::Int(2), Number::Int(-3), Number::Int(10), Number::Int(0), Number::Float(0.1)];

/// What writers mean to do.
pub fn intents() -> impl Strategy<Value = Intent> {
    let key = || select(KEYS);
    let amount = || select(AMOUNTS);
    let ends = || option::of(select(&[1_500u64, 2_500, 9_000][..]));
    let element = |kinds: &'static [Kind]| {
        (key(), select(kinds), select(FIELDS)).prop_map(|(key, kind, field)| Element { key, kind, field })
    };
    let summed: &[Kind] = &[Kind::Hash, Kind::Sorted];
    prop_oneof![
        4 => (key(), select(&["1", "7", "text"][..]), ends()).prop_map(|(key, value, expires_ms)| Intent::Set { key, value, expires_ms }),
        2 => (key(), any::<u8>()).prop_map(|(key, which)| Intent::SetOver { key, which }),
        6 => (key(), amount()).prop_map(|(key, amount)| Intent::Add { key, amount }),
        4 => (element(&Kind::COLLECTIONS), any::<i8>()).prop_map(|(at, value)| Intent::Put { at, value }),
        5 => (element(summed), amount()).prop_map(|(at, amount)| Intent::AddTo { at, amount }),
        3 => element(&Kind::COLLECTIONS).prop_map(|at| Intent::Remove { at }),
        3 => key().prop_map(|key| Intent::Delete { key }),
        3 => (key(), ends()).prop_map(|(key, at_ms)| Intent::Expire { key, at_ms }),
        1 => Just(Intent::Clear),
    ]
}

/// Histories of up to seventy steps; now and then an entry does several things.
pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    vec(step(), 10..70)
}

/// One step.
pub fn step() -> impl Strategy<Value = Step> {
    let entry = prop_oneof![5 => vec(intents(), 1..2), 1 => vec(intents(), 2..5)];
    prop_oneof![
        2 => (0..3usize, entry).prop_map(|(at, intents)| Step::Write { at, intents }),
        1 => (0..3usize, 0..64usize).prop_map(|(to, pick)| Step::Carry { to, pick }),
    ]
}
