//! In a world that is healed and calm nothing is refused: every session, bound and quorum can be kept, so it must be.

use crate::history::History;
use crate::region::Region;
use crate::report::Violation;

pub(crate) fn check(_regions: &[Region], history: &History) -> Vec<Violation> {
    let refused = history.refused_in_calm.iter();
    refused.map(|what| Violation { checker: "answers", what: format!("refused in a calm world: {what}") }).collect()
}
