use std::collections::BTreeSet;
use std::sync::Arc;

use lc_env::{Disk, DiskFile, Error};

use super::SimDisk;

fn synced(disk: &SimDisk, name: &str, bytes: &[u8]) -> Arc<dyn DiskFile> {
    let file = disk.open(name).unwrap();
    file.write_at(0, bytes).unwrap();
    file.sync().unwrap();
    disk.sync_dir().unwrap();
    file
}

#[test]
fn what_was_synced_survives_every_loss_of_power() {
    for seed in 0..200 {
        let disk = SimDisk::new(seed);
        let file = synced(&disk, "log", &[1; 2000]);
        file.write_at(2000, &[2; 3000]).unwrap();
        disk.power_loss();
        assert!(matches!(file.len(), Err(Error::Crashed { .. })));
        assert_eq!(disk.reopen().read("log").unwrap()[..2000], [1; 2000], "seed {seed}");
    }
}

#[test]
fn an_unsynced_write_is_torn_at_blocks_in_many_ways() {
    let mut outcomes = BTreeSet::new();
    for seed in 0..300 {
        let disk = SimDisk::new(seed);
        let file = synced(&disk, "log", &[1; 1024]);
        file.write_at(300, &[2; 1500]).unwrap();
        disk.power_loss();
        let bytes = disk.reopen().read("log").unwrap();
        let of_block = |block: usize| bytes.chunks(512).nth(block).map_or(9, |bytes| *bytes.last().unwrap());
        assert_eq!(bytes[..300], [1; 300]);
        for (at, byte) in bytes.iter().enumerate() {
            let last = bytes.chunks(512).nth(at / 512).unwrap().last().unwrap();
            assert!(at < 300 || *byte == *last || at >= 1024, "a block is old or new: seed {seed}");
        }
        outcomes.insert((bytes.len(), of_block(0), of_block(1), of_block(2)));
    }
    assert!(outcomes.iter().any(|outcome| outcome.0 == 1800 && outcome.3 == 0), "longer, with zeros");
    assert!(outcomes.iter().any(|outcome| outcome.0 == 1024 && outcome.1 == 2), "shorter, with a changed beginning");
    assert!(outcomes.iter().any(|outcome| outcome.1 == 1 && outcome.2 == 2), "out of order");
    assert!(outcomes.len() > 8, "{outcomes:?}");
}

#[test]
fn a_killed_process_leaves_everything_it_wrote_until_the_power_fails() {
    let mut lost = 0;
    for seed in 0..50 {
        let disk = SimDisk::new(seed);
        let file = synced(&disk, "log", b"safe");
        file.write_at(4, b"seen").unwrap();
        disk.kill();
        assert!(file.sync().is_err());
        assert_eq!(disk.reopen().read("log").unwrap(), b"safeseen");
        disk.power_loss();
        lost += u64::from(disk.reopen().read("log").unwrap() != b"safeseen");
    }
    assert!(lost > 10 && lost < 50, "{lost}");
}

#[test]
fn what_a_failed_sync_covered_can_be_read_and_is_lost_whatever_is_synced_later() {
    let disk = SimDisk::new(1);
    let file = synced(&disk, "log", &[1; 512]);
    file.write_at(512, &[2; 512]).unwrap();
    disk.fail_sync_after(0);
    file.sync().unwrap_err();
    file.write_at(1024, &[3; 512]).unwrap();
    file.sync().unwrap();
    assert_eq!(disk.read("log").unwrap()[512..1024], [2; 512]);
    disk.power_loss();
    let bytes = disk.reopen().read("log").unwrap();
    assert_eq!((bytes.len(), bytes[0], bytes[512], bytes[1024]), (1536, 1, 0, 3));
    // What is written again is there.
    let file = disk.reopen().open("log").unwrap();
    file.write_at(512, &[2; 512]).unwrap();
    file.sync().unwrap();
    disk.power_loss();
    assert_eq!(disk.reopen().read("log").unwrap()[512], 2);
}

#[test]
fn a_name_that_was_not_synced_may_be_gone_and_a_removed_one_may_be_back() {
    let mut seen = BTreeSet::new();
    for seed in 0..100 {
        let disk = SimDisk::new(seed);
        synced(&disk, "old", b"1");
        disk.remove("old").unwrap();
        disk.open("new").unwrap().sync().unwrap();
        disk.power_loss();
        seen.insert(disk.reopen().list().unwrap().join(" "));
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["", "new", "new old", "old"]);
}

#[test]
fn an_atomic_write_leaves_the_old_or_the_new_whenever_the_power_fails() {
    let mut kept = BTreeSet::new();
    for seed in 0..300 {
        let disk = SimDisk::new(seed);
        disk.write_atomic("a", b"old").unwrap();
        disk.stop_after(Some(seed % 7));
        let outcome = disk.write_atomic("a", b"new");
        disk.power_loss();
        let found = disk.reopen().read("a").unwrap();
        assert!(found == b"old" || found == b"new", "{found:?}");
        assert!(outcome.is_err() || found == b"new");
        kept.insert((outcome.is_ok(), found));
    }
    assert!(kept.len() >= 3, "{kept:?}");
}

#[test]
fn a_full_disk_takes_a_part_and_takes_the_rest_when_there_is_room() {
    let disk = SimDisk::new(1);
    let file = synced(&disk, "log", b"safe");
    disk.leave_room(3);
    assert!(file.write_at(4, b"more").unwrap_err().is_full());
    assert_eq!((disk.read("log").unwrap(), disk.room().unwrap()), (b"safemor".to_vec(), 0));
    disk.mend();
    file.write_at(4, b"more").unwrap();
    assert_eq!(disk.read("log").unwrap(), b"safemore");
}

#[test]
fn a_spoilt_block_and_a_rotten_bit_show_until_they_are_mended() {
    let disk = SimDisk::new(1);
    let name = "00000000000000000000.journal";
    let file = synced(&disk, name, &[7; 2048]);
    file.write_at(2048, &[8; 100]).unwrap();
    file.sync().unwrap();
    disk.rot_bit();
    let rotten = disk.read(name).unwrap();
    assert_eq!(rotten.iter().filter(|byte| ![7, 8].contains(*byte)).count(), 1);
    assert_eq!(rotten[2048..], [8; 100], "the last write is left alone");
    disk.spoil_block();
    assert!(disk.read(name).is_err());
    disk.mend();
    assert_eq!(disk.read(name).unwrap()[..2048], [7; 2048]);
    assert_eq!(disk.failures(), 2, "a rotten bit that was read, and a block that could not be");
}

#[test]
fn a_directory_that_cannot_be_synced_takes_nothing_more_until_the_power_was_off() {
    let disk = SimDisk::new(1);
    let file = synced(&disk, "log", b"safe");
    disk.open("new").unwrap();
    disk.fail_sync_after(0);
    disk.sync_dir().unwrap_err();
    assert!(file.write_at(0, b"x").is_err() && file.sync().is_err() && disk.is_read_only());
    disk.power_loss();
    synced(&disk.reopen(), "log", b"x");
}
