//! Values whose stamp lies ahead of the time: found, and written anew with a stamp of now.
//!
//! Such a value was written by a node whose clock ran ahead. Whoever writes to its key after seeing it replaces it, whatever its
//! stamp; but it wins over everything that is written elsewhere without seeing it, until the time has reached its stamp.

use bytes::Bytes;
use lc_core::{Dot, Hlc, HlcClock};
use lc_crdt::{Address, Cell, Head, Kind, RowKind, Rows, element_of, element_prefix, head_of, head_row, key_of_row};
use lc_db::Reply;
use lc_journal::Position;

use super::Member;
use crate::Error;

/// A value that wins by a stamp that lies ahead.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AheadStamp {
    /// Where it stands.
    pub at: Address,
    /// Its stamp.
    pub hlc: Hlc,
    /// The write.
    pub dot: Dot,
}

/// What was found in a stretch of the records.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AheadStamps {
    /// In the order of the rows.
    pub found: Vec<AheadStamp>,
    /// The row to go on from; `None` at the end.
    pub next: Option<Vec<u8>>,
}

impl Member {
    /// Looks at up to `rows_max` rows, from `from` on, for up to `found_max` values whose stamp is later than `than`; of one
    /// table, if one is named. Fields and members come before strings.
    pub fn stamps_ahead(
        &self,
        than: Hlc,
        table: Option<&str>,
        from: Option<&[u8]>,
        (rows_max, found_max): (usize, usize),
    ) -> Result<AheadStamps, Error> {
        let mut page = AheadStamps::default();
        let (mut looked, mut outcome) = (0, Ok(()));
        self.records.scan(from.unwrap_or(FIRST_ROW), LAST_ROW, &mut |row, bytes| {
            if looked >= rows_max || page.found.len() >= found_max {
                page.next = Some(row.to_vec());
                return false;
            }
            looked += 1;
            let key = key_of_row(row).filter(|key| table.is_none_or(|table| self.belongs(key, table)));
            if key.is_some() {
                outcome =
                    winner_of(row, bytes).map(|winner| page.found.extend(winner.filter(|found| found.hlc > than)));
            }
            outcome.is_ok()
        })?;
        outcome.map(|()| page)
    }

    /// The same of one key: up to `max` of its values.
    pub fn stamps_ahead_of(&self, than: Hlc, key: &[u8], max: usize) -> Result<Vec<AheadStamp>, Error> {
        let head = head_row(key);
        let ahead = |found: &AheadStamp| found.hlc > than;
        let mut found: Vec<AheadStamp> = match self.records.get(&head)? {
            Some(bytes) => winner_of(&head, &bytes)?.filter(ahead).into_iter().collect(),
            None => return Ok(Vec::new()),
        };
        let mut outcome = Ok(());
        for kind in Kind::COLLECTIONS {
            let from = element_prefix(key, kind);
            let mut to = from.clone();
            to.extend_from_slice(&[0xff; 5]);
            self.records.scan(&from, &to, &mut |row, bytes| {
                outcome = winner_of(row, bytes).map(|winner| found.extend(winner.filter(ahead)));
                outcome.is_ok() && found.len() < max
            })?;
        }
        outcome.map(|()| found)
    }

    /// Writes values as they are seen once more, as one entry that is stamped by this node's clock, even where later stamps
    /// are known here: what it replaces it names, so it needs none to come after it. Gives how many there were.
    pub fn rewrite_stamps(
        &mut self,
        wall_ms: u64,
        seed: u64,
        at: &[Address],
    ) -> (Result<Reply, lc_db::Error>, Option<Position>) {
        let decided = self.decide_stamped(HlcClock::of_wall, wall_ms, seed, &mut |txn| {
            let mut rewritten = 0;
            for at in at {
                match txn.rewrite(at) {
                    Ok(done) => rewritten += i64::from(done),
                    // It is hidden by a value of another type, and shows itself again if that is removed.
                    Err(lc_db::Error::WrongType) => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(Reply::Int(rewritten))
        });
        match decided {
            Ok((reply, end)) => (Ok(reply), end),
            Err(error) => (Err(error), None),
        }
    }

    /// The time as most nodes see it, if this one's clock, which shows `wall_ms`, is apart from theirs; `wall_ms` otherwise.
    pub fn right_ms(&self, wall_ms: u64) -> u64 {
        self.clocks.right(wall_ms)
    }

    /// The highest stamp given or seen; the next ordinary write's is later.
    pub fn hlc(&self) -> Hlc {
        self.clock.last()
    }
}

/// The value that wins by its stamp in a row of a head or an element.
fn winner_of(row: &[u8], bytes: &Bytes) -> Result<Option<AheadStamp>, Error> {
    let malformed = |what| move |source| Error::Malformed { what, source };
    let (at, cell) = match RowKind::of(row) {
        RowKind::Head => {
            let head = Head::decode(bytes.clone()).map_err(malformed("head row"))?;
            (Address::string(Bytes::copy_from_slice(head_of(row))), head.string)
        }
        RowKind::Element => {
            let Some(at) = element_at(row) else { return Ok(None) };
            (at, Cell::decode(bytes.clone()).map_err(malformed("element row"))?)
        }
        RowKind::Index | RowKind::Other => return Ok(None),
    };
    Ok(cell.winner().map(|latest| AheadStamp { at, hlc: latest.hlc, dot: latest.dot }))
}

fn element_at(row: &[u8]) -> Option<Address> {
    let key = key_of_row(row)?;
    let prefixes = Kind::COLLECTIONS.into_iter().map(|kind| (kind, element_prefix(key, kind)));
    let (kind, prefix) = prefixes.into_iter().find(|(_, prefix)| row.starts_with(prefix))?;
    let field = Bytes::copy_from_slice(element_of(row, prefix.len()).1);
    Some(Address { key: Bytes::copy_from_slice(key), kind, field })
}

/// Elements and heads, and what stands between them.
const FIRST_ROW: &[u8] = b"e";
const LAST_ROW: &[u8] = b"i";
