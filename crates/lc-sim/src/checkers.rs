//! What must hold when a world has settled; one file per invariant.

mod acknowledged;
mod causal_order;
mod convergence;
mod reference;

use crate::history::History;
use crate::region::Region;
use crate::report::Violation;

pub(crate) fn check_all(regions: &[Region], history: &History) -> Vec<Violation> {
    let checkers = [convergence::check, acknowledged::check, causal_order::check, reference::check];
    checkers.into_iter().flat_map(|check| check(regions, history)).collect()
}
