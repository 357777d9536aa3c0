//! Whether a change of the merge rule would change what readers see, so that conflicts must be collapsed first.
//!
//! Rows keep every concurrent value whatever the rule, so a change by itself loses nothing. But what was hidden under
//! one rule would show under the next, and what was shown would vanish, without anyone having written. Collapsing
//! first replaces the concurrent values by what is shown then, as an ordinary write does, and what loses goes to the
//! conflict ledger.

use std::fmt;

use lc_crdt::Merge;
use serde::Serialize;

use crate::merge_text;

/// What a change collapses.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Drain {
    /// The rule until now, as text.
    pub from: String,
    /// The rule afterwards, as text.
    pub to: String,
    /// What becomes of what, a sentence without its full stop.
    pub words: String,
}

impl Drain {
    /// What must be collapsed when the rule changes; `None`: nothing, readers see what they saw.
    pub fn between(old: &Merge, new: &Merge) -> Option<Drain> {
        if old == new {
            return None;
        }
        let words = match (old, new) {
            // Strings follow one rule under both, and a plain value is where a counter starts.
            (Merge::Lww, Merge::Typed) => return None,
            // All values are shown from now on, the one that was shown among them.
            (Merge::Lww | Merge::Max | Merge::Min | Merge::Union | Merge::Json(_), Merge::Siblings) => return None,
            (Merge::Typed, Merge::Lww) => {
                "each counter becomes a plain value, its sum as it is then: later increments that are concurrent no \
                 longer add up, the newest wins"
                    .to_owned()
            }
            (Merge::Typed, _) => format!(
                "each counter becomes a plain value, its sum as it is then; of concurrent strings {}; sets, hashes and \
                 sorted sets have no place under {}",
                stays(new),
                name(new)
            ),
            (Merge::Siblings, _) => format!("where a key shows several concurrent values, {}", stays(new)),
            (_, _) => {
                format!("what readers see of concurrent values was chosen by {}; now {}", name(old), stays(new))
            }
        };
        Some(Drain { from: merge_text::print(old), to: merge_text::print(new), words })
    }
}

impl fmt::Display for Drain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "merge={} to {}: {}; what loses goes to the conflict ledger", self.from, self.to, self.words)
    }
}

fn stays(rule: &Merge) -> &'static str {
    match rule {
        Merge::Typed | Merge::Lww => "the newest stays",
        Merge::Siblings => "all stay",
        Merge::Max => "the highest stays",
        Merge::Min => "the lowest stays",
        Merge::Union => "one list stays, of what any of them holds",
        Merge::Json(_) => "one document stays, as the rules make it",
    }
}

fn name(rule: &Merge) -> &'static str {
    match rule {
        Merge::Typed => "typed",
        Merge::Lww => "lww",
        Merge::Siblings => "siblings",
        Merge::Max => "max",
        Merge::Min => "min",
        Merge::Union => "union",
        Merge::Json(_) => "json",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lc_crdt::{JsonRules, Merge};

    use super::Drain;
    use crate::{Ack, Policy, PolicyChange, Read};

    fn all() -> [Merge; 7] {
        let json = Merge::Json(Arc::new(JsonRules::default()));
        [Merge::Typed, Merge::Lww, Merge::Siblings, Merge::Max, Merge::Min, Merge::Union, json]
    }

    #[test]
    fn a_change_drains_unless_readers_go_on_seeing_what_they_saw() {
        let grid = all().map(|old| all().map(|new| if Drain::between(&old, &new).is_some() { 'x' } else { '.' }));
        let lines = grid.map(|line| line.iter().collect::<String>());
        //               typed lww siblings max min union json
        assert_eq!(lines, [".xxxxxx", "...xxxx", "xx.xxxx", "xx..xxx", "xx.x.xx", "xx.xx.x", "xx.xxx."]);
    }

    #[test]
    fn other_dials_drain_nothing() {
        let old = Policy { merge: Merge::Siblings, ..Policy::default() };
        let new = Policy { ack: Ack::All, read: Read::Quorum(2), wait_ms: 1, ..old.clone() };
        assert_eq!(PolicyChange::drain(&old, &new), None);
        assert!(PolicyChange::drain(&old, &Policy::default()).is_some());
    }

    #[test]
    fn it_says_what_becomes_of_what() {
        let said = |old: &Merge, new: &Merge| Drain::between(old, new).expect("a drain").to_string();
        let ends = "; what loses goes to the conflict ledger";
        assert_eq!(
            said(&Merge::Siblings, &Merge::Lww),
            format!("merge=siblings to lww: where a key shows several concurrent values, the newest stays{ends}")
        );
        assert_eq!(
            said(&Merge::Max, &Merge::Lww),
            format!(
                "merge=max to lww: what readers see of concurrent values was chosen by max; now the newest stays{ends}"
            )
        );
        assert_eq!(
            said(&Merge::Typed, &Merge::Union),
            format!(
                "merge=typed to union: each counter becomes a plain value, its sum as it is then; of concurrent strings \
                 one list stays, of what any of them holds; sets, hashes and sorted sets have no place under union{ends}"
            )
        );
    }
}
