//! Frames on their way: delayed, lost, doubled, overtaken, cut off; all of it decided by a seed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use lc_env::{Random, SeededRandom};
use lc_raft::{Carrier, Group};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

/// How a link treats frames.
#[derive(Clone, Copy)]
pub struct Weather {
    pub one_way_ms: u64,
    pub jitter_ms: u64,
    pub lost_percent: u64,
    pub doubled_percent: u64,
}

pub const CALM: Weather = Weather { one_way_ms: 20, jitter_ms: 0, lost_percent: 0, doubled_percent: 0 };

pub struct Post {
    state: Mutex<State>,
    wake: Notify,
    epoch: Instant,
}

struct State {
    random: SeededRandom,
    weather: Weather,
    /// One-way delays of pairs that differ.
    distances: BTreeMap<(u16, u16), u64>,
    /// By time and then by order of sending, so that nothing is left to chance.
    under_way: BTreeMap<(Instant, u64), Letter>,
    sent: u64,
    cut: BTreeSet<(u16, u16)>,
    lives: BTreeMap<u16, u64>,
    groups: BTreeMap<u16, Group>,
    trace: Vec<String>,
    traced: bool,
}

struct Letter {
    from: u16,
    to: u16,
    frame: Bytes,
}

impl Post {
    #[allow(clippy::disallowed_methods, reason = "the paused clock of the test's runtime")]
    pub fn open(seed: u64, weather: Weather) -> Arc<Post> {
        let state = State {
            random: SeededRandom::new(seed),
            weather,
            distances: BTreeMap::new(),
            under_way: BTreeMap::new(),
            sent: 0,
            cut: BTreeSet::new(),
            lives: BTreeMap::new(),
            groups: BTreeMap::new(),
            trace: Vec::new(),
            traced: false,
        };
        let post = Arc::new(Post { state: Mutex::new(state), wake: Notify::new(), epoch: Instant::now() });
        tokio::spawn(Arc::clone(&post).deliver());
        post
    }

    /// A link for a new life of `me`; links of earlier lives fall silent.
    pub fn link(self: &Arc<Post>, me: u16) -> Arc<dyn Carrier> {
        let life = self.end_life(me);
        Arc::new(Link { post: Arc::clone(self), me, life })
    }

    pub fn attach(&self, me: u16, group: Group) {
        self.state.lock().groups.insert(me, group);
    }

    /// The member's process is gone.
    pub fn end_life(&self, me: u16) -> u64 {
        let mut state = self.state.lock();
        state.groups.remove(&me);
        let life = state.lives.entry(me).or_default();
        *life += 1;
        *life
    }

    pub fn cut(&self, a: u16, b: u16) {
        self.state.lock().cut.extend([(a, b), (b, a)]);
    }

    pub fn heal_all(&self) {
        self.state.lock().cut.clear();
    }

    pub fn set_weather(&self, weather: Weather) {
        self.state.lock().weather = weather;
    }

    pub fn set_distance(&self, a: u16, b: u16, one_way_ms: u64) {
        self.state.lock().distances.extend([((a, b), one_way_ms), ((b, a), one_way_ms)]);
    }

    pub fn trace(&self) {
        self.state.lock().traced = true;
    }

    pub fn traced(&self) -> Vec<String> {
        self.state.lock().trace.clone()
    }

    async fn deliver(self: Arc<Post>) {
        loop {
            let next = self.state.lock().under_way.keys().next().copied();
            match next {
                Some((at, _)) if at <= now() => self.deliver_one(),
                Some((at, _)) => {
                    tokio::select! {
                        biased;
                        () = self.wake.notified() => {}
                        () = tokio::time::sleep_until(at) => {}
                    }
                }
                None => self.wake.notified().await,
            }
        }
    }

    fn deliver_one(&self) {
        let (letter, group) = {
            let mut state = self.state.lock();
            let ((at, number), letter) = state.under_way.pop_first().expect("looked just before");
            if state.traced {
                let ms = (at - self.epoch).as_micros();
                let sum =
                    letter.frame.iter().fold(0u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)));
                state.trace.push(format!("{ms} {number} {}>{} {} {sum:x}", letter.from, letter.to, letter.frame.len()));
            }
            let is_cut = state.cut.contains(&(letter.from, letter.to));
            let group = state.groups.get(&letter.to).filter(|_| !is_cut).cloned();
            (letter, group)
        };
        if let Some(group) = group {
            group.frame(letter.from, letter.frame);
        }
    }
}

impl State {
    fn percent(&self, percent: u64) -> bool {
        percent > 0 && self.random.u64() % 100 < percent
    }

    fn post(&mut self, from: u16, to: u16, frame: Bytes) {
        let weather = self.weather;
        if self.cut.contains(&(from, to)) || self.percent(weather.lost_percent) {
            return;
        }
        let copies = 1 + u64::from(self.percent(weather.doubled_percent));
        for _ in 0..copies {
            let jitter = if weather.jitter_ms > 0 { self.random.u64() % weather.jitter_ms } else { 0 };
            let one_way = self.distances.get(&(from, to)).copied().unwrap_or(weather.one_way_ms);
            let at = now() + Duration::from_millis(one_way + jitter);
            self.sent += 1;
            self.under_way.insert((at, self.sent), Letter { from, to, frame: frame.clone() });
        }
    }
}

struct Link {
    post: Arc<Post>,
    me: u16,
    life: u64,
}

impl Carrier for Link {
    fn send(&self, to: u16, frame: Bytes) {
        let mut state = self.post.state.lock();
        if state.lives.get(&self.me) == Some(&self.life) {
            state.post(self.me, to, frame);
            drop(state);
            self.post.wake.notify_one();
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "the paused clock of the test's runtime")]
pub fn now() -> Instant {
    Instant::now()
}
