//! A process that ends leaves more in the page cache than on the disk; whoever starts next must not take the one for the other.

use std::ops::ControlFlow;
use std::sync::Arc;

use lc_env::{Disk, DiskFile, MemoryDisk};
use lc_journal::{Journal, Options};

fn open(disk: &MemoryDisk) -> Journal {
    let options = Options { segment_bytes: 4096, tail_bytes: 1024, pending_bytes_max: 1 << 20 };
    Journal::open(Arc::new(disk.clone()), options).expect("nothing here is corrupt").0
}

fn sequences(journal: &Journal) -> Vec<u64> {
    let (mut found, mut from) = (Vec::new(), journal.first());
    while from < journal.durable() {
        from = journal
            .read(from, 1 << 20, |record| {
                found.push(record.seq);
                ControlFlow::Continue(())
            })
            .expect("what is durable can be read");
    }
    found
}

fn write(journal: &mut Journal, seq: u64, bytes: usize) -> Result<(), lc_journal::Error> {
    journal.append(1, seq, &vec![seq as u8; bytes])?;
    let job = journal.begin_sync().expect("no other job is out");
    journal.finish_sync(job.run()).map(|_| ())
}

/// A sync failed and the process started anew: the records could still be read, from the page cache, so they were taken
/// for durable. What came after was acknowledged and lay behind a hole once the power failed.
#[test]
fn what_a_failed_sync_left_in_the_page_cache_is_written_again() {
    let disk = MemoryDisk::new();
    let mut journal = open(&disk);
    write(&mut journal, 1, 100).expect("this disk works");
    disk.fail_next_sync();
    write(&mut journal, 2, 100).expect_err("the sync failed");
    drop(journal);

    let disk = disk.reopen();
    let mut journal = open(&disk);
    assert_eq!(sequences(&journal), [1, 2], "the page cache shows both");
    write(&mut journal, 3, 100).expect("this disk works again");
    disk.crash(|_, _| 0);
    assert_eq!(sequences(&open(&disk.reopen())), [1, 2, 3]);
}

/// The process ended between the sync of a new segment's header and that of its name. The next one went on in it, and
/// the power took the name with everything in it.
#[test]
fn the_name_of_a_segment_that_was_just_begun_is_synced_by_the_next_start() {
    let disk = MemoryDisk::new();
    write(&mut open(&disk), 1, 3000).expect("this disk works");
    let options = Options { segment_bytes: 4096, ..Options::default() };
    let (mut journal, _) = Journal::open(Arc::new(Ending(disk.clone())), options).expect("nothing is to be begun");
    write(&mut journal, 2, 3000).expect_err("the process ends while it begins a segment");
    drop(journal);

    assert_eq!(disk.list().expect("this disk lists").len(), 2, "the new name can be seen");
    let mut journal = open(&disk);
    write(&mut journal, 3, 100).expect("this disk works");
    disk.crash(|_, _| 0);
    assert_eq!(sequences(&open(&disk.reopen())), [1, 3]);
}

/// A disk of a process that ends when it wants to sync the names of two files.
struct Ending(MemoryDisk);

impl Disk for Ending {
    fn list(&self) -> lc_env::Result<Vec<String>> {
        self.0.list()
    }
    fn open(&self, name: &str) -> lc_env::Result<Arc<dyn DiskFile>> {
        self.0.open(name)
    }
    fn remove(&self, name: &str) -> lc_env::Result<()> {
        self.0.remove(name)
    }
    fn rename(&self, from: &str, to: &str) -> lc_env::Result<()> {
        self.0.rename(from, to)
    }
    fn sync_dir(&self) -> lc_env::Result<()> {
        match self.0.list()?.len() {
            2.. => Err(lc_env::Error::Crashed { file: ".".to_owned() }),
            _ => self.0.sync_dir(),
        }
    }
    fn lock(&self) -> lc_env::Result<()> {
        self.0.lock()
    }
    fn read(&self, name: &str) -> lc_env::Result<Vec<u8>> {
        self.0.read(name)
    }
}
