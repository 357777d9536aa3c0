//! What distance does to datagrams, decided without clock or socket: when each one arrives, if at all.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use lc_env::SeededRandom;
use quinn::udp::EcnCodepoint;

use super::LinkShape;
use crate::moment::Instant;
use crate::random::fraction;

/// A datagram on its way.
#[derive(Debug)]
pub(crate) struct Datagram {
    pub(crate) destination: SocketAddr,
    pub(crate) source: Option<IpAddr>,
    pub(crate) ecn: Option<EcnCodepoint>,
    pub(crate) contents: Box<[u8]>,
}

/// What became of a datagram offered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Will arrive; `first` if before all others under way, so whoever waits must look again.
    UnderWay { first: bool },
    /// Dropped, by the link's loss, its cut, or a full queue.
    Dropped,
}

/// All datagrams under way from one socket.
pub(crate) struct DelayLine {
    under_way: BinaryHeap<Reverse<Parcel>>,
    flows: HashMap<SocketAddr, Flow>,
    random: SeededRandom,
    offered: u64,
}

/// The state of the path to one destination.
#[derive(Default)]
struct Flow {
    /// When the emulated wire has sent all that was given to it.
    wire_free: Option<Instant>,
    /// Nothing overtakes the last datagram.
    last_arrival: Option<Instant>,
    jitter: Duration,
    jitter_until: Option<Instant>,
    under_way_bytes: usize,
}

impl DelayLine {
    pub(crate) fn new(seed: u64) -> DelayLine {
        DelayLine { under_way: BinaryHeap::new(), flows: HashMap::new(), random: SeededRandom::new(seed), offered: 0 }
    }

    /// Puts a datagram on its way, as `shape` says.
    pub(crate) fn offer(&mut self, now: Instant, shape: &LinkShape, datagram: Datagram) -> Fate {
        self.offered += 1;
        if shape.cut || fraction(&self.random) * 100.0 < shape.loss_percent {
            return Fate::Dropped;
        }
        let flow = self.flows.entry(datagram.destination).or_default();
        let bytes = datagram.contents.len();
        let Some(sent) = flow.leave(now, shape, bytes) else {
            return Fate::Dropped;
        };
        let jitter = flow.jitter(now, shape, &self.random);
        let unhindered = sent + shape.one_way + jitter;
        let arrival = flow.last_arrival.map_or(unhindered, |last| last.max(unhindered));
        flow.last_arrival = Some(arrival);
        flow.under_way_bytes += bytes;
        let first = self.under_way.peek().is_none_or(|Reverse(next)| arrival < next.arrival);
        self.under_way.push(Reverse(Parcel { arrival, order: self.offered, datagram }));
        Fate::UnderWay { first }
    }

    /// The next datagram that has arrived by `now`.
    pub(crate) fn arrived(&mut self, now: Instant) -> Option<Datagram> {
        if self.next_arrival()? > now {
            return None;
        }
        let Reverse(parcel) = self.under_way.pop()?;
        if let Some(flow) = self.flows.get_mut(&parcel.datagram.destination) {
            flow.under_way_bytes = flow.under_way_bytes.saturating_sub(parcel.datagram.contents.len());
        }
        Some(parcel.datagram)
    }

    /// When to call `arrived` again.
    pub(crate) fn next_arrival(&self) -> Option<Instant> {
        self.under_way.peek().map(|Reverse(parcel)| parcel.arrival)
    }
}

impl Flow {
    /// When the wire has taken `bytes`, or `None` if its queue is full, as a router's would be.
    fn leave(&mut self, now: Instant, shape: &LinkShape, bytes: usize) -> Option<Instant> {
        if self.under_way_bytes + bytes > UNDER_WAY_BYTES_MAX {
            return None;
        }
        let Some(bytes_per_s) = shape.bandwidth_bytes_per_s else {
            return Some(now);
        };
        let bytes_per_s = bytes_per_s.max(1);
        let free = self.wire_free.map_or(now, |free| free.max(now));
        let queue_max = ROUTER_QUEUE.max(Duration::from_secs_f64(ROUTER_QUEUE_BYTES_MIN / bytes_per_s as f64));
        if free - now > queue_max {
            return None;
        }
        let sent = free + Duration::from_secs_f64(bytes as f64 / bytes_per_s as f64);
        self.wire_free = Some(sent);
        Some(sent)
    }

    /// Held for a slice of time: drawn anew for each datagram, keeping order would push all to the worst case.
    fn jitter(&mut self, now: Instant, shape: &LinkShape, random: &SeededRandom) -> Duration {
        if shape.jitter.is_zero() {
            return Duration::ZERO;
        }
        if self.jitter_until.is_none_or(|until| until <= now) {
            self.jitter = shape.jitter.mul_f64(fraction(random));
            self.jitter_until = Some(now + JITTER_SLICE);
        }
        self.jitter.min(shape.jitter)
    }
}

struct Parcel {
    arrival: Instant,
    order: u64,
    datagram: Datagram,
}

impl Parcel {
    fn rank(&self) -> (Instant, u64) {
        (self.arrival, self.order)
    }
}

impl PartialEq for Parcel {
    fn eq(&self, other: &Parcel) -> bool {
        self.rank() == other.rank()
    }
}

impl Eq for Parcel {}

impl PartialOrd for Parcel {
    fn partial_cmp(&self, other: &Parcel) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Parcel {
    fn cmp(&self, other: &Parcel) -> std::cmp::Ordering {
        self.rank().cmp(&other.rank())
    }
}

/// Per destination; 1 Gbit/s over 300 ms has 38 MB under way.
const UNDER_WAY_BYTES_MAX: usize = 64 * 1024 * 1024;
/// A limited wire queues this much time's worth before it drops, but never less than 64 KiB.
const ROUTER_QUEUE: Duration = Duration::from_millis(200);
const ROUTER_QUEUE_BYTES_MIN: f64 = 65_536.0;
const JITTER_SLICE: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use super::{Datagram, DelayLine, Duration, Fate, LinkShape};
    use crate::moment;

    fn to(port: u16, length: usize) -> Datagram {
        Datagram {
            destination: ([127, 0, 0, 1], port).into(),
            source: None,
            ecn: None,
            contents: vec![0; length].into(),
        }
    }

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn a_datagram_arrives_after_one_way_and_not_before() {
        let (mut line, start) = (DelayLine::new(1), moment::now());
        let shape = LinkShape { one_way: ms(40), ..LinkShape::default() };
        assert_eq!(line.offer(start, &shape, to(1, 100)), Fate::UnderWay { first: true });
        assert_eq!(line.next_arrival(), Some(start + ms(40)));
        assert!(line.arrived(start + ms(39)).is_none());
        assert!(line.arrived(start + ms(40)).is_some());
        assert!(line.next_arrival().is_none());
    }

    #[test]
    fn nothing_overtakes_on_one_path_even_with_jitter_or_a_faster_shape() {
        let (mut line, start) = (DelayLine::new(2), moment::now());
        let mut shape = LinkShape { one_way: ms(10), jitter: ms(30), ..LinkShape::default() };
        for n in 0..500_u64 {
            if n == 250 {
                shape = LinkShape { one_way: ms(1), ..LinkShape::default() };
            }
            line.offer(start + ms(n), &shape, to(1, n as usize));
        }
        let arrived: Vec<usize> =
            std::iter::from_fn(|| line.arrived(start + ms(10_000))).map(|d| d.contents.len()).collect();
        assert_eq!(arrived, (0..500).collect::<Vec<_>>());
    }

    #[test]
    fn jitter_stays_within_its_bound_and_moves() {
        let (mut line, start) = (DelayLine::new(3), moment::now());
        let shape = LinkShape { one_way: ms(10), jitter: ms(5), ..LinkShape::default() };
        let mut delays = Vec::new();
        for n in 0..200 {
            let now = start + ms(n * 20);
            line.offer(now, &shape, to(1, 1));
            delays.push(line.next_arrival().unwrap() - now);
            line.arrived(now + ms(100));
        }
        assert!(delays.iter().all(|d| (ms(10)..=ms(15)).contains(d)));
        assert!(delays.iter().max().unwrap().saturating_sub(*delays.iter().min().unwrap()) > ms(4));
    }

    #[test]
    fn loss_is_near_what_was_asked_and_the_same_for_the_same_seed() {
        let shape = LinkShape { loss_percent: 5.0, ..LinkShape::default() };
        let start = moment::now();
        let lost = |seed| {
            let mut line = DelayLine::new(seed);
            let fates: Vec<bool> = (0..20_000).map(|_| line.offer(start, &shape, to(1, 1)) == Fate::Dropped).collect();
            fates
        };
        assert_eq!(lost(7), lost(7));
        assert_ne!(lost(7), lost(8));
        let count = lost(7).into_iter().filter(|l| *l).count();
        assert!((850..1150).contains(&count), "{count}");
    }

    #[test]
    fn a_narrow_wire_spaces_datagrams_and_drops_beyond_its_queue() {
        let (mut line, start) = (DelayLine::new(4), moment::now());
        let shape = LinkShape { bandwidth_bytes_per_s: Some(1_000_000), ..LinkShape::default() };
        let fates: Vec<Fate> = (0..1000).map(|_| line.offer(start, &shape, to(1, 1000))).collect();
        let kept = fates.iter().filter(|fate| **fate != Fate::Dropped).count();
        assert!((200..=203).contains(&kept), "{kept} of a 200 ms queue at 1 kB per ms");
        assert_eq!(line.next_arrival(), Some(start + ms(1)));
        line.arrived(start + ms(1)).unwrap();
        assert_eq!(line.next_arrival(), Some(start + ms(2)));
    }

    #[test]
    fn a_cut_drops_everything_and_only_on_its_own_path() {
        let (mut line, start) = (DelayLine::new(5), moment::now());
        let cut = LinkShape { cut: true, ..LinkShape::default() };
        assert_eq!(line.offer(start, &cut, to(1, 1)), Fate::Dropped);
        let open = LinkShape { one_way: ms(1), ..LinkShape::default() };
        assert_ne!(line.offer(start, &open, to(2, 1)), Fate::Dropped);
    }

    #[test]
    fn what_is_under_way_is_bounded() {
        let (mut line, start) = (DelayLine::new(6), moment::now());
        let shape = LinkShape { one_way: ms(1000), ..LinkShape::default() };
        let size = 1024 * 1024;
        let kept = (0..100).filter(|_| line.offer(start, &shape, to(1, size)) != Fate::Dropped).count();
        assert_eq!(kept, 64);
        line.arrived(start + ms(1000)).unwrap();
        assert_ne!(line.offer(start, &shape, to(1, size)), Fate::Dropped);
    }
}
