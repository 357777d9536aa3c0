//! Random commands on few keys, so that regions meet on them.

use crate::rng::Rng;

/// A command line as words.
pub(crate) type Words = Vec<Vec<u8>>;

/// What a crowd may do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Habits {
    /// Keys of declared tables too.
    pub tables: bool,
    /// Remove everything now and then.
    pub flushes: bool,
}

/// One to three commands; more than one is a transaction.
pub(crate) fn request(rng: &Rng, habits: Habits, serial: u64, now_ms: u64) -> Vec<Words> {
    let commands = if rng.chance(10.0) { 2 + rng.below(2) } else { 1 };
    let command = |part| {
        let serial = serial * 4 + part;
        let line = match habits.tables && rng.chance(50.0) {
            true => tabled(rng, serial),
            false => plain(rng, habits, serial, now_ms),
        };
        words(&line)
    };
    (0..commands).map(command).collect()
}

/// A key whose siblings somebody is going to replace, with the value.
pub(crate) fn resolution(rng: &Rng, serial: u64) -> (String, String) {
    (key(rng, if rng.chance(80.0) { "sib:k" } else { "last:k" }), format!("r{serial}"))
}

/// A command line's words.
pub(crate) fn words(line: &str) -> Words {
    line.split(' ').map(|word| word.as_bytes().to_vec()).collect()
}

fn tabled(rng: &Rng, serial: u64) -> String {
    match rng.below(100) {
        0..16 => format!("SET {} v{serial}", key(rng, "sib:k")),
        16..19 => format!("DEL {}", key(rng, "sib:k")),
        19..22 => format!("SIBLINGS {}", key(rng, "sib:k")),
        22..30 => format!("SET {} {}", key(rng, "top:k"), rng.below(1000)),
        30..38 => format!("SET {} {}", key(rng, "low:k"), rng.below(1000)),
        38..40 => format!("DEL {}", key(rng, ["top:k", "low:k", "bag:k", "doc:k"][rng.below(4) as usize])),
        40..48 => format!("SET {} [\"e{}\",\"e{}\"]", key(rng, "bag:k"), rng.below(9), rng.below(9)),
        48..58 => format!(
            r#"SET {} {{"items":[{{"sku":"{}","n":{}}}],"qty":{},"by":{serial}}}"#,
            key(rng, "doc:k"),
            field(rng),
            rng.below(9),
            rng.below(50)
        ),
        58..66 => format!("SET {} {}", key(rng, "last:k"), rng.below(1000)),
        66..71 => format!("INCR {}", key(rng, "last:k")),
        71..75 => format!("HSET {} {} v{serial}", key(rng, "last:h"), field(rng)),
        75..78 => format!("ZADD {} {} {}", key(rng, "last:z"), rng.below(100), field(rng)),
        78..81 => format!("SADD {} {}", key(rng, "last:m"), field(rng)),
        81..85 => format!("SET {} {serial}", key(rng, "quo:k")),
        85..88 => format!("SET {} {serial}", key(rng, "maj:k")),
        _ => format!(
            "GET {}",
            key(rng, ["sib:k", "top:k", "low:k", "bag:k", "doc:k", "last:k", "quo:k", "near:k"][rng.below(8) as usize])
        ),
    }
}

fn plain(rng: &Rng, habits: Habits, serial: u64, now_ms: u64) -> String {
    match rng.below(100) {
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
        92 if habits.flushes && rng.chance(20.0) => "FLUSHALL".to_owned(),
        92..96 => format!("GET {}", key(rng, "count:")),
        _ => format!("GET {}", key(rng, "n")),
    }
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
