//! Cells that a merge has left doubtful are written anew by a write as any other: it waits for whatever a client's would
//! be refused for, and is not lost meanwhile.

use std::sync::Arc;
use std::time::Duration;

use lc_core::NodeId;
use lc_crdt::{Head, Kind, Number, Visible, head_row, place_of};
use lc_db::{Error, Reply};
use lc_env::MemoryDisk;
use lc_member::{DiskBounds, Member, Peer, Settings};
use lc_store::{MemoryStore, Store};

const WALL_MS: u64 = 1_800_000_000_000;

struct Scene {
    disk: MemoryDisk,
    store: MemoryStore,
    member: Member,
    now: Duration,
}

fn opened(disk: &MemoryDisk, store: &MemoryStore) -> Member {
    let settings = Settings {
        cluster: "test".to_owned(),
        node: NodeId(1),
        region: "here".to_owned(),
        peers: vec![Peer { node: NodeId(2), region: "there".to_owned() }],
        left: Vec::new(),
        tables: Arc::default(),
        max_offset_ms: 60_000,
        dirty_bytes_max: 1,
        table: lc_store::TableOptions::default(),
        disk: DiskBounds::default(),
        journal: lc_journal::Options { pending_bytes_max: 4096, ..lc_journal::Options::default() },
        replication: lc_repl::Settings::default(),
    };
    Member::open(settings, Arc::new(disk.clone()), Arc::new(store.clone())).unwrap()
}

impl Scene {
    /// A member that starts anew and finds in its store that the counter `n`, which stands at 7, is doubtful.
    fn of_a_doubtful_counter() -> Scene {
        let (disk, store) = (MemoryDisk::new(), MemoryStore::new());
        let member = opened(&disk, &store);
        let mut scene = Scene { disk, store, member, now: Duration::ZERO };
        scene.add("n", 3).unwrap();
        scene.add("n", 4).unwrap();
        scene.sync();
        let (job, _) = scene.member.begin_flush(true).expect("rows have changed");
        scene.member.finish_flush(job.run()).unwrap();
        let doubt = [b"m\0doubt".as_slice(), &place_of(b"n", Kind::String, b"")].concat();
        scene.store.commit(&mut [(doubt.into(), Some(bytes::Bytes::new()))].into_iter()).unwrap();
        scene.disk = scene.disk.reopen();
        scene.member = opened(&scene.disk, &scene.store);
        scene
    }

    fn add(&mut self, key: &str, amount: i64) -> Result<Reply, Error> {
        let add = self.member.write(WALL_MS, 1, &mut |txn| {
            txn.add_string(key.as_bytes(), Number::Int(amount))?;
            Ok(Reply::OK)
        });
        add.0
    }

    fn sync(&mut self) {
        let job = self.member.begin_sync().expect("something was written");
        self.member.finish_sync(self.now, job.run(), &mut Vec::new()).unwrap();
    }

    fn tick(&mut self) {
        self.now += Duration::from_millis(10);
        self.member.tick(self.now, WALL_MS, &mut Vec::new());
    }

    fn decided(&self) -> u64 {
        self.member.snapshot().counters.entries_decided
    }

    /// Whether `n` stands at 7 as one value, without increments.
    fn is_settled(&self) -> bool {
        let mut head = Head::default();
        self.member
            .each_row(&mut |row, bytes| {
                if row == head_row(b"n") {
                    head = Head::decode(bytes.clone()).unwrap();
                }
            })
            .unwrap();
        let settled = head.string.counts.is_empty();
        let shown = if settled { Visible::Text("7".into()) } else { Visible::Number(Number::Int(7)) };
        assert_eq!(head.string.visible(), Some(shown));
        settled
    }
}

#[test]
fn what_a_merge_left_doubtful_is_written_anew_after_a_start() {
    let mut scene = Scene::of_a_doubtful_counter();
    assert!(!scene.is_settled());
    scene.tick();
    assert!(scene.is_settled());
    scene.tick();
    assert_eq!(scene.decided(), 1);
}

#[test]
fn a_node_that_may_not_write_yet_does_not_write_that_either() {
    let mut scene = Scene::of_a_doubtful_counter();
    scene.member.wait_with_writes(Some("another directory may have used its name".to_owned()));
    (0..5).for_each(|_| scene.tick());
    assert_eq!(scene.decided(), 0);
    assert!(!scene.is_settled());
    scene.member.wait_with_writes(None);
    scene.tick();
    assert!(scene.is_settled());
}

#[test]
fn a_disk_that_does_not_keep_up_delays_it_and_does_not_end_the_node() {
    let mut scene = Scene::of_a_doubtful_counter();
    let written = (0..1000).take_while(|_| scene.add("other", 1).is_ok()).count();
    assert!((1..1000).contains(&written), "{written} writes wait for the disk");
    (0..5).for_each(|_| scene.tick());
    scene.member.health().writable().unwrap();
    assert!(!scene.is_settled());
    scene.sync();
    scene.tick();
    assert!(scene.is_settled());
}
