//! A store in memory, for simulation: a commit is atomic and durable because nothing can interrupt it.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::RwLock;

use crate::frozen::FrozenMap;
use crate::store::{Checked, is_span};
use crate::{Error, Frozen, Row, RowChange, RowIter, Store};

/// Clones are the same store, so one that is kept outside a simulated node survives its crash.
#[derive(Clone, Default)]
pub struct MemoryStore {
    state: Arc<RwLock<State>>,
}

#[derive(Default)]
struct State {
    rows: Arc<BTreeMap<Bytes, Bytes>>,
    bytes: u64,
    fail_commit: bool,
    full: bool,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> MemoryStore {
        MemoryStore::default()
    }

    /// The next commit fails and writes nothing.
    pub fn fail_next_commit(&self) {
        self.state.write().fail_commit = true;
    }

    /// While `full`, every commit fails with [`Error::Full`] and writes nothing.
    pub fn set_full(&self, full: bool) {
        self.state.write().full = full;
    }

    fn span(&self, from: &[u8], to: Option<&[u8]>) -> Span {
        let from = Bound::Included(Bytes::copy_from_slice(from));
        let to = to.map_or(Bound::Unbounded, |to| Bound::Excluded(Bytes::copy_from_slice(to)));
        Span { rows: Arc::clone(&self.state.read().rows), from, to }
    }
}

impl Store for MemoryStore {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Error> {
        Ok(self.state.read().rows.get(key).cloned())
    }

    fn scan(&self, from: &[u8], to: Option<&[u8]>) -> RowIter<'_> {
        if !is_span(from, to) {
            return Box::new(std::iter::empty());
        }
        let mut span = self.span(from, to);
        Box::new(std::iter::from_fn(move || span.first().map(Ok)))
    }

    fn scan_back(&self, from: &[u8], to: Option<&[u8]>) -> RowIter<'_> {
        if !is_span(from, to) {
            return Box::new(std::iter::empty());
        }
        let mut span = self.span(from, to);
        Box::new(std::iter::from_fn(move || span.last().map(Ok)))
    }

    fn commit(&self, rows: &mut dyn Iterator<Item = RowChange>) -> Result<(), Error> {
        let mut checked = Checked::new(rows);
        let changes: Vec<RowChange> = checked.by_ref().collect();
        checked.end()?;
        let mut state = self.state.write();
        if std::mem::take(&mut state.fail_commit) {
            return Err(Error::Engine { doing: "commit rows", why: "told to fail".to_owned() });
        }
        if state.full {
            return Err(Error::Full { doing: "commit rows" });
        }
        for (key, value) in changes {
            state.replace(key, value);
        }
        Ok(())
    }

    fn approximate_bytes(&self) -> u64 {
        self.state.read().bytes
    }

    fn rebuild(&self, rows: RowIter<'_>) -> Result<(), Error> {
        let rows: BTreeMap<Bytes, Bytes> = rows.collect::<Result<_, _>>()?;
        let mut state = self.state.write();
        state.bytes = rows.iter().map(|(key, value)| (key.len() + value.len()) as u64).sum();
        state.rows = Arc::new(rows);
        Ok(())
    }

    fn freeze(&self) -> Result<Arc<dyn Frozen>, Error> {
        Ok(Arc::new(FrozenMap(Arc::clone(&self.state.read().rows))))
    }
}

impl State {
    fn replace(&mut self, key: Bytes, value: Option<Bytes>) {
        let key_bytes = key.len();
        // Copies the map only while a scan still looks at it.
        let rows = Arc::make_mut(&mut self.rows);
        self.bytes += value.as_ref().map_or(0, |value| (key_bytes + value.len()) as u64);
        let old = match value {
            Some(value) => rows.insert(key, value),
            None => rows.remove(&key),
        };
        self.bytes -= old.map_or(0, |old| (key_bytes + old.len()) as u64);
    }
}

/// What is left to scan, of the rows as they were when the scan began.
struct Span {
    rows: Arc<BTreeMap<Bytes, Bytes>>,
    from: Bound<Bytes>,
    to: Bound<Bytes>,
}

impl Span {
    fn first(&mut self) -> Option<Row> {
        let (key, value) = self.rows.range((self.from.clone(), self.to.clone())).next()?;
        let row = (key.clone(), value.clone());
        // What comes next is above this key. Both bounds excluding it would be refused, so the end closes the span instead.
        self.from = Bound::Included(after(key));
        Some(row)
    }

    fn last(&mut self) -> Option<Row> {
        let (key, value) = self.rows.range((self.from.clone(), self.to.clone())).next_back()?;
        let row = (key.clone(), value.clone());
        self.to = Bound::Excluded(key.clone());
        Some(row)
    }
}

/// The smallest key above `key`; it is never above an end that `key` was below.
fn after(key: &[u8]) -> Bytes {
    let mut next = Vec::with_capacity(key.len() + 1);
    next.extend_from_slice(key);
    next.push(0);
    Bytes::from(next)
}
