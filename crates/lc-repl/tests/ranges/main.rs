//! Records travel by ranges between two replicas that go on writing, over a network that loses, doubles and reorders,
//! while either restarts; and what crosses when few of many records differ.

mod node;

use lc_core::ReplicaId;
use lc_repl::Time;
use lc_repl::ranges::{Mode, RangeMessage, SumTree};

use node::Node;

/// A small generator: the same run every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// What is under way, and how many bytes went.
#[derive(Default)]
struct Wire {
    under_way: Vec<(bool, RangeMessage)>,
    bytes: usize,
}

impl Wire {
    fn send(&mut self, to_receiver: bool, messages: Vec<RangeMessage>) {
        for message in messages {
            let bytes = message.to_bytes();
            self.bytes += bytes.len();
            let back = RangeMessage::decode(bytes).expect("what was encoded is decoded");
            assert_eq!(back, message);
            self.under_way.push((to_receiver, back));
        }
    }
}

const RECEIVER: ReplicaId = ReplicaId(2);
const SENDER: ReplicaId = ReplicaId(1);

/// Carries everything in order until the receiver is done.
fn run(receiver: &mut Node, sender: &mut Node) -> usize {
    let mut wire = Wire::default();
    for ms in 0..1_000_000 {
        let now = Time::from_millis(ms);
        wire.send(false, receiver.tick(now));
        wire.send(true, sender.tick(now));
        for (to_receiver, message) in std::mem::take(&mut wire.under_way) {
            let node = if to_receiver { &mut *receiver } else { &mut *sender };
            let answers = node.hear(now, if to_receiver { SENDER } else { RECEIVER }, message);
            wire.send(!to_receiver, answers);
        }
        if receiver.is_done() {
            return wire.bytes;
        }
    }
    panic!("it never ends");
}

#[test]
fn a_thousand_of_a_million_records_cross_with_at_most_twice_their_bytes_and_64_kib() {
    const RECORDS: u64 = 1_000_000;
    const DIFFER: u64 = 1_000;
    const RECORD_BYTES: usize = 160;
    let mut sender = Node::new(SENDER);
    (0..RECORDS).for_each(|at| sender.put(&format!("key:{at:07}"), &value(at, RECORD_BYTES - 11)));
    let mut receiver = Node::new(RECEIVER);
    receiver.copy(&sender);
    (0..DIFFER).for_each(|at| sender.put(&format!("key:{:07}", at * 997), &value(at + RECORDS, RECORD_BYTES - 11)));
    let mode = Mode::Differences { salt: 99, bits: SumTree::bits_for(RECORDS) };
    receiver.begin(mode, SENDER, 1);
    let bytes = run(&mut receiver, &mut sender);
    let most = 2 * DIFFER as usize * RECORD_BYTES + (64 << 10);
    println!("{bytes} bytes crossed for {} bytes of records; at most {most}", DIFFER as usize * RECORD_BYTES);
    assert!(bytes <= most, "{bytes} bytes crossed, {most} are allowed");
    assert!(receiver.rows.0 == sender.rows.0, "the records are equal");
    assert_eq!(receiver.applied, sender.applied);
    receiver.begin(Mode::Differences { salt: 100, bits: SumTree::bits_for(RECORDS) }, SENDER, 2);
    let bytes = run(&mut receiver, &mut sender);
    println!("{bytes} bytes crossed between equals");
    assert!(bytes <= 128, "{bytes} bytes crossed between equals");
}

fn value(seed: u64, bytes: usize) -> Vec<u8> {
    let mut value = seed.to_le_bytes().repeat(bytes.div_ceil(8));
    value.truncate(bytes);
    value
}

/// One history: both write, messages are lost, doubled and reordered, both restart.
fn rough(seed: u64, differences: bool) {
    let mut dice = Dice(seed);
    let (mut receiver, mut sender) = (Node::new(RECEIVER), Node::new(SENDER));
    (0..400).for_each(|at| sender.put(&format!("k{at}"), b"first"));
    if differences {
        receiver.copy(&sender);
        (0..30).for_each(|at| sender.put(&format!("k{}", at * 7), b"second"));
    }
    receiver.flush();
    let mode = if differences { Mode::Differences { salt: 7, bits: 7 } } else { Mode::Whole };
    receiver.begin(mode, SENDER, 1);
    let mut wire = Wire::default();
    let mut heard = 0;
    for ms in 0..200_000 {
        let now = Time::from_millis(ms * 10);
        if ms < 300 {
            let key = format!("k{}", dice.roll(420));
            match dice.roll(6) {
                0 => receiver.put(&key, b"here"),
                1 => sender.put(&key, b"there"),
                2 => receiver.delete(&key),
                3 => sender.delete(&key),
                _ => {}
            }
        }
        // What the receiver writes reaches the sender by its journal, a while later.
        if dice.roll(4) == 0 {
            heard = sender.follow(&receiver, heard, 3);
        }
        wire.send(false, receiver.tick(now));
        wire.send(true, sender.tick(now));
        let under_way = std::mem::take(&mut wire.under_way);
        for (to_receiver, message) in under_way {
            match dice.roll(10) {
                0 => continue,
                1 => wire.under_way.push((to_receiver, message.clone())),
                2 | 3 => {
                    wire.under_way.push((to_receiver, message));
                    continue;
                }
                _ => {}
            }
            let node = if to_receiver { &mut receiver } else { &mut sender };
            let answers = node.hear(now, if to_receiver { SENDER } else { RECEIVER }, message);
            wire.send(!to_receiver, answers);
        }
        match dice.roll(60) {
            0 => receiver.restart(mode, SENDER),
            1 => sender.forget(),
            2 | 3 => receiver.flush(),
            _ => {}
        }
        if ms > 300 && receiver.is_done() {
            break;
        }
    }
    assert!(receiver.is_done(), "seed {seed}: it never ends");
    while heard < receiver.journal.len() {
        heard = sender.follow(&receiver, heard, 10);
    }
    receiver.follow_all(&sender);
    assert_eq!(receiver.applied, sender.applied, "seed {seed}");
    assert!(receiver.records() == sender.records(), "seed {seed}: equal vectors, unequal records");
    assert!(receiver.contexts.is_empty(), "seed {seed}");
}

#[test]
fn an_empty_replica_gets_everything_over_a_rough_network() {
    (0..60).for_each(|seed| rough(seed, false));
}

#[test]
fn a_replica_that_was_away_gets_what_differs_over_a_rough_network() {
    (100..160).for_each(|seed| rough(seed, true));
}

#[test]
fn damaged_messages_are_refused_or_read() {
    let mut dice = Dice(5);
    let mut sender = Node::new(SENDER);
    (0..20).for_each(|at| sender.put(&format!("k{at}"), b"v"));
    let mut receiver = Node::new(RECEIVER);
    receiver.begin(Mode::Whole, SENDER, 1);
    let mut messages = receiver.tick(Time::from_millis(1));
    for ask in messages.clone() {
        messages.extend(sender.hear(Time::from_millis(1), RECEIVER, ask));
    }
    messages.extend(sender.tick(Time::from_millis(2)));
    for message in messages {
        let bytes = message.to_bytes();
        for _ in 0..200 {
            let mut damaged = bytes.to_vec();
            let at = dice.roll(damaged.len() as u64) as usize;
            damaged[at] = dice.roll(256) as u8;
            drop(RangeMessage::decode(damaged.into()));
            drop(RangeMessage::decode(bytes.slice(..at)));
        }
    }
}
