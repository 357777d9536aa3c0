//! The list of commands. `COMMAND`, help and the compatibility page are generated from it.

use crate::Error;
use crate::arguments::{Args, shown};
use crate::catalogue::Command;

mod append;
mod auth;
mod client;
mod command;
mod config;
mod copy;
mod counted_keys;
mod dbsize;
mod decr;
mod del;
mod delex;
mod echo;
mod element_scan;
mod exists;
mod expire;
mod flushall;
mod get;
mod getdel;
mod getex;
mod getrange;
mod getset;
mod hdel;
mod hello;
mod hexists;
mod hget;
mod hgetall;
mod hincrby;
mod hincrbyfloat;
mod hkeys;
mod hlen;
mod hmget;
mod hrandfield;
mod hscan;
mod hset;
mod hsetnx;
mod hstrlen;
mod hvals;
mod incr;
mod incrby;
mod incrbyfloat;
mod info;
mod key_type;
mod keys;
mod lcs;
mod mget;
mod mset;
mod multi;
mod object;
mod persist;
mod picks;
mod ping;
mod quit;
mod randomkey;
mod receipt;
mod rename;
mod reset;
mod resolve;
mod sadd;
mod scan;
mod scan_options;
mod scard;
mod score_algebra;
mod score_bounds;
mod score_range;
mod sdiff;
mod select;
mod session;
mod set;
mod set_algebra;
mod setex;
mod setnx;
mod setrange;
mod siblings;
mod sinter;
mod sintercard;
mod sismember;
mod smembers;
mod smismember;
mod smove;
mod spop;
mod srandmember;
mod srem;
mod sscan;
mod strlen;
mod subcommand;
mod sunion;
mod time;
mod ttl;
mod with;
mod zadd;
mod zcard;
mod zcount;
mod zdiff;
mod zincrby;
mod zinter;
mod zintercard;
mod zlexcount;
mod zmpop;
mod zmscore;
mod zpopmin;
mod zrandmember;
mod zrange;
mod zrangebylex;
mod zrangebyscore;
mod zrangestore;
mod zrank;
mod zrem;
mod zremrangebylex;
mod zremrangebyrank;
mod zremrangebyscore;
mod zrevrange;
mod zscan;
mod zscore;
mod zunion;

/// Every command, by group.
pub static COMMANDS: &[&Command] = &[
    &append::COMMAND,
    &get::COMMAND,
    &getdel::COMMAND,
    &getex::COMMAND,
    &getrange::GETRANGE,
    &getset::COMMAND,
    &lcs::COMMAND,
    &mget::COMMAND,
    &mset::MSET,
    &mset::MSETNX,
    &setex::PSETEX,
    &set::COMMAND,
    &setex::SETEX,
    &setnx::COMMAND,
    &setrange::COMMAND,
    &strlen::COMMAND,
    &getrange::SUBSTR,
    &decr::DECR,
    &decr::DECRBY,
    &incr::COMMAND,
    &incrby::COMMAND,
    &incrbyfloat::COMMAND,
    &hdel::COMMAND,
    &hexists::COMMAND,
    &hget::COMMAND,
    &hgetall::COMMAND,
    &hincrby::COMMAND,
    &hincrbyfloat::COMMAND,
    &hkeys::COMMAND,
    &hlen::COMMAND,
    &hmget::COMMAND,
    &hset::HMSET,
    &hrandfield::COMMAND,
    &hscan::COMMAND,
    &hset::HSET,
    &hsetnx::COMMAND,
    &hstrlen::COMMAND,
    &hvals::COMMAND,
    &sadd::COMMAND,
    &scard::COMMAND,
    &sdiff::SDIFF,
    &sdiff::SDIFFSTORE,
    &sinter::SINTER,
    &sintercard::COMMAND,
    &sinter::SINTERSTORE,
    &sismember::COMMAND,
    &smembers::COMMAND,
    &smismember::COMMAND,
    &smove::COMMAND,
    &spop::COMMAND,
    &srandmember::COMMAND,
    &srem::COMMAND,
    &sscan::COMMAND,
    &sunion::SUNION,
    &sunion::SUNIONSTORE,
    &zadd::COMMAND,
    &zcard::COMMAND,
    &zcount::COMMAND,
    &zdiff::ZDIFF,
    &zdiff::ZDIFFSTORE,
    &zincrby::COMMAND,
    &zinter::ZINTER,
    &zintercard::COMMAND,
    &zinter::ZINTERSTORE,
    &zlexcount::COMMAND,
    &zmpop::COMMAND,
    &zmscore::COMMAND,
    &zpopmin::ZPOPMAX,
    &zpopmin::ZPOPMIN,
    &zrandmember::COMMAND,
    &zrange::COMMAND,
    &zrangebylex::ZRANGEBYLEX,
    &zrangebyscore::ZRANGEBYSCORE,
    &zrangestore::COMMAND,
    &zrank::ZRANK,
    &zrem::COMMAND,
    &zremrangebylex::COMMAND,
    &zremrangebyrank::COMMAND,
    &zremrangebyscore::COMMAND,
    &zrevrange::COMMAND,
    &zrangebylex::ZREVRANGEBYLEX,
    &zrangebyscore::ZREVRANGEBYSCORE,
    &zrank::ZREVRANK,
    &zscan::COMMAND,
    &zscore::COMMAND,
    &zunion::ZUNION,
    &zunion::ZUNIONSTORE,
    &copy::COMMAND,
    &dbsize::COMMAND,
    &del::DEL,
    &exists::EXISTS,
    &expire::EXPIRE,
    &expire::EXPIREAT,
    &ttl::EXPIRETIME,
    &flushall::FLUSHALL,
    &flushall::FLUSHDB,
    &keys::COMMAND,
    &object::COMMAND,
    &persist::COMMAND,
    &expire::PEXPIRE,
    &expire::PEXPIREAT,
    &ttl::PEXPIRETIME,
    &ttl::PTTL,
    &randomkey::COMMAND,
    &rename::RENAME,
    &rename::RENAMENX,
    &scan::COMMAND,
    &exists::TOUCH,
    &ttl::TTL,
    &key_type::COMMAND,
    &del::UNLINK,
    &auth::COMMAND,
    &client::COMMAND,
    &echo::COMMAND,
    &hello::COMMAND,
    &ping::COMMAND,
    &quit::COMMAND,
    &reset::COMMAND,
    &select::COMMAND,
    &command::COMMAND,
    &config::COMMAND,
    &info::COMMAND,
    &time::COMMAND,
    &multi::MULTI,
    &multi::EXEC,
    &multi::DISCARD,
    &multi::WATCH,
    &multi::UNWATCH,
    &siblings::CONTEXT,
    &delex::COMMAND,
    &receipt::COMMAND,
    &resolve::COMMAND,
    &session::COMMAND,
    &siblings::SIBLINGS,
    &siblings::RECORD,
    &with::COMMAND,
];

/// The command of this name, in any case.
pub fn find(name: &[u8]) -> Option<&'static Command> {
    let mut lower = [0u8; NAME_BYTES_MAX];
    let lower = lower.get_mut(..name.len())?;
    lower.copy_from_slice(name);
    lower.make_ascii_lowercase();
    INDEX.get(&*lower).copied()
}

/// All keys among a command's arguments; where they cannot be told apart, the command itself says what is wrong.
pub(crate) fn keys_of<'a>(command: &Command, args: Args<'a>) -> Vec<&'a [u8]> {
    command::keys_of(command, args).unwrap_or_else(|_| command.keys_in(args))
}

/// Why a command outside the catalogue is refused: known to Redis but not offered, or unknown to both.
pub(crate) fn refusal(name: &[u8], args: Args<'_>) -> Error {
    let lower = name.to_ascii_lowercase();
    match NOT_OFFERED.iter().find(|(names, _)| names.iter().any(|other| other.as_bytes() == lower)) {
        Some((_, why)) => Error::NotOffered(format!("command '{}' is not offered: {why}", shown(name))),
        None => unknown(name, args),
    }
}

/// The text for a command that is not in the catalogue.
fn unknown(name: &[u8], args: Args<'_>) -> Error {
    let listed: Vec<String> = args.iter().take(8).map(|arg| format!("'{}'", shown(arg))).collect();
    Error::NotOffered(
        format!("unknown command '{}', with args beginning with: {} ", shown(name), listed.join(" "))
            .trim_end()
            .to_owned(),
    )
}

/// Longest name in the catalogue, with room.
const NAME_BYTES_MAX: usize = 24;

type Index = hashbrown::HashMap<&'static [u8], &'static Command, foldhash::fast::FixedState>;

static INDEX: std::sync::LazyLock<Index> =
    std::sync::LazyLock::new(|| COMMANDS.iter().map(|&command| (command.name.as_bytes(), command)).collect());

/// Commands of Redis that are left out, and why; also printed on the compatibility page.
pub static NOT_OFFERED: &[(&[&str], &str)] = &[
    (
        &[
            "lpush",
            "rpush",
            "lpop",
            "rpop",
            "llen",
            "lrange",
            "lindex",
            "lset",
            "lrem",
            "linsert",
            "ltrim",
            "lmove",
            "lmpop",
            "lpos",
            "lpushx",
            "rpushx",
            "rpoplpush",
            "blpop",
            "brpop",
            "blmove",
            "blmpop",
            "brpoplpush",
            "sort",
            "sort_ro",
        ],
        "lists have no meaning yet when two regions push at once",
    ),
    (
        &[
            "xadd",
            "xread",
            "xrange",
            "xrevrange",
            "xlen",
            "xdel",
            "xtrim",
            "xgroup",
            "xreadgroup",
            "xack",
            "xclaim",
            "xautoclaim",
            "xpending",
            "xinfo",
            "xsetid",
        ],
        "streams are not built yet",
    ),
    (
        &[
            "publish",
            "subscribe",
            "unsubscribe",
            "psubscribe",
            "punsubscribe",
            "pubsub",
            "ssubscribe",
            "sunsubscribe",
            "spublish",
            "monitor",
        ],
        "publish and subscribe is not built yet",
    ),
    (
        &["eval", "evalsha", "eval_ro", "evalsha_ro", "script", "fcall", "fcall_ro", "function"],
        "scripts are not offered; MULTI/EXEC and WATCH are",
    ),
    (&["pfadd", "pfcount", "pfmerge"], "HyperLogLog is not built yet"),
    (
        &["geoadd", "geodist", "geohash", "geopos", "georadius", "geosearch", "geosearchstore", "georadiusbymember"],
        "geo commands are not built yet",
    ),
    (
        &["setbit", "getbit", "bitcount", "bitpos", "bitop", "bitfield", "bitfield_ro"],
        "bits have no merge rule yet: a bit set here and one set there would overwrite each other",
    ),
    (&["bzpopmin", "bzpopmax", "bzmpop", "wait", "waitaof"], "blocking commands are not built yet"),
    (&["move", "swapdb"], "there is one database, 0"),
    (
        &[
            "save",
            "bgsave",
            "bgrewriteaof",
            "lastsave",
            "replicaof",
            "slaveof",
            "replconf",
            "psync",
            "sync",
            "role",
            "failover",
            "shutdown",
            "cluster",
            "readonly",
            "readwrite",
            "asking",
            "module",
            "debug",
            "latency",
            "slowlog",
            "acl",
            "dump",
            "restore",
            "migrate",
            "memory",
            "lolwut",
        ],
        "the node has its own way for this: see `lightcone help` and the HTTP door",
    ),
];
