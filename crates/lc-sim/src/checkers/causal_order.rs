//! A member applies entries once each, an origin's in order, and none before what it depends on.

use lc_core::VersionVector;

use crate::history::History;
use crate::region::Region;
use crate::report::Violation;

pub(crate) fn check(regions: &[Region], _history: &History) -> Vec<Violation> {
    regions.iter().flat_map(check_one).collect()
}

fn check_one(region: &Region) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut report =
        |what: String| violations.push(Violation { checker: "causal order", what: format!("{}: {what}", region.node) });
    let entries = match region.entries() {
        Ok(entries) => entries,
        Err(error) => {
            report(error.to_string());
            return violations;
        }
    };
    let adopted = region.adopted();
    let mut applied = VersionVector::new();
    for entry in entries {
        let before = applied.get(entry.dot.replica);
        // Records may have stood for what is between the two.
        let skipped = entry.prev_seq > before && entry.prev_seq <= adopted.get(entry.dot.replica);
        if entry.prev_seq != before && !skipped {
            report(format!("{} follows {}, but {before} was applied", entry.dot, entry.prev_seq));
        }
        // While it goes on from records, a region knows more of some keys than it has applied, and writes claim that.
        let own = entry.dot.replica.node() == region.node;
        let unmet =
            entry.deps.iter().any(|(replica, seq)| seq > applied.get(replica).max(adopted.get(replica))) && !own;
        if unmet {
            report(format!("{} needs {}, but only {applied} was applied", entry.dot, entry.deps));
        }
        applied.raise(entry.dot.replica, entry.dot.seq);
    }
    violations
}
