//! What was dropped stays known, and a crash while it is dropped leaves a whole journal.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use lc_env::{Disk, MemoryDisk, Random, SeededRandom};
use lc_journal::{Error, Journal, Options, Position, Record};

fn open(disk: &MemoryDisk) -> Result<Journal, Error> {
    let options = Options { segment_bytes: 1024, tail_bytes: 1024, pending_bytes_max: 1 << 20 };
    Journal::open(Arc::new(disk.clone()), options).map(|opened| opened.0)
}

fn sync(journal: &mut Journal) {
    let job = journal.begin_sync().expect("something waits");
    journal.finish_sync(job.run()).expect("this disk works");
}

/// Entries of replicas 1 and 2 by turns, and one of replica 3 at the very beginning.
fn written() -> (MemoryDisk, Journal) {
    let disk = MemoryDisk::new();
    let mut journal = open(&disk).unwrap();
    journal.append(3, 900, b"once").unwrap();
    for number in 0..100 {
        journal.append(1 + (number % 2) as u16, number, &[number as u8; 60]).unwrap();
        sync(&mut journal);
    }
    (disk, journal)
}

fn records(journal: &Journal) -> Vec<Record> {
    let (mut found, mut from) = (Vec::new(), journal.first());
    while from < journal.durable() {
        let next = journal.read(from, 500, |record| {
            found.push(record);
            ControlFlow::Continue(())
        });
        from = next.unwrap();
    }
    found
}

/// For each replica the entries that are here begin right after those that are said to be gone.
fn check_told(journal: &Journal) {
    let here = records(journal);
    for replica in [1, 2] {
        let gone = journal.truncated().get(&replica).copied();
        let first = here.iter().find(|record| record.replica == replica).map(|record| record.seq);
        assert_eq!(
            first.or(Some(101)),
            Some(gone.map_or(u64::from(replica) - 1, |gone| gone + 2)),
            "replica {replica}"
        );
    }
}

#[test]
fn a_journal_knows_what_it_dropped_of_whom_also_after_a_restart() {
    let (disk, mut journal) = written();
    assert!(journal.truncated().is_empty());
    check_told(&journal);
    let middle = records(&journal)[50].position;
    journal.truncate_before(middle).unwrap();
    check_told(&journal);
    assert_eq!(journal.truncated().get(&3), Some(&900));
    let told = journal.truncated().clone();
    disk.crash(|_, _| 0);
    let mut journal = open(&disk.reopen()).unwrap();
    assert_eq!(journal.truncated(), &told);
    check_told(&journal);
    assert_eq!((journal.last_seq(3), journal.last_seq(1)), (Some(900), Some(98)), "what is gone still counts");
    assert_eq!(journal.seek(3, 900), journal.appended(), "there is no such record any more");
    let end = journal.durable();
    journal.truncate_before(end).unwrap();
    check_told(&journal);
}

#[test]
fn every_segment_says_what_came_up_to_its_end() {
    let (_, journal) = written();
    let all = records(&journal);
    let spans: Vec<_> = journal.spans().collect();
    assert!(spans.len() > 5 && spans.windows(2).all(|pair| pair[0].end == pair[1].first));
    for span in spans {
        let mut upto = BTreeMap::new();
        for record in all.iter().filter(|record| record.next <= span.end) {
            let highest = upto.entry(record.replica).or_insert(0);
            *highest = record.seq.max(*highest);
        }
        assert_eq!(*span.upto, upto);
    }
}

#[test]
fn a_crash_anywhere_in_a_truncation_leaves_the_old_beginning_or_the_new_one() {
    let (mut old, mut new) = (0, 0);
    for syncs in 0..6 {
        for seed in 0..40 {
            let random = SeededRandom::new(seed);
            let (disk, mut journal) = written();
            let all = records(&journal);
            let job = journal.begin_truncate(all[70].position).unwrap();
            assert!(journal.begin_truncate(all[90].position).is_none(), "one at a time");
            disk.fail_power_after(syncs);
            let outcome = journal.finish_truncate(job.run());
            if seed % 2 == 0 {
                disk.crash(|_, unsynced| random.u64() % (unsynced + 1));
            } else {
                disk.crash_scattered(|_, _| random.u64().is_multiple_of(2));
            }
            let journal = open(&disk.reopen()).unwrap();
            if journal.first() == Position(0) {
                assert!(outcome.is_err() && journal.truncated().is_empty());
                old += 1;
            } else {
                new += 1;
            }
            let left = records(&journal);
            assert_eq!(left[..], all[all.len() - left.len()..]);
            check_told(&journal);
        }
    }
    assert!(old > 20 && new > 20, "{old} {new}");
}

#[test]
fn whatever_part_of_what_was_dropped_a_crash_leaves_the_next_start_removes() {
    let (disk, mut journal) = written();
    let all = records(&journal);
    let before = disk.list().unwrap();
    journal.truncate_before(all[70].position).unwrap();
    let (first, told) = (journal.first(), journal.truncated().clone());
    let beginning = disk.read("journal-beginning").unwrap();
    let gone: Vec<String> = before.into_iter().filter(|name| disk.read(name).is_err()).collect();
    assert!(gone.len() >= 4);
    for subset in 0..1u32 << gone.len().min(6) {
        let (disk, _) = written();
        disk.write_atomic("journal-beginning", &beginning).unwrap();
        for (number, name) in gone.iter().enumerate() {
            if subset >> number.min(5) & 1 == 1 {
                disk.remove(name).unwrap();
            }
        }
        let journal = open(&disk.reopen()).unwrap();
        assert_eq!((journal.first(), journal.truncated()), (first, &told));
        assert!(gone.iter().all(|name| disk.reopen().read(name).is_err()));
        check_told(&journal);
    }
}

#[test]
fn a_disk_without_room_for_the_note_keeps_everything_and_tries_again() {
    let (disk, mut journal) = written();
    let all = records(&journal);
    disk.set_full(true);
    assert!(matches!(journal.truncate_before(all[50].position), Err(Error::Disk(_))));
    assert_eq!(records(&journal), all);
    disk.set_full(false);
    assert!(journal.truncate_before(all[50].position).unwrap() > Position(0));
    check_told(&journal);
}

#[test]
fn once_truncated_even_a_disk_without_a_byte_lets_go_of_more() {
    let (disk, mut journal) = written();
    let all = records(&journal);
    journal.truncate_before(all[30].position).unwrap();
    disk.set_capacity(Some(0));
    assert_eq!(disk.room().unwrap(), 0);
    let first = journal.truncate_before(all[80].position).unwrap();
    assert!(first > all[60].position);
    check_told(&journal);
    disk.crash(|_, _| 0);
    disk.set_capacity(None);
    assert_eq!(open(&disk.reopen()).unwrap().first(), first);
}

#[test]
fn a_beginning_that_rots_or_does_not_fit_is_noticed() {
    let (disk, mut journal) = written();
    let position = records(&journal)[70].position;
    journal.truncate_before(position).unwrap();
    disk.rot("journal-beginning", 13, 1);
    assert!(matches!(open(&disk.reopen()), Err(Error::Corrupt { .. })));
    disk.rot("journal-beginning", 13, 1);
    let first = disk.list().unwrap()[0].clone();
    disk.remove(&first).unwrap();
    assert!(matches!(open(&disk.reopen()), Err(Error::Gap { .. })));
}

#[test]
fn a_journal_that_an_earlier_release_truncated_begins_where_its_entries_do() {
    let (disk, mut journal) = written();
    let position = records(&journal)[70].position;
    journal.truncate_before(position).unwrap();
    disk.remove("journal-beginning").unwrap();
    let journal = open(&disk.reopen()).unwrap();
    let here = records(&journal);
    for replica in [1, 2] {
        let first = here.iter().find(|record| record.replica == replica).unwrap().seq;
        assert_eq!(journal.truncated().get(&replica), Some(&(first - 1)));
    }
}
