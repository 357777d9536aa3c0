//! Every entry in a journal is, byte for byte, the one that its origin decided.

use lc_crdt::{Entry, Op};
use xxhash_rust::xxh3::xxh3_128;

use crate::history::History;
use crate::region::Region;
use crate::report::Violation;

pub(crate) fn check(regions: &[Region], history: &History) -> Vec<Violation> {
    regions.iter().flat_map(|region| check_one(region, history)).collect()
}

pub(crate) fn check_one(region: &Region, history: &History) -> Vec<Violation> {
    if region.member.is_none() {
        return Vec::new();
    }
    let violation = |what: String| Violation { checker: "unaltered", what: format!("{}: {what}", region.node) };
    let entries = match region.entries() {
        Ok(entries) => entries,
        // A disk that failed has said so.
        Err(_) if region.failures() > region.failures_at_start => return Vec::new(),
        Err(error) => return vec![violation(error.to_string())],
    };
    let mut bytes = Vec::new();
    let mut altered = |entry: &Entry| {
        bytes.clear();
        entry.encode(&mut bytes);
        let is = xxh3_128(&bytes);
        history.decided.get(&entry.dot).is_none_or(|decided| *decided != is)
    };
    let whole = entries.iter().filter(|entry| !entry.ops.iter().any(is_left_out));
    let altered = whole.filter(|entry| altered(entry));
    altered.map(|entry| violation(format!("{} is not what was decided: {entry:?}", entry.dot))).collect()
}

/// An op that stands for others which a region is not to have.
fn is_left_out(op: &Op) -> bool {
    op.key().is_none() && !matches!(op, Op::Clear { .. })
}
