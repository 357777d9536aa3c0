use std::sync::Arc;

use lc_crdt::Merge;
use lc_policy::{Policy, Table, Tables};

use crate::testing::{Replica, settle};

/// Two regions with a table of each rule, named after it.
fn regions() -> (Replica, Replica) {
    let rules = [("siblings", Merge::Siblings), ("max", Merge::Max), ("min", Merge::Min), ("lww", Merge::Lww)];
    let table = |(name, merge): (&str, Merge)| Table {
        name: name.to_owned(),
        version: 1,
        policy: Policy { merge, ..Policy::default() },
    };
    let tables = Arc::new(Tables::new(1, rules.into_iter().map(table).collect()));
    let region = |id| Replica { tables: tables.clone(), ..Replica::new(id) };
    (region(1), region(2))
}

/// Paris and Tokyo set a key at the same moment, and hear of each other.
fn in_conflict(key: &str) -> (Replica, Replica) {
    let (mut paris, mut tokyo) = regions();
    tokyo.now_ms += 1;
    paris.run(&format!("SET {key} paris"));
    tokyo.run(&format!("SET {key} tokyo"));
    settle(&mut [&mut paris, &mut tokyo]);
    (paris, tokyo)
}

#[test]
fn both_regions_show_all_values_and_a_resolution_ends_that_everywhere() {
    let (mut paris, mut tokyo) = in_conflict("siblings:city");
    for region in [&mut paris, &mut tokyo] {
        assert_eq!(region.run("GET siblings:city"), "tokyo");
        assert_eq!(region.run("SIBLINGS siblings:city"), "[1-1,2-1 [[tokyo 2-1 1000001] [paris 1-1 1000000]]]");
    }
    assert_eq!(paris.run("RESOLVE siblings:city 1-1,2-1 both"), "1");
    settle(&mut [&mut paris, &mut tokyo]);
    assert_eq!(tokyo.run("GET siblings:city"), "both");
    assert_eq!(tokyo.run("CONTEXT siblings:city"), "1-2");
}

#[test]
fn a_plain_set_replaces_only_what_get_showed() {
    let (mut paris, mut tokyo) = in_conflict("siblings:city");
    paris.now_ms += 10;
    assert_eq!(paris.run("SET siblings:city later"), "OK");
    settle(&mut [&mut paris, &mut tokyo]);
    for region in [&mut paris, &mut tokyo] {
        assert_eq!(region.run("SIBLINGS siblings:city"), "[1-1,1-2 [[later 1-2 1000010] [paris 1-1 1000000]]]");
    }
    // With a condition it says that it was shown everything.
    assert_eq!(tokyo.run("SET siblings:city one IFDOT 1-2"), "nil");
    assert_eq!(tokyo.run("SET siblings:city one IFCONTEXT 1-1,1-2"), "OK");
    settle(&mut [&mut paris, &mut tokyo]);
    assert_eq!((paris.run("GET siblings:city"), paris.run("CONTEXT siblings:city")), ("one".into(), "2-2".into()));
}

#[test]
fn what_the_context_does_not_name_stays_beside_the_resolution() {
    let (mut paris, mut tokyo) = in_conflict("siblings:city");
    assert_eq!(paris.run("RESOLVE siblings:city 1-1 mine"), "2");
    assert_eq!(tokyo.run("RESOLVE siblings:city 1-1,2-1 both"), "1");
    settle(&mut [&mut paris, &mut tokyo]);
    assert_eq!((paris.run("CONTEXT siblings:city"), tokyo.run("CONTEXT siblings:city")), ("1-2,2-2".into(), "1-2,2-2".into()));
    // What was named and is gone already is no obstacle; with a dash, nothing is replaced.
    assert_eq!(paris.run("RESOLVE siblings:city 1-1,2-1,1-2,2-2 end"), "1");
    assert_eq!(paris.run("RESOLVE siblings:city - more"), "2");
    assert_eq!(paris.run("RESOLVE siblings:new - first PX 50"), "1");
    assert_eq!(paris.run("PTTL siblings:new"), "50");
    settle(&mut [&mut paris, &mut tokyo]);
}

#[test]
fn a_region_that_lacks_what_the_context_names_says_so() {
    let (mut paris, mut tokyo) = regions();
    paris.run("SET siblings:city paris");
    assert_eq!(
        tokyo.run("RESOLVE siblings:city 1-1 tokyo"),
        "BEHIND this region has not yet received write 1-1 that the context names; resume the session that read it, or try again"
    );
    assert!(tokyo.journal.is_empty());
    settle(&mut [&mut paris, &mut tokyo]);
    assert_eq!(tokyo.run("RESOLVE siblings:city 1-1 tokyo"), "1");
    settle(&mut [&mut paris, &mut tokyo]);
}

#[test]
fn bad_words_are_refused_before_anything_is_written() {
    let (mut paris, _) = regions();
    assert!(paris.run("RESOLVE siblings:a x v").starts_with("ERR 'x' is no context"));
    assert_eq!(paris.run("RESOLVE siblings:a - v NX"), "ERR syntax error");
    assert_eq!(paris.run("RESOLVE siblings:a - v PX 5 KEEPTTL"), "ERR syntax error");
    assert_eq!(paris.run("RESOLVE siblings:a - v EX 0"), "ERR invalid expire time in 'resolve' command");
    paris.run("HSET h f v");
    assert!(paris.run("RESOLVE h - v").starts_with("WRONGTYPE"));
    assert_eq!(paris.journal.len(), 1);
}

#[test]
fn a_typed_value_is_resolved_too_and_a_counter_only_as_a_whole() {
    let (mut paris, mut tokyo) = in_conflict("city");
    assert_eq!(paris.run("RESOLVE city 1-1,2-1 both"), "1");
    paris.run("INCRBY n 5");
    settle(&mut [&mut paris, &mut tokyo]);
    tokyo.run("INCR n");
    assert!(tokyo.run("RESOLVE n 1-3 10").starts_with("CONFLICT the key is a counter"));
    assert_eq!(tokyo.run("RESOLVE n 1-3,2-2 10"), "1");
    assert_eq!((tokyo.run("GET n"), tokyo.run("CONTEXT n")), ("10".into(), "2-3".into()));
    settle(&mut [&mut paris, &mut tokyo]);
}

#[test]
fn a_key_with_as_many_values_as_a_node_adds_to_takes_no_more_until_some_are_replaced() {
    let (mut paris, mut tokyo) = regions();
    for value in 0..64 {
        assert_eq!(paris.run(&format!("RESOLVE siblings:k - {value}")), (value + 1).to_string());
    }
    assert!(paris.run("RESOLVE siblings:k - more").contains("the key has 64 concurrent values"));
    let context = paris.run("CONTEXT siblings:k");
    assert_eq!(paris.run(&format!("RESOLVE siblings:k {context} one")), "1");
    settle(&mut [&mut paris, &mut tokyo]);
}

#[test]
fn the_highest_bid_stands_whoever_was_earlier_or_later() {
    let (mut paris, mut tokyo) = regions();
    paris.run("SET max:bid 10");
    tokyo.run("SET max:bid 9");
    settle(&mut [&mut paris, &mut tokyo]);
    assert_eq!((paris.run("GET max:bid"), tokyo.run("GET max:bid")), ("10".into(), "10".into()));
    // A lower bid that saw the higher one changes nothing that a reader sees.
    tokyo.now_ms += 10;
    assert_eq!(tokyo.run("SET max:bid 8"), "OK");
    assert_eq!(tokyo.run("GET max:bid"), "10");
    settle(&mut [&mut paris, &mut tokyo]);
    assert_eq!(paris.run("GET max:bid"), "10");
    paris.run("SET max:bid 11");
    settle(&mut [&mut paris, &mut tokyo]);
    assert_eq!((paris.run("GET max:bid"), tokyo.run("GET max:bid")), ("11".into(), "11".into()));
    // By name, a bid can be taken back.
    let context = tokyo.run("CONTEXT max:bid");
    assert_eq!(tokyo.run(&format!("RESOLVE max:bid {context} 7")), "1");
    settle(&mut [&mut paris, &mut tokyo]);
    assert_eq!(paris.run("GET max:bid"), "7");
}

#[test]
fn the_lowest_price_stands() {
    let (mut paris, mut tokyo) = regions();
    paris.run("SET min:price 10");
    tokyo.run("SET min:price 9");
    settle(&mut [&mut paris, &mut tokyo]);
    paris.run("SET min:price 12");
    settle(&mut [&mut paris, &mut tokyo]);
    assert_eq!((paris.run("GET min:price"), tokyo.run("GET min:price")), ("9".into(), "9".into()));
}

#[test]
fn counters_of_an_lww_table_are_plain_writes() {
    let (mut paris, mut tokyo) = regions();
    tokyo.now_ms += 1;
    for region in [&mut paris, &mut tokyo] {
        region.run("INCRBY lww:n 5");
        region.run("HINCRBY lww:h f 5");
        region.run("ZINCRBY lww:z 5 m");
    }
    tokyo.run("INCR lww:n");
    settle(&mut [&mut paris, &mut tokyo]);
    for region in [&mut paris, &mut tokyo] {
        assert_eq!(region.run("GET lww:n"), "6");
        assert_eq!((region.run("HGET lww:h f"), region.run("ZSCORE lww:z m")), ("5".into(), "5".into()));
    }
}

#[test]
fn a_table_for_strings_refuses_other_types_and_says_where_they_go() {
    let (mut paris, _) = regions();
    for line in ["HSET max:h f v", "SADD max:s x", "ZADD max:z 1 x", "HINCRBY max:h f 1", "ZINCRBY max:z 1 x"] {
        let refused = paris.run(line);
        assert!(refused.starts_with("ERR table 'max' merges by "), "{line}: {refused}");
        assert!(refused.contains("keep hashes, sets and sorted sets in a table with merge=typed or lww"), "{refused}");
    }
    assert!(paris.journal.is_empty());
}
