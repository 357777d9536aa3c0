use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use lc_env::{Disk, MemoryDisk, Random, SeededRandom};
use openraft::storage::{IOFlushed, RaftLogStorage, RaftLogStorageExt};
use openraft::{EntryPayload, RaftLogReader};

use super::Log;
use super::record::Record;
use crate::golden::golden_list;
use crate::type_config::{Ballot, Command, LogEntry, LogId, Members, Types};
use crate::{DiskWork, Error};

async fn open(disk: &MemoryDisk) -> Log {
    Log::open(Arc::new(disk.reopen()), DiskWork::Inline, 16 << 10).await.unwrap()
}

fn id(term: u64, index: u64) -> LogId {
    LogId::new_term_index(term, index)
}

fn entry(term: u64, index: u64, bytes: usize) -> LogEntry {
    let command = vec![u8::try_from(index % 251).unwrap(); bytes];
    LogEntry { log_id: id(term, index), payload: EntryPayload::Normal(Command(Bytes::from(command))) }
}

async fn all(log: &mut Log) -> Vec<LogEntry> {
    log.try_get_log_entries(..).await.unwrap()
}

#[tokio::test]
async fn what_was_told_durable_survives_a_crash() {
    let disk = MemoryDisk::new();
    let mut log = open(&disk).await;
    log.save_vote(&Ballot::new(3, 2)).await.unwrap();
    log.blocking_append((0..5).map(|index| entry(3, index, 10))).await.unwrap();
    log.save_committed(Some(id(3, 2))).await.unwrap();
    log.committed_is_durable(2).await.unwrap();
    disk.crash(|_, _| 0);
    let mut log = open(&disk).await;
    assert_eq!(log.read_vote().await.unwrap(), Some(Ballot::new(3, 2)));
    assert_eq!(log.read_committed().await.unwrap(), Some(id(3, 2)));
    assert_eq!(all(&mut log).await, (0..5).map(|index| entry(3, index, 10)).collect::<Vec<_>>());
    log.committed_is_durable(2).await.unwrap();
}

#[tokio::test]
async fn a_cut_tail_stays_cut_and_the_new_one_stands_in_its_place() {
    let disk = MemoryDisk::new();
    let mut log = open(&disk).await;
    log.blocking_append((0..6).map(|index| entry(1, index, 10))).await.unwrap();
    log.truncate_after(Some(id(1, 2))).await.unwrap();
    log.blocking_append([entry(2, 3, 20)]).await.unwrap();
    let expected = [entry(1, 0, 10), entry(1, 1, 10), entry(1, 2, 10), entry(2, 3, 20)];
    assert_eq!(all(&mut log).await, expected);
    disk.crash(|_, _| 0);
    assert_eq!(all(&mut open(&disk).await).await, expected);
    let mut log = open(&disk).await;
    log.truncate_after(None).await.unwrap();
    assert!(all(&mut log).await.is_empty());
    assert_eq!(log.entry_bytes(), 0);
}

#[tokio::test]
async fn purged_entries_leave_memory_and_disk_and_the_vote_stays() {
    let disk = MemoryDisk::new();
    let mut log = open(&disk).await;
    log.save_vote(&Ballot::new_committed(1, 1)).await.unwrap();
    for index in 0..100 {
        log.blocking_append([entry(1, index, 2000)]).await.unwrap();
    }
    log.save_committed(Some(id(1, 99))).await.unwrap();
    // Beside the segments there is a note of where they begin, and its draft.
    let segments = || disk.reopen().list().unwrap().iter().filter(|name| !name.contains("beginning")).count();
    let files = segments();
    log.purge(id(1, 90)).await.unwrap();
    log.all_durable().await.unwrap();
    tokio::task::yield_now().await;
    assert!(segments() <= 3, "{} of {files} segments: {:?}", segments(), disk.reopen().list());
    assert!(log.entry_bytes() < 10 * 2100);
    disk.crash(|_, _| 0);
    let mut log = open(&disk).await;
    let state = log.get_log_state().await.unwrap();
    assert_eq!((state.last_purged_log_id, state.last_log_id), (Some(id(1, 90)), Some(id(1, 99))));
    assert_eq!(all(&mut log).await.first().map(|entry| entry.log_id), Some(id(1, 91)));
    assert_eq!(log.read_vote().await.unwrap(), Some(Ballot::new_committed(1, 1)));
    assert_eq!(log.read_committed().await.unwrap(), Some(id(1, 99)));
}

#[tokio::test]
async fn an_append_is_filled_up_to_its_bound_and_has_at_least_one_entry() {
    let mut log = open(&MemoryDisk::new()).await;
    log.blocking_append((0..5).map(|index| entry(1, index, 600 << 10))).await.unwrap();
    assert_eq!(log.limited_get_log_entries(1, 5).await.unwrap().len(), 1);
    log.blocking_append((5..9).map(|index| entry(1, index, 100))).await.unwrap();
    assert_eq!(log.limited_get_log_entries(4, 9).await.unwrap().len(), 5);
    assert_eq!(log.try_get_log_entries(2..4).await.unwrap().len(), 2);
    assert_eq!(log.try_get_log_entries(7..40).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_failed_sync_is_told_to_all_who_wait_and_nothing_is_taken_afterwards() {
    let disk = MemoryDisk::new();
    let mut log = open(&disk).await;
    disk.fail_next_sync();
    let error = log.blocking_append([entry(1, 0, 10)]).await.unwrap_err();
    assert!(error.to_string().contains("the device lost the data"), "{error}");
    assert!(log.save_vote(&Ballot::new(9, 1)).await.is_err());
    assert!(log.append([entry(1, 1, 10)], IOFlushed::<Types>::noop()).await.is_err());
    assert!(log.stopped().unwrap().contains("the device lost the data"));
}

#[tokio::test]
async fn a_gap_or_a_record_of_another_release_is_refused() {
    for (name, payload) in [("gap", Record::Entry(entry(1, 7, 1)).encode()), ("unknown", vec![99])] {
        let disk = MemoryDisk::new();
        let options = lc_journal::Options::default();
        let (mut journal, _) = lc_journal::Journal::open(Arc::new(disk.clone()), options).unwrap();
        for payload in [Record::Entry(entry(1, 3, 1)).encode(), payload] {
            journal.append(0, 1, &payload).unwrap();
        }
        journal.close_clean().unwrap();
        let opened = Log::open(Arc::new(disk.reopen()), DiskWork::Inline, 1 << 20).await;
        assert!(matches!(opened, Err(Error::Corrupt { .. })), "{name}");
    }
}

/// What the log was told to do, as plain values.
#[derive(Clone, Default)]
struct Model {
    entries: Vec<LogEntry>,
    purged: Option<LogId>,
    vote: Option<Ballot>,
    committed: Option<LogId>,
}

impl Model {
    fn next_index(&self) -> u64 {
        self.entries.last().map(|entry| entry.log_id).or(self.purged).map_or(0, |id| id.index + 1)
    }
}

struct Story {
    disk: MemoryDisk,
    log: Log,
    model: Model,
    random: SeededRandom,
    term: u64,
}

impl Story {
    async fn step(&mut self) {
        match self.random.u64() % 20 {
            0..10 => self.append().await,
            10 | 11 => self.vote().await,
            12..15 => self.commit().await,
            15 | 16 => self.cut().await,
            17 | 18 => self.purge().await,
            _ => self.crash().await,
        }
    }

    async fn append(&mut self) {
        let first = self.model.next_index();
        let count = self.random.u64() % 6 + 1;
        let size = [5, 300, 3000][(self.random.u64() % 3) as usize];
        let entries: Vec<_> = (first..first + count).map(|index| entry(self.term, index, size)).collect();
        self.model.entries.extend(entries.iter().cloned());
        self.log.blocking_append(entries).await.unwrap();
    }

    async fn vote(&mut self) {
        self.term += 1;
        self.model.vote = Some(Ballot::new(self.term, 1));
        self.log.save_vote(&Ballot::new(self.term, 1)).await.unwrap();
    }

    async fn commit(&mut self) {
        let Some(last) = self.model.entries.last().map(|entry| entry.log_id) else { return };
        self.model.committed = Some(last);
        self.log.save_committed(Some(last)).await.unwrap();
        self.log.committed_is_durable(last.index).await.unwrap();
    }

    async fn cut(&mut self) {
        let keep = self
            .model
            .entries
            .iter()
            .take_while(|entry| Some(entry.log_id.index) <= self.model.committed.map(|id| id.index))
            .count();
        self.model.entries.truncate(keep);
        let last = self.model.entries.last().map(|entry| entry.log_id).or(self.model.purged);
        self.log.truncate_after(last).await.unwrap();
        self.log.all_durable().await.unwrap();
        self.term += 1;
    }

    async fn purge(&mut self) {
        let Some(upto) = self.model.committed else { return };
        self.model.entries.retain(|entry| entry.log_id.index > upto.index);
        self.model.purged = Some(upto);
        self.log.purge(upto).await.unwrap();
        self.log.all_durable().await.unwrap();
    }

    async fn crash(&mut self) {
        let random = &self.random;
        self.disk.crash_scattered(|_, _| random.u64().is_multiple_of(2));
        self.log = open(&self.disk).await;
        let state = self.log.get_log_state().await.unwrap();
        assert_eq!(all(&mut self.log).await, self.model.entries);
        assert_eq!(state.last_purged_log_id, self.model.purged);
        assert_eq!(self.log.read_vote().await.unwrap(), self.model.vote);
        assert_eq!(self.log.read_committed().await.unwrap(), self.model.committed);
    }
}

#[tokio::test]
async fn any_story_with_crashes_reads_back_as_it_was_told() {
    for seed in 0..40 {
        let disk = MemoryDisk::new();
        let log = open(&disk).await;
        let mut story = Story { disk, log, model: Model::default(), random: SeededRandom::new(seed), term: 1 };
        for _ in 0..150 {
            story.step().await;
        }
        story.crash().await;
    }
}

#[test]
fn records_of_earlier_releases_are_read_and_written_alike() {
    let members = Members::new_with_defaults(vec![BTreeSet::from([1, 2]), BTreeSet::from([2, 3])], [9]);
    let payload = EntryPayload::Membership(members);
    let records = [
        Record::Vote(Ballot::new(3, 2)),
        Record::Vote(Ballot::new_committed(300, 65_535)),
        Record::Entry(LogEntry { log_id: id(1, 0), payload: EntryPayload::Blank }),
        Record::Entry(entry(3, 77, 20)),
        Record::Entry(LogEntry { log_id: id(3, 78), payload }),
        Record::Truncated(Some(id(3, 70))),
        Record::Truncated(None),
        Record::Committed(id(3, 78)),
        Record::Purged(id(2, 60)),
    ];
    let written: Vec<Vec<u8>> = records.iter().map(Record::encode).collect();
    for (stored, record) in golden_list("log_records_1", &written).into_iter().zip(records) {
        assert_eq!(Record::decode(&stored), Ok(record));
    }
}

#[test]
fn a_record_of_a_later_release_is_called_by_its_kind() {
    let said = Record::decode(&[6, 1]).unwrap_err().to_string();
    assert_eq!(said, "kind of record 6; this release reads up to 5");
}
