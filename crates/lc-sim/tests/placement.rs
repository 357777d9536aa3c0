//! The world of placements can be trusted: it is the same at every run, and every seeded bug makes it fail.

use lc_sim::{PlacementBug, PlacementWorld};

#[test]
fn one_seed_run_twice_is_identical() {
    let (first, second) = (PlacementWorld::run(3, None, true), PlacementWorld::run(3, None, true));
    assert!(!first.trace.is_empty());
    assert_eq!(first.trace, second.trace);
    assert_ne!(first.trace_hash, PlacementWorld::run(4, None, false).trace_hash);
}

#[test]
fn twenty_seeds_are_clean() {
    let (mut stripped, mut removed, mut held, mut looks, mut elsewhere) = (0, 0, 0, 0, 0);
    for seed in 1..=20 {
        let report = PlacementWorld::run(seed, None, false);
        assert_eq!(report.violations, [], "seed {seed}");
        (stripped, removed) = (stripped + report.stripped, removed + report.rows_removed);
        (held, looks) = (held + report.held, looks + report.looks);
        elsewhere += report.refused.get("ELSEWHERE").copied().unwrap_or(0);
    }
    let happened = [stripped, removed, held, looks, elsewhere];
    assert!(happened.iter().all(|&count| count > 100), "a world in which nothing happens proves nothing: {happened:?}");
}

/// A checker that cannot fail is worth nothing: each of these mistakes must be noticed within a few seeds.
#[test]
fn every_seeded_bug_is_found() {
    let found = |&bug: &PlacementBug| {
        (1..=SEEDS).any(|seed| !PlacementWorld::run(seed, Some(bug), false).violations.is_empty())
    };
    let missed: Vec<PlacementBug> = PlacementBug::ALL.into_iter().filter(|bug| !found(bug)).collect();
    assert!(missed.is_empty(), "not found within {SEEDS} seeds: {missed:?}");
}

const SEEDS: u64 = 60;
