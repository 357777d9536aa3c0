//! Members with simulated disks, and a machine that remembers everything it was told.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use lc_env::{Disk, MemoryDisk, Random, SeededRandom};
use lc_raft::{DiskWork, Error, Group, Machine, Settings};
use parking_lot::Mutex;

use crate::post::{Post, Weather, now};

/// Commands with their indexes, in the order in which they were applied.
pub type Story = Vec<(u64, Vec<u8>)>;

/// Remembers every command; answers with how many there are.
#[derive(Default)]
struct Memory {
    story: Story,
    published: Arc<Mutex<Story>>,
}

impl Machine for Memory {
    fn apply(&mut self, index: u64, command: &[u8]) -> Vec<u8> {
        assert!(self.story.last().is_none_or(|(last, _)| *last < index), "applied twice or backwards: {index}");
        self.story.push((index, command.to_vec()));
        self.story.len().to_string().into_bytes()
    }

    fn snapshot(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for (index, command) in &self.story {
            out.extend_from_slice(&index.to_le_bytes());
            out.extend_from_slice(&u32::try_from(command.len()).unwrap().to_le_bytes());
            out.extend_from_slice(command);
        }
        out
    }

    fn restore(&mut self, mut snapshot: &[u8]) -> Result<(), String> {
        self.story.clear();
        while !snapshot.is_empty() {
            let (index, rest) = snapshot.split_first_chunk::<8>().ok_or("index")?;
            let (length, rest) = rest.split_first_chunk::<4>().ok_or("length")?;
            let (command, rest) = rest.split_at(u32::from_le_bytes(*length) as usize);
            self.story.push((u64::from_le_bytes(*index), command.to_vec()));
            snapshot = rest;
        }
        Ok(())
    }

    fn applied(&mut self, _index: u64) {
        let mut published = self.published.lock();
        let known = published.len();
        assert!(self.story.len() >= known, "what was published is taken back");
        published.extend_from_slice(&self.story[known..]);
    }
}

pub struct World {
    pub post: Arc<Post>,
    pub random: SeededRandom,
    seed: u64,
    pub disks: BTreeMap<u16, MemoryDisk>,
    pub groups: BTreeMap<u16, Group>,
    published: BTreeMap<u16, Arc<Mutex<Story>>>,
    /// The command at each index, whoever applied it.
    truth: BTreeMap<u64, Vec<u8>>,
    /// How much of each member's story is in it.
    checked: BTreeMap<u16, usize>,
    leaders: BTreeMap<u64, u16>,
    tune: fn(&mut Settings),
    starts: u64,
}

impl World {
    pub fn new(seed: u64, weather: Weather) -> World {
        World {
            post: Post::open(seed, weather),
            random: SeededRandom::new(seed ^ 0x5eed),
            seed,
            disks: BTreeMap::new(),
            groups: BTreeMap::new(),
            published: BTreeMap::new(),
            truth: BTreeMap::new(),
            checked: BTreeMap::new(),
            leaders: BTreeMap::new(),
            tune: |_| {},
            starts: 0,
        }
    }

    /// A new group of members 1 to `count`, with a leader.
    pub async fn with_members(seed: u64, weather: Weather, count: u16, tune: fn(&mut Settings)) -> World {
        let mut world = World::new(seed, weather);
        world.tune = tune;
        let members: BTreeSet<u16> = (1..=count).collect();
        for me in &members {
            world.start(*me).await;
        }
        for me in &members {
            world.groups[me].bootstrap(&members).await.unwrap();
        }
        world.until("a leader", Duration::from_secs(10), |world| world.leader().is_some()).await;
        world
    }

    pub async fn start(&mut self, me: u16) {
        self.try_start(me).await.unwrap();
    }

    pub async fn try_start(&mut self, me: u16) -> Result<(), Error> {
        let disk = self.disks.entry(me).or_default().reopen();
        let published: Arc<Mutex<Story>> = Arc::default();
        let machine = Memory { story: Story::new(), published: Arc::clone(&published) };
        self.starts += 1;
        let mut settings = Settings::new(me);
        settings.random = Arc::new(SeededRandom::new(self.seed * 1_000_003 + self.starts));
        settings.disk_work = DiskWork::Inline;
        (self.tune)(&mut settings);
        let disk: Arc<dyn Disk> = Arc::new(disk);
        let group = Group::start(settings, disk, Box::new(machine), self.post.link(me)).await?;
        self.post.attach(me, group.clone());
        self.groups.insert(me, group);
        self.published.insert(me, published);
        self.checked.remove(&me);
        Ok(())
    }

    /// The process dies; the disk keeps what was synced and by chance some of the rest.
    pub fn crash(&mut self, me: u16) {
        self.post.end_life(me);
        self.lose_power(me);
        self.check();
        self.groups.remove(&me);
        self.published.remove(&me);
    }

    pub fn lose_power(&self, me: u16) {
        let random = &self.random;
        self.disks[&me].crash(|_, unsynced| random.u64() % (unsynced + 1));
    }

    pub async fn stop(&mut self, me: u16) {
        self.post.end_life(me);
        self.groups.remove(&me).unwrap().stop().await;
    }

    pub fn isolate(&self, me: u16) {
        for other in self.disks.keys().filter(|other| **other != me) {
            self.post.cut(me, *other);
        }
    }

    pub fn story(&self, me: u16) -> Story {
        self.published[&me].lock().clone()
    }

    /// The leader that a majority of living members follows.
    pub fn leader(&self) -> Option<u16> {
        let mut votes = BTreeMap::new();
        for group in self.groups.values() {
            let status = group.status();
            if let Some(leader) = status.leader {
                *votes.entry((status.term, leader)).or_insert(0) += 1;
            }
        }
        let majority = self.groups.len() / 2 + 1;
        let found = votes.into_iter().next_back().filter(|(_, count)| *count >= majority);
        found.map(|((_, leader), _)| leader).filter(|leader| self.groups.contains_key(leader))
    }

    pub fn follower(&self) -> u16 {
        self.follower_of(self.leader().expect("there is a leader"))
    }

    /// Somebody else than `leader`.
    pub fn follower_of(&self, leader: u16) -> u16 {
        *self.groups.keys().find(|me| **me != leader).expect("there is a follower")
    }

    /// Lets time pass until `is_so`, looking every few milliseconds.
    pub async fn until(&mut self, what: &str, within: Duration, is_so: impl Fn(&World) -> bool) {
        let end = now() + within;
        while !is_so(self) {
            assert!(now() < end, "waited {within:?} for {what}: {:?}", self.statuses());
            tokio::time::sleep(Duration::from_millis(5)).await;
            self.check();
        }
    }

    pub async fn pass(&mut self, duration: Duration) {
        let end = now() + duration;
        while now() < end {
            tokio::time::sleep(Duration::from_millis(20)).await;
            self.check();
        }
    }

    pub async fn until_equal(&mut self) {
        self.until("equal members", Duration::from_secs(60), |world| {
            let stories: BTreeSet<Story> = world.groups.keys().map(|me| world.story(*me)).collect();
            stories.len() == 1
        })
        .await;
    }

    /// One command at an index everywhere, and one leader in a term.
    pub fn check(&mut self) {
        for (me, story) in &self.published {
            let story = story.lock();
            let checked = self.checked.entry(*me).or_default();
            for (index, command) in &story[*checked..] {
                let known = self.truth.entry(*index).or_insert_with(|| command.clone());
                assert_eq!(known, command, "two commands at {index}");
            }
            *checked = story.len();
        }
        for group in self.groups.values() {
            let status = group.status();
            if let Some(leader) = status.leader {
                let known = *self.leaders.entry(status.term).or_insert(leader);
                assert_eq!(known, leader, "two leaders in term {}", status.term);
            }
        }
    }

    pub fn statuses(&self) -> Vec<String> {
        self.groups.values().map(|group| format!("{:?}", group.status())).collect()
    }
}

/// Runs on a runtime of one thread whose time stands still while anything can go on.
pub fn simulate<T>(run: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(run)
}
