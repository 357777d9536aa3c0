//! What must hold when a world has settled; one file per invariant.

mod acknowledged;
mod acks;
mod answers;
mod causal_order;
mod collapsed;
mod convergence;
mod ledger;
mod quorum;
mod readings;
mod reference;
mod sessions;
mod staleness;
mod stamps;
mod unaltered;

use crate::history::History;
use crate::region::Region;
use crate::report::Violation;

pub(crate) use unaltered::check_one as unlike_decided;

pub(crate) fn check_all(regions: &[Region], history: &History) -> Vec<Violation> {
    let checkers = [
        convergence::check,
        acknowledged::check,
        causal_order::check,
        stamps::check,
        reference::check,
        sessions::check,
        staleness::check,
        quorum::check,
        acks::check,
        ledger::check,
        readings::check,
        collapsed::check,
        answers::check,
        unaltered::check,
    ];
    checkers.into_iter().flat_map(|check| check(regions, history)).collect()
}
