//! A backup taken while its member goes on, and what is made of it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use lc_core::{NodeId, VersionVector};
use lc_crdt::{Kind, Number};
use lc_db::{Expiry, Reply, Txn};
use lc_env::{Disk, MemoryDisk};
use lc_journal::Position;
use lc_member::backup::{Item, items, put_entry};
use lc_member::{BackupMoment, Elsewhere, Member, Restoring, Settings, frozen_rows};
use lc_store::{MemoryStore, Store};

fn open(node: u16, disk: Arc<dyn Disk>, store: Arc<dyn Store>) -> Member {
    let settings = Settings {
        cluster: "test".to_owned(),
        node: NodeId(node),
        region: format!("region{node}"),
        peers: Vec::new(),
        left: Vec::new(),
        tables: Arc::default(),
        max_offset_ms: 500,
        dirty_bytes_max: 4096,
        disk: lc_member::DiskBounds::default(),
        table: lc_store::TableOptions::default(),
        journal: lc_journal::Options::default(),
        replication: lc_repl::Settings::default(),
    };
    Member::open(settings, disk, store).unwrap()
}

/// Writes of many kinds; each number is another one.
fn write(member: &mut Member, number: u64) {
    let (key, field) = (format!("{}", number % 37), format!("field{}", number * 7 % 23));
    let named = |kind: char| format!("{kind}key{key}").into_bytes();
    let mut run = |txn: &mut Txn<'_>| {
        match number % 7 {
            0 => txn.set_string(&named('s'), format!("value {number}").as_bytes(), Expiry::Never)?,
            1 => drop(txn.put_element(&named('h'), Kind::Hash, field.as_bytes(), b"x")?),
            2 => drop(txn.remove_element(&named('h'), Kind::Hash, field.as_bytes())?),
            3 => drop(txn.set_score(&named('z'), field.as_bytes(), number as f64)?),
            4 => txn.add_string(&named('n'), Number::Int(3))?,
            5 => drop(txn.delete(&named(if number.is_multiple_of(2) { 's' } else { 'z' }))?),
            _ => txn.set_string(&named('x'), b"mortal", Expiry::At(10_000_000 + number))?,
        }
        Ok(Reply::OK)
    };
    member.write(1000 + number, number, &mut run).0.unwrap();
}

fn sync_and_flush(member: &mut Member) {
    if let Some(job) = member.begin_sync() {
        let done = job.run();
        member.finish_sync(Duration::ZERO, done, &mut Vec::new()).unwrap();
    }
    if let Some((job, _)) = member.begin_flush(false) {
        drop(member.finish_flush(job.run()).unwrap());
    }
}

fn entries(member: &Member, from: Position, upto: Position) -> Vec<u8> {
    let (mut out, mut from) = (Vec::new(), from);
    while from < upto {
        let job = member.prepare_backup_read(from, 1000).unwrap();
        from = job
            .run(|record| {
                if record.position < upto {
                    put_entry(&mut out, record.next.0, &record.payload);
                }
                std::ops::ControlFlow::Continue(())
            })
            .unwrap();
    }
    out
}

/// The moment of the rows, the records of rows and entries, and the moment of their end, with writes all the while.
fn backup(member: &mut Member) -> (BackupMoment, Vec<u8>, Vec<u8>, BackupMoment) {
    let mut number = 0;
    let mut go_on = |member: &mut Member, count: u64| {
        for _ in 0..count {
            write(member, number);
            number += 1;
            sync_and_flush(member);
        }
    };
    go_on(member, 900);
    member.ask_flush();
    assert!(!member.is_flushed_as_asked());
    sync_and_flush(member);
    assert!(member.is_flushed_as_asked());
    go_on(member, 5);
    let (frozen, begin) = member.freeze().unwrap();
    let (mut rows, mut after) = (Vec::new(), Bytes::new());
    loop {
        let piece = Bytes::from(frozen_rows(frozen.as_ref(), &after, 500).unwrap());
        let Some(Item::Row(last, _)) = items(&piece, 0).last().map(Result::unwrap) else { break };
        after = last;
        rows.extend_from_slice(&piece);
        go_on(member, 20);
    }
    let end = member.backup_moment();
    go_on(member, 50);
    let entries = entries(member, begin.position, end.position);
    assert!(end.vector.covers_all(&begin.vector) && end.vector != begin.vector);
    (begin, rows, entries, end)
}

fn restored(
    store: &MemoryStore,
    (begin, rows, entries, end): &(BackupMoment, Vec<u8>, Vec<u8>, BackupMoment),
) -> Result<Restoring, lc_member::Error> {
    let mut restoring = Restoring::new(Arc::new(store.clone()), "region1", Arc::default())?;
    for item in items(&Bytes::from(rows.clone()), 0) {
        let Item::Row(key, value) = item.unwrap() else { panic!("a row") };
        restoring.row(&key, &value)?;
    }
    restoring.rows_end(begin)?;
    for item in items(&Bytes::from(entries.clone()), 0) {
        let Item::Entry(_, entry) = item.unwrap() else { panic!("an entry") };
        restoring.entry(entry)?;
    }
    restoring.entries_end(end)?;
    Ok(restoring)
}

#[test]
fn what_is_restored_is_what_the_member_had_at_the_backup_s_end() {
    let mut member = open(1, Arc::new(MemoryDisk::new()), Arc::new(MemoryStore::new()));
    let taken = backup(&mut member);
    let (store, disk) = (MemoryStore::new(), Arc::new(MemoryDisk::new()));
    let (identity, moment) = restored(&store, &taken).unwrap().finish(disk.as_ref(), "test", NodeId(1), None).unwrap();
    assert_eq!((moment.digest, moment.keys, &moment.vector), (taken.3.digest, taken.3.keys, &taken.3.vector));
    assert_eq!(identity.incarnation, 1, "the first one has written");

    let mut again = open(1, disk, Arc::new(store));
    let snapshot = again.snapshot();
    assert_eq!((snapshot.digest, snapshot.keys, &snapshot.applied), (taken.3.digest, taken.3.keys, &taken.3.vector));
    assert!(snapshot.hlc >= taken.3.hlc, "a new write must not lose to one that it saw");
    // Rows that are derived are there too: what was due is removed, and nothing is left of it.
    write(&mut again, 4);
    let dot = again.last_dot();
    assert_eq!(dot.replica.0, 65);
    assert!(!taken.3.vector.covers(dot));
    assert!(again.check_session(&taken.3.vector).is_ok());
}

#[test]
fn a_backup_that_lacks_a_row_or_an_entry_is_refused() {
    let mut member = open(1, Arc::new(MemoryDisk::new()), Arc::new(MemoryStore::new()));
    let taken = backup(&mut member);
    let without_one = |bytes: &[u8], at: usize| {
        let whole = Bytes::copy_from_slice(bytes);
        let mut walk = items(&whole, 0);
        walk.by_ref().take(at).for_each(drop);
        let start = walk.offset();
        walk.next().unwrap().unwrap();
        [&bytes[..start], &bytes[walk.offset()..]].concat()
    };
    let mut fewer_rows = taken.clone();
    fewer_rows.1 = without_one(&taken.1, 11);
    let refused = restored(&MemoryStore::new(), &fewer_rows).err().unwrap().to_string();
    assert!(refused.starts_with("the rows have digest"), "{refused}");
    let mut fewer_entries = taken.clone();
    let last = items(&Bytes::from(taken.2.clone()), 0).count() - 1;
    fewer_entries.2 = without_one(&taken.2, last);
    let refused = restored(&MemoryStore::new(), &fewer_entries).err().unwrap().to_string();
    assert!(refused.starts_with("the entries end at"), "{refused}");
}

#[test]
fn an_increment_begins_where_the_last_backup_ended_and_needs_the_journal_since() {
    let mut member = open(1, Arc::new(MemoryDisk::new()), Arc::new(MemoryStore::new()));
    let mut taken = backup(&mut member);
    let place = member.journal_after(&taken.3.vector).expect("nothing was dropped");
    let end = member.backup_moment();
    taken.2.extend(entries(&member, place, end.position));
    taken.3 = end;
    assert!(restored(&MemoryStore::new(), &taken).is_ok());
    // A vector of another history.
    let elsewhere: VersionVector = [(lc_core::ReplicaId(9), 5)].into_iter().collect();
    assert_eq!(member.journal_after(&elsewhere), None);
}

#[test]
fn what_is_not_kept_is_not_there_and_the_digest_is_of_the_rest() {
    let mut member = open(1, Arc::new(MemoryDisk::new()), Arc::new(MemoryStore::new()));
    let taken = backup(&mut member);
    let (all, kept) = (MemoryStore::new(), MemoryStore::new());
    let keep = |key: &[u8]| key.first() == Some(&b'z');
    let target: Option<Elsewhere<'_>> = Some((Arc::new(kept.clone()), &keep));
    let disk = Arc::new(MemoryDisk::new());
    let (_, moment) = restored(&all, &taken).unwrap().finish(disk.as_ref(), "other", NodeId(2), target).unwrap();
    let text = |row: &[u8]| String::from_utf8_lossy(row).into_owned();
    let rows: Vec<String> = kept.scan(b"", None).map(|row| text(&row.unwrap().0)).collect();
    assert!(rows.iter().any(|row| row.contains("zkey")));
    assert!(!rows.iter().any(|row| row.contains("xkey") || row.contains("hkey") || row.contains("nkey")), "{rows:?}");
    assert!(moment.keys > 0 && moment.keys < taken.3.keys);
}
