//! A journal that finds anything on its disk: it opens or says why not, shows only records whose checksums hold, never
//! another record in the place of one that was written, and what it showed once it shows again.

use std::ops::ControlFlow;
use std::sync::Arc;

use lc_env::{Disk, DiskFile, MemoryDisk};
use lc_journal::{Journal, Options, Position, RECORD_HEADER_BYTES, Record};

use crate::lots::Lots;

/// Even: a journal is written, then damaged. Odd: segments are made by hand, with right checksums where asked for.
///
/// # Panics
/// If the journal does, or shows what it must not.
pub fn run(data: &[u8]) {
    let mut lots = Lots::new(data);
    let disk = MemoryDisk::new();
    let written = if lots.byte() & 1 == 0 { Some(write(&disk, &mut lots)) } else { None };
    if written.is_none() {
        by_hand(&disk, &mut lots);
    }
    let Ok(journal) = open(&disk) else { return };
    // A disk that rots while it is read is an error, too.
    let Ok(found) = read(&journal) else { return };
    drop(journal);
    match written {
        // A journal whose oldest segments are gone looks like one that was truncated.
        Some(written) => assert!(found.is_empty() || is_stretch(&found, &written), "not what was written"),
        None => found.iter().for_each(|record| assert!(on_disk(&disk, record), "{record:?} is not on the disk")),
    }
    go_on(&disk, found);
}

fn is_stretch(found: &[Record], written: &[Record]) -> bool {
    written.windows(found.len()).any(|stretch| stretch == found)
}

/// What is shown after a restart is shown after the next, and what is appended comes behind it.
fn go_on(disk: &MemoryDisk, found: Vec<Record>) {
    let mut journal = open(disk).expect("what was opened once is opened again");
    let room = u64::MAX - journal.appended().0 > 1 << 40;
    if room {
        journal.append(9, 1, b"new").expect("there is room");
        sync(&mut journal);
        assert_eq!(read(&journal).expect("what was just written"), read(&open(disk).expect("again")).expect("again"));
    }
    let again = read(&open(disk).expect("once more")).expect("once more");
    assert!(again.starts_with(&found) && again.len() == found.len() + usize::from(room), "a restart changed records");
}

fn open(disk: &MemoryDisk) -> Result<Journal, lc_journal::Error> {
    let options = Options { segment_bytes: 1024, tail_bytes: 512, pending_bytes_max: 1 << 20 };
    Journal::open(Arc::new(disk.reopen()), options).map(|(journal, _)| journal)
}

fn read(journal: &Journal) -> Result<Vec<Record>, lc_journal::Error> {
    let (mut found, mut from) = (Vec::new(), journal.first());
    while from < journal.durable() {
        let before = from;
        from = journal.read(from, 700, |record| {
            found.push(record);
            ControlFlow::Continue(())
        })?;
        assert!(from > before, "reading goes on");
    }
    Ok(found)
}

fn sync(journal: &mut Journal) {
    if let Some(job) = journal.begin_sync() {
        journal.finish_sync(job.run()).expect("a disk in memory");
    }
}

/// Writes a journal and damages it; gives what was durable before the damage.
fn write(disk: &MemoryDisk, lots: &mut Lots<'_>) -> Vec<Record> {
    let mut journal = open(disk).expect("an empty disk");
    for seq in 0..u64::from(lots.byte() % 16) {
        let choice = lots.byte();
        let payload = vec![choice; usize::from(choice) * 3];
        journal.append(u16::from(choice & 3), seq, &payload).expect("there is room");
        match choice >> 5 {
            0 => {}
            1 => journal = closed(disk, journal),
            _ => sync(&mut journal),
        }
    }
    sync(&mut journal);
    let written = read(&journal).expect("what was just written");
    drop(journal);
    while !lots.is_empty() {
        damage(disk, lots);
    }
    written
}

fn closed(disk: &MemoryDisk, mut journal: Journal) -> Journal {
    journal.close_clean().expect("a disk in memory");
    drop(journal);
    open(disk).expect("what was closed in order")
}

fn damage(disk: &MemoryDisk, lots: &mut Lots<'_>) {
    let disk = disk.reopen();
    let names = disk.list().expect("a disk in memory");
    let choice = lots.byte();
    let Some(name) = names.get(usize::from(choice >> 4) % names.len().max(1)) else { return };
    let file = disk.open(name).expect("it is listed");
    let length = file.len().expect("it is open").max(1);
    let at = u64::from(lots.short()) % length;
    match choice & 0x0f {
        0..=3 => file.write_at(at, lots.piece()),
        4 | 5 => file.truncate(at),
        6 => file.truncate(length + at),
        7 => file.write_at(at, &vec![0; usize::from(lots.byte()) * 4]),
        8 => disk.remove(name),
        9 => copy(&*file, at, u64::from(lots.short()) % length, usize::from(lots.short()) % 2048),
        // One bit in the end is the most likely damage of all.
        _ => flip(&*file, at, choice & 7),
    }
    .expect("a disk in memory");
}

fn copy(file: &dyn DiskFile, to: u64, from: u64, bytes: usize) -> lc_env::Result<()> {
    let mut piece = vec![0; bytes];
    let filled = file.read_at(from, &mut piece)?;
    file.write_at(to, &piece[..filled])
}

fn flip(file: &dyn DiskFile, at: u64, bit: u8) -> lc_env::Result<()> {
    let mut byte = [0];
    file.read_at(at, &mut byte)?;
    file.write_at(at, &[byte[0] ^ (1 << bit)])
}

/// Segments with names, headers and records as the input likes. A checksum that is to be right is computed here.
fn by_hand(disk: &MemoryDisk, lots: &mut Lots<'_>) {
    let mut next = 0;
    for _ in 0..SEGMENTS_MAX {
        if lots.is_empty() {
            break;
        }
        let choice = lots.byte();
        // Mostly where the one before ended, sometimes anywhere, near the end of all positions for instance.
        let first = if choice & 3 == 3 { lots.long() } else { next };
        let mut bytes = if choice & 4 == 0 { header(first).to_vec() } else { lots.piece().to_vec() };
        let mut position = first;
        for _ in 0..choice >> 4 {
            let record = record(position, lots);
            position = position.wrapping_add(record.len() as u64);
            bytes.extend_from_slice(&record);
        }
        if choice & 8 != 0 {
            bytes.extend_from_slice(lots.piece());
        }
        disk.open(&name(first)).and_then(|file| file.write_at(0, &bytes)).expect("a disk in memory");
        next = position;
    }
}

/// A record with the right checksum; kind, replica and sequence are anything.
fn record(position: u64, lots: &mut Lots<'_>) -> Vec<u8> {
    let (tag, replica, seq) = (lots.byte(), lots.short(), lots.long());
    let payload = lots.piece();
    let mut after = (payload.len() as u32).to_le_bytes().to_vec();
    after.extend_from_slice(&seq.to_le_bytes());
    after.extend_from_slice(&replica.to_le_bytes());
    after.push(tag);
    after.extend_from_slice(payload);
    [&checksum(position, &after).to_le_bytes(), after.as_slice()].concat()
}

/// Whether the bytes of a record stand in its segment, with their checksum: docs/formats/journal.md.
fn on_disk(disk: &MemoryDisk, record: &Record) -> bool {
    let disk = disk.reopen();
    let firsts = disk.list().expect("a disk in memory").into_iter().filter_map(|name| first_of(&name));
    let first = firsts.filter(|&first| first <= record.position.0).max().expect("a record has a segment");
    let bytes = disk.read(&name(first)).expect("it is listed");
    let at = HEADER_BYTES + (record.position.0 - first) as usize;
    let (start, end) = (at + RECORD_HEADER_BYTES, at + RECORD_HEADER_BYTES + record.payload.len());
    let sum = checksum(record.position.0, &bytes[at + 4..end]).to_le_bytes();
    bytes[start..end] == record.payload
        && bytes[at..at + 4] == sum
        && record.next == Position(first + (end - HEADER_BYTES) as u64)
}

fn checksum(position: u64, after: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&position.to_le_bytes()), after)
}

fn header(first: u64) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[..8].copy_from_slice(b"LCJRNL\r\n");
    header[8] = 1;
    header[12..20].copy_from_slice(&first.to_le_bytes());
    let sum = crc32c::crc32c(&header[..20]);
    header[20..24].copy_from_slice(&sum.to_le_bytes());
    header
}

fn name(first: u64) -> String {
    format!("{first:020}.journal")
}

fn first_of(name: &str) -> Option<u64> {
    name.strip_suffix(".journal")?.parse().ok()
}

const HEADER_BYTES: usize = 512;
const SEGMENTS_MAX: usize = 4;
