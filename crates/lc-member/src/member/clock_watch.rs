//! Whether this node's clock is apart from those of its peers, so that what it decides would be stamped wrongly.
//!
//! In:    what a peer's clock said, with the round trip in which it said so; this node's own clocks.
//! Out:   apart, by how much and from how many; or not.
//! Never: a clock of its own. Who is right: only that most of the others agree with each other and not with this node.
//! Start: [`ClockWatch::heard`], then [`ClockWatch::judge`].

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration as Time;

use lc_core::NodeId;

/// A peer's wall clock, as it was heard last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PeerClock {
    /// Whose.
    pub node: NodeId,
    /// Theirs minus this node's, ms: above 0, this node's is behind.
    pub offset_ms: i64,
    /// It may be so much more or less, ms.
    pub error_ms: u64,
}

/// What peers' clocks say. Bounded by the number of peers that are kept.
#[derive(Clone, Debug)]
pub struct ClockWatch {
    max_offset_ms: u64,
    readings: BTreeMap<NodeId, Reading>,
    apart: Option<Apart>,
}

/// This node's clock differs from those of most nodes, which agree with each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Apart {
    /// Theirs minus this node's, ms: above 0, this one is behind.
    pub by_ms: i64,
    /// How many peers agree on that.
    pub agreed: usize,
    /// Of how many.
    pub peers: usize,
}

impl fmt::Display for Apart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ms, side) = (self.by_ms.unsigned_abs(), if self.by_ms > 0 { "behind" } else { "ahead of" });
        let Apart { agreed, peers, .. } = self;
        write!(
            f,
            "this node's clock is {ms} ms {side} those of {agreed} of its {peers} peers, which agree with each other"
        )
    }
}

/// A peer's clock, when it was heard last.
#[derive(Clone, Copy, Debug)]
struct Reading {
    /// What it showed at `at`, as well as can be known, Unix ms.
    wall_ms: i64,
    /// This node's monotonic time then.
    at: Time,
    /// It may have shown so much more or less.
    error_ms: i64,
    /// Whether it was apart at the last judgement.
    apart: bool,
}

/// A peer's clock against this node's, ms: theirs minus ours lies from `low` to `high`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Offset {
    low: i64,
    high: i64,
}

impl ClockWatch {
    /// A watch that calls clocks apart which differ by more than this.
    pub fn new(max_offset_ms: u64) -> ClockWatch {
        ClockWatch { max_offset_ms, readings: BTreeMap::new(), apart: None }
    }

    /// A message came that says what the sender's clock showed when it was made. It took at most `rtt` to arrive: the time
    /// since a message of ours left which the sender had when it made this one. So it is half of that old, give or take as
    /// much.
    pub fn heard(&mut self, now: Time, peer: NodeId, wall_ms: u64, rtt: Time) {
        let half_ms = i64::try_from(rtt.as_millis() / 2).unwrap_or(i64::MAX);
        let apart = self.readings.get(&peer).is_some_and(|reading| reading.apart);
        let reading = Reading {
            wall_ms: bounded(wall_ms).saturating_add(half_ms),
            at: now,
            // Both clocks count whole milliseconds.
            error_ms: half_ms.saturating_add(1),
            apart,
        };
        self.readings.insert(peer, reading);
    }

    /// Forgets all but these.
    pub fn keep(&mut self, peers: impl Fn(NodeId) -> bool) {
        self.readings.retain(|peer, _| peers(*peer));
    }

    /// What peers' clocks are against this node's, which shows `wall_ms` now.
    pub fn peers(&self, now: Time, wall_ms: u64) -> impl Iterator<Item = PeerClock> + '_ {
        self.readings.iter().filter_map(move |(&node, reading)| {
            let offset_ms = reading.offset(now, wall_ms)?.middle();
            Some(PeerClock { node, offset_ms, error_ms: reading.error_ms.unsigned_abs() })
        })
    }

    /// Whether this node's clock, which shows `wall_ms`, is apart now. `peers`: how many other nodes there are, heard or not.
    ///
    /// It is if more than half of all nodes, this one counted, agree with each other and not with it. Of two nodes neither
    /// can know which one is wrong, so neither is. It is no more once those are near again, by less than three quarters of
    /// what makes them apart; as long as nobody near is heard, it stays as it was.
    pub fn judge(&mut self, now: Time, wall_ms: u64, peers: usize) -> Option<Apart> {
        let max_ms = bounded(self.max_offset_ms);
        let mut near = 0;
        let mut apart: Vec<Offset> = Vec::new();
        for reading in self.readings.values_mut() {
            let Some(offset) = reading.offset(now, wall_ms) else { continue };
            reading.apart = offset.is_apart(max_ms, reading.apart);
            if reading.apart {
                apart.push(offset);
            } else {
                near += 1;
            }
        }
        let agreeing = largest_agreement(apart, max_ms);
        if is_most(agreeing.len(), peers) {
            let by_ms = agreeing[agreeing.len() / 2].middle();
            self.apart = Some(Apart { by_ms, agreed: agreeing.len(), peers });
        } else if near > 0 || peers == 0 {
            self.apart = None;
        }
        self.apart
    }
}

impl Reading {
    /// `None`: it is too old to say anything.
    fn offset(&self, now: Time, wall_ms: u64) -> Option<Offset> {
        let age = now.saturating_sub(self.at);
        if age > FRESH_FOR {
            return None;
        }
        // Their clock went on meanwhile, whatever ours did.
        let age_ms = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
        let middle = self.wall_ms.saturating_add(age_ms).saturating_sub(bounded(wall_ms));
        Some(Offset { low: middle.saturating_sub(self.error_ms), high: middle.saturating_add(self.error_ms) })
    }
}

impl Offset {
    fn middle(self) -> i64 {
        self.low.midpoint(self.high)
    }

    /// Apart if it surely differs by more than this, near again once it need not differ by more than three quarters of it:
    /// a clock at the very bound does not stop and start the node all the time, and a long way does not keep it stopped.
    fn is_apart(self, max_ms: i64, before: bool) -> bool {
        let near_ms = max_ms / 4 * 3;
        let bound_ms = if before { near_ms } else { max_ms };
        self.low > bound_ms || self.high < -bound_ms
    }
}

/// The largest group of which any two may be within this of each other, in order.
fn largest_agreement(mut offsets: Vec<Offset>, max_ms: i64) -> Vec<Offset> {
    offsets.sort_unstable();
    let group = |first: usize| {
        let from = offsets[first];
        let last = offsets[first..].iter().take_while(|offset| offset.low.saturating_sub(from.high) <= max_ms).count();
        first..first + last
    };
    let largest = (0..offsets.len()).map(group).max_by_key(ExactSizeIterator::len);
    largest.map(|range| offsets[range].to_vec()).unwrap_or_default()
}

/// Whether so many peers are more than half of all nodes, the one that asks counted.
fn is_most(count: usize, peers: usize) -> bool {
    count * 2 > peers + 1
}

/// A clock as far as sums of a few of them stay numbers; one of a million years from now is as wrong as any later one.
fn bounded(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX).min(i64::MAX / 8)
}

/// Heartbeats come ten times a second. In a minute no clock drifts by what could make it apart.
const FRESH_FOR: Time = Time::from_secs(60);

#[cfg(test)]
mod tests {
    use super::{Apart, ClockWatch, NodeId, Time};

    const NOON: u64 = 1_800_000_000_000;
    const HOUR: u64 = 3_600_000;
    const MAX: u64 = 500;

    fn at(ms: u64) -> Time {
        Time::from_secs(100) + Time::from_millis(ms)
    }

    /// Node 1, whose clock shows noon at 0, and peers that were heard then, from 2 on.
    fn watch(walls: &[u64]) -> ClockWatch {
        let mut watch = ClockWatch::new(MAX);
        for (index, wall_ms) in walls.iter().enumerate() {
            watch.heard(at(0), NodeId(index as u16 + 2), *wall_ms, Time::from_millis(80));
        }
        watch
    }

    fn apart(by_ms: i64, agreed: usize, peers: usize) -> Option<Apart> {
        Some(Apart { by_ms, agreed, peers })
    }

    #[test]
    fn a_clock_like_the_others_is_not_apart_however_far_away_they_are() {
        assert_eq!(watch(&[NOON - 40, NOON + 100]).judge(at(0), NOON, 2), None);
        let mut far = ClockWatch::new(MAX);
        for peer in [2, 3] {
            // It differs by 900 ms, or the way here took that long and the way back nothing.
            far.heard(at(0), NodeId(peer), NOON - 900, Time::from_millis(900));
        }
        assert_eq!(far.judge(at(0), NOON, 2), None);
    }

    #[test]
    fn a_clock_an_hour_off_is_apart_and_says_in_which_direction() {
        let behind = watch(&[NOON + HOUR - 40, NOON + HOUR + 100]).judge(at(0), NOON, 2);
        assert_eq!(behind, apart(3_600_140, 2, 2));
        assert_eq!(
            behind.expect("apart").to_string(),
            "this node's clock is 3600140 ms behind those of 2 of its 2 peers, which agree with each other"
        );
        let ahead = watch(&[NOON - HOUR - 40, NOON - HOUR - 40]).judge(at(0), NOON, 2).expect("apart");
        assert!(ahead.to_string().starts_with("this node's clock is 3600000 ms ahead of those of 2"), "{ahead}");
    }

    #[test]
    fn one_peer_that_differs_is_itself_the_one_that_is_apart() {
        assert_eq!(watch(&[NOON + HOUR, NOON]).judge(at(0), NOON, 2), None);
        assert_eq!(watch(&[NOON + HOUR, NOON + HOUR, NOON, NOON]).judge(at(0), NOON, 4), None);
    }

    #[test]
    fn of_two_nodes_neither_can_know_and_of_a_few_heard_ones_neither() {
        assert_eq!(watch(&[NOON + HOUR]).judge(at(0), NOON, 1), None);
        assert_eq!(watch(&[NOON + HOUR, NOON + HOUR]).judge(at(0), NOON, 4), None, "two others are not heard");
        assert_eq!(watch(&[NOON + HOUR; 3]).judge(at(0), NOON, 4), apart(HOUR as i64 + 40, 3, 4));
    }

    #[test]
    fn peers_that_do_not_agree_with_each_other_prove_nothing() {
        assert_eq!(watch(&[NOON + HOUR, NOON + 2 * HOUR]).judge(at(0), NOON, 2), None);
        assert_eq!(watch(&[NOON + HOUR, NOON - HOUR]).judge(at(0), NOON, 2), None);
        let most = watch(&[NOON + HOUR, NOON + HOUR + 300, NOON + HOUR, NOON - HOUR]).judge(at(0), NOON, 4);
        assert_eq!(most.map(|apart| apart.agreed), Some(3));
    }

    #[test]
    fn a_clock_that_jumps_back_is_noticed_without_a_further_heartbeat_and_heals_when_it_is_set_right() {
        let mut watch = watch(&[NOON - 40, NOON - 40]);
        assert_eq!(watch.judge(at(0), NOON, 2), None);
        assert_eq!(watch.judge(at(10), NOON + 10 - HOUR, 2), apart(HOUR as i64, 2, 2));
        assert_eq!(watch.judge(at(20), NOON + 20, 2), None);
    }

    #[test]
    fn a_frozen_clock_is_apart_once_it_is_late_enough() {
        let mut watch = watch(&[NOON - 40, NOON - 40]);
        let first = (0..200).find(|step| watch.judge(at(step * 10), NOON, 2).is_some()).expect("noticed");
        assert_eq!(first * 10, 550, "500 ms, and what is not known of the way");
    }

    #[test]
    fn a_clock_at_the_bound_does_not_come_and_go() {
        let mut watch = ClockWatch::new(1000);
        let mut judged = |offset_ms: u64| {
            for peer in [2, 3] {
                watch.heard(at(0), NodeId(peer), NOON + offset_ms, Time::ZERO);
            }
            watch.judge(at(0), NOON, 2).is_some()
        };
        let seen: Vec<bool> = [990, 1002, 995, 1002, 760, 740, 990].into_iter().map(&mut judged).collect();
        assert_eq!(seen, [false, true, true, true, true, false, false]);
    }

    #[test]
    fn silence_proves_nothing_and_takes_nothing_back() {
        let mut watch = watch(&[NOON + HOUR, NOON + HOUR]);
        assert!(watch.judge(at(0), NOON, 2).is_some());
        assert!(watch.judge(at(3_000_000), NOON + 3_000_000, 2).is_some(), "cut off: as it was");
        watch.heard(at(3_000_000), NodeId(2), NOON + HOUR + 3_000_000, Time::ZERO);
        assert!(watch.judge(at(3_000_000), NOON + 3_000_000, 2).is_some(), "the only one heard still differs");
        watch.heard(at(3_000_000), NodeId(3), NOON + 3_000_000, Time::ZERO);
        assert_eq!(watch.judge(at(3_000_000), NOON + 3_000_000, 2), None, "one of two is near");
        let mut fine = super::tests::watch(&[NOON, NOON]);
        assert_eq!(fine.judge(at(3_000_000), NOON, 2), None, "frozen, but nobody is there to tell");
    }

    #[test]
    fn peers_that_left_have_no_say() {
        let mut watch = watch(&[NOON + HOUR, NOON + HOUR, NOON]);
        watch.keep(|peer| peer == NodeId(4));
        assert_eq!(watch.judge(at(0), NOON, 1), None);
    }

    #[test]
    fn no_clock_is_a_reason_to_panic() {
        for wall_ms in [0, 1, NOON, u64::MAX / 2, u64::MAX] {
            for own_ms in [0, NOON, u64::MAX] {
                let mut watch = ClockWatch::new(u64::MAX);
                watch.heard(at(0), NodeId(2), wall_ms, Time::MAX);
                watch.heard(at(0), NodeId(3), wall_ms, Time::ZERO);
                watch.judge(Time::MAX, own_ms, 2);
                watch.judge(Time::ZERO, own_ms, 2);
            }
        }
    }
}
