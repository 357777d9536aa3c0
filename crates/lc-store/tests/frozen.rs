//! What was frozen stays as it was, whatever is committed later.

use std::sync::Arc;

use bytes::Bytes;
use lc_store::{FjallOptions, FjallStore, Frozen, MemoryStore, Store};

fn commit(store: &dyn Store, rows: &[(u32, Option<&str>)]) {
    let change = |&(key, value): &(u32, Option<&str>)| {
        (Bytes::copy_from_slice(&key.to_be_bytes()), value.map(|value| Bytes::copy_from_slice(value.as_bytes())))
    };
    store.commit(&mut rows.iter().map(change)).unwrap();
}

fn rows(frozen: &dyn Frozen, after: &[u8]) -> Vec<(Bytes, Bytes)> {
    let mut rows = Vec::new();
    frozen
        .scan(after, &mut |key, value| {
            rows.push((key, value));
            true
        })
        .unwrap();
    rows
}

fn stays_as_it_was(store: &dyn Store) {
    let before: Vec<(u32, Option<&str>)> = (0..2000).map(|key| (key, Some("before"))).collect();
    commit(store, &before);
    let frozen: Arc<dyn Frozen> = store.freeze().unwrap();
    // Enough commits for a compaction, each over the same rows.
    for round in 0..12 {
        let after: Vec<(u32, Option<&str>)> =
            (0..2000).map(|key| (key, (key % 3 != round % 3).then_some("after"))).collect();
        commit(store, &after);
        commit(store, &[(5000 + round, Some("new"))]);
    }
    let found = rows(frozen.as_ref(), b"");
    assert_eq!(found.len(), 2000);
    assert!(found.iter().all(|(_, value)| value.as_ref() == b"before"));
    assert_eq!(rows(frozen.as_ref(), &1998u32.to_be_bytes()).len(), 1);
    assert_eq!(frozen.get(&7u32.to_be_bytes()).unwrap().as_deref(), Some(&b"before"[..]));
    assert_eq!(frozen.get(&5000u32.to_be_bytes()).unwrap(), None);
    let now = store.freeze().unwrap();
    assert_eq!(now.get(&5000u32.to_be_bytes()).unwrap().as_deref(), Some(&b"new"[..]));
}

#[test]
fn rows_in_memory_stay_as_they_were() {
    stays_as_it_was(&MemoryStore::new());
}

#[test]
fn rows_on_disk_stay_as_they_were() {
    let dir = tempfile::tempdir().unwrap();
    stays_as_it_was(&FjallStore::open(dir.path(), &FjallOptions::default()).unwrap());
}
