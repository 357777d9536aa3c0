//! Regular reads: where W + R > N, a quorum read that is asked after a write was acknowledged shows it or a later one.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::history::{History, Step};
use crate::numbered::Removals;
use crate::region::Region;
use crate::report::Violation;
use lc_policy::Read;

pub(crate) fn check(_regions: &[Region], history: &History) -> Vec<Violation> {
    check_steps(&history.steps, history.regions)
}

struct Told {
    at: Duration,
    number: u64,
    held_by: usize,
}

fn check_steps(steps: &[Step], regions: usize) -> Vec<Violation> {
    let removals = Removals::of(steps);
    let mut told: BTreeMap<&str, Vec<Told>> = BTreeMap::new();
    let mut violations = Vec::new();
    for step in steps {
        match step {
            Step::Decided { .. } => {}
            Step::Told { key, number, held_by, at, .. } => {
                told.entry(key).or_default().push(Told { at: *at, number: *number, held_by: *held_by })
            }
            Step::Shown { session, key, number, level: Read::Quorum(read), asked_at, .. } => {
                let writes = told.get(key.as_str()).map_or(&[][..], Vec::as_slice);
                // A write that was refused its acknowledgement is held by nobody for certain.
                let meets = |write: &&Told| write.held_by > 0 && write.held_by + usize::from(*read) > regions;
                let owed = writes.iter().filter(|write| write.at <= *asked_at).filter(meets);
                let owed = owed.map(|write| write.number).max().unwrap_or(0);
                if removals.least(key, *number, owed, u64::MAX).is_none() {
                    let what = format!(
                        "session {session} was shown {number:?} of {key} by quorum({read}) of {regions}: {owed} was acknowledged before"
                    );
                    violations.push(Violation { checker: "quorum", what });
                }
            }
            Step::Shown { .. } => {}
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::check_steps;
    use crate::history::Step;
    use lc_policy::Read;
    use std::time::Duration;

    #[test]
    fn quorums_that_meet_must_show_what_was_acknowledged() {
        let found = |held_by: usize, read: u8, shown: Option<u64>| {
            let (key, at) = ("a".to_owned(), Duration::from_millis(7));
            let steps = [
                Step::Told { session: 1, key: key.clone(), number: 1, held_by, at },
                Step::Shown {
                    session: 2,
                    key,
                    number: shown,
                    level: Read::Quorum(read),
                    glimpsed: true,
                    asked_at: at,
                    at,
                },
            ];
            check_steps(&steps, 3).len()
        };
        assert_eq!(found(2, 2, None), 1);
        assert_eq!(found(2, 2, Some(1)), 0);
        assert_eq!((found(1, 2, None), found(2, 1, None), found(0, 3, None)), (0, 0, 0));
    }
}
