//! How fast rows go in and come out: `cargo run --release -p lc-store --example row_rates -- [rows] [directory]`.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use lc_env::{Clock, Random, RealClock, SeededRandom, spawn_thread};
use lc_store::{FjallOptions, FjallStore, FlushDone, RowTable, TableOptions};

type Table = RowTable<FjallStore>;

fn main() {
    let rows: u64 = std::env::args().nth(1).map_or(1_000_000, |rows| rows.parse().expect("a number of rows"));
    let dir = PathBuf::from(std::env::args().nth(2).unwrap_or_else(|| "row_rates_data".to_owned()));
    let store = Arc::new(FjallStore::open(&dir, &FjallOptions::default()).expect("the directory can be used"));
    let mut table = RowTable::new(store, &TableOptions { cache_bytes: 512 << 20, hash_seed: 1 });
    println!("{rows} rows of 21-byte keys and 200-byte values; flush at {} MiB of dirty rows", FLUSH_AT_BYTES >> 20);
    println!("resident before: {} MiB", resident_mib());
    let clock = RealClock::new();
    puts(&mut table, rows, &clock, "puts, new rows");
    puts(&mut table, rows, &clock, "puts, overwriting");
    gets(&table, rows, &clock, "gets, from dirty rows and cache");
    println!("resident: {} MiB, cached {} MiB", resident_mib(), table.cached_bytes() >> 20);
    let store = Arc::clone(table.store());
    drop(table);
    let cold = RowTable::new(store, &TableOptions { cache_bytes: 0, hash_seed: 1 });
    gets(&cold, rows / 5, &clock, "gets, from fjall");
    scan(&cold, &clock);
}

fn puts(table: &mut Table, rows: u64, clock: &RealClock, what: &str) {
    let random = SeededRandom::new(5);
    let mut flush: Option<JoinHandle<FlushDone>> = None;
    let (mut flushes, mut longest) = (0, Duration::ZERO);
    let start = clock.monotonic();
    for _ in 0..rows {
        let number = random.u64() % rows;
        table.put(key(number), Some(Bytes::from(vec![number as u8; 200])));
        if table.dirty_bytes() < FLUSH_AT_BYTES {
            continue;
        }
        if flush.as_ref().is_some_and(JoinHandle::is_finished) {
            let done = flush.take().expect("just seen").join().expect("a flush does not panic");
            let before = clock.monotonic();
            let flushed = table.finish_flush(done).expect("the disk works");
            longest = longest.max(clock.monotonic() - before);
            spawn_thread("free", move || drop(flushed));
        }
        if let Some(job) = table.begin_flush(vec![(Bytes::from_static(b"applied"), Some(key(number)))]) {
            flushes += 1;
            flush = Some(spawn_thread("flush", move || job.run()));
        }
    }
    let took = clock.monotonic() - start;
    if let Some(flush) = flush {
        drop(table.finish_flush(flush.join().expect("a flush does not panic")).expect("the disk works"));
    }
    println!("{what}: {}; {flushes} flushes begun, table held {longest:?} at most to finish one", rate(rows, took));
}

fn gets(table: &Table, rows: u64, clock: &RealClock, what: &str) {
    let random = SeededRandom::new(6);
    let start = clock.monotonic();
    let found = (0..rows).filter(|_| table.get(&key(random.u64() % rows)).expect("the disk works").is_some()).count();
    println!("{what}: {}, {found} found", rate(rows, clock.monotonic() - start));
}

fn scan(table: &Table, clock: &RealClock) {
    let start = clock.monotonic();
    let rows = table.scan(b"h", Some(b"i")).count() as u64;
    println!("one scan of everything: {}", rate(rows, clock.monotonic() - start));
    let random = SeededRandom::new(7);
    let start = clock.monotonic();
    let found: usize = (0..10_000).map(|_| table.scan(&key(random.u64()), None).take(10).count()).sum();
    println!("scans of ten rows: {}, {found} rows", rate(10_000, clock.monotonic() - start));
}

/// A letter, four bytes that look random, sixteen that do not: as keys of records are.
fn key(number: u64) -> Bytes {
    let mut key = Vec::with_capacity(21);
    key.push(b'h');
    key.extend_from_slice(&(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) as u32).to_be_bytes());
    key.extend_from_slice(format!("key:{number:012}").as_bytes());
    Bytes::from(key)
}

fn rate(count: u64, took: Duration) -> String {
    format!("{:.0}k/s ({took:.2?})", count as f64 / took.as_secs_f64() / 1000.0)
}

fn resident_mib() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("VmRSS"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()).unwrap_or(0) / 1024
}

const FLUSH_AT_BYTES: usize = 64 << 20;
