//! What members of the consensus group send each other and keep on disk.

use std::sync::Arc;

use bytes::Bytes;
use lc_env::MemoryDisk;
use lc_journal::{Journal, Options};
use lc_raft::fuzzing;

use crate::lots::Lots;

/// The first byte says what the rest is: a frame, a snapshot file's content, or pieces that are records of a log.
///
/// # Panics
/// If anything changes when it is written and read.
pub fn run(data: &[u8]) {
    let mut lots = Lots::new(data);
    match lots.byte() % 3 {
        0 => again(lots.rest(), |bytes| fuzzing::frame_again(Bytes::copy_from_slice(bytes))),
        1 => again(lots.rest(), fuzzing::snapshot_again),
        _ => log(lots),
    }
}

fn again(bytes: &[u8], again: impl Fn(&[u8]) -> Option<Vec<u8>>) {
    let Some(once) = again(bytes) else { return };
    assert_eq!(again(&once).as_ref(), Some(&once), "it survives being written");
}

/// Records in a journal with right checksums, in any order: opening the log gives an error or a log.
fn log(mut lots: Lots<'_>) {
    let disk = Arc::new(MemoryDisk::new());
    let options = Options { segment_bytes: 4096, ..Options::default() };
    let (mut journal, _) = Journal::open(disk.clone(), options).expect("an empty disk");
    for seq in 1..=RECORDS_MAX {
        if lots.is_empty() {
            break;
        }
        let record = lots.piece();
        again(record, fuzzing::record_again);
        journal.append(0, seq, record).expect("small records");
    }
    if let Some(job) = journal.begin_sync() {
        journal.finish_sync(job.run()).expect("a disk in memory");
    }
    drop(journal);
    let _ = fuzzing::open_log(Arc::new(disk.reopen()));
}

const RECORDS_MAX: u64 = 64;
