//! Bytes of each format as they were written once: this release reads them, and still writes the newest ones so. `UPDATE=1` writes what
//! is missing, never what is there.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use lc_env::{Disk, MemoryDisk};
use lc_journal::{Journal, Options};

const SEGMENT: &str = "00000000000000000181.journal";
const BEGINNING: &str = "journal-beginning";

fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn open(disk: &MemoryDisk) -> Journal {
    let options = Options { segment_bytes: 200, tail_bytes: 0, pending_bytes_max: 1 << 20 };
    Journal::open(Arc::new(disk.clone()), options).expect("these bytes are known").0
}

/// A journal whose first segment is gone.
fn written() -> MemoryDisk {
    let disk = MemoryDisk::new();
    let mut journal = open(&disk);
    let entries: [(u16, u64, &[u8]); 5] =
        [(1, 7, &[1; 60]), (65, 4, &[2; 64]), (2, 9, b""), (1, 9, b"golden"), (65, 5, &[0; 40])];
    for (number, (replica, seq, payload)) in entries.into_iter().enumerate() {
        journal.append(replica, seq, payload).unwrap();
        if number != 3 {
            let job = journal.begin_sync().unwrap();
            journal.finish_sync(job.run()).unwrap();
        }
    }
    let end = journal.durable();
    journal.truncate_before(end).unwrap();
    journal.close_clean().unwrap();
    disk
}

/// Zeros at the end of a segment are room, not records.
fn trimmed(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
    bytes
}

#[test]
fn what_this_release_writes_is_what_is_drawn() {
    let disk = written();
    for (name, file) in [(SEGMENT, "segment_1"), (BEGINNING, "beginning_1")] {
        let bytes = trimmed(disk.read(name).unwrap());
        if std::env::var_os("UPDATE").is_some() && !golden(file).exists() {
            std::fs::write(golden(file), &bytes).unwrap();
        }
        assert_eq!(bytes, std::fs::read(golden(file)).unwrap(), "{file}");
    }
}

#[test]
fn format_1_is_read() {
    let disk = MemoryDisk::new();
    for (name, file) in [(SEGMENT, "segment_1"), (BEGINNING, "beginning_1")] {
        disk.write_atomic(name, &std::fs::read(golden(file)).unwrap()).unwrap();
    }
    let journal = open(&disk);
    let mut found = Vec::new();
    let visit = |record: lc_journal::Record| {
        found.push((record.replica, record.seq, record.payload.len()));
        ControlFlow::Continue(())
    };
    journal.read(journal.first(), 1 << 20, visit).unwrap();
    assert_eq!(found, [(1, 9, 6), (65, 5, 40)]);
    assert_eq!(journal.truncated().iter().collect::<Vec<_>>(), [(&1, &7), (&2, &9), (&65, &4)]);
    assert_eq!(journal.last_seq(2), Some(9));
}
