//! How fast entries become durable: `cargo run --release -p lc-journal --example append_rate -- [directory]`.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use lc_env::{Clock, RealClock, RealDisk};
use lc_journal::{Journal, Options, Position};

fn main() {
    let dir = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "append_rate_data".to_owned()));
    let disk = Arc::new(RealDisk::open(dir).expect("the directory can be used"));
    let clock = RealClock::new();
    let (mut journal, found) = Journal::open(disk.clone(), Options::default()).expect("the journal is whole");
    println!("found {} entries", found.records);
    for (batch, count) in [(1, 3_000), (64, 128_000), (1024, 1_024_000)] {
        append(&mut journal, batch, count, &clock);
    }
    let entries = read(&journal, &clock, "read from files and memory");
    drop(journal);
    let start = clock.monotonic();
    let (journal, found) = Journal::open(disk, Options::default()).expect("the journal is whole");
    let took = clock.monotonic() - start;
    assert_eq!(found.records, entries);
    println!("opened {} MiB with {} entries in {took:.2?}", journal.bytes() >> 20, found.records);
}

fn append(journal: &mut Journal, batch: u64, count: u64, clock: &RealClock) {
    let payload = [7u8; 250];
    let (start, mut seq, mut in_memory) = (clock.monotonic(), 0, 0.0);
    while seq < count {
        let before = clock.monotonic();
        for _ in 0..batch {
            seq += 1;
            journal.append(1, seq, &payload).expect("the bound is far away");
        }
        in_memory += (clock.monotonic() - before).as_secs_f64();
        let done = journal.begin_sync().expect("something waits").run();
        journal.finish_sync(done).expect("the disk works");
    }
    let took = (clock.monotonic() - start).as_secs_f64();
    let per_sync = took / (count / batch) as f64 * 1e6;
    println!(
        "{batch} entries of 250 bytes a sync: {:.0}/s, {per_sync:.0} us a sync, {:.0} ns an append",
        count as f64 / took,
        in_memory / count as f64 * 1e9
    );
}

fn read(journal: &Journal, clock: &RealClock, what: &str) -> u64 {
    let (start, mut from, mut entries) = (clock.monotonic(), Position(0), 0u64);
    while from < journal.durable() {
        let next = journal.read(from, 1 << 20, |_| {
            entries += 1;
            ControlFlow::Continue(())
        });
        from = next.expect("the disk works");
    }
    println!("{what}: {:.0}/s", entries as f64 / (clock.monotonic() - start).as_secs_f64());
    entries
}
