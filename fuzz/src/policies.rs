//! Policies as people write them: TOML, JSON, words. What is read is printed so that it is read as the same, and can be
//! checked and explained in any cluster.

use lc_policy::{Dial, Measured, Policy, PolicyChange, Region, Topology, explain, merge_text};

use crate::lots::Lots;

/// The first byte says what the text is.
///
/// # Panics
/// If a policy that was printed is read as another one, or not at all.
pub fn run(data: &[u8]) {
    let mut lots = Lots::new(data);
    let form = lots.byte();
    let Ok(text) = std::str::from_utf8(lots.rest()) else { return };
    let change = match form % 4 {
        0 => PolicyChange::from_toml(text).ok(),
        1 => serde_json::from_str::<PolicyChange>(text).ok(),
        2 => PolicyChange::from_words(text.lines().filter_map(|line| line.split_once('='))).ok(),
        _ => return rule(text),
    };
    if let Some(change) = change {
        check(&change);
    }
}

/// A merge rule alone.
fn rule(text: &str) {
    let Ok(merge) = merge_text::parse(text) else { return };
    let printed = merge_text::print(&merge);
    assert_eq!(merge_text::parse(&printed).as_ref(), Ok(&merge), "printed as {printed}");
}

fn check(change: &PolicyChange) {
    let json = serde_json::to_string(change).expect("a change is JSON");
    assert_eq!(serde_json::from_str::<PolicyChange>(&json).ok().as_ref(), Some(change), "written as {json}");
    let policy = change.apply(&Policy::default());
    let toml = policy.to_toml();
    assert_eq!(Policy::from_toml(&toml).as_ref(), Ok(&policy), "printed as {toml}");
    let words = Dial::ALL.map(|dial| (dial.name(), policy.setting(dial)));
    let read = Policy::from_words(words.iter().map(|(dial, setting)| (*dial, setting.as_str())));
    assert_eq!(read.as_ref(), Ok(&policy), "in words {words:?}");
    for topology in [Topology::default(), cluster()] {
        let refusal = policy.check(&topology);
        // A refusal offers the nearest that can be kept, as text for people; making it must not fail.
        let _ = refusal.map_err(|refusal| refusal.to_string());
        let _ = serde_json::to_string(&explain(&policy, &topology, &Measured::default())).expect("plain data");
    }
    let _ = PolicyChange::drain(&Policy::default(), &policy).map(|drain| drain.to_string());
}

fn cluster() -> Topology {
    let regions = vec![Region::at("oslo", 59.9, 10.7), Region::at("kyiv", 50.4, 30.5), Region::at("rome", 41.9, 12.5)];
    Topology { regions, ..Topology::default() }
}
