//! Writes that lost: noted as they lose, listed, put back; and what a change of a table's rule would make lose.

use bytes::Bytes;
use lc_crdt::{Head, Kind, Rows, head_of, head_span};
use lc_db::{Expiry, Reply};
use lc_journal::Position;

use super::Member;
use crate::Error;
use crate::ledger::{Bounds, Filter, Ledger, Loss, LossId, LossRecord, Noted, Page, Totals};
use crate::records::Records;

/// What a table's keys hold that one value could not.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Collapse {
    /// Keys with several values or with increments beside their value.
    pub keys: u64,
    /// Values of these keys that would lose.
    pub values: u64,
    /// Replicas' increments that would become part of a plain value.
    pub increments: u64,
    /// Hashes, sets and sorted sets, which a rule for strings cannot hold.
    pub collections: u64,
}

/// A stretch of a table that was looked at.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Conflicts {
    /// What was found.
    pub found: Collapse,
    /// Keys that [`Member::collapse`] would change.
    pub keys: Vec<Bytes>,
    /// Where to go on; `None` at the end.
    pub next: Option<Vec<u8>>,
}

impl Member {
    /// Losing writes, oldest first.
    pub fn conflicts(&self, filter: &Filter<'_>) -> Result<Page, Error> {
        self.ledger.list(&self.records.table, filter)
    }

    /// One losing write.
    pub fn conflict(&self, id: LossId) -> Result<Option<LossRecord>, Error> {
        self.ledger.get(&self.records.table, id)
    }

    /// What the ledger holds, by table.
    pub fn conflict_totals(&self) -> Vec<(String, Totals)> {
        self.ledger.totals()
    }

    /// Writes a value that lost once more, as a new write over what stands now.
    pub fn restore_conflict(
        &mut self,
        wall_ms: u64,
        seed: u64,
        id: LossId,
    ) -> (Result<Reply, lc_db::Error>, Option<Position>) {
        let record = match self.conflict(id) {
            Ok(Some(record)) => record,
            Ok(None) => {
                return (
                    Err(lc_db::Error::caller(format!("no conflict {id}: it may have been let go by age or size"))),
                    None,
                );
            }
            Err(error) => return (Err(lc_db::Error::Unavailable(error.to_string())), None),
        };
        let Some(value) = record.loser.value.clone() else {
            return (Err(lc_db::Error::caller(format!("the value of conflict {id} was too large to be kept"))), None);
        };
        self.write(wall_ms, seed, &mut |txn| {
            match record.kind {
                Kind::String => txn.set_string(&record.key, &value, Expiry::Keep)?,
                kind => drop(txn.put_element(&record.key, kind, &record.field, &value)?),
            }
            Ok(Reply::OK)
        })
    }

    /// Looks at up to `limit` keys of a table, from `from` on, for what a rule for one value would make lose.
    pub fn collapsible(&self, table: &str, from: Option<&[u8]>, limit: usize) -> Result<Conflicts, Error> {
        let (start, end) = head_span(0);
        let (mut looked, mut outcome, mut bad) = (0, Conflicts::default(), None);
        self.records.scan(from.unwrap_or(&start), &end, &mut |row, bytes| {
            if looked == limit {
                outcome.next = Some(row.to_vec());
                return false;
            }
            looked += 1;
            let key = head_of(row);
            if self.belongs(key, table) {
                match Head::decode(bytes.clone()) {
                    Ok(head) => outcome.look_at(key, &head),
                    Err(malformed) => bad = Some(malformed),
                }
            }
            bad.is_none()
        })?;
        match bad {
            Some(source) => Err(Error::Malformed { what: "head row", source }),
            None => Ok(outcome),
        }
    }

    /// By its name, so that a table can be looked at before it is declared.
    pub(super) fn belongs(&self, key: &[u8], table: &str) -> bool {
        match table {
            lc_policy::DEFAULT_TABLE => self.tables.of_key(key).name == table,
            _ => lc_policy::table_of(key) == table.as_bytes(),
        }
    }

    /// Makes one value of what these keys hold, as one write.
    pub fn collapse(
        &mut self,
        wall_ms: u64,
        seed: u64,
        keys: &[Bytes],
    ) -> (Result<Reply, lc_db::Error>, Option<Position>) {
        self.write(wall_ms, seed, &mut |txn| {
            let mut collapsed = 0;
            for key in keys {
                collapsed += i64::from(txn.collapse(key)?);
            }
            Ok(Reply::Int(collapsed))
        })
    }

    /// Writes what has just lost into the ledger, beside the rows that changed.
    pub(super) fn note_conflicts(&mut self) {
        if self.records.lost.is_empty() {
            return;
        }
        match note_lost(&mut self.records, &self.settings.region, &mut self.ledger) {
            Ok(new) => self.counters.conflicts += new,
            // The ledger is a record of what was, and no reason to stop.
            Err(_) if self.rot_was_met() => {}
            Err(error) => self.health.fail(format!("conflict ledger: {error}")),
        }
    }

    /// Lets go of what is older than its table keeps.
    pub(super) fn forget_old_conflicts(&mut self, wall_ms: u64) {
        if wall_ms.saturating_sub(self.evicted_ms) < EVICT_EVERY_MS && wall_ms >= self.evicted_ms {
            return;
        }
        self.evicted_ms = wall_ms;
        let (tables, region) = (self.tables.clone(), self.settings.region.clone());
        if let Err(error) =
            self.ledger.evict(&mut self.records.table, wall_ms, &|table| bounds(&tables, &region, table))
            && !self.rot_was_met()
        {
            self.health.fail(format!("conflict ledger: {error}"));
        }
    }
}

impl Conflicts {
    fn look_at(&mut self, key: &[u8], head: &Head) {
        let (values, increments) = (head.string.siblings.len(), head.string.counts.len());
        self.found.collections += u64::from(head.lengths != [0; 3]);
        if values > 1 || increments > 0 {
            self.found.keys += 1;
            self.found.values += values.saturating_sub(1) as u64;
            self.found.increments += increments as u64;
            self.keys.push(Bytes::copy_from_slice(key));
        }
    }
}

/// Takes what has just lost into the ledger; gives how many were new.
pub(super) fn note_lost(records: &mut Records, region: &str, ledger: &mut Ledger) -> Result<u64, Error> {
    let mut new = 0;
    for lost in std::mem::take(&mut records.lost) {
        let bounds = bounds(&records.tables, region, &lost.table);
        let loss = Loss { table: &lost.table, at: &lost.at, loser: &lost.loser, winner: &lost.winner, rule: lost.rule };
        new += u64::from(ledger.note(&mut records.table, &loss, bounds)? == Noted::New);
    }
    Ok(new)
}

/// A region that must not have a table keeps none of what it lost.
fn bounds(tables: &lc_policy::Tables, region: &str, table: &str) -> Bounds {
    let table = tables.named(table).unwrap_or_else(|| tables.of_key(b""));
    if !table.is_held_in(region) {
        return Bounds { bytes_max: 0, age_max_ms: 0 };
    }
    let policy = &table.policy;
    Bounds { bytes_max: policy.ledger_bytes_max, age_max_ms: policy.ledger_age_max_s.saturating_mul(1000) }
}

const EVICT_EVERY_MS: u64 = 1000;
