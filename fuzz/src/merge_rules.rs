//! Merge rules over documents that anybody may have written: the order in which values are listed does not matter, and
//! merging what was merged changes nothing.

use bytes::Bytes;
use lc_core::{Dot, Hlc, ReplicaId};
use lc_crdt::{Merge, Merged, Sibling};
use lc_policy::merge_text;

/// A rule, a line end, and values separated by line ends.
///
/// # Panics
/// If the order of values matters, or a value alone does not stay as it is.
pub fn run(data: &[u8]) {
    let mut lines = data.splitn(2, |byte| *byte == b'\n');
    let (Some(rule), Some(values)) = (lines.next(), lines.next()) else { return };
    let Some(merge) = std::str::from_utf8(rule).ok().and_then(|text| merge_text::parse(text).ok()) else { return };
    let siblings: Vec<Sibling> = values
        .split(|byte| *byte == b'\n')
        .take(VALUES_MAX)
        .enumerate()
        .map(|(at, value)| sibling(at, value))
        .collect();
    let Some(merged) = merge.of(&siblings) else { return };
    assert!(merged.winner < siblings.len() && merged.losers.iter().all(|&at| at < siblings.len()));
    for turned in 1..siblings.len() {
        let mut others = siblings.clone();
        others.rotate_left(turned);
        let again = merge.of(&others).expect("there are values");
        assert_eq!(merged.value, again.value, "the order of values does not matter");
    }
    alone(&merge, &siblings, &merged);
}

fn alone(merge: &Merge, siblings: &[Sibling], merged: &Merged) {
    for sibling in siblings {
        let of_one = merge.of(std::slice::from_ref(sibling)).expect("there is a value");
        assert!(of_one.value == sibling.value && of_one.losers.is_empty(), "a value alone stays as it is");
        let _ = merge.check_value(&sibling.value);
        let _ = merge.beats(&sibling.value, &merged.value);
    }
    // Written back it is one value that fits the rule, if all it was made from did.
    let fitting = siblings.iter().all(|sibling| merge.check_value(&sibling.value).is_ok());
    if fitting && let Err(why) = merge.check_value(&merged.value) {
        panic!("what was merged does not fit its own rule: {why}: {}", merged.value.escape_ascii());
    }
}

fn sibling(at: usize, value: &[u8]) -> Sibling {
    Sibling {
        dot: Dot::new(ReplicaId(at as u16 + 1), 1),
        // Neither the order of replicas nor of values is that of time.
        hlc: Hlc((at as u64 * 7) % 5),
        value: Bytes::copy_from_slice(value),
        expires_ms: None,
        expiry_replaced: false,
    }
}

const VALUES_MAX: usize = 5;
