//! A full disk loses nothing that was acknowledged and acknowledges nothing that it lost; with room again, the journal goes on by itself.

use std::ops::ControlFlow;
use std::sync::Arc;

use lc_env::{Disk, MemoryDisk, Random, SeededRandom};
use lc_journal::{Error, Journal, Options, Position};

fn options() -> Options {
    Options { segment_bytes: 4096, tail_bytes: 512, pending_bytes_max: 1 << 20 }
}

fn open(disk: &MemoryDisk) -> Journal {
    Journal::open(Arc::new(disk.clone()), options()).expect("a full disk alone never corrupts").0
}

fn sequences(journal: &Journal) -> Vec<u64> {
    let (mut found, mut from) = (Vec::new(), journal.first());
    while from < journal.durable() {
        let next = journal.read(from, 1 << 20, |record| {
            assert!(record.payload.iter().all(|byte| *byte == record.seq as u8), "no record is a mixture");
            found.push(record.seq);
            ControlFlow::Continue(())
        });
        from = next.expect("what is durable can be read");
    }
    found
}

fn append(journal: &mut Journal, seq: u64, bytes: usize) -> Position {
    journal.append(1, seq, &vec![seq as u8; bytes]).expect("little waits")
}

fn sync(journal: &mut Journal) -> Result<Position, Error> {
    let job = journal.begin_sync().expect("something waits");
    journal.finish_sync(job.run())
}

fn used(disk: &MemoryDisk) -> u64 {
    let names = disk.list().unwrap();
    names.iter().map(|name| disk.read(name).unwrap().len() as u64).sum()
}

#[test]
fn what_found_no_room_is_written_at_the_same_place_once_there_is_some() {
    let disk = MemoryDisk::new();
    let mut journal = open(&disk);
    append(&mut journal, 1, 100);
    sync(&mut journal).unwrap();
    // Less than the zeros that are kept ahead of the records, and less than the next write.
    disk.set_capacity(Some(used(&disk) + 300));
    let end = append(&mut journal, 2, 4000);
    let refused = sync(&mut journal).unwrap_err();
    assert!(matches!(refused, Error::NoRoom { .. }) && refused.fault() == lc_core::Fault::Unavailable);
    append(&mut journal, 3, 10);
    assert!(sync(&mut journal).is_err(), "still none");
    assert_eq!(sequences(&journal), [1], "what is durable can be read meanwhile");
    disk.set_capacity(None);
    assert_eq!(sync(&mut journal).unwrap(), end);
    sync(&mut journal).unwrap();
    assert_eq!(sequences(&journal), [1, 2, 3]);
    disk.crash(|_, _| 0);
    assert_eq!(sequences(&open(&disk.reopen())), [1, 2, 3]);
}

#[test]
fn the_last_bytes_of_a_disk_are_for_records_not_for_zeros() {
    let disk = MemoryDisk::new();
    let mut journal = open(&disk);
    disk.set_capacity(Some(used(&disk) + 250));
    append(&mut journal, 1, 200);
    sync(&mut journal).unwrap();
    assert_eq!(sequences(&journal), [1]);
}

#[test]
fn half_a_record_on_a_full_disk_is_cut_by_a_restart() {
    let disk = MemoryDisk::new();
    let mut journal = open(&disk);
    append(&mut journal, 1, 100);
    sync(&mut journal).unwrap();
    disk.set_capacity(Some(used(&disk)));
    append(&mut journal, 2, 6000);
    assert!(sync(&mut journal).is_err());
    drop(journal);
    let disk = disk.reopen();
    let mut journal = open(&disk);
    assert_eq!(sequences(&journal), [1]);
    disk.set_capacity(None);
    append(&mut journal, 3, 50);
    sync(&mut journal).unwrap();
    assert_eq!(sequences(&open(&disk.reopen())), [1, 3]);
}

#[test]
fn a_clean_end_waits_for_what_found_no_room() {
    let disk = MemoryDisk::new();
    let mut journal = open(&disk);
    disk.set_capacity(Some(used(&disk)));
    append(&mut journal, 1, 100);
    assert!(sync(&mut journal).is_err());
    append(&mut journal, 2, 100);
    assert!(matches!(journal.close_clean(), Err(Error::NoRoom { .. })));
    disk.set_capacity(None);
    journal.close_clean().unwrap();
    assert_eq!(sequences(&open(&disk.reopen())), [1, 2]);
}

#[test]
fn a_disk_that_fills_and_empties_between_crashes_never_loses_what_was_acknowledged() {
    let (mut refused, mut written) = (0, 0);
    for seed in 0..120 {
        let random = SeededRandom::new(seed);
        let below = |bound: u64| random.u64() % bound;
        let mut disk = MemoryDisk::new();
        let mut journal = open(&disk);
        let (mut next, mut acknowledged) = (1, 0);
        for _ in 0..120 {
            match below(12) {
                0..5 => {
                    append(&mut journal, next, below(1500) as usize);
                    next += 1;
                }
                5..9 if journal.appended() > journal.durable() => match sync(&mut journal) {
                    Ok(_) => acknowledged = sequences(&journal).last().copied().unwrap_or(0),
                    Err(error) => {
                        assert!(matches!(error, Error::NoRoom { .. }), "{error}");
                        refused += 1;
                    }
                },
                9 => disk.set_capacity(Some(used(&disk) + below(2000))),
                10 => disk.set_capacity(None),
                11 => {
                    disk.crash(|_, unsynced| random.u64() % (unsynced + 1));
                    disk = disk.reopen();
                    disk.set_capacity(None);
                    journal = open(&disk);
                    let found = sequences(&journal);
                    let last = found.last().copied().unwrap_or(0);
                    assert!(last >= acknowledged && last < next, "seed {seed}: {last}, {acknowledged} acknowledged");
                    assert!(found.windows(2).all(|pair| pair[0] < pair[1]), "seed {seed}");
                    next = last + 1;
                    acknowledged = last;
                }
                _ => {}
            }
        }
        written += acknowledged;
    }
    assert!(refused > 200 && written > 1_000, "{refused} {written}");
}
