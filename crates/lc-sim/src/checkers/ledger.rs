//! Each region's conflict ledger holds exactly the writes that lost there, by a replay of its journal that shares no
//! code with applying: values that stand at once in a cell are compared by the table's rule.
//!
//! Of a table whose rule changed, regions learn at different times, so there it is only checked that what is in the
//! ledger stood beside what it is said to have lost to.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use lc_core::{Dot, Hlc};
use lc_crdt::{Address, Entry, Kind, Merge, Op, Sibling};
use lc_member::ledger::{Filter, LossId, LossRecord};
use lc_policy::{Tables, table_of};

use crate::history::History;
use crate::region::Region;
use crate::report::Violation;

type Cell = (Bytes, Kind, Bytes);

pub(crate) fn check(regions: &[Region], history: &History) -> Vec<Violation> {
    let mut wrong = BTreeSet::new();
    let mut names: BTreeMap<(Dot, Cell), LossId> = BTreeMap::new();
    for region in regions {
        let Some(member) = &region.member else { continue };
        let records = match records(member) {
            Ok(records) => records,
            Err(error) => {
                wrong.insert(format!("{}: {error}", region.node));
                continue;
            }
        };
        for record in &records {
            if names.insert((record.loser.dot, cell_of(record)), record.id).is_some_and(|other| other != record.id) {
                wrong.insert(format!("{} calls a loss {} that has another name elsewhere", region.node, record.id));
            }
        }
        // What lost while a region was away, and came as records that had lost it already, is told by the others.
        if region.filled {
            continue;
        }
        let entries = region.entries().unwrap_or_default();
        let replay = Replay::of(&entries, &region.tables, &history.merge_changed);
        wrong.extend(replay.compare(&records).into_iter().map(|what| format!("{}: {what}", region.node)));
    }
    wrong.into_iter().map(|what| Violation { checker: "ledger", what }).collect()
}

fn records(member: &lc_member::Member) -> Result<Vec<LossRecord>, lc_member::Error> {
    let (mut records, mut after) = (Vec::new(), None);
    loop {
        let page = member.conflicts(&Filter { table: None, after, limit: 500 })?;
        records.extend(page.losses);
        after = Some(page.next);
        if !page.more {
            return Ok(records);
        }
    }
}

fn cell_of(record: &LossRecord) -> Cell {
    (record.key.clone(), record.kind, record.field.clone())
}

/// A journal, entry by entry.
struct Replay<'a> {
    tables: &'a Tables,
    merge_changed: &'a BTreeSet<String>,
    standing: BTreeMap<Cell, Vec<Sibling>>,
    /// Writes that stood at once.
    met: BTreeMap<Cell, BTreeSet<(Dot, Dot)>>,
    /// Writes that one op replaced or removed together, without naming them.
    gone_together: BTreeSet<(Dot, Dot)>,
    lost: BTreeSet<(Dot, Cell)>,
}

impl<'a> Replay<'a> {
    fn of(entries: &[Entry], tables: &'a Tables, merge_changed: &'a BTreeSet<String>) -> Replay<'a> {
        let mut replay = Replay {
            tables,
            merge_changed,
            standing: BTreeMap::new(),
            met: BTreeMap::new(),
            gone_together: BTreeSet::new(),
            lost: BTreeSet::new(),
        };
        for entry in entries {
            entry.ops.iter().for_each(|op| replay.follow(entry, op));
        }
        replay
    }

    fn follow(&mut self, entry: &Entry, op: &Op) {
        let saw = |dot: Dot| dot == entry.dot || entry.stamp().saw(dot);
        match op {
            Op::Put { at, value, .. } | Op::Collapse { at, value, .. } => self.change(entry, at, Some(value), &saw),
            // A region that goes on from records shows more than a write on several keys may claim to have seen: what is
            // named beyond that stays.
            Op::PutOver { at, value, over, .. } => self.change(entry, at, Some(value), &|dot| {
                dot == entry.dot || over.contains(&dot) && entry.stamp().saw(dot)
            }),
            Op::Remove { at, .. } => self.change(entry, at, None, &saw),
            Op::Delete { key, .. } => self.remove(entry, &saw, &|cell| cell.0 == *key),
            Op::Clear { .. } => self.remove(entry, &saw, &|_| true),
            Op::Add { .. } | Op::Expire { .. } | Op::Withheld { .. } => {}
        }
    }

    fn remove(&mut self, entry: &Entry, saw: &dyn Fn(Dot) -> bool, of: &dyn Fn(&Cell) -> bool) {
        let cells: Vec<Cell> = self.standing.keys().filter(|cell| of(cell)).cloned().collect();
        for (key, kind, field) in cells {
            self.change(entry, &Address { key, kind, field }, None, saw);
        }
    }

    fn change(&mut self, entry: &Entry, at: &Address, value: Option<&Bytes>, gone: &dyn Fn(Dot) -> bool) {
        let cell = (at.key.clone(), at.kind, at.field.clone());
        let before = self.standing.remove(&cell).unwrap_or_default();
        let (removed, mut standing): (Vec<_>, Vec<_>) = before.into_iter().partition(|sibling| gone(sibling.dot));
        let pairs = removed.iter().flat_map(|one| removed.iter().map(|other| (one.dot, other.dot)));
        self.gone_together.extend(pairs);
        standing.extend(value.map(|value| standing_now(entry.dot, entry.hlc, value)));
        self.meet(&cell, &standing);
        if !standing.is_empty() {
            self.standing.insert(cell, standing);
        }
    }

    fn meet(&mut self, cell: &Cell, standing: &[Sibling]) {
        if standing.len() < 2 {
            return;
        }
        for one in standing {
            let pairs = standing.iter().map(|other| (one.dot, other.dot));
            self.met.entry(cell.clone()).or_default().extend(pairs);
        }
        if self.is_exact(&cell.0) {
            let losers = losers(self.merge(cell), standing);
            self.lost.extend(losers.into_iter().map(|dot| (dot, cell.clone())));
        }
    }

    fn is_exact(&self, key: &[u8]) -> bool {
        !self.merge_changed.contains(&*String::from_utf8_lossy(table_of(key)))
    }

    /// Elements of collections are last-writer-wins, and so are strings of typed tables.
    fn merge(&self, cell: &Cell) -> &'a Merge {
        match &self.tables.of_key(&cell.0).policy.merge {
            merge if cell.1 == Kind::String && *merge != Merge::Typed => merge,
            _ => &Merge::Lww,
        }
    }

    fn compare(&self, records: &[LossRecord]) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut found = BTreeSet::new();
        for record in records {
            let cell = cell_of(record);
            let met = self.met.get(&cell).is_some_and(|met| met.contains(&(record.loser.dot, record.winner.dot)));
            if !met {
                let (loser, winner) = (record.loser.dot, record.winner.dot);
                wrong.push(format!(
                    "the ledger says that {loser} lost {cell:?} to {winner}, beside which it never stood"
                ));
            }
            // Of several values that go together all but one lost, even if one that stays is the same as theirs.
            if record.rule == "collapse" && self.gone_together.contains(&(record.loser.dot, record.winner.dot)) {
                continue;
            }
            let rule = self.merge(&cell).name();
            if self.is_exact(&cell.0) && record.rule != rule {
                wrong.push(format!("{} lost {cell:?} by {rule}, the ledger says by {}", record.loser.dot, record.rule));
            }
            found.insert((record.loser.dot, cell));
        }
        for (dot, cell) in found.iter().filter(|(_, cell)| self.is_exact(&cell.0)) {
            if !self.lost.contains(&(*dot, cell.clone())) {
                wrong.push(format!("the ledger has {dot} of {cell:?}, which did not lose"));
            }
        }
        let missing =
            self.lost.difference(&found).map(|(dot, cell)| format!("{dot} lost {cell:?} and is not in the ledger"));
        wrong.extend(missing);
        wrong
    }
}

fn standing_now(dot: Dot, hlc: Hlc, value: &Bytes) -> Sibling {
    Sibling { dot, hlc, value: value.clone(), expires_ms: None, expiry_replaced: false }
}

/// Which of the values that stand at once a reader is not shown, by definition. Only what becomes of documents is asked
/// of the rule itself, which has tests of its own.
fn losers(merge: &Merge, standing: &[Sibling]) -> Vec<Dot> {
    let by_time = |sibling: &&Sibling| (sibling.hlc, sibling.dot);
    let number =
        |sibling: &&Sibling| std::str::from_utf8(&sibling.value).ok().and_then(|text| text.parse::<i64>().ok());
    let shown = match merge {
        Merge::Siblings | Merge::Union => return Vec::new(),
        Merge::Json(_) => {
            let merged = merge.of(standing);
            return merged.into_iter().flat_map(|merged| merged.losers).map(|at| standing[at].dot).collect();
        }
        Merge::Typed | Merge::Lww => standing.iter().max_by_key(by_time),
        Merge::Max => standing.iter().max_by_key(|sibling| (number(sibling), by_time(sibling))),
        Merge::Min => standing.iter().max_by_key(|sibling| (number(sibling).map(|number| -number), by_time(sibling))),
    };
    let Some(shown) = shown else { return Vec::new() };
    standing.iter().filter(|sibling| sibling.value != shown.value).map(|sibling| sibling.dot).collect()
}

#[cfg(test)]
mod tests {
    use super::{Replay, losers, standing_now};
    use bytes::Bytes;
    use lc_core::{Dot, Hlc, ReplicaId, VersionVector};
    use lc_crdt::{Address, Entry, Kind, Merge, Op};
    use lc_member::ledger::{Cursor, KeptValue, LossId, LossRecord};
    use lc_policy::Tables;
    use std::collections::BTreeSet;

    fn put(replica: u16, seq: u64, saw: &[(u16, u64)], value: &'static str) -> Entry {
        let at = Address::string(Bytes::from_static(b"k"));
        let deps: VersionVector = saw.iter().map(|&(replica, seq)| (ReplicaId(replica), seq)).collect();
        Entry {
            dot: Dot::new(ReplicaId(replica), seq),
            prev_seq: seq - 1,
            hlc: Hlc::from_ms(u64::from(replica)),
            deps,
            ops: vec![Op::Put {
                at,
                value: Bytes::from_static(value.as_bytes()),
                expires_ms: None,
                resets: Vec::new(),
            }],
        }
    }

    #[test]
    fn a_ledger_that_misses_a_loss_is_found() {
        let (tables, unchanged) = (Tables::default(), BTreeSet::new());
        let met = Replay::of(&[put(1, 1, &[], "a"), put(2, 1, &[], "b")], &tables, &unchanged);
        assert_eq!(met.compare(&[]).len(), 1);
        let replaced = Replay::of(&[put(1, 1, &[], "a"), put(2, 1, &[(1, 1)], "b")], &tables, &unchanged);
        assert_eq!(replaced.compare(&[]).len(), 0);
    }

    fn put_over(replica: u16, seq: u64, saw: &[(u16, u64)], value: &'static str, over: &[(u16, u64)]) -> Entry {
        let mut entry = put(replica, seq, saw, value);
        let over = over.iter().map(|&(replica, seq)| Dot::new(ReplicaId(replica), seq)).collect();
        let at = Address::string(Bytes::from_static(b"k"));
        entry.ops = vec![Op::PutOver { at, value: Bytes::from_static(value.as_bytes()), expires_ms: None, over }];
        entry
    }

    fn loss(loser: (u16, u64), winner: (u16, u64)) -> LossRecord {
        let kept = |(replica, seq): (u16, u64)| KeptValue {
            dot: Dot::new(ReplicaId(replica), seq),
            hlc: Hlc::from_ms(u64::from(replica)),
            value: None,
            shown: Bytes::new(),
            value_bytes: 1,
            expires_ms: None,
        };
        LossRecord {
            id: LossId { dot: kept(loser).dot, address: 0 },
            cursor: Cursor::default(),
            table: "default".to_owned(),
            key: Bytes::from_static(b"k"),
            kind: Kind::String,
            field: Bytes::new(),
            loser: kept(loser),
            winner: kept(winner),
            rule: "lww".to_owned(),
            clock_gap_ms: 0,
            noted_hlc: Hlc::from_ms(9),
        }
    }

    #[test]
    fn what_a_write_names_is_replaced_only_as_far_as_it_claims_to_have_seen_it() {
        let (tables, unchanged) = (Tables::default(), BTreeSet::new());
        let wrong = |saw: &[(u16, u64)], over: &[(u16, u64)], records: &[LossRecord]| {
            let entries = [put(1, 1, &[], "a"), put(1, 2, &[(1, 1)], "b"), put_over(2, 1, saw, "c", over)];
            Replay::of(&entries, &tables, &unchanged).compare(records).len()
        };
        // Named and seen: nothing stands beside it, so a loss is neither missed nor made up.
        assert_eq!(wrong(&[(1, 2)], &[(1, 2)], &[]), 0);
        assert_eq!(wrong(&[(1, 2)], &[(1, 2)], &[loss((1, 2), (2, 1))]), 2);
        // Named and not seen, or seen and not named: it stays and loses.
        for (saw, over) in [([(1, 1)].as_slice(), [(1, 2)].as_slice()), (&[(1, 2)], &[])] {
            assert_eq!(wrong(saw, over, &[]), 1);
            assert_eq!(wrong(saw, over, &[loss((1, 2), (2, 1))]), 0);
            assert_eq!(wrong(saw, over, &[loss((1, 2), (2, 1)), loss((1, 1), (2, 1))]), 2);
        }
    }

    #[test]
    fn who_loses_follows_from_the_rule() {
        let standing = |replica: u16, value: &'static str| {
            let value = Bytes::from_static(value.as_bytes());
            standing_now(Dot::new(ReplicaId(replica), 1), Hlc::from_ms(u64::from(replica)), &value)
        };
        let values = [standing(1, "20"), standing(2, "3"), standing(3, "9")];
        let of = |merge: &Merge| losers(merge, &values).iter().map(|dot| dot.replica.0).collect::<Vec<_>>();
        assert_eq!(of(&Merge::Lww), [1, 2]);
        assert_eq!(of(&Merge::Max), [2, 3]);
        assert_eq!(of(&Merge::Min), [1, 3]);
        assert_eq!(of(&Merge::Siblings), [0; 0]);
    }
}
