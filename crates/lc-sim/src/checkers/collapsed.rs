//! A collapsed key has one value in every region, and every value that it lost by that is in every region's ledger.

use std::collections::BTreeSet;

use bytes::Bytes;
use lc_core::Dot;
use lc_crdt::{Head, head_row};
use lc_member::ledger::Filter;

use crate::history::History;
use crate::region::Region;
use crate::report::Violation;

pub(crate) fn check(regions: &[Region], history: &History) -> Vec<Violation> {
    regions.iter().flat_map(|region| check_one(region, history)).collect()
}

fn check_one(region: &Region, history: &History) -> Vec<Violation> {
    let Some(member) = region.member.as_ref().filter(|_| !history.collapsed.is_empty()) else { return Vec::new() };
    let mut wrong = Vec::new();
    let mut heads = std::collections::BTreeMap::new();
    let rows: BTreeSet<Vec<u8>> = history.collapsed.keys().map(|key| head_row(key)).collect();
    let visited = member.each_row(&mut |row, bytes| {
        if rows.contains(row) {
            heads.insert(row.to_vec(), bytes.clone());
        }
    });
    wrong.extend(visited.err().map(|error| error.to_string()));
    let ledger = match losses(member) {
        Ok(ledger) => ledger,
        Err(error) => {
            wrong.push(error.to_string());
            BTreeSet::new()
        }
    };
    for (key, losers) in &history.collapsed {
        let head = heads.get(&head_row(key)).cloned().map(Head::decode);
        let values = match head {
            Some(Ok(head)) => head.string.siblings.len(),
            _ => 0,
        };
        if values != 1 {
            wrong.push(format!("{key:?} was collapsed and has {values} values"));
        }
        let missing = losers.iter().filter(|dot| !ledger.contains(&(key.clone(), **dot)));
        wrong.extend(missing.map(|dot| format!("{dot} lost {key:?} by a collapse and is not in the ledger")));
    }
    wrong.into_iter().map(|what| Violation { checker: "collapsed", what: format!("{}: {what}", region.node) }).collect()
}

fn losses(member: &lc_member::Member) -> Result<BTreeSet<(Bytes, Dot)>, lc_member::Error> {
    let (mut losses, mut after) = (BTreeSet::new(), None);
    loop {
        let page = member.conflicts(&Filter { table: None, after, limit: 500 })?;
        losses.extend(page.losses.into_iter().map(|record| (record.key, record.loser.dot)));
        after = Some(page.next);
        if !page.more {
            return Ok(losses);
        }
    }
}
