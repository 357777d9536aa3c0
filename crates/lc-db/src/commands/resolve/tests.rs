use crate::testing::{Replica, merging, settle};

fn regions() -> (Replica, Replica) {
    let tables = merging(&[("siblings", "siblings")]);
    (Replica::new(1).under(tables.clone()), Replica::new(2).under(tables))
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
    assert_eq!(
        (paris.run("CONTEXT siblings:city"), tokyo.run("CONTEXT siblings:city")),
        ("1-2,2-2".into(), "1-2,2-2".into())
    );
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
