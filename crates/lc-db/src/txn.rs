//! Changing records: every change is an op of one entry, applied at once so that later reads see it.

use bytes::Bytes;
use lc_core::Dot;
use lc_core::limits::{KEY_BYTES_MAX, SIBLINGS_WRITTEN_MAX};
use lc_crdt::{
    Added, Address, Cell, ElementReset, Head, Kind, Merge, Number, Op, Reset, Rows, Stamp, StoredHead, Visible,
    apply_op,
};
use lc_policy::{Tables, table_of};

use crate::view::text_of;
use crate::{Bounds, Error, Room, View};

mod rewriting;

/// One entry being decided. If it fails its owner restores the rows, so a command is all or nothing.
pub struct Txn<'a> {
    rows: &'a mut dyn Rows,
    stamp: Stamp<'a>,
    now_ms: u64,
    seed: u64,
    ops: Vec<Op>,
    tables: Option<&'a Tables>,
    bounds: Bounds,
    /// For what its commands gather of what is there.
    room: Room,
}

/// What a new string value does to the key's expiry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expiry {
    /// As it was.
    Keep,
    /// The key does not end.
    Never,
    /// The key ends at this moment, Unix ms.
    At(u64),
}

impl<'a> Txn<'a> {
    /// An entry with this stamp, decided at `now_ms` over `rows`.
    pub fn new(rows: &'a mut dyn Rows, stamp: Stamp<'a>, now_ms: u64, seed: u64) -> Txn<'a> {
        let (bounds, room) = (Bounds::default(), Room::for_entry());
        Txn { rows, stamp, now_ms, seed, ops: Vec::new(), tables: None, bounds, room }
    }

    /// Decides by the rules of these tables.
    pub fn under(mut self, tables: &'a Tables) -> Txn<'a> {
        self.tables = if tables.all_plain() { None } else { Some(tables) };
        self
    }

    /// Takes from here on what is within these bounds only.
    pub fn bound(&mut self, bounds: Bounds) {
        self.bounds = bounds;
    }

    /// How large keys and values may be.
    pub fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    /// The rule by which values of this key merge.
    pub fn merge_of(&self, key: &[u8]) -> &'a Merge {
        self.tables.map_or(&Merge::Typed, |tables| &tables.of_key(key).policy.merge)
    }

    /// Whether this entry's author had applied a write.
    pub fn saw(&self, dot: Dot) -> bool {
        self.stamp.saw(dot)
    }

    /// The records, with this entry's earlier ops applied.
    pub fn view(&self) -> View<'_> {
        let view = View::new(self.rows, self.now_ms, self.seed.wrapping_add(self.ops.len() as u64)).roomy(&self.room);
        match self.tables {
            Some(tables) => view.under(tables),
            None => view,
        }
    }

    /// Unix milliseconds of this moment.
    pub fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// The ops so far; none means that nothing is written.
    pub fn into_ops(self) -> Vec<Op> {
        self.ops
    }

    /// How many ops there are so far.
    pub fn op_count(&self) -> usize {
        self.ops.len()
    }

    /// Refuses what [`Txn::set_string`] would refuse of this key and value, before anything is changed.
    pub fn check_string(&self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        self.check_key(key)?;
        check("value", value.len(), self.bounds.value_bytes_max)
    }

    /// Sets a string, whatever the key held before.
    pub fn set_string(&mut self, key: &[u8], value: &[u8], expiry: Expiry) -> Result<(), Error> {
        self.check_string(key, value)?;
        let mut stored = self.prepare(key)?;
        let expires_ms = match expiry {
            Expiry::Keep => stored.head.expires_ms(),
            Expiry::Never => None,
            Expiry::At(ms) => Some(ms),
        };
        if stored.head.lengths != [0; 3] {
            self.delete(key)?;
            stored = StoredHead::read(self.rows, key)?;
        }
        match replaced_by(self.merge_of(key), &stored.head, key, value)? {
            Replaced::All => self.put_string(stored, key, value, expires_ms),
            Replaced::These(over) => {
                // A value that loses at once leaves the key's end as it is.
                let expires_ms = if over.loses { stored.head.expires_ms() } else { expires_ms };
                self.put_over(stored, key, value, expires_ms, over.dots)
            }
        }
    }

    /// Sets a string over exactly these values, whatever the table's rule; the others stay beside it.
    pub fn resolve(&mut self, key: &[u8], over: &[Dot], value: &[u8], expiry: Expiry) -> Result<(), Error> {
        self.check_string(key, value)?;
        self.merge_of(key).check_value(value).map_err(Error::caller)?;
        let stored = self.prepare(key)?;
        let expires_ms = match expiry {
            Expiry::Keep => stored.head.expires_ms(),
            Expiry::Never => None,
            Expiry::At(ms) => Some(ms),
        };
        self.put_over(stored, key, value, expires_ms, over.to_vec())
    }

    /// Writes what a reader sees of a key as one value, so that its siblings and increments become one; answers whether there was
    /// anything to do.
    pub fn collapse(&mut self, key: &[u8]) -> Result<bool, Error> {
        let stored = StoredHead::read(self.rows, key)?;
        if stored.head.string.siblings.len() < 2 && stored.head.string.counts.is_empty() {
            return Ok(false);
        }
        let Some(value) = self.view().string(key)? else { return Ok(false) };
        let (expires_ms, resets) = (stored.head.expires_ms(), stored.head.string.resets());
        let at = Address::string(Bytes::copy_from_slice(key));
        self.emit_on(stored, Op::Collapse { at, value: value.clone(), expires_ms, resets })?;
        Ok(true)
    }

    fn put_string(
        &mut self,
        stored: StoredHead,
        key: &[u8],
        value: &[u8],
        expires_ms: Option<u64>,
    ) -> Result<(), Error> {
        let resets = stored.head.string.resets();
        let at = Address::string(Bytes::copy_from_slice(key));
        self.emit_on(stored, Op::Put { at, value: Bytes::copy_from_slice(value), expires_ms, resets })
    }

    fn put_over(
        &mut self,
        stored: StoredHead,
        key: &[u8],
        value: &[u8],
        expires_ms: Option<u64>,
        over: Vec<Dot>,
    ) -> Result<(), Error> {
        let siblings = &stored.head.string.siblings;
        let left = siblings.iter().filter(|sibling| !over.contains(&sibling.dot)).count();
        if left >= SIBLINGS_WRITTEN_MAX {
            return Err(Error::caller(format!(
                "the key has {} concurrent values, more than a node adds to: read them with SIBLINGS and replace them with RESOLVE",
                siblings.len()
            )));
        }
        let at = Address::string(Bytes::copy_from_slice(key));
        self.emit_on(stored, Op::PutOver { at, value: Bytes::copy_from_slice(value), expires_ms, over })
    }

    /// Adds to a string counter. The caller has checked that the value is a number and the sum in range.
    pub fn add_string(&mut self, key: &[u8], amount: Number) -> Result<(), Error> {
        if *self.merge_of(key) != Merge::Typed {
            return self.add_as_value(key, amount);
        }
        self.check_key(key)?;
        let stored = self.prepare(key)?;
        let added = self.added(Kind::String, &stored.head.string, amount)?;
        self.emit_on(stored, Op::Add { at: Address::string(Bytes::copy_from_slice(key)), added })
    }

    /// Outside typed tables an increment is a plain write of the sum.
    fn add_as_value(&mut self, key: &[u8], amount: Number) -> Result<(), Error> {
        let current = match self.view().string(key)? {
            Some(text) => Number::parse(&text).ok_or(Error::NotFloat)?,
            None => Number::ZERO,
        };
        let sum = text_of(Visible::Number(current.plus(amount)));
        self.set_string(key, &sum, Expiry::Keep)
    }

    /// Refuses what [`Txn::put_element`] would refuse of these (field, value), before anything is changed.
    pub fn check_elements<'b>(
        &self,
        key: &[u8],
        kind: Kind,
        elements: impl IntoIterator<Item = (&'b [u8], &'b [u8])>,
    ) -> Result<(), Error> {
        self.check_key(key)?;
        self.check_keeps_types(key)?;
        for (field, value) in elements {
            check("field or member", field.len(), self.bounds.field_bytes_max)?;
            check("value", value.len(), self.bounds.value_bytes_max)?;
        }
        self.view().head_of_kind(key, kind).map(drop)
    }

    /// Sets a hash field, adds a set member (empty value) or sets a score (8 bytes, see [`Txn::set_score`]). Answers
    /// whether it is new.
    pub fn put_element(&mut self, key: &[u8], kind: Kind, field: &[u8], value: &[u8]) -> Result<bool, Error> {
        check("value", value.len(), self.bounds.value_bytes_max)?;
        self.check_keeps_types(key)?;
        let cell = self.prepare_element(key, kind, field)?;
        let at = address(key, kind, field);
        self.emit(Op::Put { at, value: Bytes::copy_from_slice(value), expires_ms: None, resets: cell.resets() })?;
        Ok(cell.is_empty())
    }

    /// Sets the score of a sorted-set member; answers whether the member is new.
    pub fn set_score(&mut self, key: &[u8], member: &[u8], score: f64) -> Result<bool, Error> {
        self.put_element(key, Kind::Sorted, member, &score.to_bits().to_le_bytes())
    }

    /// Adds to a hash field or a score. The caller has checked the value.
    pub fn add_element(&mut self, key: &[u8], kind: Kind, field: &[u8], amount: Number) -> Result<(), Error> {
        self.check_keeps_types(key)?;
        let cell = self.prepare_element(key, kind, field)?;
        if *self.merge_of(key) == Merge::Lww {
            return self.add_element_as_value(key, kind, field, &cell, amount);
        }
        let added = self.added(kind, &cell, amount)?;
        self.emit(Op::Add { at: address(key, kind, field), added })
    }

    /// Removes an element; answers whether it was there. Removing the last ends the key, its expiry too.
    pub fn remove_element(&mut self, key: &[u8], kind: Kind, field: &[u8]) -> Result<bool, Error> {
        let Some(cell) = self.view().element(key, kind, field)? else { return Ok(false) };
        self.prepare(key)?;
        self.emit(Op::Remove { at: address(key, kind, field), resets: cell.resets() })?;
        let left = self.view().stored_head(key)?;
        if left.is_some_and(|head| !head.exists()) {
            self.emit(Op::Delete { key: Bytes::copy_from_slice(key), resets: Vec::new() })?;
        }
        Ok(true)
    }

    /// Removes elements that the caller has just read, each once. Taking all of a key's elements is one op, not many.
    pub fn remove_elements(&mut self, key: &[u8], kind: Kind, fields: &[Bytes]) -> Result<(), Error> {
        let head = self.view().head(key)?.unwrap_or_default();
        // What stands under the key with another type is not what the caller saw, and stays.
        let others = Kind::COLLECTIONS.into_iter().any(|other| other != kind && head.length(other) > 0)
            || !head.string.is_empty();
        if !others && !fields.is_empty() && fields.len() as u64 == head.length(kind) {
            return self.emit_delete(key);
        }
        fields.iter().try_for_each(|field| self.remove_element(key, kind, field).map(drop))
    }

    /// Removes a key with all that it holds; answers whether it existed and had not expired.
    pub fn delete(&mut self, key: &[u8]) -> Result<bool, Error> {
        let existed = self.view().exists(key)?;
        if self.view().stored_head(key)?.is_some() {
            self.emit_delete(key)?;
        }
        Ok(existed)
    }

    /// Sets when a key ends; `None`: never. The caller has checked that it exists.
    pub fn expire(&mut self, key: &[u8], at_ms: Option<u64>) -> Result<(), Error> {
        self.prepare(key)?;
        self.emit(Op::Expire { key: Bytes::copy_from_slice(key), at_ms })
    }

    /// Removes a key that has ended, and what an expiry without a key left behind.
    pub fn remove_due(&mut self, key: &[u8]) -> Result<(), Error> {
        let due = self.view().stored_head(key)?.and_then(|head| head.due_ms());
        if due.is_some_and(|due_ms| due_ms <= self.now_ms) { self.emit_delete(key) } else { Ok(()) }
    }

    /// Removes every key.
    pub fn clear(&mut self) -> Result<(), Error> {
        let mut keys = Vec::new();
        let always = View::new(self.rows, 0, 0);
        always.each_key(0, &mut |_, key, head| {
            // Plain strings cannot hold increments; everything else has to be looked at.
            if !head.string.counts.is_empty() || head.lengths != [0; 3] {
                keys.push(Bytes::copy_from_slice(key));
            }
            true
        })?;
        let mut resets = Vec::new();
        for key in keys {
            self.collect_resets(&key, &mut resets)?;
        }
        self.emit(Op::Clear { resets })
    }

    /// Refuses what is too large, and removes what a write must not revive under the same name: a value that has
    /// expired, and a choice of expiry whose key was deleted at the same time elsewhere.
    fn prepare(&mut self, key: &[u8]) -> Result<StoredHead, Error> {
        // What records can hold; a bound that is lower keeps nobody from what is there.
        check("key", key.len(), KEY_BYTES_MAX)?;
        let stored = StoredHead::read(self.rows, key)?;
        if stored.is_stored() && (!stored.head.exists() || stored.head.expired(self.now_ms)) {
            self.emit_delete(key)?;
            return Ok(StoredHead::read(self.rows, key)?);
        }
        Ok(stored)
    }

    fn add_element_as_value(
        &mut self,
        key: &[u8],
        kind: Kind,
        field: &[u8],
        cell: &Cell,
        amount: Number,
    ) -> Result<(), Error> {
        if kind == Kind::Sorted {
            return self.set_score(key, field, cell.score().unwrap_or(0.0) + amount.as_f64()).map(drop);
        }
        let current = match cell.visible().map(text_of) {
            Some(text) => Number::parse(&text).ok_or(Error::NotFloat)?,
            None => Number::ZERO,
        };
        let sum = text_of(Visible::Number(current.plus(amount)));
        self.put_element(key, kind, field, &sum).map(drop)
    }

    fn check_keeps_types(&self, key: &[u8]) -> Result<(), Error> {
        let merge = self.merge_of(key);
        if merge.keeps_types() {
            return Ok(());
        }
        Err(Error::caller(format!(
            "table '{}' merges by {}, which is for strings: keep hashes, sets and sorted sets in a table with merge=typed or lww",
            String::from_utf8_lossy(table_of(key)),
            merge.name()
        )))
    }

    fn check_key(&self, key: &[u8]) -> Result<(), Error> {
        check("key", key.len(), self.bounds.key_bytes_max)
    }

    fn prepare_element(&mut self, key: &[u8], kind: Kind, field: &[u8]) -> Result<Cell, Error> {
        self.check_key(key)?;
        check("field or member", field.len(), self.bounds.field_bytes_max)?;
        let stored = self.prepare(key)?;
        match stored.head.kind() {
            Some(other) if other != kind => Err(Error::WrongType),
            Some(_) => Ok(self.view().element_unchecked(key, kind, field)?.unwrap_or_default()),
            None => Ok(Cell::default()),
        }
    }

    fn added(&self, kind: Kind, cell: &Cell, amount: Number) -> Result<Added, Error> {
        let (before_seq, before) = cell.running(self.stamp.dot.replica);
        let after = before.plus(amount);
        if let (Number::Int(b), Number::Int(a), Number::Int(by)) = (before, after, amount)
            && b.checked_add(by) != Some(a)
        {
            return Err(Error::caller("increment or decrement would overflow"));
        }
        // The running total can leave the floats although the value, with others' increments, does not.
        match after {
            Number::Float(total) if total.is_nan() => {
                return Err(Error::caller("resulting score is not a number (NaN)"));
            }
            Number::Float(total) if total.is_infinite() && kind != Kind::Sorted => {
                return Err(Error::caller("increment would produce NaN or Infinity"));
            }
            _ => {}
        }
        Ok(Added { before_seq, before, after })
    }

    fn emit_delete(&mut self, key: &[u8]) -> Result<(), Error> {
        let mut resets = Vec::new();
        self.collect_resets(key, &mut resets)?;
        self.emit(Op::Delete { key: Bytes::copy_from_slice(key), resets })
    }

    /// All increments that stand under a key, expired or not.
    fn collect_resets(&self, key: &[u8], resets: &mut Vec<ElementReset>) -> Result<(), Error> {
        let always = View::new(self.rows, 0, 0);
        let Some(head) = always.stored_head(key)? else { return Ok(()) };
        push_resets(resets, &Address::string(Bytes::copy_from_slice(key)), head.string.resets());
        for kind in [Kind::Hash, Kind::Sorted] {
            if head.length(kind) > 0 {
                self.collect_element_resets(key, kind, resets)?;
            }
        }
        Ok(())
    }

    fn collect_element_resets(&self, key: &[u8], kind: Kind, resets: &mut Vec<ElementReset>) -> Result<(), Error> {
        View::new(self.rows, 0, 0).each_stored_element(key, kind, &mut |field, cell| {
            if !cell.counts.is_empty() {
                push_resets(resets, &address(key, kind, field), cell.resets());
            }
        })
    }

    /// Like [`Txn::emit`] for an op on a string whose head was just read.
    fn emit_on(&mut self, stored: StoredHead, op: Op) -> Result<(), Error> {
        stored.apply(self.rows, &self.stamp, &op)?;
        // Most entries have one op, and those of one that has more are moved only once for that.
        if self.ops.is_empty() {
            self.ops.reserve_exact(1);
        }
        self.ops.push(op);
        Ok(())
    }

    fn emit(&mut self, op: Op) -> Result<(), Error> {
        apply_op(self.rows, &self.stamp, &op)?;
        self.ops.push(op);
        Ok(())
    }
}

/// What a plain write of a string replaces.
enum Replaced {
    All,
    These(Over),
}

struct Over {
    dots: Vec<Dot>,
    loses: bool,
}

fn replaced_by(merge: &Merge, head: &Head, key: &[u8], value: &[u8]) -> Result<Replaced, Error> {
    if matches!(merge, Merge::Typed | Merge::Lww) {
        return Ok(Replaced::All);
    }
    let refused = |why| Error::caller(format!("table '{}': {why}", String::from_utf8_lossy(table_of(key))));
    merge.check_value(value).map_err(refused)?;
    let siblings = &head.string.siblings;
    let Some(merged) = merge.of(siblings) else { return Ok(Replaced::All) };
    Ok(match merge {
        // The writer was shown the latest one; the others wait for somebody who was shown them too.
        Merge::Siblings if siblings.len() > 1 => {
            Replaced::These(Over { dots: vec![siblings[merged.winner].dot], loses: false })
        }
        // A value that does not beat the standing one takes the place of those that lost before it.
        Merge::Max | Merge::Min if value != merged.value && !merge.beats(value, &merged.value) => {
            let beaten = siblings.iter().enumerate().filter(|(at, _)| *at != merged.winner);
            Replaced::These(Over { dots: beaten.map(|(_, sibling)| sibling.dot).collect(), loses: true })
        }
        _ => Replaced::All,
    })
}

fn push_resets(resets: &mut Vec<ElementReset>, at: &Address, of_cell: Vec<Reset>) {
    resets.extend(of_cell.into_iter().map(|reset| ElementReset { at: at.clone(), reset }));
}

fn address(key: &[u8], kind: Kind, field: &[u8]) -> Address {
    Address { key: Bytes::copy_from_slice(key), kind, field: Bytes::copy_from_slice(field) }
}

fn check(what: &'static str, bytes: usize, max: usize) -> Result<(), Error> {
    if bytes > max { Err(Error::TooLarge { what, bytes, max }) } else { Ok(()) }
}
