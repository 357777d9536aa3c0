//! Links between regions: which are up, how long a frame takes, and what happens to it on the way.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::rng::Rng;

/// One direction's quality.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weather {
    pub one_way: Duration,
    pub jitter: Duration,
    pub lost_percent: f64,
    pub doubled_percent: f64,
}

/// What becomes of a frame: when it arrives, once, twice or never.
pub(crate) fn arrivals(rng: &Rng, weather: &Weather) -> Vec<Duration> {
    let delay = || weather.one_way + rng.between(Duration::ZERO, weather.jitter);
    let mut arrivals = Vec::new();
    if !rng.chance(weather.lost_percent) {
        arrivals.push(delay());
    }
    if rng.chance(weather.doubled_percent) {
        // A copy may come much later, after other connections have come and gone.
        arrivals.push(delay() * (1 + rng.below(40) as u32));
    }
    arrivals
}

#[derive(Default)]
pub(crate) struct Network {
    weather: BTreeMap<(usize, usize), Weather>,
    cut: BTreeMap<(usize, usize), bool>,
    /// From when until when frames are held up.
    stalled: BTreeMap<(usize, usize), (Duration, Duration)>,
    /// Grows when a connection is made anew: what was under way on the old one is gone.
    connection: BTreeMap<(usize, usize), u64>,
    up: BTreeMap<(usize, usize), bool>,
}

impl Network {
    /// A mesh of `regions` with round trips between 2 ms and 300 ms.
    pub(crate) fn new(rng: &Rng, regions: usize) -> Network {
        let mut network = Network::default();
        let rough = rng.chance(50.0);
        for a in 0..regions {
            for b in a + 1..regions {
                let one_way = rng.between(Duration::from_millis(1), Duration::from_millis(150));
                for link in [(a, b), (b, a)] {
                    let weather = Weather {
                        one_way,
                        jitter: one_way / (1 + rng.below(8) as u32),
                        lost_percent: if rough { rng.below(8) as f64 } else { 0.0 },
                        doubled_percent: if rough { rng.below(8) as f64 } else { 0.0 },
                    };
                    network.weather.insert(link, weather);
                }
            }
        }
        network
    }

    pub(crate) fn weather(&self, from: usize, to: usize) -> Weather {
        self.weather[&(from, to)]
    }

    /// How long it takes at most, ms, in a calm world, until every region has heard of what happened in another one: a
    /// heartbeat, its way, and as long again by which its age is overestimated; and some for ticks and disks.
    pub(crate) fn news_take_ms(&self) -> u64 {
        let slowest = self.weather.values().map(|weather| weather.one_way + weather.jitter).max().unwrap_or_default();
        450 + 3 * slowest.as_millis() as u64
    }

    pub(crate) fn calm(&mut self) {
        for weather in self.weather.values_mut() {
            weather.lost_percent = 0.0;
            weather.doubled_percent = 0.0;
        }
        self.cut.clear();
        self.stalled.clear();
    }

    pub(crate) fn set_cut(&mut self, from: usize, to: usize, cut: bool) {
        self.cut.insert((from, to), cut);
    }

    pub(crate) fn is_cut(&self, from: usize, to: usize) -> bool {
        self.cut.get(&(from, to)).copied().unwrap_or(false)
    }

    pub(crate) fn stall(&mut self, from: usize, to: usize, begins: Duration, ends: Duration) {
        self.stalled.insert((from, to), (begins, ends));
    }

    /// How much longer a frame takes that is sent now: what was held up drains at twice the speed at which it came.
    pub(crate) fn held_up(&self, from: usize, to: usize, now: Duration) -> Duration {
        match self.stalled.get(&(from, to)) {
            Some(&(begins, ends)) if now < ends => ends - now + now.saturating_sub(begins) / 2,
            _ => Duration::ZERO,
        }
    }

    /// Whether a connection can be made: both directions must pass.
    pub(crate) fn connectable(&self, a: usize, b: usize) -> bool {
        !self.is_cut(a, b) && !self.is_cut(b, a)
    }

    pub(crate) fn is_up(&self, a: usize, b: usize) -> bool {
        self.up.get(&ordered(a, b)).copied().unwrap_or(false)
    }

    /// Marks a connection as up or down; gives its number.
    pub(crate) fn set_up(&mut self, a: usize, b: usize, up: bool) -> u64 {
        self.up.insert(ordered(a, b), up);
        let connection = self.connection.entry(ordered(a, b)).or_default();
        *connection += 1;
        *connection
    }

    pub(crate) fn connection(&self, a: usize, b: usize) -> u64 {
        self.connection.get(&ordered(a, b)).copied().unwrap_or(0)
    }
}

fn ordered(a: usize, b: usize) -> (usize, usize) {
    (a.min(b), a.max(b))
}
