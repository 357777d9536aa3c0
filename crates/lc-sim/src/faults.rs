//! What goes wrong, and when.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::rng::Rng;

/// A kind of fault that a world may have.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum FaultKind {
    /// Nothing passes from one region to another; perhaps the other way still does.
    Cut,
    /// Nothing passes to or from a region.
    Isolate,
    /// Frames from one region to another, or to all, are held up, and come out slowly afterwards.
    Stall,
    /// A region loses power, and comes back later.
    PowerLoss,
    /// All regions lose power at once.
    Blackout,
    /// A region's process is killed; its page cache stays.
    Kill,
    /// A sync of a file or of a directory fails.
    SyncFails,
    /// Syncs and commits take from 0.1 s to 5 s.
    SlowDisk,
    /// A disk takes some more bytes, then none.
    FullDisk,
    /// Blocks of files cannot be read.
    Unreadable,
    /// Bits of the journal are not what was written.
    Rot,
    /// Rows of the record store cannot be read, or its commits fail.
    StoreFails,
    /// The wall clock of a world's bad machine goes hours ahead or back, or stands still.
    Clock,
}

impl FaultKind {
    /// All of them.
    pub const ALL: [FaultKind; 13] = [
        FaultKind::Cut,
        FaultKind::Isolate,
        FaultKind::Stall,
        FaultKind::PowerLoss,
        FaultKind::Blackout,
        FaultKind::Kill,
        FaultKind::SyncFails,
        FaultKind::SlowDisk,
        FaultKind::FullDisk,
        FaultKind::Unreadable,
        FaultKind::Rot,
        FaultKind::StoreFails,
        FaultKind::Clock,
    ];

    /// Its name, as options and reports have it.
    pub fn name(self) -> &'static str {
        match self {
            FaultKind::Cut => "cut",
            FaultKind::Isolate => "isolate",
            FaultKind::Stall => "stall",
            FaultKind::PowerLoss => "power-loss",
            FaultKind::Blackout => "blackout",
            FaultKind::Kill => "kill",
            FaultKind::SyncFails => "sync-fails",
            FaultKind::SlowDisk => "slow-disk",
            FaultKind::FullDisk => "full-disk",
            FaultKind::Unreadable => "unreadable",
            FaultKind::Rot => "rot",
            FaultKind::StoreFails => "store-fails",
            FaultKind::Clock => "clock",
        }
    }

    /// How often it happens, beside the others.
    fn weight(self) -> u64 {
        match self {
            FaultKind::Cut => 5,
            FaultKind::PowerLoss | FaultKind::Kill | FaultKind::SyncFails => 3,
            FaultKind::Isolate | FaultKind::Stall | FaultKind::FullDisk | FaultKind::Clock => 2,
            FaultKind::Blackout
            | FaultKind::SlowDisk
            | FaultKind::Unreadable
            | FaultKind::Rot
            | FaultKind::StoreFails => 1,
        }
    }
}

/// Which kinds a world has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FaultKinds(BTreeSet<FaultKind>);

impl FaultKinds {
    /// All of them.
    pub fn all() -> FaultKinds {
        FaultKinds(FaultKind::ALL.into())
    }

    pub(crate) fn has(&self, kind: FaultKind) -> bool {
        self.0.contains(&kind)
    }

    /// Those of a list with commas; `all` and `none` are lists, and `-name` takes one away from all.
    ///
    /// # Errors
    /// The first name that is none.
    pub fn parse(list: &str) -> Result<FaultKinds, String> {
        let words = || list.split(',').map(str::trim);
        let mut kinds = match words().all(|word| word.starts_with('-') || word == "all") {
            true => FaultKinds::all(),
            false => FaultKinds(BTreeSet::new()),
        };
        for word in words().filter(|word| !["all", "none"].contains(word)) {
            let name = word.trim_start_matches('-');
            let kind = FaultKind::ALL.into_iter().find(|kind| kind.name() == name).ok_or(name)?;
            if word == name {
                kinds.0.insert(kind)
            } else {
                kinds.0.remove(&kind)
            };
        }
        Ok(kinds)
    }
}

/// One fault.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    pub kind: FaultKind,
    pub region: usize,
    /// Another one, for faults between two.
    pub other: usize,
    pub lasts: Duration,
}

/// The next fault; none in a world without any.
pub(crate) fn random(rng: &Rng, kinds: &FaultKinds, regions: usize) -> Option<Fault> {
    let lasts = rng.between(Duration::from_millis(50), Duration::from_secs(8));
    let region = rng.below(regions as u64) as usize;
    let other = (region + 1 + rng.below(regions as u64 - 1) as usize) % regions;
    let mut at = rng.below(kinds.0.iter().map(|kind| kind.weight()).sum());
    let kind = kinds.0.iter().copied().find(|kind| match at < kind.weight() {
        true => true,
        false => {
            at -= kind.weight();
            false
        }
    })?;
    Some(Fault { kind, region, other, lasts })
}

#[cfg(test)]
mod tests {
    use super::{FaultKind, FaultKinds};

    #[test]
    fn lists_of_kinds_are_read_as_they_are_meant() {
        let count = |list| FaultKinds::parse(list).map(|kinds| kinds.0.len());
        assert_eq!(count("all"), Ok(FaultKind::ALL.len()));
        assert_eq!(count("none"), Ok(0));
        assert_eq!(count("cut,rot"), Ok(2));
        assert_eq!(count("-rot,-kill"), Ok(FaultKind::ALL.len() - 2));
        assert_eq!(count("cut,rott"), Err("rott".to_owned()));
    }
}
