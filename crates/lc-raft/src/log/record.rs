//! What the log's journal holds, record by record.

use bytes::Bytes;
use lc_core::wire::{Malformed, Reader};

use crate::codec;
use crate::type_config::{Ballot, LogEntry, LogId};

/// One change of the log. Read in order they give the log again.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Record {
    Vote(Ballot),
    Entry(LogEntry),
    /// Entries after this one do not count any more.
    Truncated(Option<LogId>),
    /// Entries up to this one are decided.
    Committed(LogId),
    /// Entries up to this one are in a snapshot and dropped.
    Purged(LogId),
}

impl Record {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Record::Vote(vote) => {
                out.push(1);
                codec::put_vote(&mut out, vote);
            }
            Record::Entry(entry) => {
                out.push(2);
                codec::put_entry(&mut out, entry);
            }
            Record::Truncated(last) => {
                out.push(3);
                codec::put_some_log_id(&mut out, last.as_ref());
            }
            Record::Committed(id) => {
                out.push(4);
                codec::put_log_id(&mut out, id);
            }
            Record::Purged(id) => {
                out.push(5);
                codec::put_log_id(&mut out, id);
            }
        }
        out
    }

    /// Reads a record; its bytes are copied, so that the record does not hold on to the buffer it came from.
    pub(super) fn decode(payload: &[u8]) -> Result<Record, Malformed> {
        let mut reader = Reader::new(Bytes::copy_from_slice(payload));
        let record = match reader.byte("record")? {
            1 => Record::Vote(codec::vote(&mut reader)?),
            2 => Record::Entry(codec::entry(&mut reader)?),
            3 => Record::Truncated(codec::some_log_id(&mut reader)?),
            4 => Record::Committed(codec::log_id(&mut reader)?),
            5 => Record::Purged(codec::log_id(&mut reader)?),
            found => return Err(Malformed::Version { what: "kind of record", found, known: 5 }),
        };
        reader.end("record").map(|()| record)
    }
}
