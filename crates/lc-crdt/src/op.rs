//! What a write does, as data: small, explicit, the same on every replica.

use bytes::Bytes;
use lc_core::wire::{Malformed, Reader, put_bytes, put_varint};
use lc_core::{Dot, ReplicaId, limits};

use crate::Number;

/// Which of a key's types a cell belongs to. The order is what a reader sees when a key has several at once.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Kind {
    /// A string or a counter: one cell, in the head row.
    String = 0,
    /// A field of a hash.
    Hash = 1,
    /// A member of a set; its value is empty.
    Set = 2,
    /// A member of a sorted set; its value is a score.
    Sorted = 3,
}

impl Kind {
    /// The kinds whose elements stand one per row.
    pub const COLLECTIONS: [Kind; 3] = [Kind::Hash, Kind::Set, Kind::Sorted];

    /// The kind of a tag.
    pub fn from_tag(tag: u8) -> Result<Kind, Malformed> {
        match tag {
            0 => Ok(Kind::String),
            1 => Ok(Kind::Hash),
            2 => Ok(Kind::Set),
            3 => Ok(Kind::Sorted),
            _ => Err(Malformed::Unknown("kind")),
        }
    }

    /// What Redis' `TYPE` calls it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::String => "string",
            Kind::Hash => "hash",
            Kind::Set => "set",
            Kind::Sorted => "zset",
        }
    }
}

/// Names a cell. A string's field is empty.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Address {
    /// The key.
    pub key: Bytes,
    /// Which type of the key.
    pub kind: Kind,
    /// Field or member.
    pub field: Bytes,
}

impl Address {
    /// The cell of a string key.
    pub fn string(key: Bytes) -> Address {
        Address { key, kind: Kind::String, field: Bytes::new() }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        put_bytes(out, &self.key);
        out.push(self.kind as u8);
        if self.kind != Kind::String {
            put_bytes(out, &self.field);
        }
    }

    fn decode(reader: &mut Reader) -> Result<Address, Malformed> {
        let key = reader.bytes(limits::KEY_BYTES_MAX, "key")?;
        let kind = Kind::from_tag(reader.byte("kind")?)?;
        let field = match kind {
            Kind::String => Bytes::new(),
            _ => reader.bytes(limits::FIELD_BYTES_MAX, "field")?,
        };
        Ok(Address { key, kind, field })
    }
}

/// What a write saw of one replica's increments, and therefore removes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Reset {
    /// Who incremented.
    pub replica: ReplicaId,
    /// Its latest increment that was seen.
    pub seq: u64,
    /// Its running total then.
    pub total: Number,
}

impl Reset {
    fn encode(&self, out: &mut Vec<u8>) {
        put_varint(out, u64::from(self.replica.0));
        put_varint(out, self.seq);
        self.total.encode(out);
    }

    fn decode(reader: &mut Reader) -> Result<Reset, Malformed> {
        let replica = ReplicaId(reader.bounded(u64::from(u16::MAX), "replica")? as u16);
        Ok(Reset { replica, seq: reader.varint("reset")?, total: Number::decode(reader)? })
    }
}

/// A reset of one cell among many, for ops that remove a whole key or everything.
#[derive(Clone, PartialEq, Debug)]
pub struct ElementReset {
    /// The cell.
    pub at: Address,
    /// What was seen of it.
    pub reset: Reset,
}

/// An increment, in the writer's running total.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Added {
    /// The writer's previous increment of this counter that still stands at the writer; 0 if none.
    pub before_seq: u64,
    /// Its running total before.
    pub before: Number,
    /// Its running total after.
    pub after: Number,
}

/// One change. Ops remove what their entry's dependencies cover and leave what it did not see.
#[derive(Clone, PartialEq, Debug)]
pub enum Op {
    /// Sets a cell's value. For a string it also chooses the expiry (`None`: never).
    Put {
        /// The cell.
        at: Address,
        /// The new value; 8 bytes for a score, empty for a set member.
        value: Bytes,
        /// When the key ends, Unix ms; strings only.
        expires_ms: Option<u64>,
        /// Increments that the value replaces.
        resets: Vec<Reset>,
    },
    /// Sets a string, replacing the writes that it names and no others: the writer decided by what it was shown, which
    /// may be less than what its replica had applied. Increments stay.
    PutOver {
        /// The cell; a string.
        at: Address,
        /// The new value.
        value: Bytes,
        /// When the key ends, Unix ms.
        expires_ms: Option<u64>,
        /// What it replaces.
        over: Vec<Dot>,
    },
    /// Sets a string to what readers were shown of its concurrent values, so that they become one. What it replaces has
    /// lost, whatever the table's rule is where it is applied.
    Collapse {
        /// The cell; a string.
        at: Address,
        /// The value that stays.
        value: Bytes,
        /// When the key ends, Unix ms.
        expires_ms: Option<u64>,
        /// Increments that the value replaces.
        resets: Vec<Reset>,
    },
    /// Adds to a counter: a string, a hash field or a score.
    Add {
        /// The cell.
        at: Address,
        /// By how much, as running totals.
        added: Added,
    },
    /// Removes an element of a collection.
    Remove {
        /// The cell; never a string.
        at: Address,
        /// Increments that go with it.
        resets: Vec<Reset>,
    },
    /// Removes everything of a key, its expiry too.
    Delete {
        /// The key.
        key: Bytes,
        /// Increments that go with it.
        resets: Vec<ElementReset>,
    },
    /// Sets when a key ends; `None`: never.
    Expire {
        /// The key.
        key: Bytes,
        /// Unix ms.
        at_ms: Option<u64>,
    },
    /// Removes everything of every key.
    Clear {
        /// Increments that go with it.
        resets: Vec<ElementReset>,
    },
    /// Stands for the ops on a table that whoever has this entry must not have. Changes nothing.
    Withheld {
        /// The table.
        table: Bytes,
        /// The catalogue's version that said so.
        version: u64,
    },
}

impl Op {
    /// The key that it touches; `None` for all, or none.
    pub fn key(&self) -> Option<&Bytes> {
        match self {
            Op::Put { at, .. }
            | Op::PutOver { at, .. }
            | Op::Collapse { at, .. }
            | Op::Add { at, .. }
            | Op::Remove { at, .. } => Some(&at.key),
            Op::Delete { key, .. } | Op::Expire { key, .. } => Some(key),
            Op::Clear { .. } | Op::Withheld { .. } => None,
        }
    }

    /// Appends its bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Op::Put { at, value, expires_ms, resets } => {
                // The plain case, no expiry and no resets, has a tag of its own: it is nearly every write.
                let plain = expires_ms.is_none() && resets.is_empty();
                out.push(if plain { TAG_PUT_PLAIN } else { TAG_PUT });
                at.encode(out);
                put_bytes(out, value);
                if !plain {
                    put_varint(out, expires_ms.map_or(0, |ms| ms + 1));
                    encode_resets(resets, out);
                }
            }
            Op::PutOver { at, value, expires_ms, over } => {
                out.push(TAG_PUT_OVER);
                put_bytes(out, &at.key);
                put_bytes(out, value);
                put_varint(out, expires_ms.map_or(0, |ms| ms + 1));
                encode_dots(over, out);
            }
            Op::Collapse { at, value, expires_ms, resets } => {
                out.push(TAG_COLLAPSE);
                put_bytes(out, &at.key);
                put_bytes(out, value);
                put_varint(out, expires_ms.map_or(0, |ms| ms + 1));
                encode_resets(resets, out);
            }
            Op::Withheld { table, version } => {
                out.push(TAG_WITHHELD);
                put_bytes(out, table);
                put_varint(out, *version);
            }
            Op::Add { at, added } => {
                out.push(TAG_ADD);
                at.encode(out);
                put_varint(out, added.before_seq);
                added.before.encode(out);
                added.after.encode(out);
            }
            Op::Remove { at, resets } => {
                out.push(TAG_REMOVE);
                at.encode(out);
                encode_resets(resets, out);
            }
            Op::Delete { key, resets } => {
                out.push(TAG_DELETE);
                put_bytes(out, key);
                encode_element_resets(resets, out);
            }
            Op::Expire { key, at_ms } => {
                out.push(TAG_EXPIRE);
                put_bytes(out, key);
                put_varint(out, at_ms.map_or(0, |ms| ms + 1));
            }
            Op::Clear { resets } => {
                out.push(TAG_CLEAR);
                encode_element_resets(resets, out);
            }
        }
    }

    /// Reads what [`Op::encode`] wrote.
    pub fn decode(reader: &mut Reader) -> Result<Op, Malformed> {
        match reader.byte("op tag")? {
            TAG_PUT_PLAIN => Op::decode_put(reader, true),
            TAG_PUT => Op::decode_put(reader, false),
            TAG_PUT_OVER => Ok(Op::PutOver {
                at: Address::string(reader.bytes(limits::KEY_BYTES_MAX, "key")?),
                value: reader.bytes(limits::VALUE_BYTES_MAX, "value")?,
                expires_ms: reader.varint("expiry")?.checked_sub(1),
                over: decode_dots(reader)?,
            }),
            TAG_COLLAPSE => Ok(Op::Collapse {
                at: Address::string(reader.bytes(limits::KEY_BYTES_MAX, "key")?),
                value: reader.bytes(limits::VALUE_BYTES_MAX, "value")?,
                expires_ms: reader.varint("expiry")?.checked_sub(1),
                resets: decode_resets(reader)?,
            }),
            TAG_WITHHELD => Ok(Op::Withheld {
                table: reader.bytes(limits::KEY_BYTES_MAX, "table")?,
                version: reader.varint("catalogue version")?,
            }),
            TAG_ADD => Ok(Op::Add {
                at: Address::decode(reader)?,
                added: Added {
                    before_seq: reader.varint("increment before")?,
                    before: Number::decode(reader)?,
                    after: Number::decode(reader)?,
                },
            }),
            TAG_REMOVE => Op::decode_remove(reader),
            TAG_DELETE => Ok(Op::Delete {
                key: reader.bytes(limits::KEY_BYTES_MAX, "key")?,
                resets: decode_element_resets(reader)?,
            }),
            TAG_EXPIRE => Ok(Op::Expire {
                key: reader.bytes(limits::KEY_BYTES_MAX, "key")?,
                at_ms: reader.varint("expiry")?.checked_sub(1),
            }),
            TAG_CLEAR => Ok(Op::Clear { resets: decode_element_resets(reader)? }),
            found => Err(Malformed::Version { what: "op tag", found, known: TAG_COLLAPSE }),
        }
    }

    fn decode_put(reader: &mut Reader, plain: bool) -> Result<Op, Malformed> {
        let at = Address::decode(reader)?;
        let value = reader.bytes(limits::VALUE_BYTES_MAX, "value")?;
        if at.kind == Kind::Sorted && value.len() != 8 {
            return Err(Malformed::OutOfBounds("score"));
        }
        let (expires_ms, resets) = match plain {
            true => (None, Vec::new()),
            false => (reader.varint("expiry")?.checked_sub(1), decode_resets(reader)?),
        };
        Ok(Op::Put { at, value, expires_ms, resets })
    }

    fn decode_remove(reader: &mut Reader) -> Result<Op, Malformed> {
        let at = Address::decode(reader)?;
        if at.kind == Kind::String {
            return Err(Malformed::OutOfBounds("kind of a removal"));
        }
        Ok(Op::Remove { at, resets: decode_resets(reader)? })
    }
}

const TAG_PUT_PLAIN: u8 = 1;
const TAG_PUT: u8 = 2;
const TAG_ADD: u8 = 3;
const TAG_REMOVE: u8 = 4;
const TAG_DELETE: u8 = 5;
const TAG_EXPIRE: u8 = 6;
const TAG_CLEAR: u8 = 7;
const TAG_PUT_OVER: u8 = 8;
const TAG_WITHHELD: u8 = 9;
const TAG_COLLAPSE: u8 = 10;

fn encode_dots(dots: &[Dot], out: &mut Vec<u8>) {
    put_varint(out, dots.len() as u64);
    for dot in dots {
        put_varint(out, u64::from(dot.replica.0));
        put_varint(out, dot.seq);
    }
}

fn decode_dots(reader: &mut Reader) -> Result<Vec<Dot>, Malformed> {
    let length = reader.bounded(limits::SIBLINGS_MAX as u64, "replaced writes")?;
    let mut dots = Vec::new();
    for _ in 0..length {
        let replica = ReplicaId(reader.bounded(u64::from(u16::MAX), "replica")? as u16);
        dots.push(Dot::new(replica, reader.varint("sequence")?));
    }
    Ok(dots)
}

fn encode_resets(resets: &[Reset], out: &mut Vec<u8>) {
    put_varint(out, resets.len() as u64);
    for reset in resets {
        reset.encode(out);
    }
}

fn decode_resets(reader: &mut Reader) -> Result<Vec<Reset>, Malformed> {
    let length = reader.bounded(limits::REPLICAS_MAX as u64, "resets")?;
    (0..length).map(|_| Reset::decode(reader)).collect()
}

fn encode_element_resets(resets: &[ElementReset], out: &mut Vec<u8>) {
    put_varint(out, resets.len() as u64);
    for element in resets {
        element.at.encode(out);
        element.reset.encode(out);
    }
}

fn decode_element_resets(reader: &mut Reader) -> Result<Vec<ElementReset>, Malformed> {
    // No allocation ahead of the bytes: a lying length runs into the end of the buffer.
    let length = reader.bounded(limits::ENTRY_BYTES_MAX as u64, "resets")?;
    let mut resets = Vec::new();
    for _ in 0..length {
        resets.push(ElementReset { at: Address::decode(reader)?, reset: Reset::decode(reader)? });
    }
    Ok(resets)
}
