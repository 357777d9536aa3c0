//! OK means that as many regions hold the write durably as its table asks for; a refusal never claims more than is true.

use crate::history::{History, Promised};
use crate::region::Region;
use crate::report::Violation;

pub(crate) fn check(_regions: &[Region], history: &History) -> Vec<Violation> {
    history.promises.iter().filter_map(wrong).map(|what| Violation { checker: "acknowledgements", what }).collect()
}

fn wrong(promised: &Promised) -> Option<String> {
    let Promised { dot, need, have, truth } = promised;
    match have {
        None if truth < need => Some(format!("{dot} was acknowledged for {need} regions and {truth} had it")),
        Some(have) if have > truth => Some(format!("{have} regions were said to have {dot} and {truth} had it")),
        Some(have) if have >= need => {
            Some(format!("{dot} was refused although {have} regions had it, {need} were needed"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Promised, wrong};
    use lc_core::{Dot, ReplicaId};

    #[test]
    fn a_claim_above_the_truth_is_wrong() {
        let is_wrong =
            |need, have, truth| wrong(&Promised { dot: Dot::new(ReplicaId(1), 1), need, have, truth }).is_some();
        assert!(is_wrong(2, None, 1) && is_wrong(3, Some(2), 1) && is_wrong(2, Some(2), 2));
        assert!(!is_wrong(2, None, 2) && !is_wrong(3, Some(1), 2));
    }
}
