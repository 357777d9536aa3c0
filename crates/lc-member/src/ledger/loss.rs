//! One loss: as it happened, and as the ledger keeps it.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use lc_core::{Dot, Hlc, ReplicaId};
use lc_crdt::{Address, Kind, Sibling};

/// A write that lost to another which did not know of it.
#[derive(Clone, Copy, Debug)]
pub struct Loss<'a> {
    /// The table whose rule decided.
    pub table: &'a str,
    /// The cell.
    pub at: &'a Address,
    /// What readers do not see.
    pub loser: &'a Sibling,
    /// What they see instead, or what leads it if it was put together.
    pub winner: &'a Sibling,
    /// `lww`, `max`, `min`, `union`, `json` or `collapse`; at most [`RULE_BYTES_MAX`] bytes.
    pub rule: &'static str,
}

/// Names a loss: which write, and a hash of the cell. Every region gives the same name to the same loss.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LossId {
    /// The write that lost.
    pub dot: Dot,
    /// 32 bits of the hash of the cell's address.
    pub address: u32,
}

impl fmt::Display for LossId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{:08x}", self.dot.replica.0, self.dot.seq, self.address)
    }
}

/// A text that names no loss.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not the id of a conflict; it looks like 3-1042-9f3a77c1")]
pub struct NotALossId;

impl FromStr for LossId {
    type Err = NotALossId;

    /// Takes only what `to_string` gives, so that a loss has one name.
    fn from_str(text: &str) -> Result<LossId, NotALossId> {
        let mut parts = text.split('-');
        let mut next = || parts.next().ok_or(NotALossId);
        let replica = next()?.parse().map_err(|_| NotALossId)?;
        let seq = next()?.parse().map_err(|_| NotALossId)?;
        let address = u32::from_str_radix(next()?, 16).map_err(|_| NotALossId)?;
        let id = LossId { dot: Dot::new(ReplicaId(replica), seq), address };
        if id.to_string() == text { Ok(id) } else { Err(NotALossId) }
    }
}

/// A place in one node's ledger; means nothing to another node's.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Cursor(pub(super) u64);

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A text that is no cursor.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a cursor of the conflict ledger; it is a number that a listing gave")]
pub struct NotACursor;

impl FromStr for Cursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Cursor, NotACursor> {
        let number = text.parse().map_err(|_| NotACursor)?;
        let cursor = Cursor(number);
        // The largest number would have none after it.
        if number < u64::MAX && cursor.to_string() == text { Ok(cursor) } else { Err(NotACursor) }
    }
}

/// A value as the ledger keeps it, and the write it came from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeptValue {
    /// The write.
    pub dot: Dot,
    /// When it was decided.
    pub hlc: Hlc,
    /// All of it, if it was kept whole; 8 bytes for a score, empty for a set member.
    pub value: Option<Bytes>,
    /// What was kept: all of it, or its beginning. To be shown, not put back.
    pub shown: Bytes,
    /// How many bytes it had.
    pub value_bytes: usize,
    /// When the key was to end according to this write, Unix ms; `None`: never. Strings only.
    pub expires_ms: Option<u64>,
}

impl KeptValue {
    fn of(sibling: &Sibling) -> KeptValue {
        KeptValue {
            dot: sibling.dot,
            hlc: sibling.hlc,
            value: Some(sibling.value.clone()),
            shown: sibling.value.clone(),
            value_bytes: sibling.value.len(),
            expires_ms: sibling.expires_ms,
        }
    }

    fn cut_to(&mut self, bytes: usize) {
        if bytes < self.value_bytes {
            self.value = None;
            self.shown.truncate(bytes);
        }
    }
}

/// A loss in the ledger.
#[derive(Clone, PartialEq, Debug)]
pub struct LossRecord {
    /// Its name.
    pub id: LossId,
    /// To list what was noted after it.
    pub cursor: Cursor,
    /// The table whose rule decided.
    pub table: String,
    /// The key.
    pub key: Bytes,
    /// Which type of the key.
    pub kind: Kind,
    /// Field or member; empty for a string.
    pub field: Bytes,
    /// What lost. Whole, so that it can be put back, unless the table's bound has no room for it.
    pub loser: KeptValue,
    /// What it lost to when this node noticed; its first [`PREVIEW_BYTES_MAX`] bytes. Regions that learn of three or
    /// more concurrent writes in different orders may name different winners here.
    pub winner: KeptValue,
    /// The rule that decided.
    pub rule: String,
    /// How much later the winner's clock was, ms; negative if a rule other than time decided.
    pub clock_gap_ms: i64,
    /// When this node noted it: not before either write, nor before a loss that it noted earlier.
    pub noted_hlc: Hlc,
}

impl LossRecord {
    /// A loss with all of both values.
    pub(super) fn new(id: LossId, cursor: Cursor, noted_hlc: Hlc, loss: &Loss<'_>) -> LossRecord {
        assert!(loss.rule.len() <= RULE_BYTES_MAX, "rules have short names");
        LossRecord {
            id,
            cursor,
            table: loss.table.to_owned(),
            key: loss.at.key.clone(),
            kind: loss.at.kind,
            field: loss.at.field.clone(),
            loser: KeptValue::of(loss.loser),
            winner: KeptValue::of(loss.winner),
            rule: loss.rule.to_owned(),
            clock_gap_ms: gap_ms(loss.loser.hlc, loss.winner.hlc),
            noted_hlc,
        }
    }

    /// What it counts towards a table's bound: the bytes of its texts, and a round number for the rest of its rows.
    pub fn bytes(&self) -> u64 {
        self.bytes_without_values() + (self.loser.shown.len() + self.winner.shown.len()) as u64
    }

    /// The most of it that is worth keeping and fits `bytes_max`; nothing if not even its names do.
    pub(super) fn within(mut self, bytes_max: u64) -> Option<LossRecord> {
        let whole = self.loser.value_bytes;
        let previews = (whole.min(PREVIEW_BYTES_MAX), self.winner.value_bytes.min(PREVIEW_BYTES_MAX));
        // The loser's value is the promise, the winner's is for whoever reads the list.
        let choices = [(whole, previews.1), (whole, 0), previews, (0, 0)];
        let room = bytes_max.checked_sub(self.bytes_without_values())?;
        let (loser, winner) = choices.into_iter().find(|(loser, winner)| (loser + winner) as u64 <= room)?;
        self.loser.cut_to(loser);
        self.winner.cut_to(winner);
        Some(self)
    }

    fn bytes_without_values(&self) -> u64 {
        // The table's name stands in two of the rows.
        (ROWS_BYTES + 2 * self.table.len() + self.key.len() + self.field.len()) as u64
    }
}

/// How much later `winner` is than `loser`, ms.
pub(super) fn gap_ms(loser: Hlc, winner: Hlc) -> i64 {
    // Milliseconds have 48 bits.
    winner.ms() as i64 - loser.ms() as i64
}

/// Longest name of a rule.
pub const RULE_BYTES_MAX: usize = 32;
/// What is kept of a winner's value, and of a loser's that is too large to be kept whole.
pub const PREVIEW_BYTES_MAX: usize = 4 * 1024;
/// What the rows of a loss hold beside its texts, rule included: at most 239 bytes, mostly about 150.
const ROWS_BYTES: usize = 240;
