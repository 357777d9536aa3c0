//! `COPY`: a second key with the same value.
//!
//! Cost: every element is read and written in one entry, so the limit of an entry is the limit of a copy.

use bytes::Bytes;
use lc_crdt::Kind;

use crate::arguments::{Args, int, is};
use crate::view::ScoreSpan;
use crate::{Arity, Command, Error, Expiry, Group, KeySpec, Reply, Run, Txn, View};

pub(super) static COMMAND: Command = Command {
    name: "copy",
    arity: Arity::AtLeast(2),
    group: Group::Keys,
    keys: KeySpec::TWO,
    syntax: "source destination [DB destination-db] [REPLACE]",
    summary: "Copies a value of any type with its expiry; answers 1 if it did.",
    concurrent: "A DEL and new writes at the destination, as one entry. Increments become plain values there; what another region writes to the source at the same time is not copied.",
    run: Run::Write(run),
};

fn run(txn: &mut Txn<'_>, args: Args<'_>) -> Result<Reply, Error> {
    let (source, destination) = (args[0], args[1]);
    let replace = parse(&args[2..])?;
    if source == destination {
        return Err(Error::caller("source and destination objects are the same"));
    }
    let Some(value) = Value::read(&txn.view(), source)? else { return Ok(Reply::flag(false)) };
    if !replace && txn.view().exists(destination)? {
        return Ok(Reply::flag(false));
    }
    value.place(txn, destination)?;
    Ok(Reply::flag(true))
}

fn parse(mut words: Args<'_>) -> Result<bool, Error> {
    let mut replace = false;
    while let Some((word, rest)) = words.split_first() {
        words = rest;
        match (word, rest) {
            _ if is(word, "replace") => replace = true,
            (_, [database, rest @ ..]) if is(word, "db") => {
                if int(database)? != 0 {
                    return Err(Error::caller("DB index is out of range"));
                }
                words = rest;
            }
            _ => return Err(Error::Syntax),
        }
    }
    Ok(replace)
}

/// All that a reader sees of a key, detached from it.
pub(super) struct Value {
    contents: Contents,
    expires_ms: Option<u64>,
}

enum Contents {
    Text(Bytes),
    Fields(Vec<(Bytes, Bytes)>),
    Members(Vec<Bytes>),
    Scores(Vec<(Bytes, f64)>),
}

impl Value {
    /// What `key` holds; `None` if there is none.
    pub(super) fn read(view: &View<'_>, key: &[u8]) -> Result<Option<Value>, Error> {
        let Some(head) = view.head(key)? else { return Ok(None) };
        let contents = match head.kind() {
            None => return Ok(None),
            Some(Kind::String) => Contents::Text(view.string(key)?.unwrap_or_default()),
            Some(Kind::Hash) => Contents::Fields(view.pairs(key)?),
            Some(Kind::Set) => Contents::Members(view.fields(key, Kind::Set)?),
            Some(Kind::Sorted) => Contents::Scores(view.scores(key, ScoreSpan::ALL)?),
        };
        Ok(Some(Value { contents, expires_ms: head.expires_ms() }))
    }

    /// Puts it at `key`, in place of whatever is there.
    pub(super) fn place(&self, txn: &mut Txn<'_>, key: &[u8]) -> Result<(), Error> {
        txn.check_string(key, b"")?;
        txn.delete(key)?;
        match &self.contents {
            Contents::Text(text) => {
                return txn.set_string(key, text, self.expires_ms.map_or(Expiry::Never, Expiry::At));
            }
            Contents::Fields(pairs) => {
                pairs.iter().try_for_each(|(field, value)| txn.put_element(key, Kind::Hash, field, value).map(drop))?
            }
            Contents::Members(members) => {
                members.iter().try_for_each(|member| txn.put_element(key, Kind::Set, member, b"").map(drop))?
            }
            Contents::Scores(scores) => {
                scores.iter().try_for_each(|(member, score)| txn.set_score(key, member, *score).map(drop))?
            }
        }
        if self.expires_ms.is_some() { txn.expire(key, self.expires_ms) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Replica;

    #[test]
    fn every_type_is_copied_with_its_expiry() {
        let mut paris = Replica::new(1);
        for (fill, read) in [
            ("INCRBY a 5", "GET b"),
            ("HSET a f 1 g 2", "HGETALL b"),
            ("SADD a x y", "SMEMBERS b"),
            ("ZADD a 1.5 x 2 y", "ZRANGE b 0 -1 WITHSCORES"),
        ] {
            paris.run("FLUSHALL");
            paris.run(fill);
            paris.run("EXPIRE a 9");
            assert_eq!(paris.run("COPY a b"), "1");
            assert_eq!(paris.run(read), paris.run(&read.replace(" b", " a")), "{fill}");
            assert_eq!((paris.run("TTL a"), paris.run("TTL b")), ("9".into(), "9".into()));
        }
    }

    #[test]
    fn a_destination_is_only_replaced_on_request() {
        let mut paris = Replica::new(1);
        paris.run("SET a 1");
        paris.run("SADD b x");
        paris.run("EXPIRE b 5");
        assert_eq!(paris.run("COPY a b"), "0");
        assert_eq!(paris.run("COPY none b REPLACE"), "0");
        assert_eq!(paris.run("COPY a b DB 0 REPLACE"), "1");
        assert_eq!((paris.run("GET b"), paris.run("TTL b")), ("1".into(), "-1".into()));
        assert_eq!(paris.run("COPY a a"), "ERR source and destination objects are the same");
        assert_eq!(paris.run("COPY a c DB 1"), "ERR DB index is out of range");
        assert_eq!(paris.run("COPY a c DB"), "ERR syntax error");
    }

    #[test]
    fn an_increment_made_meanwhile_is_not_in_the_copy() {
        let (mut paris, mut tokyo) = (Replica::new(1), Replica::new(2));
        paris.run("INCRBY a 5");
        tokyo.pull(&paris);
        paris.run("COPY a b");
        tokyo.run("INCR a");
        paris.pull(&tokyo);
        tokyo.pull(&paris);
        assert_eq!((paris.run("MGET a b"), tokyo.run("MGET a b")), ("[6 5]".into(), "[6 5]".into()));
        assert_eq!(paris.rows.digest(), tokyo.rows.digest());
    }
}
