//! Linearizability of one table as a register: every change has a version, so the order of all changes is known, and it
//! is enough to compare it with what happened before what.

use std::collections::BTreeMap;
use std::time::Duration;

/// Something that a client was answered.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Operation {
    pub table: String,
    /// Names the command.
    pub actor: String,
    pub kind: Kind,
    /// The version that it made, or found.
    pub version: u64,
    pub invoked: Duration,
    pub answered: Duration,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// It made this version.
    Changed,
    /// It did not, because it found this version.
    Refused,
    /// It was shown this version.
    Read,
    /// It was told that nothing would come of it.
    NotProposed,
}

/// `made` tells whose command made which version of which table.
pub(super) fn check(operations: &[Operation], made: &BTreeMap<(String, u64), String>) -> Vec<String> {
    let mut wrong = Vec::new();
    let invoked: BTreeMap<&str, Duration> = operations.iter().map(|one| (one.actor.as_str(), one.invoked)).collect();
    for one in operations {
        wrong.extend(check_one(one, made, &invoked));
        let later = operations.iter().filter(|other| other.table == one.table && one.answered < other.invoked);
        wrong.extend(
            later
                .filter(|other| goes_back(one, other))
                .map(|other| format!("{other:?} came after {one:?} had been answered")),
        );
    }
    wrong
}

fn check_one(
    one: &Operation,
    made: &BTreeMap<(String, u64), String>,
    invoked: &BTreeMap<&str, Duration>,
) -> Option<String> {
    let by = made.get(&(one.table.clone(), one.version));
    match (one.kind, by) {
        (Kind::NotProposed, _) => {
            let found = made.values().any(|by| *by == one.actor);
            found.then(|| format!("{} was told that nothing was proposed, and it was made", one.actor))
        }
        (Kind::Changed, by) if by != Some(&one.actor) => Some(format!("{one:?} was made by {by:?}")),
        (Kind::Read | Kind::Refused, None) if one.version > 0 => Some(format!("{one:?} found what nobody made")),
        (Kind::Read | Kind::Refused, Some(by)) if invoked.get(by.as_str()).is_some_and(|at| *at > one.answered) => {
            Some(format!("{one:?} found what was asked for later"))
        }
        _ => None,
    }
}

/// Whether `later`, which was asked after `one` had been answered, does not stand after it.
fn goes_back(one: &Operation, later: &Operation) -> bool {
    match (one.kind, later.kind) {
        (Kind::NotProposed, _) | (_, Kind::NotProposed) => false,
        (_, Kind::Changed) => later.version <= one.version,
        _ => later.version < one.version,
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, Operation, check};
    use std::collections::BTreeMap;
    use std::time::Duration;

    fn operation(actor: &str, kind: Kind, version: u64, invoked: u64, answered: u64) -> Operation {
        let ms = Duration::from_millis;
        let (table, actor) = ("t".to_owned(), actor.to_owned());
        Operation { table, actor, kind, version, invoked: ms(invoked), answered: ms(answered) }
    }

    fn wrong(operations: &[Operation]) -> usize {
        let made = [(1, "a"), (2, "b")].map(|(version, by)| (("t".to_owned(), version), by.to_owned()));
        check(operations, &BTreeMap::from(made)).len()
    }

    #[test]
    fn a_history_in_order_is_right() {
        let history = [
            operation("a", Kind::Changed, 1, 0, 10),
            operation("b", Kind::Changed, 2, 5, 20),
            operation("c", Kind::Read, 1, 6, 30),
            operation("d", Kind::Refused, 2, 21, 30),
            operation("e", Kind::NotProposed, 0, 0, 30),
        ];
        assert_eq!(wrong(&history), 0);
    }

    #[test]
    fn each_way_to_be_wrong_is_found() {
        let first = operation("a", Kind::Changed, 1, 0, 10);
        let second = operation("b", Kind::Changed, 2, 5, 20);
        for (name, late) in [
            ("a stale read", operation("c", Kind::Read, 1, 21, 30)),
            ("a refusal for what is past", operation("c", Kind::Refused, 1, 21, 30)),
            ("a change that another made", operation("c", Kind::Changed, 2, 5, 30)),
            ("a version that nobody made", operation("c", Kind::Read, 3, 5, 30)),
            ("a read of what was asked later", operation("c", Kind::Read, 2, 0, 4)),
        ] {
            assert_ne!(wrong(&[first.clone(), second.clone(), late]), 0, "{name}");
        }
        assert_eq!(wrong(&[operation("b", Kind::NotProposed, 0, 0, 30)]), 1);
        assert_eq!(wrong(&[operation("b", Kind::Changed, 2, 0, 4), operation("a", Kind::Changed, 1, 5, 9)]), 1);
    }
}
