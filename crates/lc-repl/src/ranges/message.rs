//! What is said when records travel. Drawn in `docs/formats/ranges.md`.

use bytes::Bytes;
use lc_core::wire::{Malformed, Reader, put_bytes, put_varint};
use lc_core::{Hlc, Span, VersionVector};

/// A message about records. Any of them may be lost, doubled or late.
#[derive(Clone, PartialEq, Debug)]
pub enum RangeMessage {
    /// Please send records.
    Ask(RangeAsk),
    /// Records, or why there are none.
    Answer {
        /// The asker's name for the question.
        id: u64,
        /// The answer.
        answer: RangeAnswer,
    },
    /// Please send sums of digests.
    SumsAsk(SumsAsk),
    /// Sums of digests.
    Sums(Sums),
}

/// A question for records.
#[derive(Clone, PartialEq, Debug)]
pub struct RangeAsk {
    /// The asker's name for it.
    pub id: u64,
    /// Only records of this table; empty: of every table that both may have.
    pub table: Bytes,
    /// What fingerprints were made with.
    pub salt: u64,
    /// What the sender must have applied, so that what it sends can replace what the asker has.
    pub at_least: VersionVector,
    /// About how many bytes of records fit an answer.
    pub bytes_max: u32,
    /// The stretches, in order; and fingerprints of the cells that the asker has in each.
    pub spans: Vec<(Span, Bytes)>,
}

/// An answer to [`RangeAsk`].
#[derive(Clone, PartialEq, Debug)]
pub enum RangeAnswer {
    /// Records.
    Rows(RangeRows),
    /// The sender has not applied enough, only this.
    Behind {
        /// What it has applied.
        applied: VersionVector,
        /// It is catching up itself.
        catching_up: bool,
    },
    /// It does not serve now: too many ask, or it is not well.
    Busy,
}

/// Records of the first stretches that were asked for.
#[derive(Clone, PartialEq, Debug)]
pub struct RangeRows {
    /// What the sender had applied.
    pub vector: VersionVector,
    /// The latest stamp that it has seen.
    pub hlc: Hlc,
    /// How many of the stretches are here as a whole.
    pub whole: u32,
    /// The next one is here up to this place; empty: nothing of it.
    pub cut: Bytes,
    /// The records.
    pub rows: Bytes,
}

/// A question for sums.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SumsAsk {
    /// Only records of this table; empty: of every table that both may have.
    pub table: Bytes,
    /// Names the comparison, and is what digests are made with: both sides look at all records once for it.
    pub salt: u64,
    /// How many bits the smallest stretches have in common.
    pub bits: u8,
    /// How many the stretches in question have in common.
    pub depth: u8,
    /// Into 2^this parts each of them is cut.
    pub fan: u8,
    /// The first bits of the stretches in question, ascending.
    pub prefixes: Vec<u32>,
}

/// The answer to [`SumsAsk`].
#[derive(Clone, PartialEq, Debug)]
pub struct Sums {
    /// Of the question.
    pub salt: u64,
    /// Of the question.
    pub depth: u8,
    /// Of the question.
    pub fan: u8,
    /// Of the question: the first stretch.
    pub first: u32,
    /// What the sender had applied when it began to look; `None`: it has not looked yet, or not any more.
    pub vector: Option<VersionVector>,
    /// Part by part.
    pub sums: Bytes,
}

impl RangeMessage {
    /// Appends its bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            RangeMessage::Ask(ask) => ask.encode(out),
            RangeMessage::Answer { id, answer } => answer.encode(*id, out),
            RangeMessage::SumsAsk(ask) => ask.encode(out),
            RangeMessage::Sums(sums) => sums.encode(out),
        }
    }

    /// Its bytes.
    pub fn to_bytes(&self) -> Bytes {
        let mut out = Vec::new();
        self.encode(&mut out);
        out.into()
    }

    /// Reads what [`RangeMessage::encode`] wrote; every bound is checked, nothing may be left over.
    pub fn decode(bytes: Bytes) -> Result<RangeMessage, Malformed> {
        let mut reader = Reader::new(bytes);
        let message = match reader.byte("range message")? {
            ASK => RangeMessage::Ask(RangeAsk::decode(&mut reader)?),
            tag @ (ROWS | BEHIND | BUSY) => {
                let id = reader.varint("question")?;
                RangeMessage::Answer { id, answer: RangeAnswer::decode(tag, &mut reader)? }
            }
            SUMS_ASK => RangeMessage::SumsAsk(SumsAsk::decode(&mut reader)?),
            SUMS => RangeMessage::Sums(Sums::decode(&mut reader)?),
            _ => return Err(Malformed::Unknown("range message")),
        };
        reader.end("range message")?;
        Ok(message)
    }
}

impl RangeAsk {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(ASK);
        put_varint(out, self.id);
        put_bytes(out, &self.table);
        out.extend_from_slice(&self.salt.to_le_bytes());
        self.at_least.encode(out);
        put_varint(out, u64::from(self.bytes_max));
        put_varint(out, self.spans.len() as u64);
        for (span, known) in &self.spans {
            span.encode(out);
            put_bytes(out, known);
        }
    }

    fn decode(reader: &mut Reader) -> Result<RangeAsk, Malformed> {
        let id = reader.varint("question")?;
        let table = reader.bytes(TABLE_BYTES_MAX, "table")?;
        let salt = reader.fixed_u64("salt")?;
        let at_least = VersionVector::decode(reader)?;
        let bytes_max = reader.bounded(ANSWER_BYTES_MAX, "bytes of an answer")? as u32;
        let count = reader.bounded(SPANS_MAX as u64, "stretches")?;
        let mut spans = Vec::new();
        for _ in 0..count {
            let span = Span::decode(reader, POSITION_BYTES_MAX)?;
            spans.push((span, reader.bytes(KNOWN_BYTES_MAX, "fingerprints")?));
        }
        Ok(RangeAsk { id, table, salt, at_least, bytes_max, spans })
    }
}

impl RangeAnswer {
    fn encode(&self, id: u64, out: &mut Vec<u8>) {
        out.push(match self {
            RangeAnswer::Rows(_) => ROWS,
            RangeAnswer::Behind { .. } => BEHIND,
            RangeAnswer::Busy => BUSY,
        });
        put_varint(out, id);
        match self {
            RangeAnswer::Rows(rows) => {
                out.reserve(rows.rows.len() + rows.cut.len() + ROWS_HEAD_BYTES);
                rows.vector.encode(out);
                out.extend_from_slice(&rows.hlc.0.to_le_bytes());
                put_varint(out, u64::from(rows.whole));
                put_bytes(out, &rows.cut);
                put_bytes(out, &rows.rows);
            }
            RangeAnswer::Behind { applied, catching_up } => {
                applied.encode(out);
                out.push(u8::from(*catching_up));
            }
            RangeAnswer::Busy => {}
        }
    }

    fn decode(tag: u8, reader: &mut Reader) -> Result<RangeAnswer, Malformed> {
        match tag {
            BEHIND => Ok(RangeAnswer::Behind {
                applied: VersionVector::decode(reader)?,
                catching_up: reader.bounded(1, "catching up")? == 1,
            }),
            ROWS => Ok(RangeAnswer::Rows(RangeRows {
                vector: VersionVector::decode(reader)?,
                hlc: Hlc(reader.fixed_u64("hlc")?),
                whole: reader.bounded(SPANS_MAX as u64, "stretches")? as u32,
                cut: reader.bytes(POSITION_BYTES_MAX, "place")?,
                rows: reader.bytes(reader.remaining(), "records")?,
            })),
            _ => Ok(RangeAnswer::Busy),
        }
    }
}

impl SumsAsk {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(SUMS_ASK);
        put_bytes(out, &self.table);
        out.extend_from_slice(&self.salt.to_le_bytes());
        out.extend_from_slice(&[self.bits, self.depth, self.fan]);
        put_varint(out, self.prefixes.len() as u64);
        // Neighbours are near, so the way to the next takes a byte or two.
        let mut last = 0;
        for &prefix in &self.prefixes {
            put_varint(out, u64::from(prefix.wrapping_sub(last)));
            last = prefix;
        }
    }

    fn decode(reader: &mut Reader) -> Result<SumsAsk, Malformed> {
        let table = reader.bytes(TABLE_BYTES_MAX, "table")?;
        let salt = reader.fixed_u64("salt")?;
        let bits = reader.byte("bits")?;
        let depth = reader.byte("depth")?;
        let fan = reader.byte("fan")?;
        let fits = bits <= crate::ranges::SumTree::BITS_MAX && depth <= bits && fan <= bits - depth;
        let count = reader.bounded(SUMS_MAX as u64, "stretches")?;
        if !fits || count << fan > SUMS_MAX as u64 {
            return Err(Malformed::OutOfBounds("sums"));
        }
        let (mut prefixes, mut last) = (Vec::new(), 0u64);
        for at in 0..count {
            let step = reader.bounded(u64::from(u32::MAX), "stretch")?;
            last += step;
            if last >> depth > 0 || at > 0 && step == 0 {
                return Err(Malformed::OutOfBounds("stretch"));
            }
            prefixes.push(last as u32);
        }
        Ok(SumsAsk { table, salt, bits, depth, fan, prefixes })
    }
}

impl Sums {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(SUMS);
        out.extend_from_slice(&self.salt.to_le_bytes());
        out.extend_from_slice(&[self.depth, self.fan]);
        put_varint(out, u64::from(self.first));
        match &self.vector {
            None => out.push(0),
            Some(vector) => {
                out.push(1);
                vector.encode(out);
                put_bytes(out, &self.sums);
            }
        }
    }

    fn decode(reader: &mut Reader) -> Result<Sums, Malformed> {
        let salt = reader.fixed_u64("salt")?;
        let (depth, fan) = (reader.byte("depth")?, reader.byte("fan")?);
        let first = reader.bounded(u64::from(u32::MAX), "stretch")? as u32;
        if reader.bounded(1, "sums")? == 0 {
            return Ok(Sums { salt, depth, fan, first, vector: None, sums: Bytes::new() });
        }
        let vector = Some(VersionVector::decode(reader)?);
        let sums = reader.bytes(SUMS_MAX * crate::ranges::SUM_BYTES, "sums")?;
        Ok(Sums { salt, depth, fan, first, vector, sums })
    }
}

const ASK: u8 = 1;
const ROWS: u8 = 2;
const BEHIND: u8 = 3;
const BUSY: u8 = 4;
const SUMS_ASK: u8 = 5;
const SUMS: u8 = 6;
/// Largest answer that may be asked for, bytes of records; one cell may be larger.
const ANSWER_BYTES_MAX: u64 = 4 << 20;
/// A table's name, which is a part of a key.
const TABLE_BYTES_MAX: usize = lc_core::limits::KEY_BYTES_MAX;
/// What stands around the records of an answer, about.
const ROWS_HEAD_BYTES: usize = 256;
/// Stretches in one question.
pub(crate) const SPANS_MAX: usize = 256;
/// Twice the longest key, the longest field, and a few bytes.
const POSITION_BYTES_MAX: usize = 2 * lc_core::limits::KEY_BYTES_MAX + lc_core::limits::FIELD_BYTES_MAX + 16;
/// Fingerprints for one stretch.
const KNOWN_BYTES_MAX: usize = 1 << 16;
/// Sums in one answer.
pub(crate) const SUMS_MAX: usize = 4096;
