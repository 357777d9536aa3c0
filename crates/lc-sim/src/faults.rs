//! What goes wrong, and when.

use std::time::Duration;

use crate::rng::Rng;

/// One fault.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// Nothing passes from one region to another; perhaps the other way still does.
    Cut { from: usize, to: usize, both: bool, lasts: Duration },
    /// Nothing passes to or from a region.
    Isolate { region: usize, lasts: Duration },
    /// Frames from one region to another, or to all, are held up, and come out slowly afterwards.
    Stall { from: usize, to: Option<usize>, lasts: Duration },
    /// Power is lost, and comes back later.
    Crash { region: usize, lasts: Duration },
}

pub(crate) fn random(rng: &Rng, regions: usize) -> Fault {
    let lasts = rng.between(Duration::from_millis(50), Duration::from_secs(8));
    let region = rng.below(regions as u64) as usize;
    let other = (region + 1 + rng.below(regions as u64 - 1) as usize) % regions;
    match rng.below(13) {
        10.. => Fault::Stall { from: region, to: rng.chance(40.0).then_some(other), lasts },
        0..4 => Fault::Crash { region, lasts },
        4..6 => Fault::Isolate { region, lasts },
        _ => Fault::Cut { from: region, to: other, both: rng.chance(70.0), lasts },
    }
}
