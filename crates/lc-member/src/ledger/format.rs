//! The bytes of the ledger's rows, `docs/formats/ledger.md`.

use bytes::Bytes;
use lc_core::wire::{Malformed, Reader, put_bytes, put_varint};
use lc_core::{Dot, Hlc, ReplicaId, limits};
use lc_crdt::{Address, Digest, Kind};

use super::loss::{Cursor, KeptValue, LossId, LossRecord, RULE_BYTES_MAX, gap_ms};

/// The row of a loss.
pub(super) fn loss_row(number: u64) -> Bytes {
    let mut row = LOSS.to_vec();
    row.extend_from_slice(&number.to_be_bytes());
    Bytes::from(row)
}

/// The number of a loss row.
pub(super) fn number_of(row: &[u8]) -> Result<u64, Malformed> {
    let number = row.strip_prefix(LOSS).and_then(|rest| rest.try_into().ok());
    number.map(u64::from_be_bytes).ok_or(Malformed::Unknown("row of a loss"))
}

/// Where loss rows end.
pub(super) fn loss_rows_end() -> &'static [u8] {
    LOSS_END
}

/// The row that puts a loss among those of its table.
pub(super) fn order_row(table: &str, number: u64) -> Bytes {
    let mut row = with_table(ORDER, table);
    row.extend_from_slice(&number.to_be_bytes());
    Bytes::from(row)
}

/// All order rows, table by table.
pub(super) fn order_span() -> (&'static [u8], &'static [u8]) {
    (ORDER, ORDER_END)
}

/// The row that finds a loss by its name.
pub(super) fn id_row(id: LossId) -> Bytes {
    let mut row = ID.to_vec();
    put_id(&mut row, id);
    Bytes::from(row)
}

/// The row that counts what was evicted of a table.
pub(super) fn evictions_row(table: &str) -> Bytes {
    Bytes::from(with_table(EVICTIONS, table))
}

/// All evictions rows.
pub(super) fn evictions_span() -> (&'static [u8], &'static [u8]) {
    (EVICTIONS, EVICTIONS_END)
}

/// A hash of a cell's address, the same at every replica. Long enough that two cells of one write have different ones.
pub(super) fn address_digest(at: &Address) -> u128 {
    let mut bytes = Vec::with_capacity(at.key.len() + at.field.len() + 8);
    put_address(&mut bytes, at.kind, &at.key, &at.field);
    let mut digest = Digest::default();
    digest.replace(b"", None, Some(&bytes));
    digest.0
}

/// What an order row says of a loss.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Held {
    pub number: u64,
    pub noted: Hlc,
    pub id: LossId,
    /// The loser's value is not whole.
    pub cut: bool,
    pub bytes: u64,
}

impl Held {
    pub(super) fn of(record: &LossRecord) -> Held {
        Held {
            number: record.cursor.0,
            noted: record.noted_hlc,
            id: record.id,
            cut: record.loser.value.is_none(),
            bytes: record.bytes(),
        }
    }

    pub(super) fn encode(&self) -> Bytes {
        let mut out = vec![VERSION];
        out.extend_from_slice(&self.noted.0.to_le_bytes());
        put_id(&mut out, self.id);
        out.push(u8::from(self.cut));
        put_varint(&mut out, self.bytes);
        Bytes::from(out)
    }

    /// Reads an order row; gives the table too.
    pub(super) fn decode(key: Bytes, value: Bytes) -> Result<(String, Held), Malformed> {
        let mut place = Reader::new(key.slice(key.len().min(ORDER.len())..));
        let table = table(&mut place)?;
        let number = fixed_be(&mut place, "number of a loss")?;
        if number > COUNT_MAX {
            return Err(Malformed::OutOfBounds("number of a loss"));
        }
        place.end("order row")?;
        let mut reader = versioned(value)?;
        let held = Held {
            number,
            noted: Hlc(reader.fixed_u64("noted")?),
            id: take_id(&mut reader)?,
            cut: reader.bounded(1, "flags of a loss")? == 1,
            bytes: reader.bounded(LOSS_BYTES_MAX, "bytes of a loss")?,
        };
        reader.end("order row")?;
        Ok((table, held))
    }
}

/// What an id row says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Index {
    pub number: u64,
    pub digest: u128,
}

impl Index {
    pub(super) fn encode(&self) -> Bytes {
        let mut out = vec![VERSION];
        put_varint(&mut out, self.number);
        out.extend_from_slice(&self.digest.to_le_bytes());
        Bytes::from(out)
    }

    pub(super) fn decode(value: Bytes) -> Result<Index, Malformed> {
        let mut reader = versioned(value)?;
        let number = reader.varint("number of a loss")?;
        let digest = reader.take(16, "digest of an address")?;
        reader.end("id row")?;
        let digest = digest.as_ref().try_into().expect("take() gave sixteen bytes");
        Ok(Index { number, digest: u128::from_le_bytes(digest) })
    }
}

/// What an evictions row says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Evictions {
    /// Losses evicted.
    pub losses: u64,
    /// Those of them whose value was not whole.
    pub cut: u64,
    /// The newest number when the last was evicted: it must not be given again when its own rows are gone.
    pub last: u64,
}

impl Evictions {
    pub(super) fn encode(&self) -> Bytes {
        let mut out = vec![VERSION];
        put_varint(&mut out, self.losses);
        put_varint(&mut out, self.cut);
        put_varint(&mut out, self.last);
        Bytes::from(out)
    }

    /// Reads an evictions row; gives the table too.
    pub(super) fn decode(key: Bytes, value: Bytes) -> Result<(String, Evictions), Malformed> {
        let mut place = Reader::new(key.slice(key.len().min(EVICTIONS.len())..));
        let table = table(&mut place)?;
        place.end("evictions row")?;
        let mut reader = versioned(value)?;
        let losses = reader.bounded(COUNT_MAX, "evicted losses")?;
        let cut = reader.bounded(losses, "evicted losses")?;
        let last = reader.bounded(COUNT_MAX, "number of a loss")?;
        reader.end("evictions row")?;
        Ok((table, Evictions { losses, cut, last }))
    }
}

impl LossRecord {
    /// The bytes of a loss row.
    pub(super) fn encode(&self) -> Bytes {
        let mut out = Vec::with_capacity(self.bytes() as usize);
        out.push(VERSION);
        put_id(&mut out, self.id);
        out.extend_from_slice(&self.noted_hlc.0.to_le_bytes());
        put_bytes(&mut out, self.table.as_bytes());
        put_bytes(&mut out, self.rule.as_bytes());
        put_address(&mut out, self.kind, &self.key, &self.field);
        put_kept(&mut out, &self.loser);
        put_kept(&mut out, &self.winner);
        Bytes::from(out)
    }

    /// Reads what [`LossRecord::encode`] wrote; every bound is checked, nothing may be left over.
    pub(super) fn decode(number: u64, value: Bytes) -> Result<LossRecord, Malformed> {
        let mut reader = versioned(value)?;
        let id = take_id(&mut reader)?;
        let noted_hlc = Hlc(reader.fixed_u64("noted")?);
        let table = table(&mut reader)?;
        let rule = text(&mut reader, RULE_BYTES_MAX, "rule")?;
        let kind = Kind::from_tag(reader.byte("kind")?)?;
        let key = reader.bytes(limits::KEY_BYTES_MAX, "key")?;
        let field = reader.bytes(limits::FIELD_BYTES_MAX, "field")?;
        let loser = take_kept(&mut reader)?;
        let winner = take_kept(&mut reader)?;
        reader.end("loss")?;
        if loser.dot != id.dot {
            return Err(ROWS_DISAGREE);
        }
        let clock_gap_ms = gap_ms(loser.hlc, winner.hlc);
        let cursor = Cursor(number);
        Ok(LossRecord { id, cursor, table, key, kind, field, loser, winner, rule, clock_gap_ms, noted_hlc })
    }
}

fn put_kept(out: &mut Vec<u8>, kept: &KeptValue) {
    put_varint(out, u64::from(kept.dot.replica.0));
    put_varint(out, kept.dot.seq);
    out.extend_from_slice(&kept.hlc.0.to_le_bytes());
    out.push(u8::from(kept.expires_ms.is_some()));
    if let Some(ms) = kept.expires_ms {
        put_varint(out, ms);
    }
    put_varint(out, kept.value_bytes as u64);
    put_bytes(out, &kept.shown);
}

fn take_kept(reader: &mut Reader) -> Result<KeptValue, Malformed> {
    let replica = ReplicaId(reader.bounded(u64::from(u16::MAX), "replica")? as u16);
    let dot = Dot::new(replica, reader.varint("sequence")?);
    let hlc = Hlc(reader.fixed_u64("hlc")?);
    let has_expiry = reader.bounded(1, "flags of a value")? == 1;
    let expires_ms = if has_expiry { Some(reader.varint("expiry")?) } else { None };
    let value_bytes = reader.bounded(limits::VALUE_BYTES_MAX as u64, "length of a value")? as usize;
    let shown = reader.bytes(value_bytes, "value")?;
    let value = (shown.len() == value_bytes).then(|| shown.clone());
    Ok(KeptValue { dot, hlc, value, shown, value_bytes, expires_ms })
}

fn put_address(out: &mut Vec<u8>, kind: Kind, key: &[u8], field: &[u8]) {
    out.push(kind as u8);
    put_bytes(out, key);
    put_bytes(out, field);
}

fn put_id(out: &mut Vec<u8>, id: LossId) {
    out.extend_from_slice(&id.dot.replica.0.to_be_bytes());
    out.extend_from_slice(&id.dot.seq.to_be_bytes());
    out.extend_from_slice(&id.address.to_be_bytes());
}

fn take_id(reader: &mut Reader) -> Result<LossId, Malformed> {
    let replica = reader.take(2, "id of a loss")?;
    let replica = ReplicaId(u16::from_be_bytes(replica.as_ref().try_into().expect("take() gave two bytes")));
    let seq = fixed_be(reader, "id of a loss")?;
    let address = reader.take(4, "id of a loss")?;
    let address = u32::from_be_bytes(address.as_ref().try_into().expect("take() gave four bytes"));
    Ok(LossId { dot: Dot::new(replica, seq), address })
}

fn with_table(prefix: &[u8], table: &str) -> Vec<u8> {
    let mut row = Vec::with_capacity(prefix.len() + table.len() + 10);
    row.extend_from_slice(prefix);
    put_bytes(&mut row, table.as_bytes());
    row
}

/// A table's name is the beginning of keys, so it is no longer than they are.
fn table(reader: &mut Reader) -> Result<String, Malformed> {
    text(reader, limits::KEY_BYTES_MAX, "table")
}

fn text(reader: &mut Reader, bytes_max: usize, what: &'static str) -> Result<String, Malformed> {
    let bytes = reader.bytes(bytes_max, what)?;
    String::from_utf8(bytes.into()).map_err(|_| Malformed::Unknown(what))
}

fn fixed_be(reader: &mut Reader, what: &'static str) -> Result<u64, Malformed> {
    let bytes = reader.take(8, what)?;
    Ok(u64::from_be_bytes(bytes.as_ref().try_into().expect("take() gave eight bytes")))
}

fn versioned(value: Bytes) -> Result<Reader, Malformed> {
    let mut reader = Reader::new(value);
    reader.version(VERSION, "ledger row version")?;
    Ok(reader)
}

/// One row says there is a loss, and another says something else.
pub(super) const ROWS_DISAGREE: Malformed = Malformed::Unknown("loss; its rows do not belong together");

const VERSION: u8 = 1;
const EVICTIONS: &[u8] = b"le";
const EVICTIONS_END: &[u8] = b"lf";
const ID: &[u8] = b"li";
const LOSS: &[u8] = b"ln";
const LOSS_END: &[u8] = b"lo";
const ORDER: &[u8] = b"lo";
const ORDER_END: &[u8] = b"lp";
/// More than any loss can have: two values, a key, a field, a table's name twice, and the rest.
const LOSS_BYTES_MAX: u64 = 32 << 20;
/// More than can ever be counted, and small enough that sums do not overflow.
const COUNT_MAX: u64 = 1 << 60;
