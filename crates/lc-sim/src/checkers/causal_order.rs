//! A member applies entries once each, an origin's in order, and none before what it depends on.

use lc_core::VersionVector;

use crate::history::History;
use crate::region::Region;
use crate::report::Violation;

pub(crate) fn check(regions: &[Region], _history: &History) -> Vec<Violation> {
    regions.iter().flat_map(check_one).collect()
}

fn check_one(region: &Region) -> Vec<Violation> {
    let Some(member) = &region.member else { return Vec::new() };
    let mut violations = Vec::new();
    let mut report =
        |what: String| violations.push(Violation { checker: "causal order", what: format!("{}: {what}", region.node) });
    let entries = match member.journal_entries() {
        Ok(entries) => entries,
        Err(error) => {
            report(error.to_string());
            return violations;
        }
    };
    let mut applied = VersionVector::new();
    for entry in entries {
        let before = applied.get(entry.dot.replica);
        if entry.prev_seq != before {
            report(format!("{} follows {}, but {before} was applied", entry.dot, entry.prev_seq));
        }
        if !applied.covers_all(&entry.deps) {
            report(format!("{} needs {}, but only {applied} was applied", entry.dot, entry.deps));
        }
        applied.raise(entry.dot.replica, entry.dot.seq);
    }
    violations
}
