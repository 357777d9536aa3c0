//! How large what a client writes and reads may be, and the room that a command has for what it gathers.

use std::cell::Cell;

use lc_core::limits;

use crate::{Error, Reply};

/// Bounds on one key, value and reply. A node may set them lower than what records can hold, never higher.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// Longest key that is written, bytes. Longer ones that are there can be read and removed.
    pub key_bytes_max: usize,
    /// Longest field or member that is written, bytes.
    pub field_bytes_max: usize,
    /// Largest value that is written, bytes.
    pub value_bytes_max: usize,
    /// Most keys, members or pairs in one reply.
    pub reply_elements_max: usize,
    /// Most bytes in one reply.
    pub reply_bytes_max: usize,
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds {
            key_bytes_max: limits::KEY_BYTES_MAX,
            field_bytes_max: limits::FIELD_BYTES_MAX,
            value_bytes_max: limits::VALUE_BYTES_MAX,
            reply_elements_max: limits::REPLY_ELEMENTS_MAX,
            reply_bytes_max: limits::REPLY_BYTES_MAX,
        }
    }
}

impl Bounds {
    /// Refuses a reply that is too large.
    #[inline]
    pub(crate) fn check(&self, reply: &Reply) -> Result<(), Error> {
        match reply {
            Reply::Bulk(bytes) if bytes.len() <= self.reply_bytes_max => Ok(()),
            Reply::Word(_) | Reply::Int(_) | Reply::Nil => Ok(()),
            _ => Room::for_reply(*self).take_reply(reply),
        }
    }
}

/// What a command may still gather. Taken from before each piece is kept, so that nothing large is built in vain.
#[derive(Clone, Debug)]
pub struct Room {
    elements: Cell<usize>,
    bytes: Cell<usize>,
    /// What is gathered for a reply; otherwise it goes into an entry, which has a bound of its own.
    reply: Option<Bounds>,
}

impl Room {
    /// For one reply.
    pub fn for_reply(bounds: Bounds) -> Room {
        let (elements, bytes) = (Cell::new(bounds.reply_elements_max), Cell::new(bounds.reply_bytes_max));
        Room { elements, bytes, reply: Some(bounds) }
    }

    /// For one entry: each piece will be in it.
    pub fn for_entry() -> Room {
        Room { elements: Cell::new(usize::MAX), bytes: Cell::new(limits::ENTRY_BYTES_MAX), reply: None }
    }

    /// What a page of a scan may have, elements and bytes, so that its last element still fits: a full page is no error.
    pub fn page(&self) -> (usize, usize) {
        // An element of a hash is two of the reply, and the cursor is one.
        let bounds = self.reply.unwrap_or_default();
        ((bounds.reply_elements_max / 2).saturating_sub(2).max(1), bounds.reply_bytes_max / 2)
    }

    /// Takes room for one element of this many bytes, or says that there is none.
    pub fn take(&self, bytes: usize) -> Result<(), Error> {
        self.take_all(Size { elements: 1, bytes })
    }

    /// Takes room for a whole reply, whose parts took none.
    pub fn take_reply(&self, reply: &Reply) -> Result<(), Error> {
        self.take_all(Size::of(reply))
    }

    fn take_all(&self, size: Size) -> Result<(), Error> {
        let elements = self.elements.get().checked_sub(size.elements);
        let bytes = self.bytes.get().checked_sub(size.bytes);
        if let (Some(elements), Some(bytes)) = (elements, bytes) {
            self.elements.set(elements);
            self.bytes.set(bytes);
            return Ok(());
        }
        Err(match &self.reply {
            Some(bounds) if bytes.is_none() => Error::ReplyTooLarge { unit: "bytes", max: bounds.reply_bytes_max },
            Some(bounds) => Error::ReplyTooLarge { unit: "elements", max: bounds.reply_elements_max },
            None => Error::TooLarge {
                what: "transaction",
                bytes: limits::ENTRY_BYTES_MAX - self.bytes.get() + size.bytes,
                max: limits::ENTRY_BYTES_MAX,
            },
        })
    }
}

impl Reply {
    /// About how many bytes it has in a protocol.
    #[inline]
    pub fn bytes(&self) -> usize {
        // Nearly every reply is one of these.
        match self {
            Reply::Bulk(bytes) => bytes.len(),
            Reply::Word(_) | Reply::Int(_) | Reply::Nil => 0,
            _ => self.bytes_of_all(),
        }
    }

    fn bytes_of_all(&self) -> usize {
        let Size { elements, bytes } = Size::of(self);
        bytes.saturating_add(elements.saturating_mul(FRAMING_BYTES))
    }
}

/// How large a reply is, before any protocol.
#[derive(Clone, Copy, Default)]
struct Size {
    elements: usize,
    bytes: usize,
}

impl Size {
    fn of(reply: &Reply) -> Size {
        let list =
            |items: &[Reply]| items.iter().map(Size::of).fold(Size { elements: items.len(), bytes: 0 }, Size::and);
        match reply {
            Reply::Bulk(bytes) => Size { elements: 0, bytes: bytes.len() },
            Reply::Text(text) => Size { elements: 0, bytes: text.len() },
            Reply::Array(items) | Reply::Set(items) => list(items),
            Reply::Map(pairs) | Reply::Pairs(pairs) => pairs
                .iter()
                .map(|(first, second)| Size::of(first).and(Size::of(second)))
                .fold(Size { elements: pairs.len(), bytes: 0 }, Size::and),
            Reply::Word(_)
            | Reply::Int(_)
            | Reply::Nil
            | Reply::NilArray
            | Reply::Bool(_)
            | Reply::Double(_)
            | Reply::Error(_) => Size::default(),
        }
    }

    fn and(self, other: Size) -> Size {
        let bytes = self.bytes.saturating_add(other.bytes);
        Size { elements: self.elements.saturating_add(other.elements), bytes }
    }
}

/// What stands around one element: its kind, its length and two line ends.
const FRAMING_BYTES: usize = 16;

#[cfg(test)]
mod tests {
    use super::{Bounds, Room};
    use crate::testing::Replica;
    use crate::{Error, Reply};

    #[test]
    fn room_ends_at_the_bound_that_comes_first() {
        let bounds = Bounds { reply_elements_max: 2, reply_bytes_max: 10, ..Bounds::default() };
        let room = Room::for_reply(bounds);
        assert_eq!((room.take(4), room.take(6)), (Ok(()), Ok(())));
        assert_eq!(room.take(0), Err(Error::ReplyTooLarge { unit: "elements", max: 2 }));
        let room = Room::for_reply(bounds);
        assert_eq!(room.take(11), Err(Error::ReplyTooLarge { unit: "bytes", max: 10 }));
        assert_eq!(room.take(10), Ok(()), "what was refused took nothing");
        let nested = Reply::Array(vec![Reply::Array(vec![Reply::Int(1)]), Reply::Int(2)]);
        assert!(Room::for_reply(bounds).take_reply(&nested).is_err());
    }

    /// Every command that answers with a whole collection, over one that has three elements of 10 bytes.
    const WHOLE: &[&str] = &[
        "KEYS *",
        "MGET a b c d",
        "HMGET h a1 b2 c3 a1",
        "HGETALL h",
        "HKEYS h",
        "HVALS h",
        "HRANDFIELD h 9",
        "SMEMBERS s",
        "SUNION s t",
        "SINTER s s",
        "SDIFF s t",
        "SRANDMEMBER s 9",
        "ZRANGE z 0 -1",
        "ZRANGE z -inf inf BYSCORE",
        "ZRANGE z + - BYLEX REV",
        "ZREVRANGE z 0 -1",
        "ZUNION 2 z y",
        "ZINTER 1 z",
        "ZDIFF 2 z y",
        "ZRANDMEMBER z -4",
    ];

    fn filled() -> Replica {
        let mut paris = Replica::new(1);
        paris.run("MSET a 0123456789 b 0123456789 c 0123456789 d 0123456789");
        paris.run("HSET h a1 0123456789 b2 0123456789 c3 0123456789 d4 0123456789");
        paris.run("SADD s member-001 member-002 member-003 member-004");
        paris.run("ZADD z 1 member-001 2 member-002 3 member-003 4 member-004");
        paris
    }

    #[test]
    fn a_reply_with_more_elements_than_allowed_is_refused_and_says_what_to_use() {
        let mut paris = filled();
        for command in WHOLE {
            paris.bounds.reply_elements_max = 3;
            let refused = paris.run(command);
            assert!(refused.starts_with("TOOLARGE a reply of more than 3 elements"), "{command}: {refused}");
            assert!(refused.contains("SCAN"), "{command}: {refused}");
            paris.bounds.reply_elements_max = 9;
            assert!(!paris.run(command).starts_with("TOOLARGE"), "{command}");
        }
    }

    #[test]
    fn a_reply_with_more_bytes_than_allowed_is_refused() {
        let mut paris = filled();
        paris.bounds.reply_bytes_max = 39;
        for command in WHOLE.iter().filter(|command| !["KEYS *", "HKEYS h", "HRANDFIELD h 9"].contains(command)) {
            let refused = paris.run(command);
            assert!(refused.starts_with("TOOLARGE a reply of more than 39 bytes"), "{command}: {refused}");
        }
    }

    #[test]
    fn scans_make_shorter_pages_instead_of_refusing() {
        for bounds in [
            Bounds { reply_elements_max: 20, ..Bounds::default() },
            Bounds { reply_bytes_max: 200, ..Bounds::default() },
        ] {
            let mut paris = Replica::new(1);
            for number in 0..300 {
                paris.run(&format!("HSET h field-{number} 0123456789"));
                paris.run(&format!("SET key-{number} x"));
            }
            paris.bounds = bounds;
            for (scan, keys) in [("HSCAN h CURSOR COUNT 1000", 301), ("SCAN CURSOR COUNT 1000", 301)] {
                let (mut cursor, mut found, mut pages) = ("0".to_owned(), std::collections::BTreeSet::new(), 0);
                loop {
                    let reply = paris.run(&scan.replace("CURSOR", &cursor));
                    let (next, items) =
                        reply.trim_start_matches('[').trim_end_matches(']').split_once(" [").expect(&reply);
                    found.extend(items.split_whitespace().map(str::to_owned));
                    pages += 1;
                    cursor = next.to_owned();
                    if cursor == "0" {
                        break;
                    }
                }
                assert_eq!(found.len(), keys, "{scan}");
                assert!(pages > 10, "{scan}: {pages} pages");
            }
        }
    }

    #[test]
    fn the_replies_of_a_transaction_count_together_and_a_refused_one_changes_nothing() {
        let mut paris = filled();
        paris.bounds.reply_bytes_max = 35;
        for line in ["MULTI", "SET new 1", "GET a", "GET b", "GET c"] {
            paris.run(line);
        }
        assert_eq!(paris.run("EXEC").split(' ').next(), Some("[OK"));
        for line in ["MULTI", "SET newer 1", "GET a", "GET b", "GET c", "GET d"] {
            paris.run(line);
        }
        let refused = paris.run("EXEC");
        assert!(refused.starts_with("TOOLARGE a reply of more than 35 bytes"), "{refused}");
        assert_eq!((paris.run("GET newer"), paris.run("GET new")), ("nil".to_owned(), "1".to_owned()));
    }

    #[test]
    fn what_a_write_only_looks_at_is_no_reply() {
        let mut paris = filled();
        paris.bounds = Bounds { reply_elements_max: 1, reply_bytes_max: 10, ..Bounds::default() };
        assert_eq!(paris.run("COPY h h2"), "1");
        assert_eq!(paris.run("SUNIONSTORE u s"), "4");
        assert_eq!(paris.run("SINTERCARD 2 s u"), "4");
        assert_eq!(paris.run("ZINTERCARD 1 z"), "4");
        assert_eq!(paris.run("ZREMRANGEBYRANK z 0 -1"), "4");
    }

    #[test]
    fn keys_and_values_may_be_bounded_lower_and_what_is_there_can_still_be_read_and_removed() {
        let mut paris = filled();
        paris.run("HSET a-long-key field value");
        paris.bounds = Bounds { key_bytes_max: 4, field_bytes_max: 5, value_bytes_max: 6, ..Bounds::default() };
        for (line, what) in [
            ("SET ab 1234567", "value of 7 bytes is above the limit of 6 bytes"),
            ("SET abcde 1", "key of 5 bytes is above the limit of 4 bytes"),
            ("HSET h field6 1", "field or member of 6 bytes is above the limit of 5 bytes"),
            ("HSET a-long-key f 1", "key of 10 bytes is above the limit of 4 bytes"),
            ("INCR abcde", "key of 5 bytes is above the limit of 4 bytes"),
            ("APPEND a x", "value of 11 bytes is above the limit of 6 bytes"),
        ] {
            assert_eq!(paris.run(line), format!("TOOLARGE {what}"), "{line}");
        }
        assert_eq!(paris.run("HGET a-long-key field"), "value");
        assert_eq!(paris.run("HDEL a-long-key field"), "1");
        assert_eq!(paris.run("DEL a-long-key a"), "1");
    }
}
