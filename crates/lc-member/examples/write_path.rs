//! How much one write and one read cost in a member, without doors and links: `cargo run --release -p lc-member --example write_path`.
//!
//! Random keys of 16 bytes out of a million, values of 160 bytes, one sync for every 512 writes on the real disk.

use std::sync::Arc;
use std::time::Duration;

use lc_core::NodeId;
use lc_db::{Expiry, Reply};
use lc_env::{Clock, Random, RealClock, RealDisk, SeededRandom};
use lc_member::{Member, Peer, Settings};
use lc_store::FjallStore;

fn main() {
    let directory = std::env::temp_dir().join(format!("lightcone-write-path-{}", std::process::id()));
    let disk = RealDisk::open(&directory).expect("a temporary directory");
    let store = FjallStore::open(&directory.join("records"), &lc_store::FjallOptions::default()).expect("a store");
    let mut member = Member::open(settings(), Arc::new(disk), Arc::new(store)).expect("a member");
    let (clock, random) = (RealClock::new(), SeededRandom::new(1));
    let value = [b'v'; 160];
    for round in 0..4 {
        let (start, mut synced, mut flushed) = (clock.monotonic(), Duration::ZERO, Duration::ZERO);
        for write in 0..WRITES {
            let key = format!("key:{:012}", random.u64() % 1_000_000);
            let (outcome, _) = member.write(1_800_000_000_000, 1, &mut |txn| {
                txn.set_string(key.as_bytes(), &value, Expiry::Never)?;
                Ok(Reply::OK)
            });
            outcome.expect("a write");
            if write % 512 == 511 {
                let before = clock.monotonic();
                sync(&mut member);
                synced += clock.monotonic() - before;
            }
            if write % 65_536 == 65_535 {
                let before = clock.monotonic();
                flush(&mut member);
                flushed += clock.monotonic() - before;
            }
        }
        let all = clock.monotonic() - start;
        let own = all.saturating_sub(synced + flushed);
        let reads = read_many(&member, &clock, &random);
        println!(
            "round {round}: write {:>5} ns, of a sync {:>5} ns, of a flush {:>5} ns; read {reads:>5} ns",
            per(own),
            per(synced),
            per(flushed)
        );
    }
    drop(member);
    std::fs::remove_dir_all(&directory).expect("it was made above");
}

fn read_many(member: &Member, clock: &RealClock, random: &SeededRandom) -> u64 {
    let start = clock.monotonic();
    for _ in 0..WRITES {
        let key = format!("key:{:012}", random.u64() % 1_000_000);
        let (outcome, _) = member.read(1_800_000_000_000, 1, &[key.as_bytes()], &mut |view| {
            Ok(Reply::bulk_or_nil(view.string(key.as_bytes())?))
        });
        outcome.expect("a read");
    }
    per(clock.monotonic() - start)
}

fn sync(member: &mut Member) {
    if let Some(job) = member.begin_sync() {
        member.finish_sync(Duration::ZERO, job.run(), &mut Vec::new()).expect("a sync");
    }
}

fn flush(member: &mut Member) {
    sync(member);
    if let Some((job, _)) = member.begin_flush(false) {
        member.finish_flush(job.run()).expect("a flush");
    }
}

fn per(time: Duration) -> u64 {
    (time.as_nanos() / u128::from(WRITES)) as u64
}

fn settings() -> Settings {
    Settings {
        cluster: "example".to_owned(),
        node: NodeId(1),
        region: "here".to_owned(),
        peers: vec![Peer { node: NodeId(2), region: "there".to_owned() }],
        left: Vec::new(),
        tables: Arc::default(),
        max_offset_ms: 500,
        dirty_bytes_max: 64 << 20,
        disk: lc_member::DiskBounds::default(),
        table: lc_store::TableOptions { cache_bytes: 256 << 20, ..lc_store::TableOptions::default() },
        journal: lc_journal::Options::default(),
        replication: lc_repl::Settings::default(),
    }
}

const WRITES: u64 = 500_000;
