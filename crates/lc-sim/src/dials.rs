//! What tables promise for a command, worked out apart from the code that keeps it.

use lc_db::Wish;
use lc_policy::{Read, Tables};

/// How many regions must hold a write to these keys before its client hears OK.
pub(crate) fn ack_needed<'a>(
    tables: &Tables,
    keys: impl Iterator<Item = &'a [u8]>,
    wish: &Wish,
    regions: usize,
) -> usize {
    match wish.ack {
        Some(ack) => ack.needed(regions),
        None => keys.map(|key| tables.of_key(key).policy.ack.needed(regions)).max().unwrap_or(1),
    }
}

/// How fresh a read of each of these keys must be. A command over tables of several levels keeps the strictest of them, and
/// a quorum counts as stricter than a bound, although it says nothing about how old the keys of the other table are.
pub(crate) fn read_levels(tables: &Tables, keys: &[String], wish: &Wish) -> Vec<Read> {
    let own = |key: &String| wish.read.unwrap_or_else(|| tables.of_key(key.as_bytes()).policy.read);
    let levels: Vec<Read> = keys.iter().map(own).collect();
    let quorum = levels.iter().any(|level| matches!(level, Read::Quorum(_)));
    let kept = |level: Read| if quorum && matches!(level, Read::Bounded(_)) { Read::Session } else { level };
    levels.into_iter().map(kept).collect()
}

/// What both promise: a read that was under way when its table changed keeps to the one or to the other.
pub(crate) fn weaker(one: Read, other: Read) -> Read {
    match (one, other) {
        _ if one == other => one,
        (Read::Eventual, _) | (_, Read::Eventual) => Read::Eventual,
        (Read::Bounded(one), Read::Bounded(other)) => Read::Bounded(one.max(other)),
        (Read::Quorum(one), Read::Quorum(other)) => Read::Quorum(one.min(other)),
        _ => Read::Session,
    }
}
