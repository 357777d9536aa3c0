//! A client that goes from region to region with its session token, writes numbers under its own keys and reads those
//! of others.

use std::collections::BTreeMap;

use lc_db::{Session, Wish};
use lc_policy::{Ack, Read};

use crate::client::Line;
use crate::clients::Words;
use crate::rng::Rng;
use crate::tables::NUMBERED;

/// One client, with one request at a time.
#[derive(Default)]
pub(crate) struct Roamer {
    /// Of its last answer.
    pub token: Option<Vec<u8>>,
    /// Where it is connected, to which life of that region.
    pub connection: Option<Connection>,
    /// A request is under way.
    pub busy: bool,
    /// How many it has had before this one.
    pub sessions: usize,
    /// Grows when nobody knows what became of a write: its keys are left alone from then on, because the client itself
    /// does not know what they should hold.
    generation: u64,
    written: BTreeMap<usize, Written>,
    /// What it asked last: often it asks for the same once more, perhaps elsewhere, perhaps in another way.
    pub last: Option<Doing>,
}

pub(crate) struct Connection {
    pub region: usize,
    pub life: u64,
    pub session: Session,
    pub line: Line,
}

/// How far a roamer has come with the two keys of a table: `a` gets each number first, then `b`.
#[derive(Clone, Copy, Default)]
struct Written {
    number: u64,
    a_only: bool,
    b_stands: bool,
}

/// What a request is about.
#[derive(Clone, Debug)]
pub(crate) enum Doing {
    Write {
        table: usize,
        key: String,
        number: u64,
        removes: bool,
    },
    /// Keys, each as often as it is to be checked.
    Read {
        keys: Vec<String>,
    },
}

pub(crate) struct Request {
    pub doing: Doing,
    pub wish: Wish,
    pub words: Words,
    /// Asked at once after it, without waiting for its answer: the same keys, in another way.
    pub again: Option<Again>,
}

/// A read that follows a request on the same connection.
#[derive(Clone, Debug)]
pub(crate) struct Again {
    pub keys: Vec<String>,
    pub wish: Wish,
}

impl Roamer {
    /// What it does next; `others` are the generations of all roamers, `newest` the keys that were written last.
    pub(crate) fn next(&self, rng: &Rng, own: usize, others: &[u64], newest: &[String], regions: usize) -> Request {
        let table = [0, 1, 2, 2, 3][rng.below(5) as usize];
        let (wish, doing) = match rng.chance(45.0) {
            true => (ack_wish(rng, regions), self.write(rng, own, table)),
            false => (read_wish(rng, regions), self.read_hot(rng, newest).unwrap_or_else(|| read(rng, table, others))),
        };
        let words = words(&wish, &doing);
        let again = rng.chance(30.0).then(|| Again { keys: doing.keys(), wish: read_wish(rng, regions) });
        Request { doing, wish, words, again }
    }

    /// What it asked for last, or what somebody has just written.
    fn read_hot(&self, rng: &Rng, newest: &[String]) -> Option<Doing> {
        let keys = match rng.below(10) {
            0..4 => self.last.as_ref()?.keys(),
            4..6 => vec![newest.first()?.clone()],
            // The writer of the one may have been shown the other.
            6..8 => newest.to_vec(),
            _ => return None,
        };
        Some(Doing::Read { keys })
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    fn write(&self, rng: &Rng, own: usize, table: usize) -> Doing {
        let written = self.written.get(&table).copied().unwrap_or_default();
        let letter = if written.a_only { 'b' } else { 'a' };
        let number = if written.a_only { written.number } else { written.number + 1 };
        let removes = written.a_only && written.b_stands && rng.chance(40.0);
        Doing::Write { table, key: key(table, letter, own, self.generation), number, removes }
    }

    /// A region decided the write, and the client was answered.
    pub(crate) fn wrote(&mut self, table: usize, number: u64, removes: bool) {
        let written = self.written.entry(table).or_default();
        if written.a_only {
            written.b_stands = !removes;
        }
        written.a_only = !written.a_only;
        written.number = number;
    }

    /// Forgets its session, and leaves alone what it has written: it cannot know what of that a region has.
    pub(crate) fn begin_anew(&mut self) {
        self.sessions += 1;
        self.token = None;
        self.leave_keys();
    }

    fn leave_keys(&mut self) {
        self.generation += 1;
        self.written.clear();
    }

    /// No answer will come, and the connection is gone.
    pub(crate) fn lost(&mut self, doing: Option<&Doing>) {
        self.connection = None;
        self.busy = false;
        if matches!(doing, Some(Doing::Write { .. })) {
            self.leave_keys();
        }
    }
}

impl Doing {
    fn keys(&self) -> Vec<String> {
        match self {
            Doing::Write { key, .. } => vec![key.clone()],
            Doing::Read { keys } => keys.clone(),
        }
    }
}

impl Again {
    pub(crate) fn words(&self) -> Words {
        words(&self.wish, &Doing::Read { keys: self.keys.clone() })
    }
}

fn words(wish: &Wish, doing: &Doing) -> Words {
    wish_words(wish).into_iter().chain(command(doing)).map(String::into_bytes).collect()
}

fn read(rng: &Rng, table: usize, others: &[u64]) -> Doing {
    // Mostly the keys of one or two, so that readers meet writers.
    let hot = if rng.chance(70.0) { others.len().min(2) } else { others.len() };
    let other = rng.below(hot as u64) as usize;
    let generation = if rng.chance(15.0) { others[other].saturating_sub(1) } else { others[other] };
    let name = |letter| key(table, letter, other, generation);
    let keys = match rng.below(4) {
        0 => vec![name('a')],
        1 | 2 => vec![name('b')],
        // Both at one moment: each must fit what the other one shows.
        _ => vec![name('a'), name('b'), name('a')],
    };
    Doing::Read { keys }
}

fn key(table: usize, letter: char, of: usize, generation: u64) -> String {
    format!("{}:{letter}{of}.{generation}", NUMBERED[table])
}

fn command(doing: &Doing) -> Vec<String> {
    match doing {
        Doing::Write { key, removes: true, .. } => vec!["DEL".to_owned(), key.clone()],
        Doing::Write { key, number, .. } => vec!["SET".to_owned(), key.clone(), number.to_string()],
        Doing::Read { keys } if keys.len() == 1 => vec!["GET".to_owned(), keys[0].clone()],
        Doing::Read { keys } => std::iter::once("MGET".to_owned()).chain(keys.iter().cloned()).collect(),
    }
}

fn ack_wish(rng: &Rng, regions: usize) -> Wish {
    let ack = match rng.below(20) {
        0 => Some(Ack::All),
        1 => Some(Ack::Majority),
        2 => Some(Ack::Regions(1 + rng.below(regions as u64) as u8)),
        _ => None,
    };
    Wish { ack, read: None }
}

fn read_wish(rng: &Rng, regions: usize) -> Wish {
    let read = match rng.below(20) {
        0 => Some(Read::Eventual),
        1 | 2 | 9 => Some(Read::Bounded(20 << rng.below(7))),
        3..7 => Some(Read::Quorum(1 + rng.below(regions as u64) as u8)),
        7 | 8 => Some(Read::Session),
        _ => None,
    };
    Wish { ack: None, read }
}

fn wish_words(wish: &Wish) -> Vec<String> {
    let ack = wish.ack.map(|ack| ["ACK".to_owned(), ack.to_string()]);
    let read = wish.read.map(|read| ["READ".to_owned(), read.to_string()]);
    let words: Vec<String> = ack.into_iter().chain(read).flatten().collect();
    if words.is_empty() { words } else { std::iter::once("WITH".to_owned()).chain(words).collect() }
}
