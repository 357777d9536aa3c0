//! A table and every version of its dials that is remembered.

use std::collections::VecDeque;

use lc_policy::{Placement, Policy};
use serde::{Deserialize, Serialize};

use crate::placements::Placed;
use crate::{Command, limits};

/// A declared table, or one that was dropped and is still remembered, so that its versions go on if it is declared anew.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableHistory {
    name: String,
    /// Never empty; the last one is how it is now.
    versions: VecDeque<Version>,
    forgotten: u64,
}

/// One version.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Version {
    /// Its number, 1 more than the one before.
    pub version: u64,
    /// The catalogue's version that brought it.
    pub catalogue_version: u64,
    /// The catalogue's version that last changed the placement or the target; 0: declared as everywhere, and so ever since.
    #[serde(default)]
    pub placement_version: u64,
    /// The dials; `None`: dropped. The placement is where the table lies.
    pub policy: Option<Policy>,
    /// Where it will lie once every region of this list has its records; `None`: it lies where it should.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Placement>,
    /// When, Unix ms by the clock of who proposed it.
    pub at_ms: u64,
    /// Who asked.
    pub actor: String,
    /// Why.
    pub note: String,
}

impl TableHistory {
    /// A table with its first version.
    pub(crate) fn new(name: &str, first: Version) -> TableHistory {
        TableHistory { name: name.to_owned(), versions: VecDeque::from([first]), forgotten: 0 }
    }

    /// The table's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its dials; `None`: it was dropped.
    pub fn policy(&self) -> Option<&Policy> {
        self.latest().policy.as_ref()
    }

    /// Where it will lie once every region of this list has its records; `None`: it lies where it should.
    pub fn target(&self) -> Option<&Placement> {
        self.latest().target.as_ref()
    }

    /// Its dials and where it is on its way to; `None`: it was dropped.
    pub(crate) fn placed(&self) -> Option<Placed> {
        Some(Placed { policy: self.policy()?.clone(), target: self.target().cloned() })
    }

    /// Whether any version that is kept is on its way.
    pub(crate) fn has_targets(&self) -> bool {
        self.versions.iter().any(|version| version.target.is_some())
    }

    /// The number of the latest version.
    pub fn version(&self) -> u64 {
        self.latest().version
    }

    /// How it is now, since when and by whom.
    pub fn latest(&self) -> &Version {
        self.versions.back().expect("a table has a version from its first moment")
    }

    /// When it was last declared, as far back as is remembered: the first version after it was last dropped.
    pub fn created(&self) -> &Version {
        let declared = self.versions.iter().rev().take_while(|version| version.policy.is_some());
        declared.last().unwrap_or_else(|| self.latest())
    }

    /// Every version that is kept, the oldest first.
    pub fn versions(&self) -> impl ExactSizeIterator<Item = &Version> {
        self.versions.iter()
    }

    /// How many older versions there were that are not kept.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    pub(crate) fn push(&mut self, version: Version) {
        assert!(version.version == self.version() + 1, "versions of a table have no gaps");
        self.versions.push_back(version);
    }

    pub(crate) fn is_over_full(&self) -> bool {
        self.versions.len() > limits::VERSIONS_MAX
    }

    /// The oldest version, if the table can do without: the dials in force stay.
    pub(crate) fn oldest_spare(&self) -> Option<&Version> {
        let spare = self.versions.len() > 1 || self.policy().is_none();
        self.versions.front().filter(|_| spare)
    }

    /// Forgets the oldest version; `false`: nothing is left, and the table is to be forgotten with it.
    pub(crate) fn forget_oldest(&mut self) -> bool {
        if self.versions.len() > 1 {
            self.versions.pop_front();
            self.forgotten += 1;
            return true;
        }
        false
    }

    /// What all its versions take in a snapshot, at most.
    pub(crate) fn bytes(&self) -> usize {
        self.versions.iter().map(Version::bytes).sum()
    }

    /// Whether what was decoded can be a table of this name, in a catalogue of this version.
    pub(crate) fn is_whole(&self, name: &str, catalogue_version: u64) -> bool {
        let pairs = || self.versions.iter().zip(self.versions.iter().skip(1));
        let numbered = pairs()
            .all(|(a, b)| a.version.checked_add(1) == Some(b.version) && a.catalogue_version < b.catalogue_version);
        let first = self.versions.front().map_or(0, |first| first.version);
        let latest = self.versions.back().map_or(u64::MAX, |latest| latest.version.max(latest.catalogue_version));
        let count = (1..=limits::VERSIONS_MAX).contains(&self.versions.len());
        let placed = self.versions.iter().all(|version| {
            version.placement_version <= version.catalogue_version
                && (version.policy.is_some() || version.target.is_none())
        });
        self.name == name && count && numbered && placed && self.forgotten < first && latest <= catalogue_version
    }
}

impl Version {
    /// Whether this is what `command` brought: it was proposed again, after a lost answer.
    pub(crate) fn is_of(&self, command: &Command) -> bool {
        self.at_ms == command.at_ms && self.actor == command.actor
    }

    /// What it takes in a snapshot, at most.
    pub(crate) fn bytes(&self) -> usize {
        let encoded = serde_json::to_vec(self).expect("a version is plain data");
        encoded.len() + FRAMING_BYTES
    }
}

/// A table of one version adds its name twice, and the names of its fields.
const FRAMING_BYTES: usize = 2 * limits::TABLE_NAME_BYTES_MAX + 64;
