//! Records that come from other regions, regions that have other records, and repairs, for operators and their tools.

use std::collections::BTreeMap;

use lc_member::{Differences, Divergence, FillingView, Repair, RepairState};
use serde::Serialize;
use serde_json::Value;

use crate::Node;
use crate::control::text_or_base64;

/// Records that are being got from another region.
#[derive(Clone, Debug, Serialize)]
pub struct FillingStatus {
    /// `catch_up`: their entries are not to be had any more; `table`: a table arrives here; `repair`; `comparison`: it is
    /// found out what a region has otherwise, and nothing is replaced; `mend`: what cannot be read here any more.
    pub kind: &'static str,
    /// The region that is asked now.
    pub from: Option<String>,
    /// Of a `table`, which.
    pub table: Option<String>,
    /// Since it began.
    pub seconds: u64,
    /// Which part of this node's own records was looked at; null: that is over, or not needed.
    pub share_looked: Option<f64>,
    /// Which part of what has to come is left, by hashes; null until it is known what has to come.
    pub share_left: Option<f64>,
    /// Bytes of records that came.
    pub bytes: u64,
    /// The same in a second, on the average since it was known what has to come; null: too early.
    pub bytes_per_second: Option<u64>,
    /// If it goes on like that; null: too early to say.
    pub seconds_left: Option<u64>,
}

/// What differs from another region.
#[derive(Clone, Debug, Serialize)]
pub struct DifferencesStatus {
    /// Stretches of about four records in which something differs.
    pub stretches: u64,
    /// Keys.
    pub records: u64,
    /// Strings and elements.
    pub rows: u64,
    /// Keys by table.
    pub tables: BTreeMap<String, u64>,
    /// Some of the keys; `{"base64": ...}` where one is no text.
    pub examples: Vec<Value>,
    /// So much differs that not all of it was looked at.
    pub more: bool,
}

/// A region that has applied the same and has other records.
#[derive(Clone, Debug, Serialize)]
pub struct DivergenceStatus {
    /// The region.
    pub region: String,
    /// Its node.
    pub node_id: u16,
    /// What both had applied when it was noticed.
    pub at: String,
    /// What differs; null: not known yet.
    pub found: Option<DifferencesStatus>,
}

/// A repair.
#[derive(Clone, Debug, Serialize)]
pub struct RepairStatus {
    /// From which region.
    pub from: String,
    /// `replacing`, `counting` (all is replaced; the digest is made anew), `done` or `given_up`.
    pub state: &'static str,
    /// Why it was given up.
    pub why: Option<String>,
    /// How long it has taken, or took.
    pub seconds: u64,
    /// Bytes of records that came.
    pub bytes: u64,
    /// What differed and was replaced.
    pub replaced: DifferencesStatus,
}

impl Node {
    pub(super) fn filling_status(&self, view: &FillingView) -> FillingStatus {
        let since = |at: std::time::Duration| self.now().saturating_sub(at).as_secs_f64();
        let comes_s = view.comes_since.map(since).filter(|seconds| *seconds >= 1.0);
        let done = view.share_left.map(|left| 1.0 - left).filter(|done| *done >= 0.01);
        let left_s = comes_s.zip(done).map(|(seconds, done)| seconds * (1.0 - done) / done);
        let kind = match view {
            _ if view.table.is_some() => "table",
            _ if view.catches_up => "catch_up",
            _ if view.only_compares => "comparison",
            _ if view.mends => "mend",
            _ => "repair",
        };
        FillingStatus {
            kind,
            from: view.from.map(|node| self.region_of(node.0)),
            table: view.table.clone(),
            seconds: since(view.began) as u64,
            share_looked: view.share_looked,
            share_left: view.share_left,
            bytes: view.bytes,
            bytes_per_second: comes_s.map(|seconds| (view.bytes as f64 / seconds) as u64),
            seconds_left: left_s.map(|seconds| seconds.ceil() as u64),
        }
    }

    pub(super) fn divergence_status(&self, divergence: &Divergence) -> DivergenceStatus {
        DivergenceStatus {
            region: self.region_of(divergence.peer.0),
            node_id: divergence.peer.0,
            at: divergence.at.to_string(),
            found: divergence.found.as_ref().map(differences),
        }
    }

    pub(crate) fn repair_status(&self, repair: &Repair) -> RepairStatus {
        let (state, end, why) = match &repair.state {
            RepairState::Replacing => ("replacing", None, None),
            RepairState::Counting => ("counting", None, None),
            RepairState::Done(at) => ("done", Some(*at), None),
            RepairState::GivenUp(at, why) => ("given_up", Some(*at), Some(why.clone())),
        };
        RepairStatus {
            from: self.region_of(repair.from.0),
            state,
            why,
            seconds: end.unwrap_or_else(|| self.now()).saturating_sub(repair.began).as_secs(),
            bytes: repair.bytes,
            replaced: differences(&repair.replaced),
        }
    }
}

fn differences(found: &Differences) -> DifferencesStatus {
    DifferencesStatus {
        stretches: found.stretches,
        records: found.records,
        rows: found.rows,
        tables: found.tables.clone(),
        examples: found.examples.iter().map(text_or_base64).collect(),
        more: found.more,
    }
}

impl DivergenceStatus {
    /// For people, and a node's log.
    pub fn text(&self) -> String {
        let DivergenceStatus { region, .. } = self;
        let what = match &self.found {
            None => "has other records".to_owned(),
            Some(DifferencesStatus { records, tables, examples, more, .. }) => {
                let least = if *more { "at least " } else { "" };
                let tables: Vec<&str> = tables.keys().map(String::as_str).collect();
                let example = examples.first().map_or(String::new(), |key| format!(", such as {key}"));
                let records =
                    if *records == 1 { "one other record".to_owned() } else { format!("{records} other records") };
                format!("has {least}{records} in {}{example}", tables.join(", "))
            }
        };
        format!("{region} has applied the same and {what}; `lightcone repair` replaces a region's by another's")
    }
}
