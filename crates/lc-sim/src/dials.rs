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

/// How fresh a read of this key must be.
pub(crate) fn read_level(tables: &Tables, key: &[u8], wish: &Wish) -> Read {
    wish.read.unwrap_or_else(|| tables.of_key(key).policy.read)
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
