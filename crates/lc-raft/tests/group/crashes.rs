//! Whatever crashes, cuts and lost frames do: one history, and in it everything that was acknowledged.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use lc_env::Random;
use parking_lot::Mutex;

use crate::post::{CALM, Weather};
use crate::world::{World, simulate};

#[derive(Default)]
struct Told {
    acknowledged: BTreeSet<Vec<u8>>,
    unknown: u64,
    refused: u64,
}

struct Chaos {
    world: World,
    told: Arc<Mutex<Told>>,
    number: u64,
    crashes: u64,
}

impl Chaos {
    async fn step(&mut self) {
        let me = u16::try_from(self.world.random.u64() % 3).unwrap() + 1;
        match self.world.random.u64() % 100 {
            0..76 => self.propose(me),
            76..79 => self.crash(me),
            79..91 => self.revive(me).await,
            91 | 92 => {
                // One at a time, or for most of the time nothing could be decided.
                self.world.post.heal_all();
                self.world.isolate(me);
            }
            93..97 => self.world.post.heal_all(),
            97 => self.fail_power(me),
            _ => {}
        }
        let pause = self.world.random.u64() % 1200;
        self.world.pass(Duration::from_millis(pause)).await;
    }

    fn propose(&mut self, me: u16) {
        let Some(group) = self.world.groups.get(&me).cloned() else { return };
        self.number += 1;
        let mut command = self.number.to_le_bytes().to_vec();
        command.resize(8 + (self.world.random.u64() % 400) as usize, 0);
        let told = Arc::clone(&self.told);
        tokio::spawn(async move {
            let outcome = group.propose(command.clone()).await;
            let mut told = told.lock();
            match outcome {
                Ok(_) => {
                    told.acknowledged.insert(command);
                }
                Err(lc_raft::Error::OutcomeUnknown { .. } | lc_raft::Error::Stopped { .. }) => told.unknown += 1,
                Err(_) => told.refused += 1,
            }
        });
    }

    fn crash(&mut self, me: u16) {
        if self.world.groups.contains_key(&me) {
            self.crashes += 1;
            self.world.crash(me);
        }
    }

    async fn revive(&mut self, me: u16) {
        if self.world.groups.get(&me).is_some_and(|group| group.status().stopped.is_some()) {
            self.crash(me);
        }
        // The power may fail while it starts, too.
        while !self.world.groups.contains_key(&me) {
            if let Err(error) = self.world.try_start(me).await {
                assert!(error.to_string().contains("from before the crash"), "{error}");
                self.world.lose_power(me);
            }
        }
    }

    /// The disk dies in the middle of some sync to come; the process then dies at one of the next crashes.
    fn fail_power(&mut self, me: u16) {
        let syncs = self.world.random.u64() % 6;
        self.world.disks[&me].fail_power_after(syncs);
    }

    async fn settle(&mut self) {
        self.world.post.heal_all();
        self.world.post.set_weather(CALM);
        for me in 1..=3 {
            self.crash(me);
            // A power failure that was still to come would stop it later.
            self.world.lose_power(me);
            self.revive(me).await;
        }
        self.world.until("a leader", Duration::from_secs(60), |world| world.leader().is_some()).await;
        let leader = self.world.leader().unwrap();
        self.world.groups[&leader].propose(b"the end".to_vec()).await.unwrap();
        self.world.until_equal().await;
    }
}

#[test]
fn what_was_acknowledged_is_in_the_one_history() {
    let (mut acknowledged, mut unknown, mut refused, mut crashes) = (0, 0, 0, 0);
    for seed in 0..seeds() {
        simulate(async {
            let weather = Weather { one_way_ms: 20, jitter_ms: 60, lost_percent: 4, doubled_percent: 4 };
            let world = World::with_members(seed, weather, 3, |settings| {
                settings.snapshot_after_entries = 25;
                settings.keep_entries = 5;
                settings.segment_bytes = 4 << 10;
            })
            .await;
            let mut chaos = Chaos { world, told: Arc::default(), number: 0, crashes: 0 };
            for _ in 0..400 {
                chaos.step().await;
            }
            chaos.settle().await;
            let history: BTreeSet<Vec<u8>> = chaos.world.story(1).into_iter().map(|(_, command)| command).collect();
            let told = chaos.told.lock();
            for command in &told.acknowledged {
                assert!(history.contains(command), "seed {seed}: {:?} was acknowledged and is gone", &command[..8]);
            }
            assert!(told.acknowledged.len() > 30, "seed {seed}: {} acknowledged", told.acknowledged.len());
            acknowledged += told.acknowledged.len();
            unknown += told.unknown;
            refused += told.refused;
            crashes += chaos.crashes;
        });
    }
    println!("{} seeds, {crashes} crashes: {acknowledged} acknowledged, {unknown} unknown, {refused} refused", seeds());
    assert!(crashes > seeds());
}

/// `LC_RAFT_SEEDS` for a long run.
fn seeds() -> u64 {
    std::env::var("LC_RAFT_SEEDS").ok().and_then(|count| count.parse().ok()).unwrap_or(6)
}
