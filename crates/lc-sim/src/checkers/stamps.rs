//! A write is stamped later than every write that it has seen, also where records stood for those.

use std::collections::BTreeMap;

use lc_core::{Dot, Hlc};
use lc_crdt::Entry;

use crate::history::History;
use crate::region::Region;
use crate::report::Violation;

pub(crate) fn check(regions: &[Region], _history: &History) -> Vec<Violation> {
    // Whoever cannot read its journal is told of by others.
    let entries = regions.iter().flat_map(|region| region.entries().unwrap_or_default());
    let entries: BTreeMap<Dot, Entry> = entries.map(|entry| (entry.dot, entry)).collect();
    let mut latest: BTreeMap<Dot, Hlc> = BTreeMap::new();
    for (&dot, entry) in &entries {
        let before = latest.last_key_value().filter(|(last, _)| last.replica == dot.replica);
        let stamp = before.map_or(entry.hlc, |(_, &stamp)| stamp.max(entry.hlc));
        latest.insert(dot, stamp);
    }
    entries.values().filter_map(|entry| too_early(entry, &latest)).collect()
}

/// `latest`: up to each entry of a replica its latest stamp.
fn too_early(entry: &Entry, latest: &BTreeMap<Dot, Hlc>) -> Option<Violation> {
    let own = (entry.dot.replica, entry.prev_seq);
    let (seen, stamp) = entry.deps.iter().chain([own]).find_map(|(replica, seq)| {
        let (dot, &stamp) = latest.range(Dot::new(replica, 0)..=Dot::new(replica, seq)).next_back()?;
        (stamp >= entry.hlc).then_some((*dot, stamp))
    })?;
    let what = format!("{} is stamped {:?}, but had seen {seen} of {stamp:?}", entry.dot, entry.hlc);
    Some(Violation { checker: "stamps", what })
}
