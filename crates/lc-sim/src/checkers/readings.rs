//! Equal rows are read alike: every region shows every key the same way, by whatever rule its table has.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use lc_crdt::{RowKind, head_of};
use lc_db::Reply;

use crate::history::History;
use crate::region::{EPOCH_MS, Region};
use crate::report::Violation;

pub(crate) fn check(regions: &[Region], _history: &History) -> Vec<Violation> {
    let shown: Vec<_> = regions.iter().filter_map(|region| Some((region.node, shown(region)?))).collect();
    let mut wrong = BTreeSet::new();
    for pair in shown.windows(2) {
        let ((one, left), (other, right)) = (&pair[0], &pair[1]);
        let keys: BTreeSet<&Bytes> = left.keys().chain(right.keys()).collect();
        for key in keys.into_iter().filter(|&key| left.get(key) != right.get(key)) {
            wrong.insert(format!("{key:?} is {:?} at {one} and {:?} at {other}", left.get(key), right.get(key)));
        }
    }
    wrong.into_iter().map(|what| Violation { checker: "readings", what }).collect()
}

/// What `GET` and `SIBLINGS` show of every key; at a time when nothing has ended yet, so that clocks do not matter.
fn shown(region: &Region) -> Option<BTreeMap<Bytes, (Reply, Reply)>> {
    let member = region.member.as_ref()?;
    let mut keys = Vec::new();
    member
        .each_row(&mut |row, _| {
            if RowKind::of(row) == RowKind::Head {
                keys.push(Bytes::copy_from_slice(head_of(row)));
            }
        })
        .ok()?;
    let ask = |command: &'static [u8], key: &Bytes| -> Reply {
        let words = [command, key];
        member.read(EPOCH_MS, 1, &[key], &mut |view| lc_db::read_command(&words, view)).0.into()
    };
    Some(keys.into_iter().map(|key| (key.clone(), (ask(b"GET", &key), ask(b"SIBLINGS", &key)))).collect())
}
