//! The list of commands. `COMMAND`, help and the compatibility page are generated from it.

use crate::arguments::{Args, shown};
use crate::catalogue::Command;
use crate::{Error, session};

mod get;
mod hdel;
mod hexists;
mod hget;
mod hgetall;
mod hincrby;
mod hincrbyfloat;
mod hkeys;
mod hlen;
mod hmget;
mod hrandfield;
mod hset;
mod hsetnx;
mod hstrlen;
mod hvals;
mod incr;
mod multi;
mod picks;
mod scan_options;
mod set;

/// Every command, by group.
pub static COMMANDS: &[&Command] = &[
    &get::COMMAND, &incr::COMMAND, &set::COMMAND,
    &hdel::COMMAND, &hexists::COMMAND, &hget::COMMAND, &hgetall::COMMAND, &hincrby::COMMAND, &hincrbyfloat::COMMAND, &hkeys::COMMAND,
    &hlen::COMMAND, &hmget::COMMAND, &hset::HMSET, &hrandfield::COMMAND, &hset::HSET, &hsetnx::COMMAND, &hstrlen::COMMAND, &hvals::COMMAND,
    &multi::MULTI, &multi::EXEC, &multi::DISCARD, &multi::WATCH, &multi::UNWATCH,
];

/// The command of this name, in any case.
pub fn find(name: &[u8]) -> Option<&'static Command> {
    let mut lower = [0u8; NAME_BYTES_MAX];
    let lower = lower.get_mut(..name.len())?;
    lower.copy_from_slice(name);
    lower.make_ascii_lowercase();
    INDEX.get(&*lower).copied()
}

/// Why a command outside the catalogue is refused: known to Redis but not offered, or unknown to both.
pub(crate) fn refusal(name: &[u8], args: Args<'_>) -> Error {
    let lower = name.to_ascii_lowercase();
    match NOT_OFFERED.iter().find(|(names, _)| names.iter().any(|other| other.as_bytes() == lower)) {
        Some((_, why)) => Error::NotOffered(format!("command '{}' is not offered: {why}", shown(name))),
        None => session::unknown(name, args),
    }
}

/// Longest name in the catalogue, with room.
const NAME_BYTES_MAX: usize = 24;

type Index = hashbrown::HashMap<&'static [u8], &'static Command, foldhash::fast::FixedState>;

static INDEX: std::sync::LazyLock<Index> =
    std::sync::LazyLock::new(|| COMMANDS.iter().map(|&command| (command.name.as_bytes(), command)).collect());

/// Commands of Redis that are left out, and why; also printed on the compatibility page.
pub static NOT_OFFERED: &[(&[&str], &str)] = &[
    (&["lpush", "rpush", "lpop", "rpop", "llen", "lrange", "lindex", "lset", "lrem", "linsert", "ltrim", "lmove", "lmpop", "lpos", "lpushx", "rpushx", "rpoplpush", "blpop", "brpop", "blmove", "blmpop", "brpoplpush", "sort", "sort_ro"],
     "lists have no meaning yet when two regions push at once"),
    (&["xadd", "xread", "xrange", "xrevrange", "xlen", "xdel", "xtrim", "xgroup", "xreadgroup", "xack", "xclaim", "xautoclaim", "xpending", "xinfo", "xsetid"],
     "streams are not built yet"),
    (&["publish", "subscribe", "unsubscribe", "psubscribe", "punsubscribe", "pubsub", "ssubscribe", "sunsubscribe", "spublish", "monitor"],
     "publish and subscribe is not built yet"),
    (&["eval", "evalsha", "eval_ro", "evalsha_ro", "script", "fcall", "fcall_ro", "function"],
     "scripts are not offered; MULTI/EXEC and WATCH are"),
    (&["pfadd", "pfcount", "pfmerge"], "HyperLogLog is not built yet"),
    (&["geoadd", "geodist", "geohash", "geopos", "georadius", "geosearch", "geosearchstore", "georadiusbymember"],
     "geo commands are not built yet"),
    (&["setbit", "getbit", "bitcount", "bitpos", "bitop", "bitfield", "bitfield_ro"],
     "bits have no merge rule yet: a bit set here and one set there would overwrite each other"),
    (&["bzpopmin", "bzpopmax", "bzmpop", "wait", "waitaof"], "blocking commands are not built yet"),
    (&["move", "swapdb"], "there is one database, 0"),
    (&["save", "bgsave", "bgrewriteaof", "lastsave", "replicaof", "slaveof", "replconf", "psync", "sync", "role", "failover", "shutdown", "cluster", "readonly", "readwrite", "asking", "module", "debug", "latency", "slowlog", "acl", "dump", "restore", "migrate", "memory", "lolwut"],
     "the node has its own way for this: see `lightcone help` and the HTTP door"),
];
