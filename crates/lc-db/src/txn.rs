//! Changing records: every change is an op of one entry, applied at once so that later reads see it.

use bytes::Bytes;
use lc_core::limits::{FIELD_BYTES_MAX, KEY_BYTES_MAX, VALUE_BYTES_MAX};
use lc_crdt::{Added, Address, Cell, ElementReset, Head, Kind, Number, Op, Reset, Rows, Stamp, apply_op};

use crate::{Error, View};

/// One entry being decided. If it fails its owner restores the rows, so a command is all or nothing.
pub struct Txn<'a> {
    rows: &'a mut dyn Rows,
    stamp: Stamp<'a>,
    now_ms: u64,
    seed: u64,
    ops: Vec<Op>,
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
        Txn { rows, stamp, now_ms, seed, ops: Vec::new() }
    }

    /// The records, with this entry's earlier ops applied.
    pub fn view(&self) -> View<'_> {
        View::new(self.rows, self.now_ms, self.seed.wrapping_add(self.ops.len() as u64))
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

    /// Sets a string, whatever the key held before.
    pub fn set_string(&mut self, key: &[u8], value: &[u8], expiry: Expiry) -> Result<(), Error> {
        check("value", value.len(), VALUE_BYTES_MAX)?;
        let head = self.prepare(key)?.unwrap_or_default();
        let expires_ms = match expiry {
            Expiry::Keep => head.expires_ms(),
            Expiry::Never => None,
            Expiry::At(ms) => Some(ms),
        };
        if head.lengths != [0; 3] {
            self.delete(key)?;
        }
        // What a deletion above removed may be named again: removing twice is removing once.
        let resets = head.string.resets();
        let at = Address::string(Bytes::copy_from_slice(key));
        self.emit(Op::Put { at, value: Bytes::copy_from_slice(value), expires_ms, resets })
    }

    /// Adds to a string counter. The caller has checked that the value is a number and the sum in range.
    pub fn add_string(&mut self, key: &[u8], amount: Number) -> Result<(), Error> {
        let head = self.prepare(key)?.unwrap_or_default();
        self.add(Address::string(Bytes::copy_from_slice(key)), &head.string, amount)
    }

    /// Sets a hash field, adds a set member (empty value) or sets a score (8 bytes, see [`Txn::set_score`]).
    pub fn put_element(&mut self, key: &[u8], kind: Kind, field: &[u8], value: &[u8]) -> Result<(), Error> {
        check("value", value.len(), VALUE_BYTES_MAX)?;
        let cell = self.prepare_element(key, kind, field)?;
        let at = address(key, kind, field);
        self.emit(Op::Put { at, value: Bytes::copy_from_slice(value), expires_ms: None, resets: cell.resets() })
    }

    /// Sets the score of a sorted-set member.
    pub fn set_score(&mut self, key: &[u8], member: &[u8], score: f64) -> Result<(), Error> {
        self.put_element(key, Kind::Sorted, member, &score.to_bits().to_le_bytes())
    }

    /// Adds to a hash field or a score. The caller has checked the value.
    pub fn add_element(&mut self, key: &[u8], kind: Kind, field: &[u8], amount: Number) -> Result<(), Error> {
        let cell = self.prepare_element(key, kind, field)?;
        self.add(address(key, kind, field), &cell, amount)
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

    /// Refuses what is too large, and removes what has expired under the same name: a write must not revive it.
    fn prepare(&mut self, key: &[u8]) -> Result<Option<Head>, Error> {
        check("key", key.len(), KEY_BYTES_MAX)?;
        let stored = self.view().stored_head(key)?;
        if stored.as_ref().is_some_and(|head| head.exists() && head.expired(self.now_ms)) {
            self.emit_delete(key)?;
            return Ok(None);
        }
        Ok(stored)
    }

    fn prepare_element(&mut self, key: &[u8], kind: Kind, field: &[u8]) -> Result<Cell, Error> {
        check("field or member", field.len(), FIELD_BYTES_MAX)?;
        match self.prepare(key)? {
            Some(head) if head.kind().is_some_and(|other| other != kind) => Err(Error::WrongType),
            Some(_) => Ok(self.view().element_unchecked(key, kind, field)?.unwrap_or_default()),
            None => Ok(Cell::default()),
        }
    }

    fn add(&mut self, at: Address, cell: &Cell, amount: Number) -> Result<(), Error> {
        let (before_seq, before) = cell.running(self.stamp.dot.replica);
        let after = before.plus(amount);
        if let (Number::Int(b), Number::Int(a), Number::Int(by)) = (before, after, amount) && b.checked_add(by) != Some(a) {
            return Err(Error::caller("increment or decrement would overflow"));
        }
        self.emit(Op::Add { at, added: Added { before_seq, before, after } })
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

    fn emit(&mut self, op: Op) -> Result<(), Error> {
        apply_op(self.rows, &self.stamp, &op)?;
        self.ops.push(op);
        Ok(())
    }
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
