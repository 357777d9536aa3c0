//! The class of Abadi's PACELC: what gives way under a partition (availability or consistency), and what else
//! (latency or consistency).

use crate::explanation::Counts;
use crate::{Policy, Read, Writers};

/// The class as `PA/EL`, and a sentence that says what it means here.
pub(super) fn class(policy: &Policy, counts: &Counts) -> (String, String) {
    let partition = if writes_stop(policy, counts) || reads_stop(policy, counts) { 'C' } else { 'A' };
    let otherwise = if counts.sees_all { 'C' } else { 'L' };
    let words = match counts.regions {
        1 if policy.writers == Writers::Any => {
            "one region holds it: nothing to be cut off from, nobody to wait for".to_owned()
        }
        _ => format!("{}; {}", when_cut_off(policy, counts), when_whole(policy, counts)),
    };
    (format!("P{partition}/E{otherwise}"), words)
}

fn writes_stop(policy: &Policy, counts: &Counts) -> bool {
    counts.regions > 1 && (counts.acks > 1 || policy.writers != Writers::Any)
}

fn reads_stop(policy: &Policy, counts: &Counts) -> bool {
    counts.regions > 1 && (counts.answers > 1 || matches!(policy.read, Read::Bounded(_) | Read::Strong))
}

fn when_cut_off(policy: &Policy, counts: &Counts) -> String {
    if !writes_stop(policy, counts) && !reads_stop(policy, counts) {
        return "cut off, a region goes on writing and reading".to_owned();
    }
    if policy.writers == Writers::Any && counts.acks > 1 && counts.acks == counts.answers {
        return format!(
            "cut off, a region reads and confirms writes only while it reaches {}",
            others(counts.acks - 1)
        );
    }
    let writes = match policy.writers {
        Writers::Any if counts.acks > 1 => {
            format!("confirms writes only while it reaches {}", others(counts.acks - 1))
        }
        Writers::Any => "goes on writing".to_owned(),
        Writers::Home => "writes only what it is home of".to_owned(),
        Writers::Consensus => "writes only with a majority of regions on its side".to_owned(),
    };
    let reads = match policy.read {
        Read::Quorum(_) if counts.answers > 1 => format!("reads only while it reaches {}", others(counts.answers - 1)),
        Read::Bounded(_) => format!("reads for no longer than the {} that are allowed", bound(policy.read)),
        Read::Strong => "reads only while it reaches who decides".to_owned(),
        Read::Eventual | Read::Causal | Read::Session | Read::Quorum(_) => "goes on reading what it has".to_owned(),
    };
    format!("cut off, a region {writes} and {reads}")
}

fn when_whole(policy: &Policy, counts: &Counts) -> String {
    if counts.sees_all {
        return "otherwise other regions are waited for, so that a read meets every acknowledged write".to_owned();
    }
    match policy.read {
        Read::Bounded(_) => format!("otherwise a read may miss what is younger than {}", bound(policy.read)),
        _ if counts.acks > 1 || counts.answers > 1 => {
            "otherwise other regions are waited for, but too few for a read to be sure to meet the last acknowledged write"
                .to_owned()
        }
        _ => "otherwise nobody waits for another region, and a read may miss what one has just acknowledged".to_owned(),
    }
}

fn others(count: usize) -> String {
    match count {
        1 => "another region".to_owned(),
        count => format!("{count} others"),
    }
}

fn bound(read: Read) -> String {
    read.to_string().trim_start_matches("bounded(").trim_end_matches(')').to_owned()
}
