//! Policies in a cluster: what is refused and what could be had instead, for every pair of dials; what is explained.
//!
//! `UPDATE=1` rewrites pairs.txt and explained.txt; the difference is reviewed.

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use lc_policy::{Dial, Measured, Placement, Policy, Preset, Region, Topology, Why, explain, explain_towards};

/// Virginia, Ireland, Tokyo; round trips as they are measured between clouds.
fn three_regions() -> Topology {
    let regions = vec![
        Region::at("us-east", 38.95, -77.45),
        Region::at("eu-west", 53.35, -6.26),
        Region::at("ap-northeast", 35.68, 139.69),
    ];
    let rtt = |from: &str, to: &str, ms| ((from.to_owned(), to.to_owned()), ms);
    let rtt_ms =
        [rtt("us-east", "eu-west", 81.2), rtt("us-east", "ap-northeast", 157.4), rtt("eu-west", "ap-northeast", 208.9)];
    Topology { regions, rtt_ms: rtt_ms.into() }
}

fn of_size(count: usize) -> Topology {
    let mut topology = three_regions();
    topology.regions.extend([Region::at("oslo", 59.91, 10.75), Region::at("sydney", -33.87, 151.21)]);
    topology.regions.truncate(count);
    topology.rtt_ms.clear();
    topology
}

fn policy(words: &str) -> Policy {
    let pairs = words.split_whitespace().map(|pair| pair.split_once('=').expect("dial=setting"));
    Policy::from_words(pairs).unwrap_or_else(|error| panic!("{words}: {error}"))
}

/// Compares with the file of this name beside this one.
fn golden(name: &str, text: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests").join(name);
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, text).expect("written");
    }
    let expected = fs::read_to_string(&path).expect("read the golden file");
    assert_eq!(text, expected, "{name} differs; UPDATE=1 rewrites it");
}

const SETTINGS: [(Dial, &[&str]); 5] = [
    (Dial::Writers, &["any", "home", "consensus"]),
    (Dial::Ack, &["local", "regions(1)", "regions(2)", "regions(3)", "regions(4)", "majority", "all"]),
    (Dial::Merge, &["typed", "lww", "siblings", "max", "min", "union", "json(qty:max)"]),
    (
        Dial::Placement,
        &["everywhere", "us-east,eu-west,ap-northeast", "us-east,eu-west", "us-east", "us-esat", "us-east,us-east", ""],
    ),
    (
        Dial::Read,
        &[
            "eventual",
            "causal",
            "session",
            "bounded(20ms)",
            "bounded(500ms)",
            "quorum(1)",
            "quorum(3)",
            "quorum(4)",
            "strong",
        ],
    ),
];

/// The dial that is refused, or that all is well.
fn verdict(words: &[(&str, &str)], topology: &Topology) -> String {
    let policy = Policy::from_words(words.iter().copied()).expect("settings that can be read");
    match policy.check(topology) {
        Ok(()) => "ok".to_owned(),
        Err(refusal) if refusal.why == Why::NotYet => format!("{} not yet", refusal.dial),
        Err(refusal) => format!("{} refused", refusal.dial),
    }
}

#[test]
fn every_pair_of_dials_is_kept_or_refused_as_listed() {
    let topology = three_regions();
    let mut text = "Pairs of dials in a cluster of three regions, the other dials at their defaults; consensus with ack=majority.\n".to_owned();
    for (at, (down, rows)) in SETTINGS.iter().enumerate() {
        for (across, columns) in &SETTINGS[at + 1..] {
            let width = columns.iter().map(|column| column.len()).max().unwrap_or(0).max(17);
            write!(text, "\n{:<30}", format!("{down} \\ {across}")).expect("to a string");
            for column in *columns {
                let shown = if column.is_empty() { "no region" } else { column };
                write!(text, "  {shown:<width$}").expect("to a string");
            }
            text.truncate(text.trim_end().len());
            for row in *rows {
                write!(text, "\n{row:<30}").expect("to a string");
                for column in *columns {
                    let mut words = vec![(down.name(), *row), (across.name(), *column)];
                    if *row == "consensus" && *across != Dial::Ack {
                        words.push(("ack", "majority"));
                    }
                    let verdict = verdict(&words, &topology);
                    write!(text, "  {verdict:<width$}").expect("to a string");
                }
                text.truncate(text.trim_end().len());
            }
            text.push('\n');
        }
    }
    golden("pairs.txt", &text);
}

#[test]
fn the_nearest_policy_can_be_kept_and_changes_nothing_that_was_right() {
    let mut looked_at = 0;
    for topology in (0..=5).map(of_size) {
        for writers in SETTINGS[0].1 {
            for ack in SETTINGS[1].1 {
                for placement in SETTINGS[3].1 {
                    for read in SETTINGS[4].1 {
                        let words = [("writers", *writers), ("ack", ack), ("placement", placement), ("read", read)];
                        let policy = Policy::from_words(words).expect("settings that can be read");
                        let Err(refusal) = policy.check(&topology) else { continue };
                        looked_at += 1;
                        assert_eq!(refusal.nearest.check(&topology), Ok(()), "{words:?}: {refusal}");
                        let changed = policy.differences(&refusal.nearest);
                        assert!(changed.contains(&refusal.dial), "{words:?}: {refusal}");
                        assert!(!changed.contains(&Dial::Merge) && !changed.contains(&Dial::WaitMs), "{refusal}");
                        let words: Vec<&str> = refusal.nearest_words.split(", ").collect();
                        assert!(words.len() >= changed.len(), "{refusal}");
                    }
                }
            }
        }
    }
    assert!(looked_at > 5000, "{looked_at}");
}

/// What is asked for, why it is refused, the nearest that can be kept.
const REFUSALS: &[(&str, &str)] = &[
    (
        "read=strong",
        "read=strong: with writers=any no region knows the latest write of all; strong needs one decider, writers=home or \
         consensus; the nearest that can be kept is read=quorum(3)",
    ),
    (
        "ack=majority read=strong",
        "read=strong: with writers=any no region knows the latest write of all; strong needs one decider, writers=home or \
         consensus; the nearest that can be kept is read=quorum(2)",
    ),
    (
        "ack=regions(4)",
        "ack=regions(4): asks for 4 regions, the table has 3; the nearest that can be kept is ack=regions(3)",
    ),
    (
        "read=quorum(9)",
        "read=quorum(9): asks for 9 regions, the table has 3; the nearest that can be kept is read=quorum(3)",
    ),
    (
        "ack=regions(4) read=quorum(9)",
        "ack=regions(4): asks for 4 regions, the table has 3; the nearest that can be kept is ack=regions(3), read=quorum(3)",
    ),
    (
        "placement=",
        "placement=[]: names no region, so nobody could keep the records; the nearest that can be kept is placement=everywhere",
    ),
    (
        "placement=us-esat,eu-west,ap-northeast",
        "placement=[ap-northeast, eu-west, us-esat]: there is no region us-esat; did you mean 'us-east'? regions: us-east, \
         eu-west, ap-northeast; the nearest that can be kept is placement=[ap-northeast, eu-west, us-east]",
    ),
    (
        "placement=mars",
        "placement=[mars]: there is no region mars; regions: us-east, eu-west, ap-northeast; the nearest that can be kept is \
         placement=everywhere",
    ),
    (
        "placement=us-east,us-east,eu-west,ap-northeast",
        "placement=[ap-northeast, eu-west, us-east, us-east]: names us-east twice; the nearest that can be kept is \
         placement=[ap-northeast, eu-west, us-east]",
    ),
    (
        "placement=mars,eu-west",
        "placement=[eu-west, mars]: there is no region mars; regions: us-east, eu-west, ap-northeast; the nearest that can be \
         kept is placement=[eu-west]",
    ),
    (
        "placement=eu-west,us-east read=quorum(3)",
        "read=quorum(3): asks for 3 regions, the table has 2; the nearest that can be kept is read=quorum(2)",
    ),
    (
        "placement=eu-west ack=regions(2)",
        "ack=regions(2): asks for 2 regions, the table has 1; the nearest that can be kept is ack=regions(1)",
    ),
    (
        "placement=eu-west,us-east read=bounded(50ms)",
        "read=bounded(50ms): light needs 55 ms to the farthest region and back even from the most central one, so no region \
         could know in time what all others acknowledged; the nearest that can be kept is read=bounded(55ms)",
    ),
    (
        "writers=home",
        "writers=home: not yet: homes of records are not granted to regions yet, so every region decides; the nearest that \
         can be kept is writers=any",
    ),
    (
        "writers=home ack=all read=strong",
        "writers=home: not yet: homes of records are not granted to regions yet, so every region decides; the nearest that \
         can be kept is writers=any, read=quorum(1)",
    ),
    (
        "writers=consensus",
        "ack=local: writers=consensus decides a write once 2 of 3 regions hold it, so no client can hear OK earlier; the \
         nearest that can be kept is writers=any, ack=majority",
    ),
    (
        "writers=consensus ack=majority read=strong",
        "writers=consensus: not yet: tables have no consensus groups yet, so every region decides; the nearest that can be \
         kept is writers=any, read=quorum(2)",
    ),
    (
        "read=bounded(50ms)",
        "read=bounded(50ms): light needs 96 ms to the farthest region and back even from the most central one, so no region \
         could know in time what all others acknowledged; the nearest that can be kept is read=bounded(96ms)",
    ),
    (
        "ack=all ack_timeout_ms=50",
        "ack_timeout_ms=50: light needs 109 ms until a write in us-east has its acks, so each one there would fail; the \
         nearest that can be kept is ack_timeout_ms=327",
    ),
    (
        "read=quorum(2) wait_ms=20",
        "wait_ms=20: light needs 96 ms until a read in ap-northeast has its answers, so each one there would fail; the \
         nearest that can be kept is wait_ms=288",
    ),
    (
        "read=quorum(2) wait_ms=0",
        "wait_ms=0: a quorum cannot answer without being waited for; the nearest that can be kept is wait_ms=1000",
    ),
];

#[test]
fn a_refusal_says_why_and_what_could_be_had() {
    for (words, said) in REFUSALS {
        let refusal = policy(words).check(&three_regions()).expect_err(words);
        assert_eq!(refusal.to_string(), *said);
    }
}

#[test]
fn settings_that_no_text_can_make_are_refused_too() {
    let topology = three_regions();
    let base = Policy::default();
    for (policy, dial) in [
        (Policy { ack: lc_policy::Ack::Regions(0), ..base.clone() }, Dial::Ack),
        (Policy { read: lc_policy::Read::Quorum(0), ..base.clone() }, Dial::Read),
        (Policy { read: lc_policy::Read::Bounded(0), ..base.clone() }, Dial::Read),
        (Policy { read: lc_policy::Read::Bounded(u64::MAX), ..base.clone() }, Dial::Read),
        (Policy { ledger_bytes_max: 0, ..base.clone() }, Dial::LedgerBytesMax),
        (Policy { ledger_age_max_s: u64::MAX, ..base.clone() }, Dial::LedgerAgeMaxS),
        (Policy { ack_timeout_ms: 0, ..base.clone() }, Dial::AckTimeoutMs),
        (Policy { wait_ms: u64::MAX, ..base.clone() }, Dial::WaitMs),
        (
            Policy { placement: Placement::Regions(vec!["us-east".to_owned(), "\u{1b}[31m".to_owned()]), ..base },
            Dial::Placement,
        ),
    ] {
        let refusal = policy.check(&topology).expect_err("out of range");
        assert_eq!(refusal.dial, dial);
        assert_eq!(refusal.nearest.check(&topology), Ok(()));
        assert!(!refusal.to_string().contains('\u{1b}'));
    }
}

#[test]
fn a_refusal_travels_as_json() {
    let refusal = policy("ack=regions(4)").check(&three_regions()).expect_err("too many");
    let json = serde_json::to_value(&refusal).expect("JSON");
    assert_eq!(json["dial"], "ack");
    assert_eq!(json["why"], "contradiction");
    assert_eq!(json["nearest"]["ack"], "regions(3)");
    assert_eq!(json["nearest_words"], "ack=regions(3)");
}

#[test]
fn any_policy_of_a_cluster_that_nobody_described_is_checked_as_of_one_region() {
    let nowhere = Topology::default();
    assert_eq!(Policy::default().check(&nowhere), Ok(()));
    assert_eq!(policy("ack=all read=quorum(1)").check(&nowhere), Ok(()));
    let refusal = policy("placement=us-east").check(&nowhere).expect_err("unknown");
    assert!(refusal.to_string().contains("there is no region us-east; the cluster has no regions yet"), "{refusal}");
}

const EXPLAINED: &[&str] = &[
    "merge=lww",
    "merge=siblings ack=regions(2) read=quorum(2)",
    "ack=regions(2) read=session",
    "ack=all read=eventual ack_timeout_ms=150",
    "read=bounded(110ms)",
    "read=bounded(5s) placement=us-east,eu-west,ap-northeast",
    "placement=eu-west,ap-northeast ack=regions(2) read=quorum(2)",
    "placement=eu-west,ap-northeast read=bounded(300ms) merge=lww",
    "placement=eu-west",
    "read=quorum(3) merge=union",
    "writers=home ack=majority read=bounded(5s)",
    "writers=consensus ack=majority read=strong",
];

#[test]
fn three_regions_are_explained_as_listed() {
    let topology = three_regions();
    let known = Measured {
        unheld_writes: Some(17),
        unheld_ms: Some(140),
        entry_bytes: Some(212),
        heartbeat_ms: Some(250),
        ..Measured::default()
    };
    let mut text = String::new();
    for (words, measured) in EXPLAINED.iter().map(|words| (words, &known)).chain([(&"", &Measured::default())]) {
        let name = if words.is_empty() { "defaults, nothing measured" } else { words };
        writeln!(text, "# {name}").expect("to a string");
        for line in explain(&policy(words), &topology, measured).lines() {
            writeln!(text, "{line}").expect("to a string");
        }
        text.push('\n');
    }
    golden("explained.txt", text.trim_end());
}

#[test]
fn unknown_places_and_round_trips_are_unknown_and_never_zero() {
    let mut topology = three_regions();
    topology.rtt_ms.clear();
    topology.regions[1].latitude = None;
    let explanation = explain(&policy("ack=majority read=quorum(2)"), &topology, &Measured::default());
    for floor in &explanation.floors {
        assert_eq!((floor.write_floor_ms, floor.write_measured_ms), (None, None), "{floor:?}");
        assert_eq!((floor.read_floor_ms, floor.read_measured_ms), (None, None), "{floor:?}");
    }
    assert_eq!(explanation.wan_bytes_per_write, None);
    assert_eq!(explanation.warnings, ["nobody said where eu-west stands, so what light needs is unknown"]);
    let json = serde_json::to_value(explain(&Policy::default(), &topology, &Measured::default())).expect("JSON");
    assert!(json["rpo_writes"].is_null() && json["rpo"].as_str().expect("text").starts_with("unknown"), "{json}");
}

#[test]
fn a_count_that_was_given_up_is_a_least() {
    let measured = Measured { unheld_writes: Some(9000), unheld_at_least: true, ..Measured::default() };
    let rpo = explain(&Policy::default(), &three_regions(), &measured).rpo;
    assert_eq!(rpo, "at least 9000 writes that no other region holds, since when is unknown");
}

#[test]
fn a_region_nearer_than_light_allows_is_told() {
    let mut topology = three_regions();
    topology.rtt_ms.insert(("eu-west".to_owned(), "us-east".to_owned()), 3.0);
    let warnings = explain(&Policy::default(), &topology, &Measured::default()).warnings;
    assert_eq!(
        warnings,
        [
            "eu-west to us-east and back in 3.0 ms was faster than light, which needs 54.7 ms: one of them does not stand where it says"
        ]
    );
}

#[test]
fn w_r_and_n_are_counted_as_in_any_textbook() {
    for count in 1..=5 {
        let topology = of_size(count);
        for acks in 1..=count {
            for answers in 1..=count {
                let policy = policy(&format!("ack=regions({acks}) read=quorum({answers})"));
                let explanation = explain(&policy, &topology, &Measured::default());
                assert_eq!(explanation.overlap, acks + answers > count);
                assert_eq!((explanation.failures_write, explanation.failures_read), (count - acks, count - answers));
                assert_eq!(explanation.pacelc.ends_with("EC"), acks + answers > count);
                assert_eq!(explanation.pacelc.starts_with("PA"), acks == 1 && answers == 1);
            }
        }
    }
}

#[test]
fn a_region_outside_the_placement_counts_for_nothing() {
    let topology = three_regions();
    let measured = Measured { entry_bytes: Some(212), ..Measured::default() };
    let of = |words: &str| explain(&policy(words), &topology, &measured);
    let two = of("placement=eu-west,us-east ack=majority read=quorum(2)");
    assert_eq!((two.regions, two.write_acks, two.read_answers, two.overlap), (2, 2, 2, true));
    assert_eq!(two.not_held_in, ["ap-northeast"]);
    let floors: Vec<&str> = two.floors.iter().map(|floor| floor.region.as_str()).collect();
    assert_eq!(floors, ["us-east", "eu-west"]);
    // Tokyo is nobody's nearest, and nobody's farthest either: both wait for each other over the Atlantic.
    assert!(two.floors.iter().all(|floor| floor.write_measured_ms == Some(81.2)), "{:?}", two.floors);
    assert_eq!(two.wan_bytes_per_write, Some(212 + 40));
    let one = of("placement=eu-west ack=all");
    assert_eq!((one.regions, one.write_acks, one.failures_write, one.wan_bytes_per_write), (1, 1, 0, Some(2 * 40)));
    assert_eq!((one.rpo.as_str(), one.rpo_writes), ("everything: no other region holds any of it", None));
    assert_eq!(one.floors[0].write_floor_ms, Some(0.0));
    let all = of("placement=eu-west,us-east,ap-northeast");
    assert_eq!((all.not_held_in.len(), all.wan_bytes_per_write), (0, Some(2 * 212)));
}

#[test]
fn a_region_that_is_arriving_costs_bytes_and_counts_for_nothing() {
    let topology = three_regions();
    let measured = Measured { entry_bytes: Some(212), ..Measured::default() };
    let two = policy("placement=eu-west,us-east ack=majority read=quorum(2)");
    let target = Placement::Everywhere;
    let (still, moving) =
        (explain(&two, &topology, &measured), explain_towards(&two, Some(&target), &topology, &measured));
    assert_eq!((&moving.arriving[..], moving.not_held_in.len()), (&["ap-northeast".to_owned()][..], 0));
    assert_eq!((moving.regions, moving.write_acks, moving.read_answers), (still.regions, still.write_acks, 2));
    assert_eq!((&moving.floors, &moving.rpo, moving.failures_write), (&still.floors, &still.rpo, still.failures_write));
    assert_eq!((still.wan_bytes_per_write, moving.wan_bytes_per_write), (Some(212 + 40), Some(2 * 212)));
    let excluded = |each: &lc_policy::Explanation| each.excludes[3].excludes.clone();
    assert_eq!(excluded(&still), "clients in ap-northeast are refused (ELSEWHERE); the bytes never go there");
    assert_eq!(excluded(&moving), "clients in ap-northeast are refused (ELSEWHERE) until its records are there");
    assert!(still.warnings.iter().any(|warning| warning.contains("a region that joins does not get the table")));
    assert!(!moving.warnings.iter().any(|warning| warning.contains("a region that joins")), "{:?}", moving.warnings);
    let line = moving.lines().into_iter().find(|line| line.starts_with("arriving")).expect("it is said");
    assert!(line.ends_with("ap-northeast: its records are being copied there, and count once they are"), "{line}");
    let json = serde_json::to_value(&moving).expect("JSON");
    assert!(json.get("arriving").is_none(), "whoever shows a table says it beside its placement");
}

#[test]
fn every_preset_that_is_offered_is_explained_without_a_warning() {
    let topology = three_regions();
    let classes: Vec<String> = Preset::ALL
        .iter()
        .filter(|preset| preset.is_available(&topology))
        .map(|preset| {
            let explanation = explain(&preset.policy(&topology), &topology, &Measured::default());
            assert_eq!(explanation.warnings, [""; 0], "{}", preset.name);
            format!("{} {}", preset.name, explanation.pacelc)
        })
        .collect();
    assert_eq!(classes, ["full-geode PA/EL", "crdt PA/EL", "siblings PA/EL", "leaderless PC/EC"]);
}
