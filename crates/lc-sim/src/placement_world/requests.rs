//! Random commands on few keys of few tables. Every key and every value names its table.

use super::plan::mark;
use crate::rng::Rng;

/// A command line as words.
pub(super) type Words = Vec<Vec<u8>>;

/// One command, or several as a transaction.
pub(super) fn request(rng: &Rng, flushes: bool, serial: u64, now_ms: u64) -> Vec<Words> {
    if flushes && rng.chance(1.0) {
        return vec![words("FLUSHALL")];
    }
    if rng.chance(85.0) {
        return vec![words(&command(rng, table(rng), serial, now_ms))];
    }
    let inside = (0..2 + rng.below(2)).map(|part| command(rng, table(rng), serial * 4 + part, now_ms));
    let steps: Vec<String> = inside.filter(|line| !line.starts_with("SMEMBERS")).collect();
    std::iter::once("MULTI".to_owned()).chain(steps).chain(["EXEC".to_owned()]).map(|line| words(&line)).collect()
}

/// A key to which members are added and from which nothing is ever removed.
pub(super) fn growing(rng: &Rng) -> (&'static str, String) {
    let table = table(rng);
    (table, key(table, &format!("grow{}", rng.below(2))))
}

/// Something that only this write adds.
pub(super) fn member(table: &str, serial: u64) -> String {
    format!("{}g{serial}", mark(table))
}

/// A command line's words.
pub(super) fn words(line: &str) -> Words {
    line.split(' ').map(|word| word.as_bytes().to_vec()).collect()
}

fn command(rng: &Rng, table: &str, serial: u64, now_ms: u64) -> String {
    let value = format!("{}v{serial}", mark(table));
    let one = |kind: &str| key(table, &format!("{kind}{}", rng.below(3)));
    let field = || format!("{}f{}", mark(table), rng.below(4));
    match rng.below(100) {
        0..16 => format!("SET {} {value}", one("s")),
        16..22 => format!("SET {} {value} PX {}", one("s"), 200 + rng.below(4000)),
        22..30 => format!("INCR {}", one("n")),
        30..36 => format!("DEL {}", one(["s", "n", "h", "m", "z"][rng.below(5) as usize])),
        36..42 => format!("HSET {} {} {value}", one("h"), field()),
        42..47 => format!("HINCRBY {} {} {}", one("h"), format_args!("{}i", mark(table)), 1 + rng.below(9)),
        47..50 => format!("HDEL {} {}", one("h"), field()),
        50..56 => format!("SADD {} {}", one("m"), field()),
        56..59 => format!("SREM {} {}", one("m"), field()),
        59..64 => format!("ZADD {} {} {}", one("z"), rng.below(100), field()),
        64..68 => format!("ZINCRBY {} {} {}", one("z"), 1 + rng.below(20), field()),
        68..71 => format!("ZREM {} {}", one("z"), field()),
        71..74 => {
            let kind = ["s", "h", "m", "z"][rng.below(4) as usize];
            format!("PEXPIREAT {} {}", one(kind), now_ms + 100 + rng.below(5000))
        }
        74..84 => {
            let (other, second) = (self::table(rng), format!("{serial}b"));
            let other_key = key(other, &format!("s{}", rng.below(3)));
            format!("MSET {} {value} {other_key} {}v{second}", one("s"), mark(other))
        }
        84..88 => format!("MGET {} {}", one("s"), key(self::table(rng), "s0")),
        88..92 => format!("SMEMBERS {}", one("m")),
        _ => format!("GET {}", one("s")),
    }
}

fn table(rng: &Rng) -> &'static str {
    ["eu", "eu", "eu", "us", "all", "none"][rng.below(6) as usize]
}

/// Keys of `none` have no table of their own.
fn key(table: &str, rest: &str) -> String {
    match table {
        "none" => format!("{}{rest}", mark(table)),
        _ => format!("{table}:{}{rest}", mark(table)),
    }
}
