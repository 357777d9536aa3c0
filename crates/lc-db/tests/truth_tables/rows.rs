//! The rows of the truth tables.

/// One table: a type and its rows.
pub struct Table {
    /// Its heading.
    pub name: &'static str,
    /// What holds for all of it.
    pub about: &'static str,
    /// Its rows.
    pub rows: &'static [Row],
}

/// One case.
pub struct Row {
    /// What every region has seen.
    pub before: &'static [&'static str],
    /// What region A does.
    pub a: &'static [&'static str],
    /// What region B does at the same time.
    pub b: &'static [&'static str],
    /// What is read afterwards.
    pub show: &'static [&'static str],
}

const fn row(
    before: &'static [&'static str],
    a: &'static [&'static str],
    b: &'static [&'static str],
    show: &'static [&'static str],
) -> Row {
    Row { before, a, b, show }
}

/// Tables that are declared in every region, and their `merge` dials.
pub const RULES: &[(&str, &str)] = &[
    ("lww", "lww"),
    ("siblings", "siblings"),
    ("max", "max"),
    ("min", "min"),
    ("union", "union"),
    ("cart", "json(items: union by sku (qty: max))"),
];

/// Every table.
pub const TABLES: &[Table] = &[
    Table {
        name: "Strings",
        about: "A string is a register: of two values set at once the one with the highest stamp is shown. `APPEND` and `SETRANGE` set the whole\nvalue that they made. A `DEL` removes the values it saw and leaves the one it did not.",
        rows: &[
            row(&[], &["SET k a"], &["SET k b"], &["GET k"]),
            row(&["SET k old"], &["SET k a"], &["SET k b"], &["GET k"]),
            row(&["SET k old"], &["SET k a"], &["DEL k"], &["GET k"]),
            row(&["SET k old"], &["DEL k"], &["DEL k"], &["GET k"]),
            row(&["SET k ab"], &["APPEND k cd"], &["APPEND k ef"], &["GET k"]),
            row(&["SET k ab"], &["APPEND k cd"], &["SET k x"], &["GET k"]),
            row(&[], &["SETNX k a"], &["SETNX k b"], &["GET k"]),
            row(&["SET k old"], &["GETDEL k"], &["SET k new"], &["GET k"]),
            row(&["SET k old"], &["SET k a", "SET k aa"], &["SET k b"], &["GET k"]),
        ],
    },
    Table {
        name: "Counters",
        about: "Increments add up. A `SET` replaces the value and the increments it saw; increments it did not see stay on top of the new\nvalue. A `DEL` removes what it saw; increments it did not see are all that is left. A text that is shown hides increments, until a\nwrite that saw both.",
        rows: &[
            row(&[], &["INCR n"], &["INCR n"], &["GET n"]),
            row(&["SET n 10"], &["INCRBY n 5"], &["DECRBY n 2"], &["GET n"]),
            row(&["SET n 10"], &["SET n 100"], &["INCR n"], &["GET n"]),
            row(&["INCRBY n 10"], &["SET n 100"], &["INCR n"], &["GET n"]),
            row(&["INCRBY n 10"], &["DEL n"], &["INCR n"], &["GET n"]),
            row(&["SET n 10"], &["DEL n"], &["INCR n"], &["GET n"]),
            row(&["INCRBY n 10"], &["DEL n", "INCR n"], &["INCR n"], &["GET n"]),
            row(&["INCRBY n 10"], &["SET n 1"], &["SET n 2"], &["GET n"]),
            row(&["INCRBY n 10"], &["INCRBYFLOAT n 0.5"], &["INCR n"], &["GET n"]),
            row(&["INCRBY n 10"], &["APPEND n 5"], &["INCR n"], &["GET n"]),
            row(&["INCRBY n 10"], &["SET n text"], &["INCR n"], &["GET n"]),
            row(&["INCRBY n 10"], &["GETSET n 0"], &["GETSET n 0"], &["GET n"]),
        ],
    },
    Table {
        name: "Hashes",
        about: "Fields merge one by one, each as a string or counter of its own. A `HDEL` removes the field as it saw it, a `DEL` all fields it saw.",
        rows: &[
            row(&[], &["HSET h f a"], &["HSET h f b"], &["HGETALL h"]),
            row(&[], &["HSET h f a"], &["HSET h g b"], &["HGETALL h"]),
            row(&["HSET h f old g 1"], &["HSET h f new"], &["HDEL h f"], &["HGETALL h"]),
            row(&["HSET h f old g 1"], &["HDEL h f"], &["HDEL h f g"], &["HGETALL h", "EXISTS h"]),
            row(&["HSET h n 10"], &["HINCRBY h n 5"], &["HINCRBY h n 2"], &["HGETALL h"]),
            row(&["HSET h n 10"], &["HINCRBY h n 5"], &["HSET h n 100"], &["HGETALL h"]),
            row(&["HSET h n 10"], &["HINCRBY h n 5"], &["HDEL h n"], &["HGETALL h"]),
            row(&["HSET h n 10"], &["HINCRBYFLOAT h n 0.5"], &["HINCRBY h n 1"], &["HGETALL h"]),
            row(&["HSET h f 1 g 2"], &["HSET h f 9"], &["DEL h"], &["HGETALL h"]),
            row(&["HSET h f 1 g 2"], &["HINCRBY h f 1"], &["DEL h"], &["HGETALL h"]),
            row(&[], &["HSETNX h f a"], &["HSETNX h f b"], &["HGETALL h"]),
        ],
    },
    Table {
        name: "Sets",
        about: "Add wins: a member that is added while another region removes it stays, also when it was there before. A member that two regions\npop at once is answered twice and removed once.",
        rows: &[
            row(&[], &["SADD s m"], &["SADD s m"], &["SMEMBERS s"]),
            row(&[], &["SADD s m"], &["SADD s n"], &["SMEMBERS s"]),
            row(&["SADD s m"], &["SADD s m"], &["SREM s m"], &["SMEMBERS s"]),
            row(&["SADD s m n"], &["SREM s m"], &["SREM s m"], &["SMEMBERS s"]),
            row(&["SADD s m n"], &["SREM s m"], &["SREM s n"], &["SMEMBERS s", "EXISTS s"]),
            row(&["SADD s m"], &["SADD s n"], &["DEL s"], &["SMEMBERS s"]),
            row(&["SADD s m"], &["SPOP s"], &["SPOP s"], &["SMEMBERS s"]),
            row(&["SADD s m"], &["SPOP s"], &["SADD s m"], &["SMEMBERS s"]),
            row(&["SADD s m"], &["SMOVE s t m"], &["SMOVE s u m"], &["SMEMBERS s", "SMEMBERS t", "SMEMBERS u"]),
            row(&["SADD s m"], &["SMOVE s t m"], &["SREM s m"], &["SMEMBERS s", "SMEMBERS t"]),
            row(&["SADD s m", "SADD t o"], &["SUNIONSTORE t s"], &["SADD t n"], &["SMEMBERS t"]),
        ],
    },
    Table {
        name: "Sorted sets",
        about: "A score is a register with increments on top, as with counters: `ZADD` sets it, `ZINCRBY` adds to it. Membership is as with sets:\na member whose score is set or raised while another region removes it stays.",
        rows: &[
            row(&["ZADD z 1 m"], &["ZADD z 5 m"], &["ZADD z 7 m"], &["ZRANGE z 0 -1 WITHSCORES"]),
            row(&["ZADD z 1 m"], &["ZADD z 5 m"], &["ZADD z 7 n"], &["ZRANGE z 0 -1 WITHSCORES"]),
            row(&["ZADD z 1 m"], &["ZADD z 5 m"], &["ZINCRBY z 2 m"], &["ZSCORE z m"]),
            row(&["ZADD z 1 m"], &["ZINCRBY z 5 m"], &["ZINCRBY z 2 m"], &["ZSCORE z m"]),
            row(&[], &["ZINCRBY z 5 m"], &["ZADD z INCR 2 m"], &["ZSCORE z m"]),
            row(&["ZADD z 1 m"], &["ZADD z 5 m"], &["ZREM z m"], &["ZSCORE z m"]),
            row(&["ZADD z 1 m"], &["ZADD z 1 m"], &["ZREM z m"], &["ZSCORE z m"]),
            row(&["ZADD z 1 m"], &["ZINCRBY z 5 m"], &["ZREM z m"], &["ZSCORE z m"]),
            row(&["ZADD z 5 m"], &["ZADD z GT 6 m"], &["ZADD z GT 9 m"], &["ZSCORE z m"]),
            row(&["ZADD z 1 m 2 n"], &["ZPOPMIN z"], &["ZPOPMIN z"], &["ZRANGE z 0 -1"]),
            row(&["ZADD z 1 m 2 n"], &["ZPOPMIN z"], &["ZPOPMAX z"], &["ZRANGE z 0 -1"]),
            row(&["ZADD z 1 m 2 n"], &["ZREMRANGEBYSCORE z 0 5"], &["ZADD z 3 o"], &["ZRANGE z 0 -1"]),
            row(&["ZADD z 1 m"], &["ZADD z 2 n"], &["DEL z"], &["ZRANGE z 0 -1"]),
            row(&[], &["ZADD z inf m"], &["ZINCRBY z -inf m"], &["ZSCORE z m"]),
        ],
    },
    Table {
        name: "Expiry",
        about: "Of concurrent choices the latest moment holds, and no expiry at all is latest of all. A plain `SET` chooses no expiry; a new\ncollection chooses nothing. Choosing an expiry does not keep a key that another region deletes, and the choice that is left over is not\ntaken on by a key that is made later.",
        rows: &[
            row(&["SET k v"], &["EXPIRE k 100"], &["EXPIRE k 200"], &["TTL k"]),
            row(&["SET k v EX 50"], &["EXPIRE k 10"], &["EXPIRE k 5"], &["TTL k"]),
            row(&["SET k v EX 50"], &["EXPIRE k 100"], &["PERSIST k"], &["TTL k"]),
            row(&["SET k v EX 50"], &["EXPIRE k 100"], &["SET k w"], &["GET k", "TTL k"]),
            row(&["SET k v EX 50"], &["EXPIRE k 100"], &["SET k w EX 30"], &["GET k", "TTL k"]),
            row(&["SET k v EX 50"], &["EXPIRE k 100"], &["SET k w KEEPTTL"], &["GET k", "TTL k"]),
            row(&["SET k v"], &["EXPIRE k 100"], &["DEL k"], &["GET k", "TTL k"]),
            row(&["SET k v"], &["EXPIRE k 100"], &["DEL k", "SADD k m"], &["SMEMBERS k", "TTL k"]),
            row(&["SET k v"], &["EXPIRE k 100"], &["EXPIRE k 0"], &["GET k", "TTL k"]),
            row(&[], &["SET k a EX 100"], &["SET k b EX 200"], &["GET k", "TTL k"]),
            row(&[], &["SET k a EX 100"], &["SET k b"], &["GET k", "TTL k"]),
            row(&["HSET h f 1"], &["HSET h g 2"], &["EXPIRE h 100"], &["HGETALL h", "TTL h"]),
            row(&["INCRBY n 5"], &["INCR n"], &["EXPIRE n 100"], &["GET n", "TTL n"]),
            row(&["SET k v EX 50"], &["PERSIST k"], &["SET k w EX 30"], &["GET k", "TTL k"]),
        ],
    },
    Table {
        name: "Whole keys",
        about: "`DEL`, `RENAME`, `COPY` and `FLUSHALL` act on what their region saw. What another region wrote meanwhile stays where it was written.",
        rows: &[
            row(&["SET k v"], &["RENAME k l"], &["SET k w"], &["GET k", "GET l"]),
            row(&["SET k v"], &["RENAME k l"], &["SET l w"], &["GET k", "GET l"]),
            row(&["INCRBY n 5"], &["RENAME n m"], &["INCR n"], &["GET n", "GET m"]),
            row(&["SET k v"], &["RENAME k l"], &["RENAME k m"], &["GET k", "GET l", "GET m"]),
            row(&["SET k v"], &["RENAME k l"], &["DEL k"], &["GET k", "GET l"]),
            row(&["SADD s m"], &["COPY s t"], &["SADD s n"], &["SMEMBERS s", "SMEMBERS t"]),
            row(&["SET k v", "SET l v"], &["FLUSHALL"], &["SET k w"], &["GET k", "GET l"]),
            row(&["INCRBY n 5"], &["FLUSHALL"], &["INCR n"], &["GET n"]),
            row(&["HSET h f 1 g 2"], &["FLUSHALL"], &["HSET h f 9"], &["HGETALL h"]),
            row(&["SET k v"], &["FLUSHALL"], &["FLUSHALL"], &["DBSIZE"]),
            row(&["SET k v"], &["FLUSHALL"], &["EXPIRE k 100"], &["GET k", "DBSIZE"]),
        ],
    },
    Table {
        name: "Two types under one key",
        about: "Both are kept. A reader sees the first of string, hash, set, sorted set; the other shows when that one is gone, and a `DEL` or a `SET`\nthat saw both removes both.",
        rows: &[
            row(&[], &["SET k v"], &["HSET k f 1"], &["TYPE k", "GET k"]),
            row(&[], &["SADD k m"], &["ZADD k 1 m"], &["TYPE k", "SMEMBERS k"]),
            row(&[], &["HSET k f 1"], &["SADD k m"], &["TYPE k", "HGETALL k"]),
            row(&["SET k v"], &["DEL k", "HSET k f 1"], &["SET k w"], &["TYPE k", "GET k"]),
            row(&["SET k v"], &["DEL k", "HSET k f 1"], &["GET k"], &["TYPE k", "HGETALL k"]),
            row(&["SADD k m"], &["DEL k", "ZADD k 1 m"], &["SREM k m"], &["TYPE k", "ZRANGE k 0 -1"]),
            row(&["SADD k m"], &["SET k v"], &["SADD k n"], &["TYPE k", "GET k"]),
        ],
    },
    Table {
        name: "Transactions",
        about: "A transaction is one entry: every region sees all of it at once or nothing. Its changes merge each by its own rule, with one stamp.",
        rows: &[
            row(&[], &["MULTI", "SET k a", "SET l a", "EXEC"], &["SET k b"], &["GET k", "GET l"]),
            row(
                &[],
                &["MULTI", "SET k a", "SET l a", "EXEC"],
                &["MULTI", "SET k b", "SET l b", "EXEC"],
                &["GET k", "GET l"],
            ),
            row(
                &["MSET x 100 y 0"],
                &["MULTI", "DECRBY x 30", "INCRBY y 30", "EXEC"],
                &["MULTI", "DECRBY x 20", "INCRBY y 20", "EXEC"],
                &["GET x", "GET y"],
            ),
            row(
                &["SADD s m"],
                &["MULTI", "SREM s m", "SADD t m", "EXEC"],
                &["SADD s m"],
                &["SMEMBERS s", "SMEMBERS t"],
            ),
            row(&["INCRBY n 5"], &["MULTI", "GET n", "DEL n", "INCRBY n 1", "EXEC"], &["INCRBY n 10"], &["GET n"]),
            row(
                &["SET k v"],
                &["MULTI", "DEL k", "SET l v", "EXEC"],
                &["MULTI", "DEL l", "SET k w", "EXEC"],
                &["GET k", "GET l"],
            ),
        ],
    },
    Table {
        name: "merge = lww",
        about: "The highest stamp decides for every type, one element at a time: increments are plain writes of the sum, and do not add up.",
        rows: &[
            row(&[], &["SET lww:k a"], &["SET lww:k b"], &["GET lww:k"]),
            row(&["SET lww:n 10"], &["INCRBY lww:n 5"], &["DECRBY lww:n 2"], &["GET lww:n"]),
            row(&["SET lww:n 10"], &["DEL lww:n"], &["INCR lww:n"], &["GET lww:n"]),
            row(&[], &["HINCRBY lww:h f 5"], &["HINCRBY lww:h f 2"], &["HGET lww:h f"]),
            row(&[], &["SADD lww:s a"], &["SADD lww:s b"], &["SMEMBERS lww:s"]),
        ],
    },
    Table {
        name: "merge = siblings",
        about: "All concurrent values are kept and shown by `SIBLINGS`, with their context; `GET` shows the one with the highest stamp. A `SET`\nreplaces what `GET` showed; `RESOLVE`, and a `SET` under a condition, replace what they name.",
        rows: &[
            row(&[], &["SET siblings:k a"], &["SET siblings:k b"], &["GET siblings:k", "SIBLINGS siblings:k"]),
            row(&["SET siblings:k old"], &["SET siblings:k a"], &["DEL siblings:k"], &["SIBLINGS siblings:k"]),
            row(
                &["SET siblings:k one", "RESOLVE siblings:k - two"],
                &["RESOLVE siblings:k 1-1,1-2 both"],
                &["SET siblings:k three"],
                &["SIBLINGS siblings:k"],
            ),
            row(
                &["SET siblings:k one", "RESOLVE siblings:k - two"],
                &["RESOLVE siblings:k 1-1,1-2 a"],
                &["RESOLVE siblings:k 1-1,1-2 b"],
                &["SIBLINGS siblings:k"],
            ),
            row(
                &["SET siblings:k old"],
                &["SET siblings:k a IFDOT 1-1"],
                &["SET siblings:k b IFDOT 1-1"],
                &["SIBLINGS siblings:k"],
            ),
        ],
    },
    Table {
        name: "merge = max, merge = min",
        about: "The highest (lowest) value stands, whoever wrote it when: numbers by value, and below everything else, which\ngoes by its bytes. A value that does not beat the standing one changes nothing that a reader sees. `DEL` removes what it saw, so bidding can begin anew.",
        rows: &[
            row(&[], &["SET max:bid 9"], &["SET max:bid 10"], &["GET max:bid"]),
            row(&["SET max:bid 20"], &["SET max:bid 9"], &["SET max:bid 10"], &["GET max:bid"]),
            row(&["SET max:bid 5"], &["SET max:bid 10", "SET max:bid 7"], &["SET max:bid 9"], &["GET max:bid"]),
            row(&["SET max:bid 20"], &["DEL max:bid"], &["SET max:bid 9"], &["GET max:bid"]),
            row(&["SET max:bid 20"], &["DEL max:bid"], &["SET max:bid 30"], &["GET max:bid"]),
            row(&[], &["SET min:price 9"], &["SET min:price 10"], &["GET min:price"]),
        ],
    },
    Table {
        name: "merge = union, merge = json",
        about: "Values are JSON. Under `union` they are arrays, of which every element is kept; the table `cart` here is declared with\n`json(items: union by sku (qty: max))`, the shopping cart. A write replaces what it saw, so that removing works.",
        rows: &[
            row(&[], &["SET union:tags [\"a\",\"b\"]"], &["SET union:tags [\"b\",\"c\"]"], &["GET union:tags"]),
            row(
                &["SET union:tags [\"a\",\"b\"]"],
                &["SET union:tags [\"a\"]"],
                &["SET union:tags [\"a\",\"b\",\"c\"]"],
                &["GET union:tags"],
            ),
            row(
                &[],
                &["SET cart:7 {\"items\":[{\"sku\":\"pen\",\"qty\":1},{\"sku\":\"ink\",\"qty\":5}]}"],
                &["SET cart:7 {\"items\":[{\"sku\":\"pen\",\"qty\":3}]}"],
                &["GET cart:7"],
            ),
        ],
    },
];
