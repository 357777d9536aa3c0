//! One law for all stores, alone and under a `RowTable`: they behave like an ordered map, whatever is flushed or reopened in between.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use lc_env::{Random, SeededRandom};
use lc_store::{Error, FjallOptions, FjallStore, FlushDone, FlushJob, MemoryStore, RowTable, Store, TableOptions};

type Model = BTreeMap<Bytes, Bytes>;

/// A store that can be closed and opened again.
trait Bench {
    type Store: Store;
    fn open(&self) -> Self::Store;
}

struct InMemory(MemoryStore);

impl Bench for InMemory {
    type Store = MemoryStore;
    fn open(&self) -> MemoryStore {
        self.0.clone()
    }
}

struct OnDisk(tempfile::TempDir);

impl Bench for OnDisk {
    type Store = FjallStore;
    fn open(&self) -> FjallStore {
        FjallStore::open(self.0.path(), &FjallOptions { cache_bytes: 1 << 20, open_files_max: 16 }).unwrap()
    }
}

fn in_memory() -> InMemory {
    InMemory(MemoryStore::new())
}

fn on_disk() -> OnDisk {
    OnDisk(tempfile::tempdir().unwrap())
}

/// Short keys over few letters, so that they meet and are prefixes of each other.
fn key(random: &SeededRandom) -> Bytes {
    let length = 1 + random.u64() % 4;
    (0..length).map(|_| b"abz\0\xff"[(random.u64() % 5) as usize]).collect()
}

fn value(random: &SeededRandom) -> Option<Bytes> {
    let length = (random.u64() % 40) as usize;
    (!random.u64().is_multiple_of(4)).then(|| Bytes::from(vec![random.u64() as u8; length]))
}

fn apply(model: &mut Model, key: Bytes, value: Option<Bytes>) {
    match value {
        Some(value) => model.insert(key, value),
        None => model.remove(&key),
    };
}

fn model_span(model: &Model, from: &[u8], to: Option<&[u8]>) -> Vec<(Bytes, Bytes)> {
    let inside = |key: &Bytes| key.as_ref() >= from && to.is_none_or(|to| key.as_ref() < to);
    model.iter().filter(|row| inside(row.0)).map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn check_span(random: &SeededRandom, model: &Model, scan: impl Fn(bool, &[u8], Option<&[u8]>) -> Vec<(Bytes, Bytes)>) {
    let from = if random.u64().is_multiple_of(4) { Bytes::new() } else { key(random) };
    let to = (!random.u64().is_multiple_of(4)).then(|| key(random));
    let mut expected = model_span(model, &from, to.as_deref());
    assert_eq!(scan(false, &from, to.as_deref()), expected);
    expected.reverse();
    assert_eq!(scan(true, &from, to.as_deref()), expected);
}

fn store_is_an_ordered_map<B: Bench>(bench: &B, seed: u64, steps: u64) {
    let random = SeededRandom::new(seed);
    let (mut store, mut model) = (bench.open(), Model::new());
    for _ in 0..steps {
        match random.u64() % 10 {
            0..4 => {
                let batch: BTreeMap<Bytes, Option<Bytes>> =
                    (0..random.u64() % 30).map(|_| (key(&random), value(&random))).collect();
                store.commit(&mut batch.clone().into_iter()).unwrap();
                batch.into_iter().for_each(|(key, value)| apply(&mut model, key, value));
            }
            4 => {
                drop(store);
                store = bench.open();
            }
            5 => check_span(&random, &model, |back, from, to| {
                let rows = if back { store.scan_back(from, to) } else { store.scan(from, to) };
                rows.collect::<Result<_, _>>().unwrap()
            }),
            _ => {
                let key = key(&random);
                assert_eq!(store.get(&key).unwrap().as_ref(), model.get(&key));
            }
        }
    }
}

/// A table with a flush in any stage.
struct Scene<S: Store> {
    table: RowTable<S>,
    job: Option<FlushJob<S>>,
    done: Option<FlushDone>,
}

impl<S: Store> Scene<S> {
    fn new(store: S, cache_bytes: usize) -> Scene<S> {
        let options = TableOptions { cache_bytes, hash_seed: 3 };
        Scene { table: RowTable::new(Arc::new(store), &options), job: None, done: None }
    }

    fn begin(&mut self, extra: Vec<(Bytes, Option<Bytes>)>) -> bool {
        let job = self.table.begin_flush(extra);
        let began = job.is_some();
        assert!(!began || (self.job.is_none() && self.done.is_none()), "one flush at a time");
        self.job = job.or(self.job.take());
        began
    }

    fn run(&mut self) {
        if let Some(job) = self.job.take() {
            self.done = Some(job.run());
        }
    }

    fn finish(&mut self) {
        if let Some(done) = self.done.take() {
            self.table.finish_flush(done).unwrap();
        }
    }

    fn flush_all(&mut self) {
        for _ in 0..2 {
            self.run();
            self.finish();
            self.begin(Vec::new());
        }
        assert_eq!(self.table.dirty_bytes() + self.table.flushing_bytes(), 0);
    }
}

fn table_is_an_ordered_map<B: Bench>(bench: &B, seed: u64, steps: u64) {
    let random = SeededRandom::new(seed);
    // Sometimes no cache at all, sometimes one that evicts, sometimes one that holds everything.
    let cache_bytes = [0, 32 * 600, 1 << 20][(seed % 3) as usize];
    let (mut scene, mut model) = (Scene::new(bench.open(), cache_bytes), Model::new());
    for _ in 0..steps {
        match random.u64() % 40 {
            0..14 => {
                let (key, value) = (key(&random), value(&random));
                scene.table.put(key.clone(), value.clone());
                apply(&mut model, key, value);
            }
            14 => {
                let (key, value) = (key(&random), value(&random));
                if scene.begin(vec![(key.clone(), value.clone())]) {
                    apply(&mut model, key, value);
                }
            }
            15 => scene.run(),
            16 => scene.finish(),
            17 if random.u64().is_multiple_of(5) => {
                scene.flush_all();
                drop(scene);
                scene = Scene::new(bench.open(), cache_bytes);
            }
            17..21 => check_span(&random, &model, |back, from, to| {
                let rows = if back { scene.table.scan_back(from, to) } else { scene.table.scan(from, to) };
                rows.collect::<Result<_, _>>().unwrap()
            }),
            _ => {
                let key = key(&random);
                assert_eq!(scene.table.get(&key).unwrap().as_ref(), model.get(&key), "seed {seed}");
            }
        }
    }
}

#[test]
fn a_memory_store_is_an_ordered_map() {
    (0..50).for_each(|seed| store_is_an_ordered_map(&in_memory(), seed, 300));
}

#[test]
fn a_fjall_store_is_an_ordered_map_across_restarts() {
    (0..2).for_each(|seed| store_is_an_ordered_map(&on_disk(), seed, 120));
}

#[test]
fn a_table_over_memory_is_an_ordered_map_in_every_stage_of_a_flush() {
    (0..60).for_each(|seed| table_is_an_ordered_map(&in_memory(), seed, 2000));
}

#[test]
fn a_table_over_fjall_is_an_ordered_map_across_flushes_and_restarts() {
    (0..3).for_each(|seed| table_is_an_ordered_map(&on_disk(), seed, 1200));
}

#[test]
fn removed_rows_stay_removed_when_fjall_has_compacted() {
    let bench = on_disk();
    let row = |number: u32| Bytes::copy_from_slice(&number.to_be_bytes());
    {
        let store = bench.open();
        for round in 0..24u32 {
            // Every round writes a thousand rows and removes those of the round before last, over and over.
            let changes = (0..3000).map(|number| (row(number), (number / 1000 == round % 3).then(|| row(round))));
            store.commit(&mut changes.into_iter()).unwrap();
        }
    }
    let store = bench.open();
    let left: Vec<_> = store.scan(b"", None).collect::<Result<_, _>>().unwrap();
    assert_eq!(left, (2000..3000).map(|number| (row(number), row(23))).collect::<Vec<_>>());
}

#[test]
fn a_batch_that_is_wrong_is_refused_whole() {
    fn check<S: Store>(store: &S) {
        let key = Bytes::from_static;
        let some = || Some(Bytes::from_static(b"value"));
        let long = Bytes::from(vec![b'x'; lc_store::ROW_KEY_BYTES_MAX + 1]);
        let wrong = [
            vec![(key(b"a"), some()), (key(b"a"), some())],
            vec![(key(b"b"), some()), (key(b"a"), some())],
            vec![(key(b"a"), some()), (long.clone(), some())],
            vec![(Bytes::new(), some())],
        ];
        for batch in wrong {
            assert!(matches!(store.commit(&mut batch.into_iter()), Err(Error::Order | Error::KeyLength { .. })));
        }
        assert_eq!(store.scan(b"", None).count(), 0);
        let longest = long.slice(1..);
        store.commit(&mut [(longest.clone(), some())].into_iter()).unwrap();
        assert_eq!(store.get(&longest).unwrap(), some());
        assert_eq!((store.get(&long).unwrap(), store.get(b"").unwrap()), (None, None));
    }
    check(&MemoryStore::new());
    check(&on_disk().open());
}

#[test]
fn a_scan_sees_the_rows_as_they_were_when_it_began() {
    fn check<S: Store>(store: &S) {
        let batch = |value: &'static [u8]| {
            (0..100u8).map(move |number| (Bytes::from(vec![number]), Some(Bytes::from_static(value))))
        };
        store.commit(&mut batch(b"old")).unwrap();
        let mut scan = store.scan(b"", None);
        scan.next();
        store.commit(&mut batch(b"new")).unwrap();
        assert!(scan.all(|row| row.unwrap().1.as_ref() == b"old"));
        assert_eq!(store.get(&[7]).unwrap().unwrap().as_ref(), b"new");
    }
    check(&MemoryStore::new());
    check(&on_disk().open());
}

#[test]
fn after_a_failed_flush_rows_stay_readable_and_no_other_flush_begins() {
    let store = MemoryStore::new();
    let mut scene = Scene::new(store.clone(), 1 << 20);
    scene.table.put(Bytes::from_static(b"a"), Some(Bytes::from_static(b"1")));
    scene.begin(Vec::new());
    store.fail_next_commit();
    scene.run();
    assert!(scene.table.finish_flush(scene.done.take().unwrap()).is_err());
    assert_eq!(scene.table.get(b"a").unwrap().unwrap().as_ref(), b"1");
    scene.table.put(Bytes::from_static(b"b"), None);
    assert!(!scene.begin(Vec::new()));
    assert_eq!(store.get(b"a").unwrap(), None);
}

#[test]
fn rows_that_found_no_room_stay_readable_and_are_flushed_again_with_nothing_between() {
    let store = MemoryStore::new();
    let mut scene = Scene::new(store.clone(), 1 << 20);
    let row = |key: &'static [u8]| Bytes::from_static(key);
    scene.table.put(row(b"a"), Some(row(b"1")));
    scene.begin(Vec::new());
    store.set_full(true);
    scene.run();
    let refused = scene.table.finish_flush(scene.done.take().unwrap());
    assert!(matches!(refused, Err(Error::Full { .. })) && scene.table.flushes_again());
    scene.table.put(row(b"a"), Some(row(b"2")));
    assert!(scene.begin(Vec::new()));
    let put_off = scene.job.take().unwrap().put_off();
    assert!(matches!(scene.table.finish_flush(put_off), Err(Error::Full { .. })));
    store.set_full(false);
    assert!(scene.begin(vec![(row(b"extra"), Some(row(b"x")))]));
    scene.run();
    scene.table.finish_flush(scene.done.take().unwrap()).unwrap();
    assert_eq!((store.get(b"a").unwrap(), store.get(b"extra").unwrap()), (Some(row(b"1")), None));
    assert_eq!(scene.table.get(b"a").unwrap().unwrap().as_ref(), b"2");
    assert!(scene.begin(Vec::new()));
    scene.run();
    scene.table.finish_flush(scene.done.take().unwrap()).unwrap();
    assert_eq!(store.get(b"a").unwrap(), Some(row(b"2")));
}

#[test]
fn readers_on_other_threads_see_every_row_while_a_flush_runs() {
    let bench = on_disk();
    let mut scene = Scene::new(bench.open(), 1 << 20);
    let row = |number: u32| Bytes::copy_from_slice(&number.to_be_bytes());
    for round in 0..5u32 {
        (0..5000).for_each(|number| scene.table.put(row(number), Some(row(round))));
        scene.begin(Vec::new());
        let job = scene.job.take().unwrap();
        let flusher = lc_env::spawn_thread("flusher", move || job.run());
        for number in 0..5000 {
            assert_eq!(scene.table.get(&row(number)).unwrap(), Some(row(round)));
        }
        scene.table.finish_flush(flusher.join().unwrap()).unwrap();
        assert!((0..5000).all(|number| scene.table.get(&row(number)).unwrap() == Some(row(round))));
    }
}
