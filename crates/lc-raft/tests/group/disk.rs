//! One member and its disk; and that a seed decides everything.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use lc_env::{MemoryDisk, Random, RealDisk, SeededRandom};
use lc_raft::{Carrier, DiskWork, Error, Group, Machine, RAFT_FRAME, Settings};

use crate::post::{CALM, Weather};
use crate::world::{World, simulate};

#[test]
fn a_member_restarted_alone_has_everything_it_had_published_before_start_returns() {
    simulate(async {
        for seed in 0..20 {
            let mut world = World::with_members(seed, CALM, 3, |settings| settings.snapshot_after_entries = 15).await;
            for number in 0..(5 + seed) {
                world.groups[&2].propose(vec![number as u8]).await.unwrap();
            }
            for me in 1..=3 {
                let published = world.story(me);
                world.crash(me);
                world.isolate(me);
                world.start(me).await;
                let restored = world.story(me);
                assert!(
                    restored.len() >= published.len(),
                    "seed {seed} member {me}: {} of {}",
                    restored.len(),
                    published.len()
                );
                assert_eq!(restored[..published.len()], published);
            }
        }
    });
}

#[test]
fn a_failed_sync_stops_the_member_with_the_disks_own_words_and_the_others_go_on() {
    simulate(async {
        let mut world = World::with_members(1, CALM, 3, |_| {}).await;
        let failing = world.leader().unwrap();
        let other = world.follower();
        world.groups[&failing].propose(b"before".to_vec()).await.unwrap();
        world.disks[&failing].fail_next_sync();
        let lost = world.groups[&failing].propose(b"lost".to_vec()).await;
        assert!(matches!(lost, Err(Error::Stopped { .. } | Error::OutcomeUnknown { .. })), "{lost:?}");
        world
            .until("the member to stop", Duration::from_secs(5), |world| {
                world.groups[&failing].status().stopped.is_some()
            })
            .await;
        let why = world.groups[&failing].status().stopped.unwrap();
        assert!(why.contains("the device lost the data"), "{why}");
        let after = world.groups[&failing].propose(b"after".to_vec()).await;
        assert!(matches!(after, Err(Error::Stopped { .. })), "{after:?}");
        world
            .until("another leader", Duration::from_secs(20), |world| {
                world.groups[&other].status().leader != Some(failing)
            })
            .await;
        world.groups[&other].propose(b"on".to_vec()).await.unwrap();
    });
}

#[test]
fn frames_of_garbage_change_nothing() {
    simulate(async {
        let mut world = World::with_members(2, CALM, 3, |_| {}).await;
        let random = SeededRandom::new(9);
        let term = world.groups[&1].status().term;
        for round in 0..3000u64 {
            let mut frame = vec![0; (random.u64() % 60) as usize];
            random.fill(&mut frame);
            if let Some(first) = frame.first_mut() {
                *first = RAFT_FRAME;
            }
            // Kinds that exist, for the most part.
            if let Some(kind) = frame.get_mut(1) {
                *kind = [1, 2, 3, 4, 5, 64, 65, 66, 67, 68, 7, 200][(round % 12) as usize];
            }
            let to = u16::try_from(round % 3).unwrap() + 1;
            world.groups[&to].frame(u16::try_from(random.u64() % 5).unwrap(), Bytes::from(frame));
        }
        world.pass(Duration::from_secs(5)).await;
        assert_eq!(world.groups[&1].status().term, term);
        world.groups[&3].propose(b"still here".to_vec()).await.unwrap();
        world.until_equal().await;
    });
}

/// Everything that happens on the wire in half a minute of trouble.
fn trace(seed: u64) -> Vec<String> {
    simulate(async {
        let weather = Weather { one_way_ms: 30, jitter_ms: 40, lost_percent: 5, doubled_percent: 5 };
        let mut world = World::with_members(seed, weather, 3, |settings| settings.snapshot_after_entries = 10).await;
        world.post.trace();
        for round in 0..30u16 {
            let me = round % 3 + 1;
            if let Some(group) = world.groups.get(&me).cloned() {
                tokio::spawn(async move { group.propose(vec![round as u8; 40]).await });
            }
            match round {
                7 => world.isolate(1),
                14 => world.crash(2),
                17 => world.start(2).await,
                20 => world.post.heal_all(),
                _ => {}
            }
            world.pass(Duration::from_secs(1)).await;
        }
        world.post.traced()
    })
}

#[test]
fn one_seed_run_twice_sends_the_same_frames_at_the_same_times() {
    for seed in [3, 4] {
        let (first, second) = (trace(seed), trace(seed));
        assert!(first.len() > 300, "{}", first.len());
        let differs = first.iter().zip(&second).position(|(first, second)| first != second);
        assert_eq!(differs.map(|at| (&first[at], &second[at])), None, "at {differs:?} of {}", first.len());
        assert_eq!(first.len(), second.len());
    }
    assert_ne!(trace(3), trace(4));
}

#[test]
fn a_member_ends_with_its_last_handle() {
    simulate(async {
        let disk = Arc::new(MemoryDisk::new());
        let watched = Arc::downgrade(&disk);
        let settings = Settings { disk_work: DiskWork::Inline, ..Settings::new(1) };
        let group = Group::start(settings, disk, Box::new(Counter(0)), Arc::new(Alone)).await.unwrap();
        group.bootstrap(&[1].into()).await.unwrap();
        group.propose(vec![1]).await.unwrap();
        drop(group);
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert!(watched.upgrade().is_none(), "nobody holds the disk any more");
    });
}

struct Counter(u64);

impl Machine for Counter {
    fn apply(&mut self, _index: u64, command: &[u8]) -> Vec<u8> {
        self.0 += u64::from(command[0]);
        self.0.to_le_bytes().to_vec()
    }

    fn snapshot(&self) -> Vec<u8> {
        self.0.to_le_bytes().to_vec()
    }

    fn restore(&mut self, snapshot: &[u8]) -> Result<(), String> {
        self.0 = u64::from_le_bytes(snapshot.try_into().map_err(|_| "eight bytes")?);
        Ok(())
    }
}

struct Alone;

impl Carrier for Alone {
    fn send(&self, _to: u16, _frame: Bytes) {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn real_time_a_real_disk_and_many_threads_do_as_well() {
    let dir = tempfile::tempdir().unwrap();
    for round in 1..=3u64 {
        let settings = Settings { heartbeat_ms: 20, election_ms_min: 50, election_ms_max: 100, ..Settings::new(7) };
        let settings = Settings { snapshot_after_entries: 40, keep_entries: 5, segment_bytes: 8 << 10, ..settings };
        let disk = Arc::new(RealDisk::open(dir.path()).unwrap());
        let group = Group::start(settings, disk, Box::new(Counter(0)), Arc::new(Alone)).await.unwrap();
        group.bootstrap(&[7].into()).await.unwrap();
        let proposals: Vec<_> = (0..100)
            .map(|_| {
                let group = group.clone();
                tokio::spawn(async move { group.propose(vec![1]).await })
            })
            .collect();
        for proposal in proposals {
            proposal.await.unwrap().unwrap();
        }
        // A frame from a thread that knows no runtime: propose 0 within 100 ms.
        let far = group.clone();
        lc_env::spawn_thread("link", move || far.frame(3, Bytes::from_static(&[RAFT_FRAME, 6, 1, 100, 1, 0])))
            .join()
            .unwrap();
        let answer = group.propose(vec![0]).await.unwrap();
        assert_eq!(answer, (round * 100).to_le_bytes());
        group.stop().await;
    }
}
