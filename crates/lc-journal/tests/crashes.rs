//! Whatever a crash takes: every acknowledged record is there, none is half read, and what follows goes on from there.

use std::ops::ControlFlow;
use std::sync::Arc;

use lc_env::{MemoryDisk, Random, SeededRandom};
use lc_journal::{Journal, Options, Position, Record};

/// What should be in the journal: everything appended, and how much of it was acknowledged.
struct Story {
    random: SeededRandom,
    disk: MemoryDisk,
    journal: Journal,
    written: Vec<(Position, u16, u64, Vec<u8>)>,
    acknowledged: usize,
    /// Entries before this were truncated away.
    dropped: usize,
    cuts: u64,
}

impl Story {
    fn new(seed: u64) -> Story {
        let disk = MemoryDisk::new();
        let journal = open(&disk).expect("an empty disk opens").0;
        let random = SeededRandom::new(seed);
        Story { random, disk, journal, written: Vec::new(), acknowledged: 0, dropped: 0, cuts: 0 }
    }

    fn below(&self, bound: u64) -> u64 {
        self.random.u64() % bound
    }

    fn step(&mut self) {
        match self.below(40) {
            0..22 => self.append(),
            22..33 => self.sync(),
            33 => self.close(),
            34 => self.truncate(),
            35 => self.crash(true),
            36 => self.fail(),
            37 => self.check_read(),
            _ => self.crash(false),
        }
    }

    fn append(&mut self) {
        for _ in 0..=self.below(8) {
            let length = [0, 10, 200, 600, 3000][self.below(5) as usize];
            let mut payload = vec![0; length];
            self.random.fill(&mut payload);
            let (replica, seq) = (self.below(3) as u16, self.written.len() as u64);
            let position = self.journal.appended();
            self.journal.append(replica, seq, &payload).expect("the bound is far away");
            self.written.push((position, replica, seq, payload));
        }
    }

    fn sync(&mut self) {
        let covered = self.written.len();
        let Some(job) = self.journal.begin_sync() else { return };
        self.append();
        let done = job.run();
        if self.below(10) == 0 {
            // Written and synced, but the machine stops before anyone is told.
            return self.crash(false);
        }
        self.journal.finish_sync(done).expect("this disk works");
        self.acknowledged = covered;
    }

    fn close(&mut self) {
        self.journal.close_clean().expect("no job is out");
        self.acknowledged = self.written.len();
        self.disk.crash(|_, _| 0);
        assert!(self.reopen(), "a clean end is reported as clean");
        assert_eq!(self.written.len(), self.acknowledged);
    }

    fn truncate(&mut self) {
        if self.acknowledged == self.dropped {
            return;
        }
        let index = self.dropped + self.below((self.acknowledged - self.dropped) as u64) as usize;
        let first = self.journal.truncate_before(self.written[index].0).expect("this disk works");
        self.dropped = self.written.iter().take_while(|entry| entry.0 < first).count();
        assert!(self.dropped <= index);
    }

    fn fail(&mut self) {
        self.disk.fail_next_sync();
        if let Some(job) = self.journal.begin_sync() {
            let done = job.run();
            self.journal.finish_sync(done).expect_err("the sync failed");
            self.journal.append(0, 0, b"late").expect_err("nothing is accepted after that");
        }
        self.crash(false);
    }

    fn crash(&mut self, scattered: bool) {
        // Perhaps a write is under way when the power goes: three syncs when it begins a segment, otherwise one.
        self.disk.fail_power_after(self.below(3));
        if let Some(job) = self.journal.begin_sync() {
            let _never_finished = job.run();
        }
        let random = &self.random;
        if scattered {
            self.disk.crash_scattered(|_, _| random.u64().is_multiple_of(2));
        } else {
            self.disk.crash(|_, unsynced| random.u64() % (unsynced + 1));
        }
        self.reopen();
    }

    fn reopen(&mut self) -> bool {
        self.disk = self.disk.reopen();
        let (journal, found) = open(&self.disk).expect("a crash alone never corrupts");
        self.journal = journal;
        self.cuts += u64::from(found.cut_bytes > 0);
        let read = self.read(self.journal.first());
        assert_eq!(found.records, read.len() as u64);
        let survived = self.dropped + read.len();
        assert!(survived >= self.acknowledged, "{survived} of {} acknowledged records", self.acknowledged);
        assert!(survived <= self.written.len(), "records that were never written");
        self.written.truncate(survived);
        self.acknowledged = survived;
        self.check(&read, self.dropped);
        found.clean_shutdown
    }

    fn check_read(&mut self) {
        if self.acknowledged == self.dropped {
            return;
        }
        let index = self.dropped + self.below((self.acknowledged - self.dropped) as u64) as usize;
        let from = self.written[index].0;
        let read = self.read(from);
        self.check(&read, index);
        assert_eq!(index + read.len(), self.acknowledged);
        let (position, replica, seq, _) = self.written[index];
        assert!(self.journal.seek(replica, seq) <= position);
    }

    fn read(&self, mut from: Position) -> Vec<Record> {
        let mut found = Vec::new();
        while from < self.journal.durable() {
            let next = self.journal.read(from, 2000, |record| {
                found.push(record);
                ControlFlow::Continue(())
            });
            from = next.expect("what is durable can be read");
        }
        found
    }

    fn check(&self, read: &[Record], start: usize) {
        for (record, (position, replica, seq, payload)) in read.iter().zip(&self.written[start..]) {
            assert_eq!((record.position, record.replica, record.seq), (*position, *replica, *seq));
            assert_eq!(record.payload, payload);
        }
    }
}

fn open(disk: &MemoryDisk) -> Result<(Journal, lc_journal::Recovery), lc_journal::Error> {
    let options = Options { segment_bytes: 8 * 1024, tail_bytes: 4 * 1024, pending_bytes_max: 1 << 20 };
    Journal::open(Arc::new(disk.clone()), options)
}

#[test]
fn every_acknowledged_record_survives_any_sequence_of_crashes() {
    let (mut cuts, mut records) = (0, 0);
    for seed in 0..150 {
        let mut story = Story::new(seed);
        for _ in 0..120 {
            story.step();
        }
        cuts += story.cuts;
        records += story.written.len();
    }
    assert!(records > 2_500, "the stories wrote something: {records}");
    assert!(cuts > 30, "some crashes tore a write: {cuts}");
}
