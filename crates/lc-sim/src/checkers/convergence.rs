//! Equal vectors mean equal state: digests, key counts, no alarms, no member that gave up.

use crate::history::History;
use crate::region::Region;
use crate::report::Violation;

pub(crate) fn check(regions: &[Region], _history: &History) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut report = |what: String| violations.push(Violation { checker: "convergence", what });
    let snapshots: Vec<_> = regions
        .iter()
        .filter_map(|region| region.member.as_ref().map(|member| (region.node, member.snapshot())))
        .collect();
    for (node, snapshot) in &snapshots {
        if let Err(why) = snapshot.health.decides() {
            report(format!("{node}: {why}"));
        }
        // A divergence that has ended was one all the same.
        let counters = &snapshot.counters;
        if counters.divergences + counters.recounts_differed + counters.repaired_stretches > 0 {
            report(format!("{node} found other records than were written: {counters:?}"));
        }
        if let Some(alarm) = snapshot.health.last_alarm() {
            report(format!("{node}: {alarm:?}"));
        }
    }
    for pair in snapshots.windows(2) {
        let ((a, left), (b, right)) = (&pair[0], &pair[1]);
        if left.applied == right.applied && (left.digest, left.keys) != (right.digest, right.keys) {
            report(format!(
                "{a} and {b} have equal vectors {} but digests {:x}, {:x} and keys {}, {}",
                left.applied, left.digest, right.digest, left.keys, right.keys
            ));
        }
    }
    violations
}
