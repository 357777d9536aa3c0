//! Tables whose `merge` dial is not `typed`, in several regions: what each promises, and that regions end equal whatever
//! the rule.

use lc_db::testing::{Replica, merging, settle};
use proptest::prelude::{Strategy, any, prop, proptest};
use proptest::test_runner::Config;

const RULES: &[(&str, &str)] = &[
    ("siblings", "siblings"),
    ("max", "max"),
    ("min", "min"),
    ("lww", "lww"),
    ("union", "union"),
    ("cart", "json(items: union by sku (qty: max))"),
];

fn regions() -> (Replica, Replica) {
    let tables = merging(RULES);
    (Replica::new(1).under(tables.clone()), Replica::new(2).under(tables))
}

/// Runs a line in each region before they hear of each other, and gives what both then read.
fn concurrently(paris: (&mut Replica, &str), tokyo: (&mut Replica, &str), read: &str) -> String {
    for (region, line) in [(&mut *paris.0, paris.1), (&mut *tokyo.0, tokyo.1)] {
        let reply = region.run(line);
        assert_eq!(reply, "OK", "{line}");
    }
    settle(&mut [&mut *paris.0, &mut *tokyo.0]);
    let shown = paris.0.run(read);
    assert_eq!(tokyo.0.run(read), shown);
    shown
}

#[test]
fn the_highest_bid_stands_whoever_was_earlier_or_later() {
    let (mut paris, mut tokyo) = regions();
    let bids = concurrently((&mut paris, "SET max:bid 10"), (&mut tokyo, "SET max:bid 9"), "GET max:bid");
    assert_eq!(bids, "10");
    // A lower bid that saw the higher one changes nothing that a reader sees.
    tokyo.now_ms += 10;
    assert_eq!((tokyo.run("SET max:bid 8"), tokyo.run("GET max:bid")), ("OK".into(), "10".into()));
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
    let prices = concurrently((&mut paris, "SET min:price 10"), (&mut tokyo, "SET min:price 9"), "GET min:price");
    assert_eq!(prices, "9");
    paris.run("SET min:price 12");
    settle(&mut [&mut paris, &mut tokyo]);
    assert_eq!((paris.run("GET min:price"), tokyo.run("GET min:price")), ("9".into(), "9".into()));
}

#[test]
fn a_union_holds_what_any_region_added_and_not_what_was_removed_in_sight() {
    let (mut paris, mut tokyo) = regions();
    let one = r#"SET union:tags ["a","b"]"#;
    let other = r#"SET union:tags ["b","c"]"#;
    let both = concurrently((&mut paris, one), (&mut tokyo, other), "GET union:tags");
    for tag in ["a", "b", "c"] {
        assert_eq!(both.matches(&format!(r#"\"{tag}\""#)).count(), 1, "{both}");
    }
    tokyo.run(r#"SET union:tags ["c"]"#);
    settle(&mut [&mut paris, &mut tokyo]);
    assert_eq!(paris.run("GET union:tags"), r#"[\"c\"]"#);
    for wrong in ["SET union:tags a", r#"SET union:tags {"a":1}"#] {
        assert!(paris.run(wrong).starts_with("ERR table 'union': "), "{wrong}");
    }
}

#[test]
fn two_shopping_carts_become_one() {
    let (mut paris, mut tokyo) = regions();
    // The latest write is not the one with the most pens.
    tokyo.now_ms += 1;
    let one = r#"SET cart:7 {"items":[{"sku":"pen","qty":3},{"sku":"ink","qty":5}]}"#;
    let other = r#"SET cart:7 {"items":[{"sku":"pen","qty":2},{"sku":"cap","qty":1}]}"#;
    let cart = concurrently((&mut paris, one), (&mut tokyo, other), "GET cart:7").replace('\\', "");
    let items = r#"[{"qty":1,"sku":"cap"},{"qty":5,"sku":"ink"},{"qty":3,"sku":"pen"}]"#;
    assert_eq!(cart, format!(r#"{{"items":{items}}}"#));
    assert!(paris.run("SET cart:7 pen").starts_with("ERR table 'cart': "));
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
        assert!(refused.starts_with("ERR table 'max' merges by max, which is for strings"), "{line}: {refused}");
        assert!(refused.contains("keep hashes, sets and sorted sets in a table with merge=typed or lww"), "{refused}");
    }
    assert!(paris.journal.is_empty());
}

#[test]
fn a_rule_that_is_declared_later_holds_for_what_stands_already() {
    let (mut paris, mut tokyo) = (Replica::new(1), Replica::new(2));
    tokyo.now_ms += 1;
    let shown = concurrently((&mut paris, "SET max:bid 10"), (&mut tokyo, "SET max:bid 9"), "GET max:bid");
    assert_eq!(shown, "9");
    let (mut paris, mut tokyo) = (paris.under(merging(RULES)), tokyo.under(merging(RULES)));
    assert_eq!((paris.run("GET max:bid"), tokyo.run("GET max:bid")), ("10".into(), "10".into()));
    settle(&mut [&mut paris, &mut tokyo]);
}

/// What somebody does somewhere.
#[derive(Clone, Debug)]
enum Step {
    Run { region: usize, key: usize, command: u8, value: u8 },
    Pull { to: usize, from: usize },
    Declare { region: usize },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0..10u8, 0..3usize, 0..3usize, 0..KEYS.len(), 0..8u8, any::<u8>()).prop_map(
        |(choice, region, other, key, command, value)| match choice {
            0..7 => Step::Run { region, key, command, value },
            7..9 => Step::Pull { to: region, from: other },
            _ => Step::Declare { region },
        },
    );
    prop::collection::vec(step, 1..60)
}

const KEYS: &[&str] = &["siblings:k", "max:k", "min:k", "lww:k", "union:k", "cart:k", "k"];

fn line(region: &mut Replica, key: &str, command: u8, value: u8) -> String {
    let text = match key {
        "union:k" => format!("[{value}]"),
        "cart:k" => format!(r#"{{"items":[{{"sku":{},"qty":{value}}}]}}"#, value % 3),
        _ => value.to_string(),
    };
    let context = region.run(&format!("CONTEXT {key}"));
    // Half of what stands, for writes that name only a part.
    let part = context.split(',').step_by(2).collect::<Vec<_>>().join(",");
    match command {
        0..2 => format!("SET {key} {text}"),
        2 => format!("INCRBY {key} {value}"),
        3 => format!("DEL {key}"),
        4 => format!("RESOLVE {key} {context} {text}"),
        5 => format!("RESOLVE {key} {part} {text} PX 1000"),
        6 => format!("SET {key} {text} IFCONTEXT {context} KEEPTTL"),
        _ => format!("RESOLVE {key} - {text}"),
    }
}

/// Applies what can be applied of another's entries.
fn pull(to: &mut Replica, journal: &[lc_crdt::Entry]) {
    for entry in journal {
        if !to.vector.covers(entry.dot) && to.vector.covers_all(&entry.deps) {
            to.receive(entry);
        }
    }
}

proptest! {
    #![proptest_config(Config::with_cases(300))]

    /// Regions learn of tables at different times, so the same key is decided by different rules at once.
    #[test]
    fn regions_end_equal_and_show_the_same_whatever_the_rules_and_whenever_they_heard_of_them(steps in steps()) {
        let mut regions = [1, 2, 3].map(Replica::new);
        for (at, step) in steps.into_iter().enumerate() {
            match step {
                Step::Run { region, key, command, value } => {
                    let region = &mut regions[region];
                    region.now_ms += u64::from(value % 3);
                    let line = line(region, KEYS[key], command, value);
                    region.run(&line);
                }
                Step::Pull { to, from } if to != from => {
                    let journal = regions[from].journal.clone();
                    pull(&mut regions[to], &journal);
                }
                Step::Pull { .. } => {}
                Step::Declare { region } => {
                    // Back and forth, so that no rule may rely on having decided what stands.
                    regions[region].tables = if at % 2 == 0 { merging(RULES) } else { Default::default() };
                }
            }
        }
        let [one, two, three] = &mut regions;
        settle(&mut [&mut *one, &mut *two, &mut *three]);
        for region in &mut regions {
            region.tables = merging(RULES);
            region.now_ms = 1_001_500;
        }
        for key in KEYS {
            for read in ["GET", "SIBLINGS", "CONTEXT", "PTTL"] {
                let [a, b, c] = regions.each_mut().map(|region| region.run(&format!("{read} {key}")));
                assert_eq!((&a, &a), (&b, &c), "{read} {key}");
            }
        }
    }
}
