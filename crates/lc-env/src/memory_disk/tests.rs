use std::sync::Arc;

use super::MemoryDisk;
use crate::{Disk, DiskFile, Error};

fn synced(disk: &MemoryDisk, name: &str, bytes: &[u8]) -> Arc<dyn DiskFile> {
    let file = disk.open(name).unwrap();
    file.write_at(0, bytes).unwrap();
    file.sync().unwrap();
    disk.sync_dir().unwrap();
    file
}

#[test]
fn what_was_synced_survives_and_what_was_not_is_cut_where_the_test_says() {
    let disk = MemoryDisk::new();
    let file = synced(&disk, "log", b"safe");
    file.write_at(4, b"one").unwrap();
    file.write_at(7, b"two").unwrap();
    let mut asked = Vec::new();
    disk.crash(|name, bytes| {
        asked.push((name.to_owned(), bytes));
        4
    });
    assert_eq!(asked, [("log".to_owned(), 6)]);
    assert_eq!(disk.reopen().read("log").unwrap(), b"safeonet");
}

#[test]
fn handles_from_before_the_crash_answer_with_an_error() {
    let disk = MemoryDisk::new();
    let file = synced(&disk, "log", b"safe");
    disk.crash(|_, _| 0);
    assert!(matches!(file.write_at(4, b"late"), Err(Error::Crashed { .. })));
    assert!(matches!(disk.list(), Err(Error::Crashed { .. })));
    assert_eq!(disk.reopen().list().unwrap(), ["log"]);
}

#[test]
fn a_file_whose_name_was_never_synced_may_vanish_although_its_bytes_were() {
    let disk = MemoryDisk::new();
    synced(&disk, "old", b"1");
    let file = disk.open("new").unwrap();
    file.write_at(0, b"2").unwrap();
    file.sync().unwrap();
    disk.crash(|_, unsynced| unsynced - 1);
    assert_eq!(disk.reopen().list().unwrap(), ["old"]);
}

#[test]
fn an_unsynced_renaming_leaves_the_old_or_the_new_never_nothing() {
    for survives in [0, 1] {
        let disk = MemoryDisk::new();
        synced(&disk, "a", b"old");
        synced(&disk, "a.draft", b"new");
        disk.rename("a.draft", "a").unwrap();
        disk.crash(|_, _| survives);
        assert_eq!(disk.reopen().read("a").unwrap(), if survives == 1 { b"new" } else { b"old" });
    }
}

#[test]
fn an_atomic_write_survives_any_crash_after_it_returned() {
    let disk = MemoryDisk::new();
    disk.write_atomic("a", b"one").unwrap();
    disk.crash(|_, _| 0);
    let disk = disk.reopen();
    disk.write_atomic("a", b"second").unwrap();
    disk.crash(|_, _| 0);
    assert_eq!(disk.reopen().read("a").unwrap(), b"second");
    assert_eq!(disk.reopen().list().unwrap(), ["a"]);
}

#[test]
fn after_a_failed_sync_the_bytes_are_visible_but_never_safe() {
    let disk = MemoryDisk::new();
    let file = synced(&disk, "log", b"safe");
    file.write_at(4, b"lost").unwrap();
    disk.fail_next_sync();
    assert!(file.sync().is_err());
    file.sync().unwrap();
    assert_eq!(disk.read("log").unwrap(), b"safelost");
    disk.crash(|_, bytes| bytes);
    assert_eq!(disk.reopen().read("log").unwrap(), b"safe");
}

#[test]
fn a_scattered_crash_may_keep_the_end_of_a_write_and_lose_its_beginning() {
    let disk = MemoryDisk::new();
    let file = synced(&disk, "log", &[1; 100]);
    file.write_at(100, &[2; 1400]).unwrap();
    disk.crash_scattered(|_, sector| sector == 2);
    let bytes = disk.reopen().read("log").unwrap();
    assert_eq!(bytes.len(), 1500);
    assert_eq!((bytes[99], bytes[100], bytes[1023], bytes[1024], bytes[1499]), (1, 0, 0, 2, 2));
}

#[test]
fn a_removed_file_can_be_read_through_the_handle_that_is_open() {
    let disk = MemoryDisk::new();
    let file = synced(&disk, "log", b"safe");
    disk.remove("log").unwrap();
    let mut bytes = [0; 9];
    assert_eq!(file.read_at(1, &mut bytes).unwrap(), 3);
    assert!(disk.remove("log").is_err());
    assert!(disk.read("log").is_err());
    assert!(disk.list().unwrap().is_empty(), "asking for a file does not make it");
    disk.crash(|_, _| 0);
    assert_eq!(disk.reopen().list().unwrap(), ["log"], "the removal was not synced");
}

#[test]
fn one_opening_holds_the_lock_until_it_is_dropped_or_the_machine_crashes() {
    let disk = MemoryDisk::new();
    disk.lock().unwrap();
    disk.clone().lock().unwrap();
    let second = disk.reopen();
    assert!(matches!(second.lock(), Err(Error::InUse { .. })));
    drop(disk);
    second.lock().unwrap();
    second.crash(|_, _| 0);
    second.reopen().lock().unwrap();
}

#[test]
fn a_full_disk_refuses_and_changes_nothing_until_there_is_room() {
    let disk = MemoryDisk::new();
    let file = synced(&disk, "log", b"safe");
    disk.set_full(true);
    assert!(file.write_at(4, b"more").unwrap_err().is_full());
    assert_eq!(file.len().unwrap(), 4);
    disk.set_full(false);
    file.write_at(4, b"more").unwrap();
    assert_eq!(disk.read("log").unwrap(), b"safemore");
}

#[test]
fn power_that_fails_during_a_sync_leaves_it_to_the_crash_what_survives() {
    let disk = MemoryDisk::new();
    let file = synced(&disk, "log", b"safe");
    disk.fail_power_after(1);
    file.write_at(4, b"one").unwrap();
    file.sync().unwrap();
    file.write_at(7, b"two").unwrap();
    assert!(matches!(file.sync(), Err(Error::Crashed { .. })));
    assert!(matches!(disk.list(), Err(Error::Crashed { .. })));
    disk.crash(|_, unsynced| unsynced - 1);
    assert_eq!(disk.reopen().read("log").unwrap(), b"safeonetw");
    disk.reopen().sync_dir().unwrap();
}

#[test]
fn a_full_disk_takes_what_fits_and_takes_the_rest_once_there_is_room() {
    let disk = MemoryDisk::new();
    let filler = disk.open("filler").unwrap();
    filler.write_at(0, &[1; 60]).unwrap();
    disk.set_capacity(Some(100));
    let file = disk.open("file").unwrap();
    assert_eq!(disk.room().unwrap(), 40);
    assert!(file.write_at(0, &[7; 50]).unwrap_err().is_full());
    assert_eq!((file.len().unwrap(), disk.room().unwrap()), (40, 0));
    file.write_at(10, &[8; 30]).unwrap();
    assert!(file.preallocate(50).unwrap_err().is_full());
    disk.remove("filler").unwrap();
    file.write_at(0, &[7; 50]).unwrap();
    assert_eq!((disk.read("file").unwrap(), disk.room().unwrap()), (vec![7; 50], 50));
    disk.set_capacity(None);
    assert_eq!(disk.room().unwrap(), u64::MAX);
}
