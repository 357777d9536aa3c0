//! What is wrong with the links of a dev world right now, decided without a process or a clock.

use std::collections::BTreeMap;

use lc_http::LinkEmulation;

/// How links are when nothing is wrong.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Weather {
    /// Most that a datagram is later than the rest, ms.
    pub jitter_ms: f64,
    /// Chance of a datagram to be lost.
    pub loss_percent: f64,
    /// Rate of each link and direction; `None`: unlimited.
    pub bandwidth_bytes_per_s: Option<u64>,
}

/// What is wrong with one link.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
struct Ill {
    cut: bool,
    rtt_ms: Option<f64>,
    loss_percent: Option<f64>,
}

/// The links between regions, by their positions, the smaller first.
pub struct Faults {
    weather: Weather,
    rtt_ms: BTreeMap<(usize, usize), f64>,
    ill: BTreeMap<(usize, usize), Ill>,
    count: usize,
}

/// One link as it is now.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Link {
    /// Its two ends.
    pub ends: (usize, usize),
    /// Its round trip now, ms.
    pub rtt_ms: f64,
    /// Its round trip when nothing is wrong, ms.
    pub usual_rtt_ms: f64,
    /// Chance of a datagram to be lost, each way.
    pub loss_percent: f64,
    /// Nothing gets through.
    pub cut: bool,
}

impl Faults {
    /// A whole world: `rtt_ms` says the usual round trip of each pair, the smaller position first.
    pub fn new(count: usize, weather: Weather, rtt_ms: BTreeMap<(usize, usize), f64>) -> Faults {
        Faults { weather, rtt_ms, ill: BTreeMap::new(), count }
    }

    /// Cuts `a` from `b`, or from everyone. Gives back the links that this concerns, as do the others.
    pub fn cut(&mut self, a: usize, b: Option<usize>) -> Vec<(usize, usize)> {
        self.change(a, b, |ill| ill.cut = true)
    }

    /// Makes the round trip between two regions this long.
    pub fn slow(&mut self, a: usize, b: usize, rtt_ms: f64) -> Vec<(usize, usize)> {
        self.change(a, Some(b), |ill| ill.rtt_ms = Some(rtt_ms))
    }

    /// Loses this share of datagrams between two regions, each way.
    pub fn lose(&mut self, a: usize, b: usize, percent: f64) -> Vec<(usize, usize)> {
        self.change(a, Some(b), |ill| ill.loss_percent = Some(percent))
    }

    /// Undoes all of that: between two regions, around one, or everywhere.
    pub fn heal(&mut self, a: Option<usize>, b: Option<usize>) -> Vec<(usize, usize)> {
        match a {
            Some(a) => self.change(a, b, |ill| *ill = Ill::default()),
            None => std::mem::take(&mut self.ill).into_keys().collect(),
        }
    }

    /// A link as it is now.
    pub fn link(&self, a: usize, b: usize) -> Link {
        let ends = ordered(a, b);
        let ill = self.ill.get(&ends).copied().unwrap_or_default();
        let usual_rtt_ms = self.rtt_ms.get(&ends).copied().unwrap_or(0.0);
        Link {
            ends,
            rtt_ms: ill.rtt_ms.unwrap_or(usual_rtt_ms),
            usual_rtt_ms,
            loss_percent: ill.loss_percent.unwrap_or(self.weather.loss_percent),
            cut: ill.cut,
        }
    }

    /// Every link.
    pub fn links(&self) -> Vec<Link> {
        let pairs = (0..self.count).flat_map(|a| (a + 1..self.count).map(move |b| (a, b)));
        pairs.map(|(a, b)| self.link(a, b)).collect()
    }

    /// What the node at `from` must do to what it sends to the node at `to`; node ids count from 1.
    pub fn emulation(&self, from: usize, to: usize) -> LinkEmulation {
        let link = self.link(from, to);
        LinkEmulation {
            peer: to as u16 + 1,
            one_way_ms: link.rtt_ms / 2.0,
            jitter_ms: self.weather.jitter_ms,
            loss_percent: link.loss_percent,
            bandwidth_bytes_per_s: self.weather.bandwidth_bytes_per_s,
            cut: link.cut,
        }
    }

    fn change(&mut self, a: usize, b: Option<usize>, change: impl Fn(&mut Ill)) -> Vec<(usize, usize)> {
        let others = (0..self.count).filter(|&other| other != a && b.is_none_or(|b| b == other));
        let pairs: Vec<(usize, usize)> = others.map(|other| ordered(a, other)).collect();
        for pair in &pairs {
            let ill = self.ill.entry(*pair).or_default();
            change(ill);
            if *ill == Ill::default() {
                self.ill.remove(pair);
            }
        }
        pairs
    }
}

fn ordered(a: usize, b: usize) -> (usize, usize) {
    (a.min(b), a.max(b))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Faults, Weather};

    fn three() -> Faults {
        let weather = Weather { jitter_ms: 0.5, loss_percent: 0.0, bandwidth_bytes_per_s: None };
        Faults::new(3, weather, BTreeMap::from([((0, 1), 80.0), ((0, 2), 150.0), ((1, 2), 230.0)]))
    }

    fn cuts(faults: &Faults) -> Vec<(usize, usize)> {
        faults.links().iter().filter(|link| link.cut).map(|link| link.ends).collect()
    }

    #[test]
    fn each_way_takes_half_a_round_trip() {
        let faults = three();
        assert_eq!((faults.emulation(0, 1).peer, faults.emulation(0, 1).one_way_ms), (2, 40.0));
        assert_eq!((faults.emulation(1, 0).peer, faults.emulation(1, 0).one_way_ms), (1, 40.0));
    }

    #[test]
    fn a_cut_is_between_two_or_around_one_and_holds_both_ways() {
        let mut faults = three();
        assert_eq!(faults.cut(1, Some(0)), [(0, 1)]);
        assert!(faults.emulation(0, 1).cut && faults.emulation(1, 0).cut && !faults.emulation(0, 2).cut);
        assert_eq!(faults.cut(2, None), [(0, 2), (1, 2)]);
        assert_eq!(cuts(&faults), [(0, 1), (0, 2), (1, 2)]);
        assert_eq!(faults.heal(Some(2), None), [(0, 2), (1, 2)]);
        assert_eq!(cuts(&faults), [(0, 1)]);
        assert_eq!(faults.heal(None, None), [(0, 1)]);
        assert_eq!(cuts(&faults), []);
    }

    #[test]
    fn slowness_and_loss_add_to_a_cut_and_heal_with_it() {
        let mut faults = three();
        faults.slow(0, 1, 400.0);
        faults.lose(1, 0, 5.0);
        faults.cut(0, Some(1));
        let link = faults.link(1, 0);
        assert_eq!((link.rtt_ms, link.usual_rtt_ms, link.loss_percent, link.cut), (400.0, 80.0, 5.0, true));
        faults.heal(None, None);
        let link = faults.link(0, 1);
        assert_eq!((link.rtt_ms, link.loss_percent, link.cut), (80.0, 0.0, false));
    }
}
