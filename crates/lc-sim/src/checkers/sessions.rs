//! Read your writes, monotonic reads, monotonic writes, writes follow reads; over any regions a session goes through.
//!
//! A session's floor holds for each key the lowest number that it may still be shown. Its own answered writes and what
//! it was shown raise it; and whoever is shown a write is owed everything that its writer had been owed when it wrote,
//! but for what only a quorum had shown the writer: a write is decided by what its region has.

use std::collections::BTreeMap;

use crate::history::{History, Step};
use crate::numbered::Removals;
use crate::region::Region;
use crate::report::Violation;
use lc_policy::Read;

type Floor = BTreeMap<String, u64>;

pub(crate) fn check(_regions: &[Region], history: &History) -> Vec<Violation> {
    check_steps(&history.steps)
}

pub(super) fn check_steps(steps: &[Step]) -> Vec<Violation> {
    let mut sessions = Sessions { removals: Removals::of(steps), ..Sessions::default() };
    steps.iter().filter_map(|step| sessions.follow(step)).map(|what| Violation { checker: "sessions", what }).collect()
}

#[derive(Default)]
struct Sessions {
    floors: BTreeMap<usize, Floor>,
    /// The same without what only quorums showed.
    followed: BTreeMap<usize, Floor>,
    /// What each write's session was owed when it wrote it, the write included.
    behind: BTreeMap<(String, u64), Floor>,
    made: BTreeMap<String, u64>,
    removals: Removals,
}

impl Sessions {
    fn follow(&mut self, step: &Step) -> Option<String> {
        match step {
            Step::Decided { session, key, number, .. } => {
                let mut floor = self.followed.get(session).cloned().unwrap_or_default();
                floor.insert(key.clone(), *number);
                self.behind.insert((key.clone(), *number), floor);
                self.made.insert(key.clone(), *number);
                None
            }
            Step::Told { session, key, number, .. } => {
                self.owe(*session, key, *number, false);
                None
            }
            Step::Shown { level: Read::Eventual, .. } => None,
            Step::Shown { session, key, number, glimpsed, .. } => self.shown(*session, key, *number, *glimpsed),
        }
    }

    fn shown(&mut self, session: usize, key: &str, shown: Option<u64>, glimpsed: bool) -> Option<String> {
        let floor = self.floors.get(&session).and_then(|floor| floor.get(key)).copied().unwrap_or(0);
        let made = self.made.get(key).copied().unwrap_or(0);
        match self.removals.least(key, shown, floor, made) {
            Some(number) => {
                self.owe(session, key, number, glimpsed);
                None
            }
            None => {
                Some(format!("session {session} was shown {shown:?} of {key}, which must be from {floor} to {made}"))
            }
        }
    }

    /// From here on the session must not be shown less than this write, nor less than what its writer knew.
    fn owe(&mut self, session: usize, key: &str, number: u64, glimpsed: bool) {
        let Some(behind) = self.behind.get(&(key.to_owned(), number)) else { return };
        let followed = (!glimpsed).then(|| self.followed.entry(session).or_default());
        for floor in [Some(self.floors.entry(session).or_default()), followed].into_iter().flatten() {
            for (other, least) in behind {
                let owed = floor.entry(other.clone()).or_default();
                *owed = (*owed).max(*least);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::check_steps;
    use crate::history::Step;
    use lc_policy::Read;
    use std::time::Duration;

    fn wrote(session: usize, key: &str, number: u64) -> [Step; 2] {
        let (key, at) = (key.to_owned(), Duration::ZERO);
        [
            Step::Decided { session, key: key.clone(), number, removes: false },
            Step::Told { session, key, number, held_by: 1, at },
        ]
    }

    fn removed(session: usize, key: &str, number: u64) -> [Step; 2] {
        let [_, told] = wrote(session, key, number);
        [Step::Decided { session, key: key.to_owned(), number, removes: true }, told]
    }

    fn shown(session: usize, key: &str, number: Option<u64>) -> Step {
        let (asked_at, at) = (Duration::ZERO, Duration::ZERO);
        Step::Shown { session, key: key.to_owned(), number, level: Read::Session, glimpsed: false, asked_at, at }
    }

    #[test]
    fn each_guarantee_has_a_history_that_breaks_it() {
        let own = [wrote(1, "a", 1).as_slice(), &[shown(1, "a", None)]].concat();
        let back = [wrote(1, "a", 1), wrote(1, "a", 2)].concat();
        let back = [back.as_slice(), &[shown(2, "a", Some(2)), shown(2, "a", Some(1))]].concat();
        let order = [wrote(1, "a", 1), wrote(1, "b", 1)].concat();
        let order = [order.as_slice(), &[shown(2, "b", Some(1)), shown(2, "a", None)]].concat();
        let follow = [wrote(1, "a", 1).as_slice(), &[shown(2, "a", Some(1))], &wrote(2, "c", 1)].concat();
        let follow = [follow.as_slice(), &[shown(3, "c", Some(1)), shown(3, "a", None)]].concat();
        let undone = [wrote(1, "a", 1), removed(1, "a", 2)].concat();
        let undone = [undone.as_slice(), &[shown(1, "a", Some(1))]].concat();
        let invented = [wrote(1, "a", 1).as_slice(), &[shown(2, "a", Some(2))]].concat();
        for (name, steps) in [
            ("read your writes", own),
            ("monotonic reads", back),
            ("monotonic writes", order),
            ("writes follow reads", follow),
            ("a removal undone", undone),
            ("a write that nobody made", invented),
        ] {
            assert_eq!(check_steps(&steps).len(), 1, "{name}");
        }
    }

    #[test]
    fn a_write_need_not_follow_what_only_a_quorum_showed_its_session() {
        let glimpse = |by_quorum| match shown(2, "a", Some(1)) {
            Step::Shown { session, key, number, level, asked_at, at, .. } => {
                Step::Shown { session, key, number, level, glimpsed: by_quorum, asked_at, at }
            }
            other => other,
        };
        let found = |by_quorum, reader| {
            let wrote_after = [wrote(1, "a", 1).as_slice(), &[glimpse(by_quorum)], &wrote(2, "c", 1)].concat();
            let read = [shown(reader, "c", Some(1)), shown(reader, "a", None)];
            check_steps(&[wrote_after.as_slice(), &read].concat()).len()
        };
        assert_eq!((found(false, 3), found(true, 3), found(true, 2)), (1, 0, 1));
    }

    #[test]
    fn what_a_session_was_never_owed_may_be_missing() {
        let steps = [
            wrote(1, "a", 1).as_slice(),
            &[shown(2, "a", None)],
            &removed(1, "a", 2),
            &[shown(1, "a", None), shown(3, "a", Some(1)), shown(3, "a", None)],
        ]
        .concat();
        assert_eq!(check_steps(&steps), []);
    }
}
