//! A `bounded(t)` read shows at least every write that some client had heard of, anywhere, longer than `t` before it asked.
//! Nobody in the world knows the true time; the checker does.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::history::{History, Step};
use crate::numbered::Removals;
use crate::region::Region;
use crate::report::Violation;
use lc_policy::Read;

pub(crate) fn check(_regions: &[Region], history: &History) -> Vec<Violation> {
    check_steps(&history.steps)
}

fn check_steps(steps: &[Step]) -> Vec<Violation> {
    let removals = Removals::of(steps);
    let mut told: BTreeMap<&str, Vec<(Duration, u64)>> = BTreeMap::new();
    let mut violations = Vec::new();
    for step in steps {
        match step {
            Step::Decided { .. } => {}
            Step::Told { key, number, at, .. } => told.entry(key).or_default().push((*at, *number)),
            Step::Shown { session, key, number, level: Read::Bounded(ms), asked_at, at, .. } => {
                let writes = told.get(key.as_str()).map_or(&[][..], Vec::as_slice);
                let due = |(told_at, _): &&(Duration, u64)| *told_at + Duration::from_millis(*ms) < *asked_at;
                let owed = writes.iter().filter(due).map(|(_, number)| *number).max().unwrap_or(0);
                if removals.least(key, *number, owed, u64::MAX).is_none() {
                    let what = format!(
                        "session {session} was shown {number:?} of {key} by a read within {ms} ms at {at:?}, asked at {asked_at:?}: {owed} was known before"
                    );
                    violations.push(Violation { checker: "staleness", what });
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
    fn a_write_known_for_longer_than_the_bound_must_be_shown() {
        let ms = Duration::from_millis;
        let told = |number, at| Step::Told { session: 1, key: "a".to_owned(), number, held_by: 1, at: ms(at) };
        let shown = |number, asked_at| Step::Shown {
            session: 2,
            key: "a".to_owned(),
            number: Some(number),
            level: Read::Bounded(500),
            glimpsed: false,
            asked_at: ms(asked_at),
            at: ms(asked_at),
        };
        let found = |asked_at| check_steps(&[told(1, 100), told(2, 1000), shown(1, asked_at)]).len();
        assert_eq!((found(1499), found(1501)), (0, 1));
    }
}
