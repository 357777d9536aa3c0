//! What each dial rules out: what one cannot have as long as it stands where it stands.

use lc_crdt::Merge;
use serde::Serialize;

use crate::{Ack, Dial, Placement, Policy, Read, Writers};

/// What one dial rules out.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Exclusion {
    /// Which dial.
    pub dial: Dial,
    /// Its setting.
    pub setting: String,
    /// What that rules out, a phrase.
    pub excludes: String,
}

/// One for each of the five.
pub(super) fn exclusions(policy: &Policy, not_held_in: &[String], arriving: &[String]) -> Vec<Exclusion> {
    let each = [
        (Dial::Writers, by_writers(policy.writers).to_owned()),
        (Dial::Ack, by_ack(policy.ack)),
        (Dial::Merge, by_merge(&policy.merge).to_owned()),
        (Dial::Placement, by_placement(&policy.placement, not_held_in, arriving)),
        (Dial::Read, by_read(policy.read)),
    ];
    each.into_iter().map(|(dial, excludes)| Exclusion { dial, setting: policy.setting(dial), excludes }).collect()
}

fn by_writers(writers: Writers) -> &'static str {
    match writers {
        Writers::Any => "one order of all writes: no name is unique and no stock is kept above zero across regions",
        Writers::Home => "a write while the record's home cannot be reached",
        Writers::Consensus => "a write without a majority of regions, and one faster than their round trip",
    }
}

fn by_ack(ack: Ack) -> String {
    match ack {
        Ack::Local | Ack::Regions(0 | 1) => {
            "surviving the loss of a region with what was acknowledged there and had not left it".to_owned()
        }
        Ack::Regions(count) => {
            format!("an acknowledgement while fewer than {count} of the table's regions can be reached")
        }
        Ack::Majority => "an acknowledgement while half of the table's regions or fewer can be reached".to_owned(),
        Ack::All => "an acknowledgement while any of the table's regions cannot be reached".to_owned(),
    }
}

fn by_merge(merge: &Merge) -> &'static str {
    match merge {
        Merge::Typed => "both of two concurrent strings: the newer stays, the other goes to the conflict ledger",
        Merge::Lww => "concurrent increments adding up: the newest value stays, the others go to the conflict ledger",
        Merge::Siblings => "one answer at all times: readers get every concurrent value and must be ready for several",
        Merge::Max => "a lower value taking the place of a concurrent higher one, however new it is",
        Merge::Min => "a higher value taking the place of a concurrent lower one, however new it is",
        Merge::Union => "values that are no JSON lists, and taking out what a concurrent value still holds",
        Merge::Json(_) => "values that are no JSON documents",
    }
}

fn by_placement(placement: &Placement, not_held_in: &[String], arriving: &[String]) -> String {
    if *placement == Placement::Everywhere {
        return "keeping bytes out of any region of the cluster".to_owned();
    }
    let refused = |regions: &[String]| format!("clients in {} are refused (ELSEWHERE)", regions.join(", "));
    let mut clauses = Vec::new();
    if !not_held_in.is_empty() {
        clauses.push(format!("{}; the bytes never go there", refused(not_held_in)));
    }
    if !arriving.is_empty() {
        clauses.push(format!("{} until its records are there", refused(arriving)));
    }
    if clauses.is_empty() { "a copy in a region that is not named".to_owned() } else { clauses.join("; ") }
}

fn by_read(read: Read) -> String {
    match read {
        Read::Eventual => "being sure to see one's own write after a change of region".to_owned(),
        Read::Causal => {
            "being sure to see one's own write in another region without resuming the session there".to_owned()
        }
        Read::Session => "being sure to see what other sessions have just written in other regions".to_owned(),
        Read::Bounded(_) => {
            format!("a read while of some region of the table nothing is known that is young enough for {read}")
        }
        Read::Quorum(0 | 1) => {
            "being sure to see what other regions have just acknowledged, unless all of them must".to_owned()
        }
        Read::Quorum(count) => format!("a read while fewer than {count} of the table's regions can be reached"),
        Read::Strong => "a read without whoever decides writes".to_owned(),
    }
}
