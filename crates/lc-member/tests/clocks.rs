//! Nodes whose wall clocks are wrong: hours off, set back, frozen. And values that a wrong clock has stamped.

#[path = "clocks/cluster.rs"]
mod cluster;

use cluster::{Cluster, HOUR_MS, MAX_OFFSET_MS};
use lc_core::{Hlc, NodeId};
use lc_crdt::Address;

fn string(key: &str) -> Address {
    Address::string(bytes::Bytes::copy_from_slice(key.as_bytes()))
}

#[test]
fn a_node_an_hour_ahead_of_its_peers_decides_nothing_says_so_and_goes_on_when_its_clock_is_right() {
    let mut cluster = Cluster::of(3);
    cluster.pass(1000);
    assert_eq!(cluster.set(0, "a", "before"), Ok(()));
    cluster.skew_ms[0] = HOUR_MS as i64;
    cluster.pass(20);
    let refused = cluster.set(0, "a", "refused").unwrap_err();
    assert!(refused.contains("this node takes no writes now: this node's clock is 3600"), "{refused}");
    assert!(refused.contains("ms ahead of those of 2 of its 2 peers"), "{refused}");
    assert!(refused.contains("set the machine's clock right"), "{refused}");
    assert_eq!(cluster.members[0].snapshot().counters.clock_apart, 1);
    assert_eq!(cluster.get(0, "a").as_deref(), Some("before"), "reads go on");
    assert_eq!(cluster.set(1, "b", "of another"), Ok(()), "the others are not apart");
    cluster.pass(1000);
    assert_eq!(cluster.get(0, "b").as_deref(), Some("of another"), "what peers send is taken");
    cluster.skew_ms[0] = 0;
    cluster.pass(20);
    assert_eq!(cluster.set(0, "a", "after"), Ok(()));
    cluster.pass(1000);
    assert!(cluster.is_settled());
    assert_eq!(cluster.get(2, "a").as_deref(), Some("after"));
    assert!(cluster.latest_stamp_ms() <= cluster.true_ms() + MAX_OFFSET_MS, "nothing of the wrong clock is left");
}

#[test]
fn a_node_that_was_set_back_an_hour_takes_what_others_send_and_shows_what_has_not_ended() {
    let mut cluster = Cluster::of(3);
    cluster.pass(1000);
    let end_ms = cluster.true_ms() + 5000;
    assert_eq!(cluster.set_until(1, "short", "lived", end_ms), Ok(()));
    cluster.pass(1000);
    cluster.skew_ms[0] = -(HOUR_MS as i64);
    cluster.pass(20);
    let refused = cluster.set(0, "a", "refused").unwrap_err();
    assert!(refused.contains("ms behind those of 2 of its 2 peers"), "{refused}");
    assert_eq!(cluster.set(1, "b", "by a clock an hour later"), Ok(()));
    cluster.pass(500);
    assert_eq!(cluster.get(0, "b").as_deref(), Some("by a clock an hour later"));
    assert_eq!(cluster.get(0, "short").as_deref(), Some("lived"));
    cluster.pass(5000);
    assert_eq!(cluster.get(0, "short"), None, "it has ended, whatever this node's clock shows");
    cluster.skew_ms[0] = 0;
    cluster.pass(1000);
    assert_eq!(cluster.set(0, "a", "after"), Ok(()));
}

#[test]
fn a_node_ahead_does_not_take_what_others_wrote_for_ended() {
    let mut cluster = Cluster::of(3);
    cluster.pass(1000);
    let end_ms = cluster.true_ms() + 60_000;
    assert_eq!(cluster.set_until(0, "short", "lived", end_ms), Ok(()));
    cluster.skew_ms[0] = HOUR_MS as i64;
    cluster.pass(2000);
    assert_eq!(cluster.get(0, "short").as_deref(), Some("lived"));
    cluster.skew_ms[0] = 0;
    cluster.pass(2000);
    assert_eq!(cluster.get(1, "short").as_deref(), Some("lived"), "nor did it remove it");
}

#[test]
fn a_frozen_clock_is_noticed_once_it_is_late_enough() {
    let mut cluster = Cluster::of(3);
    cluster.pass(1000);
    cluster.freeze(0);
    let mut decided = 0;
    for _ in 0..200 {
        cluster.pass(10);
        decided += u64::from(cluster.set(0, "a", "frozen").is_ok());
    }
    assert!((50..60).contains(&decided), "{decided} writes, one every 10 ms, until it was 500 ms late");
    cluster.thaw(0);
    cluster.pass(20);
    assert_eq!(cluster.set(0, "a", "after"), Ok(()));
    cluster.pass(1000);
    assert!(cluster.is_settled());
}

#[test]
fn a_jump_that_no_tick_has_seen_yet_does_not_get_into_a_stamp_nor_into_an_expiry() {
    let mut cluster = Cluster::of(3);
    cluster.pass(1000);
    cluster.skew_ms[0] = 24 * HOUR_MS as i64;
    assert_eq!(cluster.set(0, "a", "decided before the next tick"), Ok(()));
    assert!(cluster.latest_stamp_ms() <= cluster.true_ms() + MAX_OFFSET_MS);
    cluster.pass(1000);
    assert!(cluster.set(0, "a", "refused").is_err());
    assert_eq!(cluster.get(1, "a").as_deref(), Some("decided before the next tick"));
}

/// Of two nodes neither knows who is wrong, so both go on; the edge keeps the later one's stamps out until their time has come.
#[test]
fn of_two_nodes_the_one_set_right_again_waits_until_its_own_stamps_are_bearable() {
    let mut cluster = Cluster::of(2);
    cluster.pass(1000);
    cluster.skew_ms[0] = 10_000;
    cluster.pass(20);
    assert_eq!(cluster.set(0, "a", "ten seconds ahead"), Ok(()));
    cluster.pass(1000);
    assert_eq!(cluster.get(1, "a"), None);
    assert!(cluster.members[1].snapshot().counters.entries_from_the_future > 0);
    cluster.skew_ms[0] = 0;
    cluster.pass(20);
    let refused = cluster.set(0, "a", "refused").unwrap_err();
    assert!(refused.contains("the stamps of this node's writes would be 8"), "{refused}");
    cluster.pass(9_000);
    assert_eq!(cluster.set(0, "a", "after"), Ok(()));
    cluster.pass(20_000);
    assert_eq!(cluster.get(1, "a").as_deref(), Some("after"));
}

#[test]
fn peers_of_an_older_version_tell_no_time_and_stop_nobody() {
    let mut cluster = Cluster::of(3);
    cluster.tells_time = false;
    cluster.pass(1000);
    cluster.skew_ms[0] = HOUR_MS as i64;
    cluster.pass(1000);
    assert!(cluster.members[0].snapshot().clocks.is_empty());
    assert_eq!(cluster.set(0, "a", "it cannot know"), Ok(()));
}

#[test]
fn how_far_peers_clocks_are_off_is_known_within_the_way() {
    let mut cluster = Cluster::of(3);
    cluster.skew_ms[1] = 200;
    cluster.skew_ms[2] = -300;
    cluster.pass(1000);
    let clocks = cluster.members[0].snapshot().clocks;
    let of = |node: u16| clocks.iter().find(|clock| clock.node == NodeId(node)).expect("heard");
    for (node, truth) in [(2, 200), (3, -300)] {
        let clock = of(node);
        assert!(clock.offset_ms.abs_diff(truth) <= clock.error_ms, "{clock:?}");
        assert!(clock.error_ms <= 30, "{clock:?}");
    }
}

/// The far region is cut off while a clock is wrong for a moment, and goes on writing.
fn poisoned(rewrite: bool) -> Cluster {
    let mut cluster = Cluster::with_offset(3, 60_000);
    cluster.pass(1000);
    assert_eq!(cluster.set(2, "a", "early"), Ok(()));
    cluster.pass(1000);
    cluster.cut_off = Some(2);
    cluster.skew_ms[0] = 50_000;
    cluster.pass(20);
    assert_eq!(cluster.set(0, "a", "poisoned"), Ok(()), "50 s are not apart where 60 s are allowed");
    assert_eq!(cluster.add(0, "set", "member"), Ok(()));
    cluster.pass(1000);
    cluster.skew_ms[0] = 0;
    let than = Hlc::from_ms(cluster.true_ms() + 1000);
    let page = cluster.members[1].stamps_ahead(than, None, None, (1000, 1000)).unwrap();
    let keys: Vec<_> = page.found.iter().map(|found| (found.at.key.as_ref(), found.at.kind.name())).collect();
    assert_eq!(keys, [(b"set".as_ref(), "set"), (b"a", "string")]);
    assert!(page.next.is_none());
    if rewrite {
        let at: Vec<Address> = page.found.into_iter().map(|found| found.at).collect();
        assert_eq!(cluster.rewrite(1, &at), Ok(2));
        assert_eq!(cluster.get(1, "a").as_deref(), Some("poisoned"), "the value stays");
        assert!(cluster.members[1].stamps_ahead(than, None, None, (1000, 1000)).unwrap().found.is_empty());
    }
    cluster.pass(1000);
    assert_eq!(cluster.set(2, "a", "later"), Ok(()));
    cluster.cut_off = None;
    cluster.pass(3000);
    assert!(cluster.is_settled());
    cluster
}

#[test]
fn a_poisoned_stamp_wins_over_what_was_written_later_without_knowing_of_it() {
    assert_eq!(poisoned(false).get(1, "a").as_deref(), Some("poisoned"));
}

#[test]
fn a_poisoned_stamp_that_was_rewritten_loses_to_what_was_written_later() {
    let cluster = poisoned(true);
    for member in 0..3 {
        assert_eq!(cluster.get(member, "a").as_deref(), Some("later"), "{member}");
    }
}

#[test]
fn rewriting_looks_at_one_key_and_leaves_what_is_not_there_alone() {
    let mut cluster = Cluster::with_offset(3, 60_000);
    cluster.pass(1000);
    cluster.skew_ms[0] = 50_000;
    cluster.pass(20);
    assert_eq!(cluster.set(0, "a", "1"), Ok(()));
    assert_eq!(cluster.add(0, "set", "one"), Ok(()));
    assert_eq!(cluster.add(0, "set", "two"), Ok(()));
    cluster.pass(1000);
    cluster.skew_ms[0] = 0;
    cluster.pass(20);
    let than = Hlc::from_ms(cluster.true_ms() + 1000);
    let of = |cluster: &Cluster, key: &[u8]| cluster.members[1].stamps_ahead_of(than, key, 100).unwrap();
    assert_eq!((of(&cluster, b"a").len(), of(&cluster, b"set").len(), of(&cluster, b"none").len()), (1, 2, 0));
    let first = cluster.members[1].stamps_ahead(than, None, None, (1, 1000)).unwrap();
    let rest = cluster.members[1].stamps_ahead(than, None, first.next.as_deref(), (1000, 1000)).unwrap();
    assert_eq!(first.found.len() + rest.found.len(), 3, "page by page");
    assert_eq!(cluster.rewrite(1, &[string("a"), string("none")]), Ok(1));
    assert_eq!((of(&cluster, b"a").len(), of(&cluster, b"set").len()), (0, 2));
    cluster.pass(1000);
    assert!(cluster.is_settled());
}
