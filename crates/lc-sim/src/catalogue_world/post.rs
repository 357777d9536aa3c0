//! Frames between members: delayed, lost, doubled, overtaken, cut off, as the seed decides.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use lc_raft::{Carrier, Group};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;
use xxhash_rust::xxh3::Xxh3;

use crate::network::{self, Weather};
use crate::rng::Rng;

pub(super) struct Post {
    state: Mutex<State>,
    wake: Notify,
    epoch: Instant,
}

struct State {
    rng: Rng,
    weather: BTreeMap<(u16, u16), Weather>,
    /// By time, then by order of sending.
    under_way: BTreeMap<(Instant, u64), Letter>,
    sent: u64,
    cut_off: BTreeSet<u16>,
    lives: BTreeMap<u16, u64>,
    groups: BTreeMap<u16, Group>,
    closed: bool,
    /// Of every frame that arrived, and when.
    hash: Xxh3,
}

struct Letter {
    from: u16,
    to: u16,
    frame: Bytes,
}

impl Post {
    /// Links between nodes 1 to `nodes`. Must be called inside a runtime.
    pub(super) fn open(rng: &Rng, nodes: u16) -> Arc<Post> {
        let rough = rng.chance(60.0);
        let mut weather = BTreeMap::new();
        for a in 1..=nodes {
            for b in a + 1..=nodes {
                let one_way = rng.between(Duration::from_millis(1), Duration::from_millis(120));
                let percent = || if rough { rng.below(6) as f64 } else { 0.0 };
                let link =
                    Weather { one_way, jitter: one_way / 2, lost_percent: percent(), doubled_percent: percent() };
                weather.extend([((a, b), link), ((b, a), link)]);
            }
        }
        let state = State {
            rng: Rng::new(rng.u64()),
            weather,
            under_way: BTreeMap::new(),
            sent: 0,
            cut_off: BTreeSet::new(),
            lives: BTreeMap::new(),
            groups: BTreeMap::new(),
            closed: false,
            hash: Xxh3::new(),
        };
        let post = Arc::new(Post { state: Mutex::new(state), wake: Notify::new(), epoch: instant() });
        tokio::spawn(Arc::clone(&post).deliver());
        post
    }

    /// Time since the world began.
    pub(super) fn now(&self) -> Duration {
        instant() - self.epoch
    }

    /// A link for a new life of a node; links of earlier lives fall silent.
    pub(super) fn link(self: &Arc<Post>, node: u16) -> Arc<dyn Carrier> {
        let life = self.end_life(node);
        Arc::new(Link { post: Arc::clone(self), node, life })
    }

    pub(super) fn attach(&self, node: u16, group: Group) {
        self.state.lock().groups.insert(node, group);
    }

    /// The node's process is gone.
    pub(super) fn end_life(&self, node: u16) -> u64 {
        let mut state = self.state.lock();
        state.groups.remove(&node);
        let life = state.lives.entry(node).or_default();
        *life += 1;
        *life
    }

    pub(super) fn cut_off(&self, node: u16) {
        self.state.lock().cut_off.insert(node);
    }

    pub(super) fn heal(&self) {
        self.state.lock().cut_off.clear();
    }

    /// Nothing is cut off, lost or doubled any more.
    pub(super) fn calm(&self) {
        let mut state = self.state.lock();
        state.cut_off.clear();
        for weather in state.weather.values_mut() {
            (weather.lost_percent, weather.doubled_percent) = (0.0, 0.0);
        }
    }

    /// A hash of every frame that arrived so far.
    pub(super) fn hash(&self) -> u128 {
        self.state.lock().hash.digest128()
    }

    /// Ends delivery.
    pub(super) fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        state.under_way.clear();
        drop(state);
        self.wake.notify_one();
    }

    async fn deliver(self: Arc<Post>) {
        loop {
            let (closed, next) = {
                let state = self.state.lock();
                (state.closed, state.under_way.keys().next().copied())
            };
            match next {
                _ if closed => return,
                Some((at, _)) if at <= instant() => self.deliver_one(),
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
        let mut state = self.state.lock();
        let Some(((at, _), letter)) = state.under_way.pop_first() else { return };
        let arrival = format!("{} {} {} ", (at - self.epoch).as_micros(), letter.from, letter.to);
        state.hash.update(arrival.as_bytes());
        state.hash.update(&letter.frame);
        let passes = state.passes(letter.from, letter.to);
        let group = state.groups.get(&letter.to).filter(|_| passes).cloned();
        // The group may send at once, which needs the state.
        drop(state);
        if let Some(group) = group {
            group.frame(letter.from, letter.frame);
        }
    }
}

impl State {
    fn passes(&self, from: u16, to: u16) -> bool {
        !self.cut_off.contains(&from) && !self.cut_off.contains(&to)
    }

    fn post(&mut self, from: u16, to: u16, frame: &Bytes) {
        let Some(weather) = self.weather.get(&(from, to)).copied().filter(|_| self.passes(from, to)) else { return };
        for delay in network::arrivals(&self.rng, &weather) {
            self.sent += 1;
            self.under_way.insert((instant() + delay, self.sent), Letter { from, to, frame: frame.clone() });
        }
    }
}

struct Link {
    post: Arc<Post>,
    node: u16,
    life: u64,
}

impl Carrier for Link {
    fn send(&self, to: u16, frame: Bytes) {
        let mut state = self.post.state.lock();
        if state.lives.get(&self.node) == Some(&self.life) {
            state.post(self.node, to, &frame);
            drop(state);
            self.post.wake.notify_one();
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "the paused clock of the world's own runtime")]
fn instant() -> Instant {
    Instant::now()
}
