//! Histories of three regions: commands, entries carried or not yet, clocks that run apart.

use lc_crdt::Entry;
use lc_db::testing::Replica;
use lc_db::{Engine, Reply};
use proptest::collection::vec;
use proptest::prelude::{BoxedStrategy, Strategy, prop_oneof};
use proptest::sample::select;

/// One thing that happens.
#[derive(Clone, Debug)]
pub enum Step {
    /// A client of region `at` sends these, one after another.
    Run { at: usize, lines: Vec<String> },
    /// One entry reaches region `to`, any whose dependencies are there.
    Carry { to: usize, pick: usize },
    /// Region `at`'s clock goes on.
    Tick { at: usize, ms: u64 },
    /// Region `at` removes what has expired.
    Sweep { at: usize },
}

/// Three regions and all that they decided.
pub struct World {
    /// The regions.
    pub replicas: Vec<Replica>,
    /// Every entry, in an order that is causal.
    pub entries: Vec<Entry>,
}

impl World {
    /// Three empty regions.
    pub fn new() -> World {
        World { replicas: (1..=3).map(Replica::new).collect(), entries: Vec::new() }
    }

    /// Lets all of it happen.
    pub fn carry_out(&mut self, steps: &[Step]) {
        steps.iter().for_each(|step| self.step(step));
    }

    /// Lets one thing happen.
    pub fn step(&mut self, step: &Step) {
        match step {
            Step::Run { at, lines } => {
                self.decide(*at, |replica| lines.iter().for_each(|line| drop(replica.run(line))))
            }
            Step::Carry { to, pick } => drop(carry(&mut self.replicas[*to], &self.entries, |ready| pick % ready)),
            Step::Tick { at, ms } => self.replicas[*at].now_ms += ms,
            Step::Sweep { at } => self.decide(*at, sweep),
        }
    }

    fn decide(&mut self, at: usize, act: impl FnOnce(&mut Replica)) {
        let replica = &mut self.replicas[at];
        let before = replica.journal.len();
        act(replica);
        self.entries.extend_from_slice(&replica.journal[before..]);
    }

    /// Carries everything everywhere; `picks` chooses the order.
    pub fn finish(&mut self, picks: &[u16]) {
        let mut picks = picks.iter().cycle().map(|&pick| usize::from(pick));
        for replica in &mut self.replicas {
            while carry(replica, &self.entries, |ready| picks.next().unwrap_or(0) % ready) {}
        }
    }

    /// A region that wrote nothing and hears of everything; `pick` chooses among what it may hear next.
    pub fn listener(&self, pick: fn(usize) -> usize) -> Replica {
        let mut listener = Replica::new(9);
        while carry(&mut listener, &self.entries, pick) {}
        listener
    }
}

/// Carries one entry whose dependencies are there; false if there is none.
fn carry(to: &mut Replica, entries: &[Entry], pick: impl FnOnce(usize) -> usize) -> bool {
    let ready: Vec<&Entry> =
        entries.iter().filter(|entry| !to.vector.covers(entry.dot) && to.vector.covers_all(&entry.deps)).collect();
    if !ready.is_empty() {
        to.receive(ready[pick(ready.len())]);
    }
    !ready.is_empty()
}

fn sweep(replica: &mut Replica) {
    let swept = replica.write(&mut |txn| {
        KEYS.iter().try_for_each(|key| txn.remove_due(key.as_bytes()))?;
        Ok(Reply::OK)
    });
    swept.expect("removing what is due cannot be refused");
}

/// Histories of up to eighty steps.
pub fn steps(commands: BoxedStrategy<Vec<String>>) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..3usize, commands).prop_map(|(at, lines)| Step::Run { at, lines }),
        3 => (0..3usize, 0..64usize).prop_map(|(to, pick)| Step::Carry { to, pick }),
        1 => (0..3usize, 0..3_000u64).prop_map(|(at, ms)| Step::Tick { at, ms }),
        1 => (0..3usize).prop_map(|at| Step::Sweep { at }),
    ];
    vec(step, 1..80)
}

/// Any command that writes, now and then a whole transaction. Few keys and fields, so that they meet.
pub fn commands() -> BoxedStrategy<Vec<String>> {
    let line = || prop_oneof![3 => line(STRINGS), 3 => line(HASHES), 3 => line(SETS), 4 => line(SORTED_SETS), 3 => line(KEY_LEVEL)];
    prop_oneof![
        9 => line().prop_map(|line| vec![line]),
        1 => vec(line(), 1..5).prop_map(|lines| [vec!["MULTI".to_owned()], lines, vec!["EXEC".to_owned()]].concat()),
    ]
    .boxed()
}

/// A template with its placeholders filled in.
pub fn line(templates: &'static [&'static str]) -> BoxedStrategy<String> {
    let words = (select(KEYS), select(KEYS), select(FIELDS), select(FIELDS), select(NUMBERS), select(NUMBERS));
    (select(templates), words)
        .prop_map(|(template, (key, other, field, second, number, amount))| {
            let filled =
                template.replace("KEY", key).replace("OTHER", other).replace("FIELD", field).replace("SECOND", second);
            filled.replace("NUMBER", number).replace("AMOUNT", amount)
        })
        .boxed()
}

/// The keys of all templates.
pub const KEYS: &[&str] = &["a", "b", "c"];
const FIELDS: &[&str] = &["x", "y", "z"];
const NUMBERS: &[&str] = &["1", "2", "-3", "5", "0", "10"];
const STRINGS: &[&str] = &[
    "SET KEY NUMBER",
    "SET KEY text",
    "SET KEY NUMBER PX 1500",
    "SET KEY NUMBER KEEPTTL",
    "INCRBY KEY NUMBER",
    "INCRBY KEY AMOUNT",
    "INCRBYFLOAT KEY 0.25",
    "APPEND KEY NUMBER",
    "GETDEL KEY",
    "SETNX KEY NUMBER",
    "GETEX KEY PX 900",
    "MSET KEY NUMBER OTHER AMOUNT",
];
const HASHES: &[&str] = &[
    "HSET KEY FIELD NUMBER",
    "HSET KEY FIELD text SECOND AMOUNT",
    "HDEL KEY FIELD",
    "HDEL KEY FIELD SECOND",
    "HINCRBY KEY FIELD NUMBER",
    "HINCRBY KEY FIELD AMOUNT",
    "HINCRBYFLOAT KEY FIELD 0.1",
    "HSETNX KEY FIELD NUMBER",
];
const SETS: &[&str] = &[
    "SADD KEY FIELD",
    "SADD KEY FIELD SECOND",
    "SREM KEY FIELD",
    "SPOP KEY",
    "SPOP KEY 9",
    "SMOVE KEY OTHER FIELD",
    "SUNIONSTORE KEY OTHER KEY",
    "SINTERSTORE KEY OTHER KEY",
    "SDIFFSTORE KEY OTHER KEY",
];
const SORTED_SETS: &[&str] = &[
    "ZADD KEY NUMBER FIELD",
    "ZADD KEY NUMBER FIELD AMOUNT SECOND",
    "ZADD KEY GT NUMBER FIELD",
    "ZADD KEY INCR NUMBER FIELD",
    "ZINCRBY KEY NUMBER FIELD",
    "ZINCRBY KEY 0.1 FIELD",
    "ZINCRBY KEY inf FIELD",
    "ZADD KEY -inf FIELD",
    "ZREM KEY FIELD",
    "ZPOPMIN KEY",
    "ZPOPMAX KEY 2",
    "ZREMRANGEBYSCORE KEY 0 2",
    "ZUNIONSTORE KEY 2 OTHER KEY",
    "ZINTERSTORE KEY 2 OTHER KEY",
    "ZRANGESTORE KEY OTHER 0 1",
];
const KEY_LEVEL: &[&str] = &[
    "DEL KEY",
    "DEL KEY OTHER",
    "PEXPIRE KEY 1000",
    "PEXPIRE KEY 2500",
    "PEXPIRE KEY 100000",
    "PERSIST KEY",
    "RENAME KEY OTHER",
    "COPY KEY OTHER REPLACE",
    "FLUSHALL",
];
