//! Every store, and the table over it, behaves like an ordered map.

use std::collections::BTreeMap;

use bytes::Bytes;
use lc_store::{FjallStore, MemoryStore, RowTable, Store};
use proptest::prelude::{Strategy, any, prop_oneof, proptest};
use proptest::test_runner::Config;
use std::sync::Arc;

type Model = BTreeMap<Bytes, Bytes>;

#[derive(Clone, Debug)]
enum Step {
    Put(u8, Option<u16>),
    Get(u8),
    Scan(u8, u8),
    Begin,
    Run,
    Finish,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (any::<u8>(), any::<Option<u16>>()).prop_map(|(key, value)| Step::Put(key % 32, value)),
        3 => any::<u8>().prop_map(|key| Step::Get(key % 32)),
        1 => (any::<u8>(), any::<u8>()).prop_map(|(from, to)| Step::Scan(from % 32, to % 33)),
        1 => proptest::strategy::Just(Step::Begin),
        1 => proptest::strategy::Just(Step::Run),
        1 => proptest::strategy::Just(Step::Finish),
    ]
}

fn key(key: u8) -> Bytes {
    Bytes::copy_from_slice(&[b'k', key])
}

/// Runs the steps on a table and on a map, and compares at every read.
fn behaves_like_a_map<S: Store + Clone>(store: &S, cache_bytes: usize, steps: &[Step]) -> Model {
    let (mut table, mut model) = (RowTable::new(store.clone(), cache_bytes), Model::new());
    let (mut job, mut done) = (None, None);
    for step in steps {
        match step {
            Step::Put(at, value) => {
                let value = value.map(|value| Bytes::copy_from_slice(&value.to_be_bytes()));
                table.put(key(*at), value.clone());
                match value {
                    Some(value) => model.insert(key(*at), value),
                    None => model.remove(&key(*at)),
                };
            }
            Step::Get(at) => assert_eq!(table.get(&key(*at)).unwrap(), model.get(&key(*at)).cloned()),
            Step::Scan(from, to) => {
                let scanned: Vec<_> = table.scan(&key(*from), Some(&key(*to))).map(Result::unwrap).collect();
                let expected: Vec<_> = model.iter().filter(|(row, _)| **row >= key(*from) && **row < key(*to)).map(|(row, value)| (row.clone(), value.clone())).collect();
                assert_eq!(scanned, expected);
            }
            Step::Begin if job.is_none() && done.is_none() => job = table.begin_flush(Vec::new()),
            Step::Run if done.is_none() => done = job.take().map(lc_store::FlushJob::run),
            Step::Finish => {
                if let Some(done) = done.take() {
                    table.finish_flush(done).unwrap();
                }
            }
            Step::Begin | Step::Run => {}
        }
    }
    if let Some(done) = job.map(lc_store::FlushJob::run).or(done) {
        table.finish_flush(done).unwrap();
    }
    if let Some(job) = table.begin_flush(Vec::new()) {
        table.finish_flush(job.run()).unwrap();
    }
    model
}

fn stored(store: &dyn Store) -> Model {
    store.scan(&[], None).map(Result::unwrap).collect()
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::with_cases(256) })]
    #[test]
    fn a_table_over_memory_behaves_like_a_map(steps in proptest::collection::vec(step(), 1..120), cache_bytes in 0usize..40_000) {
        let store = MemoryStore::new();
        let model = behaves_like_a_map(&store, cache_bytes, &steps);
        assert_eq!(stored(&store), model);
    }
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::with_cases(8) })]
    #[test]
    fn a_table_over_fjall_behaves_like_a_map_and_is_there_after_reopening(steps in proptest::collection::vec(step(), 1..120)) {
        let directory = tempfile::tempdir().unwrap();
        let store = Arc::new(FjallStore::open(directory.path(), 1 << 20).unwrap());
        let model = behaves_like_a_map(&store, 10_000, &steps);
        assert_eq!(stored(&store), model);
        drop(store);
        let store = FjallStore::open(directory.path(), 1 << 20).unwrap();
        assert_eq!(stored(&store), model);
    }
}

#[test]
fn a_commit_in_the_wrong_order_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let store = FjallStore::open(directory.path(), 1 << 20).unwrap();
    let row = |at: u8| (key(at), Some(Bytes::from_static(b"v")));
    assert!(store.commit(&mut vec![row(2), row(1)].into_iter()).is_err());
    assert!(stored(&store).is_empty());
}
