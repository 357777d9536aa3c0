use std::ops::ControlFlow;
use std::sync::Arc;

use lc_core::Fault;
use lc_env::{Disk, MemoryDisk};

use super::{Journal, Options};
use crate::{Error, Position, Record};

fn small() -> Options {
    Options { segment_bytes: 1024, tail_bytes: 2048, pending_bytes_max: 4096 }
}

fn open(disk: &MemoryDisk) -> Journal {
    Journal::open(Arc::new(disk.clone()), small()).unwrap().0
}

fn sync(journal: &mut Journal) -> Position {
    let done = journal.begin_sync().expect("something waits").run();
    journal.finish_sync(done).unwrap()
}

fn write(journal: &mut Journal, seqs: std::ops::Range<u64>) {
    for seq in seqs {
        journal.append(1, seq, format!("entry {seq}").as_bytes()).unwrap();
        sync(journal);
    }
}

fn records(journal: &Journal, mut from: Position) -> Vec<Record> {
    let mut found = Vec::new();
    while from < journal.durable() {
        let next = journal.read(from, 300, |record| {
            found.push(record);
            ControlFlow::Continue(())
        });
        from = next.unwrap();
    }
    found
}

fn seqs(journal: &Journal, from: Position) -> Vec<u64> {
    records(journal, from).iter().map(|record| record.seq).collect()
}

#[test]
fn nothing_can_be_read_before_it_is_durable() {
    let mut journal = open(&MemoryDisk::new());
    let end = journal.append(1, 1, b"a").unwrap();
    let job = journal.begin_sync().unwrap();
    journal.append(1, 2, b"b").unwrap();
    assert_eq!((journal.durable(), journal.appended() > end), (Position(0), true));
    assert!(records(&journal, Position(0)).is_empty());
    assert!(journal.begin_sync().is_none(), "one job at a time");
    assert_eq!(journal.finish_sync(job.run()).unwrap(), end);
    assert_eq!(seqs(&journal, Position(0)), [1]);
    sync(&mut journal);
    assert_eq!(seqs(&journal, Position(0)), [1, 2]);
    assert!(journal.begin_sync().is_none(), "nothing waits");
}

#[test]
fn a_record_says_whose_it_is_and_where_the_next_begins() {
    let mut journal = open(&MemoryDisk::new());
    journal.append(65, 9, b"hello").unwrap();
    journal.append(66, 10, b"").unwrap();
    sync(&mut journal);
    let found = records(&journal, Position(0));
    assert_eq!((found[0].replica, found[0].seq, found[0].payload.as_ref()), (65, 9, b"hello".as_slice()));
    assert_eq!((found[0].position, found[0].next), (Position(0), found[1].position));
    assert_eq!((found[1].next, found[1].payload.len()), (journal.durable(), 0));
}

#[test]
fn a_journal_of_many_segments_reads_the_same_from_memory_and_from_the_files() {
    let disk = MemoryDisk::new();
    let mut journal = open(&disk);
    write(&mut journal, 0..200);
    assert!(disk.list().unwrap().len() > 4);
    let before = records(&journal, Position(0));
    assert_eq!(before.len(), 200);
    let (reopened, found) = Journal::open(Arc::new(disk.reopen()), small()).unwrap();
    assert_eq!((found.records, found.cut_bytes, found.clean_shutdown), (200, 0, false));
    assert_eq!(records(&reopened, Position(0)), before);
    assert_eq!(records(&reopened, before[150].position), before[150..]);
    assert_eq!((reopened.durable(), reopened.last_seq(1), reopened.last_seq(2)), (journal.durable(), Some(199), None));
}

#[test]
fn a_read_stops_where_the_visitor_says_and_goes_on_from_there() {
    let mut journal = open(&MemoryDisk::new());
    write(&mut journal, 0..50);
    let mut seen = Vec::new();
    let next = journal.read(Position(0), 1 << 20, |record| {
        seen.push(record.seq);
        if record.seq == 7 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!(seen, (0..8).collect::<Vec<_>>());
    assert_eq!(seqs(&journal, next.unwrap()), (8..50).collect::<Vec<_>>());
}

#[test]
fn a_clean_shutdown_is_reported_until_something_is_appended() {
    let disk = MemoryDisk::new();
    let mut journal = open(&disk);
    journal.append(1, 1, b"a").unwrap();
    journal.close_clean().unwrap();
    let (mut journal, found) = Journal::open(Arc::new(disk.reopen()), small()).unwrap();
    assert_eq!((found.records, found.clean_shutdown), (1, true));
    write(&mut journal, 2..4);
    let (journal, found) = Journal::open(Arc::new(disk.reopen()), small()).unwrap();
    assert_eq!((found.records, found.clean_shutdown), (3, false));
    assert_eq!(seqs(&journal, Position(0)), [1, 2, 3], "the marker is no entry");
    let after_first = records(&journal, Position(0))[0].next;
    assert_eq!(seqs(&journal, after_first), [2, 3], "a reader that stands before the marker gets over it");
}

#[test]
fn after_a_failed_sync_nothing_is_accepted_any_more() {
    let disk = MemoryDisk::new();
    let mut journal = open(&disk);
    write(&mut journal, 0..3);
    journal.append(1, 3, b"doomed").unwrap();
    disk.fail_next_sync();
    let done = journal.begin_sync().unwrap().run();
    let error = journal.finish_sync(done).unwrap_err();
    assert_eq!(error.fault(), Fault::Stop);
    assert!(matches!(journal.append(1, 4, b"late"), Err(Error::Stopped { .. })));
    assert!(matches!(journal.close_clean(), Err(Error::Stopped { .. })));
    assert!(journal.begin_sync().is_none());
    assert_eq!(seqs(&journal, Position(0)), [0, 1, 2], "what was durable can still be read");
    disk.crash(|_, unsynced| unsynced);
    assert_eq!(seqs(&open(&disk.reopen()), Position(0)), [0, 1, 2]);
}

#[test]
fn a_writer_faster_than_the_disk_is_told_to_wait() {
    let mut journal = open(&MemoryDisk::new());
    while journal.pending_bytes() + 219 <= 4096 {
        journal.append(1, 1, &[7; 200]).unwrap();
    }
    let refused = journal.append(1, 2, &[7; 200]).unwrap_err();
    assert_eq!(refused.fault(), Fault::Retry);
    let job = journal.begin_sync().unwrap();
    assert!(journal.append(1, 2, &[7; 200]).is_err(), "what is being written counts too");
    journal.finish_sync(job.run()).unwrap();
    journal.append(1, 2, &[7; 200]).unwrap();
    sync(&mut journal);
    journal.append(1, 3, &[7; 100_000]).unwrap();
    sync(&mut journal);
    assert_eq!(records(&journal, Position(0)).last().unwrap().payload.len(), 100_000);
}

#[test]
fn an_entry_larger_than_the_limit_is_refused_and_leaves_no_trace() {
    let mut journal = open(&MemoryDisk::new());
    let refused = journal.append(1, 1, &vec![0; lc_core::limits::ENTRY_BYTES_MAX + 1]).unwrap_err();
    assert_eq!(refused.fault(), Fault::Caller);
    assert_eq!((journal.appended(), journal.last_seq(1)), (Position(0), None));
}

#[test]
fn truncation_drops_whole_segments_and_the_rest_survives_a_restart() {
    let disk = MemoryDisk::new();
    let mut journal = open(&disk);
    write(&mut journal, 0..200);
    let all = records(&journal, Position(0));
    let early = journal.prepare_read(Position(0), 100).unwrap();
    let first = journal.truncate_before(all[120].position).unwrap();
    assert!(first > Position(0) && first <= all[120].position);
    assert!(matches!(journal.read(Position(0), 100, |_| ControlFlow::Continue(())), Err(Error::Gone { .. })));
    assert!(early.run(|_| ControlFlow::Continue(())).unwrap() > Position(0), "a prepared read still finds its records");
    assert_eq!(journal.seek(1, 0), first);
    disk.crash(|_, _| 0);
    let journal = open(&disk.reopen());
    assert_eq!(journal.first(), first);
    let left = records(&journal, first);
    assert_eq!(left[..], all[200 - left.len()..]);
    assert!(left[0].seq <= 120);
}

#[test]
fn truncating_everything_keeps_the_newest_segment_and_its_position() {
    let disk = MemoryDisk::new();
    let mut journal = open(&disk);
    write(&mut journal, 0..200);
    let end = journal.durable();
    journal.truncate_before(end).unwrap();
    let mut journal = open(&disk.reopen());
    assert_eq!(journal.durable(), end, "positions are never used twice");
    write(&mut journal, 200..201);
    assert!(journal.durable() > end);
}

#[test]
fn a_seek_finds_a_replica_among_others() {
    let mut journal = open(&MemoryDisk::new());
    for seq in 0..2000 {
        journal.append((seq % 3) as u16, seq, &[0; 150]).unwrap();
        sync(&mut journal);
    }
    for seq in [0, 1, 700, 1999] {
        let from = journal.seek((seq % 3) as u16, seq);
        let found = records(&journal, from);
        let first = found.iter().find(|record| record.replica == (seq % 3) as u16 && record.seq >= seq).unwrap();
        assert_eq!(first.seq, seq);
        assert!(first.position.0 - from.0 < 128 * 1024);
    }
    assert_eq!(journal.seek(0, 5000), journal.appended());
    assert_eq!(journal.seek(77, 0), journal.appended());
}

#[test]
fn a_position_inside_a_record_is_refused() {
    let disk = MemoryDisk::new();
    let mut journal = open(&disk);
    write(&mut journal, 0..3);
    let wrong = |journal: &Journal| journal.read(Position(5), 100, |_| ControlFlow::Continue(())).is_err();
    assert!(wrong(&journal));
    assert!(wrong(&open(&disk.reopen())));
    assert!(journal.read(Position(1 << 40), 100, |_| ControlFlow::Continue(())).is_err());
}
