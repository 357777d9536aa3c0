//! Random commands on few keys, so that regions meet on them.

use crate::rng::Rng;

/// A command line as words.
pub(crate) type Words = Vec<Vec<u8>>;

/// One to three commands; more than one is a transaction.
pub(crate) fn request(rng: &Rng, serial: u64, now_ms: u64) -> Vec<Words> {
    let commands = if rng.chance(10.0) { 2 + rng.below(2) } else { 1 };
    (0..commands).map(|part| command(rng, serial * 4 + part, now_ms)).collect()
}

fn command(rng: &Rng, serial: u64, now_ms: u64) -> Words {
    let line = match rng.below(100) {
        0..12 => format!("SET {} v{serial}", key(rng, "s")),
        12..15 => format!("SET {} v{serial} PX {}", key(rng, "s"), 200 + rng.below(4000)),
        15..18 => format!("SET {} {}", key(rng, "n"), rng.below(1000)),
        18..30 => format!("INCR {}", key(rng, "n")),
        30..34 => format!("INCR {}", key(rng, "count:")),
        34..40 => format!("DEL {}", key(rng, pick_prefix(rng))),
        40..44 => format!("HSET {} {} v{serial}", key(rng, "h"), field(rng)),
        44..50 => format!("HINCRBY {} {} {}", key(rng, "h"), number_field(rng), 1 + rng.below(9)),
        50..53 => format!("HDEL {} {}", key(rng, "h"), if rng.chance(50.0) { field(rng) } else { number_field(rng) }),
        53..62 => format!("SADD {} {}", key(rng, "m"), field(rng)),
        62..67 => format!("SREM {} {}", key(rng, "m"), field(rng)),
        67..73 => format!("ZADD {} {} {}", key(rng, "z"), rng.below(100), field(rng)),
        73..79 => format!("ZINCRBY {} {} {}", key(rng, "z"), rng.below(20), field(rng)),
        79..82 => format!("ZREM {} {}", key(rng, "z"), field(rng)),
        82..86 => format!("PEXPIREAT {} {}", key(rng, pick_prefix(rng)), now_ms + 100 + rng.below(5000)),
        86..88 => format!("PERSIST {}", key(rng, pick_prefix(rng))),
        88..90 => format!("APPEND {} x{serial}", key(rng, "s")),
        // A type clash now and then: hashes and sets under the names of strings.
        90 => format!("HSET {} {} v{serial}", key(rng, "s"), field(rng)),
        91 => format!("SADD {} {}", key(rng, "h"), field(rng)),
        92 if rng.chance(20.0) => "FLUSHALL".to_owned(),
        92..96 => format!("GET {}", key(rng, "count:")),
        _ => format!("GET {}", key(rng, "n")),
    };
    line.split(' ').map(|word| word.as_bytes().to_vec()).collect()
}

fn pick_prefix(rng: &Rng) -> &'static str {
    ["s", "n", "h", "m", "z"][rng.below(5) as usize]
}

fn key(rng: &Rng, prefix: &str) -> String {
    format!("{prefix}{}", rng.below(4))
}

fn field(rng: &Rng) -> String {
    format!("f{}", rng.below(5))
}

fn number_field(rng: &Rng) -> String {
    format!("i{}", rng.below(3))
}
