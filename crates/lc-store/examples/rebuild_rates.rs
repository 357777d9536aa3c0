//! How long it takes to look at all rows of a store, and to rebuild it from what can be read:
//! `cargo run --release -p lc-store --example rebuild_rates -- DIR [ROWS]`. DIR is made, and left behind.

use std::path::Path;

use bytes::Bytes;
use lc_env::{Clock, RealClock};
use lc_store::{FjallOptions, FjallStore, Gap, Store, survey};

const VALUE_BYTES: usize = 200;
const COMMIT_ROWS: u64 = 100_000;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let dir = arguments.next().expect("the directory to use");
    let rows: u64 = arguments.next().map_or(1_000_000, |rows| rows.parse().expect("a number of rows"));
    let store = FjallStore::open(Path::new(&dir), &FjallOptions::default()).expect("a store");
    for from in (0..rows).step_by(COMMIT_ROWS as usize) {
        store
            .commit(&mut (from..rows.min(from + COMMIT_ROWS)).map(|number| (key(number), Some(value(number)))))
            .expect("a commit");
    }
    let clock = RealClock::new();
    let began = clock.monotonic();
    let gaps = survey(&store).expect("a survey");
    println!("looked at {rows} rows of {VALUE_BYTES} bytes in {:?}: {} gaps", clock.monotonic() - began, gaps.len());
    let began = clock.monotonic();
    let kept = Gap::between(&gaps).into_iter().flat_map(|(from, to)| store.look(&from, to.as_deref(), false));
    store.rebuild(Box::new(kept)).expect("a rebuild");
    println!("rebuilt in {:?}; {} MB", clock.monotonic() - began, store.approximate_bytes() >> 20);
}

fn key(number: u64) -> Bytes {
    Bytes::copy_from_slice(&number.to_be_bytes())
}

fn value(number: u64) -> Bytes {
    (0..VALUE_BYTES as u64).map(|at| ((number * 200 + at).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 29) as u8).collect()
}
