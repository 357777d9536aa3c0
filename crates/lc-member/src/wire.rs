//! The bytes of messages between members: control messages evolve (Protocol Buffers), entries have their own format.
//!
//! ```text
//! frame = 1  control (protobuf)
//!       | 2  count  (length entry)*
//!       | 3  count  (length entry)*     the receiver is to tell at once when it has them
//!       | 4  a message about records by ranges; only to a peer that has told of its journal
//! ```

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use lc_core::wire::{Malformed, Reader};
use lc_core::{Hlc, ReplicaId, VersionVector, limits};
use lc_crdt::KeyRows;
use lc_db::Reply;
use lc_repl::ranges::RangeMessage;
use lc_repl::{JournalState, Known, Message, Pulse, Shared};
use prost::Message as _;

/// Largest frame that a member sends: a batch that ends in one entry at its largest, with lengths.
pub const MAX_FRAME_BYTES: usize = limits::ENTRY_BYTES_MAX + (1 << 20);

/// A frame that cannot be read; the link it came from should be closed.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum FrameError {
    /// Bytes of ours that are wrong.
    #[error("frame: {0}")]
    Malformed(#[from] Malformed),
    /// A control message that is not Protocol Buffers.
    #[error("control message: {0}")]
    Control(String),
}

/// What a frame holds.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "a frame lives for one function and is never kept")]
pub enum Frame {
    /// A message other than entries.
    Control(Message),
    /// Encoded entries of one origin.
    Entries {
        /// One after the other.
        entries: Vec<Bytes>,
        /// The sender wants to hear at once when they are durable.
        urgent: bool,
    },
    /// A peer asks for records, or for the reply to a command.
    Ask {
        /// The peer's name for it.
        id: u64,
        /// What it asks.
        ask: Ask,
    },
    /// A message about records by ranges.
    Ranges(RangeMessage),
    /// A peer answers.
    Answer {
        /// Our name for what was asked.
        id: u64,
        /// What it answers.
        answer: Answer,
    },
}

/// What one region asks of another for one command.
#[derive(Clone, PartialEq, Debug)]
pub enum Ask {
    /// Everything that stands under these keys.
    Rows {
        /// The keys.
        keys: Vec<Bytes>,
    },
    /// The reply to a command that reads, if all of this is applied and fresh enough.
    Read {
        /// Name and arguments.
        words: Vec<Bytes>,
        /// What must be applied.
        covers: VersionVector,
        /// How old it may be at most, ms.
        fresh_ms: Option<u64>,
    },
}

/// What another region answers.
#[derive(Clone, PartialEq, Debug)]
pub enum Answer {
    /// The records, one for each key that was asked for, as they are once `applied` is.
    Rows {
        /// What was applied.
        applied: VersionVector,
        /// Everything under each key.
        rows: Vec<KeyRows>,
    },
    /// The reply to the command.
    Reply {
        /// The reply; an error is one too.
        reply: Reply,
        /// What was applied.
        applied: VersionVector,
        /// How old it may be at most, ms; `None`: unknown.
        staleness_ms: Option<u64>,
    },
    /// It cannot answer.
    Refused {
        /// Why.
        why: String,
    },
}

/// The bytes of a message.
pub fn encode(message: &Message) -> Bytes {
    let control = match message {
        Message::Entries { entries, urgent } => return encode_entries(entries, *urgent),
        Message::Hello { replica, durable, placement, journal } => {
            let hello = Hello {
                replica: replica.0.into(),
                durable: pairs(durable),
                placement: *placement,
                journal: journal.as_ref().map(JournalMessage::of),
            };
            Control { hello: Some(hello), ..Control::default() }
        }
        Message::Have { replica, durable, placement, journal, applied, hlc, pulse, known } => Control {
            have: Some(Have {
                replica: replica.0.into(),
                durable: pairs(durable),
                applied: applied.as_ref().map_or_else(Vec::new, |shared| pairs(&shared.at)),
                digest: applied.as_ref().map_or_else(Vec::new, |shared| shared.digest.to_le_bytes().to_vec()),
                compared_by: applied.as_ref().map_or(0, |shared| shared.placement),
                placement: *placement,
                journal: journal.as_ref().map(JournalMessage::of),
                hlc: hlc.0,
                sent_ns: pulse.sent_ns,
                echo_ns: pulse.echo.map(|(ours, _)| ours),
                held_ns: pulse.echo.map_or(0, |(_, held)| held),
                wall_ms: pulse.wall_ms,
                known: known.iter().flat_map(|known| [u64::from(known.origin.0), known.seq, known.age_ms]).collect(),
            }),
            ..Control::default()
        },
        Message::Want { origin, after } => {
            Control { want: Some(Want { origin: origin.0.into(), after: *after }), ..Control::default() }
        }
    };
    control.frame()
}

/// The bytes of a question.
pub fn encode_ask(id: u64, ask: &Ask) -> Bytes {
    let ask = match ask {
        Ask::Rows { keys } => AskMessage { id, keys: keys.clone(), ..AskMessage::default() },
        Ask::Read { words, covers, fresh_ms } => {
            AskMessage { id, words: words.clone(), covers: pairs(covers), fresh_ms: *fresh_ms, ..AskMessage::default() }
        }
    };
    Control { ask: Some(ask), ..Control::default() }.frame()
}

/// The bytes of an answer.
pub fn encode_answer(id: u64, answer: &Answer) -> Bytes {
    let answer = match answer {
        Answer::Rows { applied, rows } => {
            let rows = rows.iter().map(|rows| encoded(|out| rows.encode(out))).collect();
            AnswerMessage { id, applied: pairs(applied), rows, ..AnswerMessage::default() }
        }
        Answer::Reply { reply, applied, staleness_ms } => AnswerMessage {
            id,
            reply: Some(encoded(|out| reply.encode(out))),
            applied: pairs(applied),
            staleness_ms: *staleness_ms,
            ..AnswerMessage::default()
        },
        Answer::Refused { why } => AnswerMessage { id, refused: Some(why.clone()), ..AnswerMessage::default() },
    };
    Control { answer: Some(answer), ..Control::default() }.frame()
}

/// The bytes of a message about records by ranges.
pub fn encode_ranges(message: &RangeMessage) -> Bytes {
    let mut out = vec![RANGES];
    message.encode(&mut out);
    Bytes::from(out)
}

fn encoded(encode: impl FnOnce(&mut Vec<u8>)) -> Bytes {
    let mut out = Vec::new();
    encode(&mut out);
    Bytes::from(out)
}

impl Control {
    fn frame(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(1 + self.encoded_len());
        out.put_u8(CONTROL);
        self.encode(&mut out).expect("a BytesMut grows");
        out.freeze()
    }
}

fn encode_entries(entries: &Arc<[Bytes]>, urgent: bool) -> Bytes {
    let bytes: usize = entries.iter().map(|entry| entry.len() + 5).sum();
    let mut out = Vec::with_capacity(bytes + 6);
    out.push(if urgent { URGENT_ENTRIES } else { ENTRIES });
    lc_core::wire::put_varint(&mut out, entries.len() as u64);
    for entry in entries.iter() {
        lc_core::wire::put_bytes(&mut out, entry);
    }
    Bytes::from(out)
}

/// Reads what [`encode`] wrote; every bound is checked.
pub fn decode(frame: Bytes) -> Result<Frame, FrameError> {
    let mut reader = Reader::new(frame);
    match reader.byte("frame tag")? {
        CONTROL => decode_control(reader.rest()),
        tag @ (ENTRIES | URGENT_ENTRIES) => {
            let count = reader.bounded(MAX_FRAME_BYTES as u64, "entry count")?;
            // A lying count must not reserve more than the bytes at hand could fill.
            let mut entries = Vec::with_capacity((count as usize).min(reader.remaining() / ENTRY_BYTES_MIN));
            for _ in 0..count {
                entries.push(reader.bytes(limits::ENTRY_BYTES_MAX, "entry")?);
            }
            reader.end("entries")?;
            Ok(Frame::Entries { entries, urgent: tag == URGENT_ENTRIES })
        }
        RANGES => Ok(Frame::Ranges(RangeMessage::decode(reader.rest())?)),
        _ => Err(Malformed::Unknown("frame tag").into()),
    }
}

fn decode_control(bytes: Bytes) -> Result<Frame, FrameError> {
    let control = Control::decode(bytes).map_err(|error| FrameError::Control(error.to_string()))?;
    if let Some(ask) = control.ask {
        return Ok(Frame::Ask { id: ask.id, ask: ask.decoded()? });
    }
    if let Some(answer) = control.answer {
        return Ok(Frame::Answer { id: answer.id, answer: answer.decoded()? });
    }
    if let Some(hello) = control.hello {
        return Ok(Frame::Control(Message::Hello {
            replica: replica(hello.replica)?,
            durable: vector(&hello.durable)?,
            placement: hello.placement,
            journal: hello.journal.map(JournalMessage::decoded).transpose()?,
        }));
    }
    if let Some(have) = control.have {
        return have.decoded().map(Frame::Control);
    }
    match control.want {
        Some(want) => Ok(Frame::Control(Message::Want { origin: replica(want.origin)?, after: want.after })),
        None => Err(Malformed::Unknown("control message").into()),
    }
}

impl JournalMessage {
    fn of(journal: &JournalState) -> JournalMessage {
        JournalMessage { begins_after: pairs(&journal.begins_after), paused: journal.paused }
    }

    fn decoded(self) -> Result<JournalState, FrameError> {
        Ok(JournalState { begins_after: vector(&self.begins_after)?, paused: self.paused })
    }
}

impl Have {
    fn decoded(self) -> Result<Message, FrameError> {
        let digest = <[u8; 16]>::try_from(self.digest.as_slice()).ok().map(u128::from_le_bytes);
        let applied = vector(&self.applied)?;
        if !self.known.len().is_multiple_of(3) || self.known.len() > 3 * limits::REPLICAS_MAX {
            return Err(Malformed::OutOfBounds("known origins").into());
        }
        let known = self.known.chunks_exact(3).map(|known| {
            let origin = replica(u32::try_from(known[0]).map_err(|_| Malformed::OutOfBounds("replica"))?)?;
            Ok(Known { origin, seq: known[1], age_ms: known[2] })
        });
        Ok(Message::Have {
            replica: replica(self.replica)?,
            durable: vector(&self.durable)?,
            placement: self.placement,
            journal: self.journal.map(JournalMessage::decoded).transpose()?,
            applied: digest.map(|digest| Shared { at: applied, digest, placement: self.compared_by }),
            hlc: Hlc(self.hlc),
            pulse: Pulse {
                sent_ns: self.sent_ns,
                echo: self.echo_ns.map(|ours| (ours, self.held_ns)),
                wall_ms: self.wall_ms,
            },
            known: known.collect::<Result<_, FrameError>>()?,
        })
    }
}

impl AskMessage {
    fn decoded(self) -> Result<Ask, FrameError> {
        if self.words.is_empty() {
            return Ok(Ask::Rows { keys: self.keys });
        }
        Ok(Ask::Read { words: self.words, covers: vector(&self.covers)?, fresh_ms: self.fresh_ms })
    }
}

impl AnswerMessage {
    fn decoded(self) -> Result<Answer, FrameError> {
        if let Some(why) = self.refused {
            return Ok(Answer::Refused { why });
        }
        let applied = vector(&self.applied)?;
        if let Some(bytes) = self.reply {
            let mut reader = Reader::new(bytes);
            let reply = Reply::decode(&mut reader)?;
            reader.end("reply")?;
            return Ok(Answer::Reply { reply, applied, staleness_ms: self.staleness_ms });
        }
        let rows = self.rows.into_iter().map(|bytes| {
            let mut reader = Reader::new(bytes);
            let rows = KeyRows::decode(&mut reader)?;
            reader.end("key rows")?;
            Ok(rows)
        });
        Ok(Answer::Rows { applied, rows: rows.collect::<Result<_, FrameError>>()? })
    }
}

fn pairs(vector: &VersionVector) -> Vec<u64> {
    vector.iter().flat_map(|(replica, seq)| [u64::from(replica.0), seq]).collect()
}

fn vector(pairs: &[u64]) -> Result<VersionVector, FrameError> {
    if pairs.len() % 2 == 1 || pairs.len() > 2 * limits::REPLICAS_MAX {
        return Err(Malformed::OutOfBounds("vector").into());
    }
    let id = |id: u64| u32::try_from(id).map_err(|_| FrameError::from(Malformed::OutOfBounds("replica")));
    pairs.chunks_exact(2).map(|pair| Ok((replica(id(pair[0])?)?, pair[1]))).collect()
}

fn replica(id: u32) -> Result<ReplicaId, FrameError> {
    u16::try_from(id).map(ReplicaId).map_err(|_| Malformed::OutOfBounds("replica").into())
}

/// Version, replica, sequence, gap, stamp, dependencies and ops at their shortest.
const ENTRY_BYTES_MIN: usize = 14;
const CONTROL: u8 = 1;
const ENTRIES: u8 = 2;
const URGENT_ENTRIES: u8 = 3;
const RANGES: u8 = 4;

#[derive(Clone, PartialEq, prost::Message)]
struct Control {
    #[prost(message, optional, tag = "1")]
    hello: Option<Hello>,
    #[prost(message, optional, tag = "2")]
    have: Option<Have>,
    #[prost(message, optional, tag = "3")]
    want: Option<Want>,
    #[prost(message, optional, tag = "4")]
    ask: Option<AskMessage>,
    #[prost(message, optional, tag = "5")]
    answer: Option<AnswerMessage>,
}

/// With words it asks for a reply, without for rows.
#[derive(Clone, PartialEq, prost::Message)]
struct AskMessage {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(bytes = "bytes", repeated, tag = "2")]
    keys: Vec<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "3")]
    words: Vec<Bytes>,
    #[prost(uint64, repeated, tag = "4")]
    covers: Vec<u64>,
    #[prost(uint64, optional, tag = "5")]
    fresh_ms: Option<u64>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct AnswerMessage {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(string, optional, tag = "2")]
    refused: Option<String>,
    #[prost(uint64, repeated, tag = "3")]
    applied: Vec<u64>,
    #[prost(bytes = "bytes", repeated, tag = "4")]
    rows: Vec<Bytes>,
    #[prost(bytes = "bytes", optional, tag = "5")]
    reply: Option<Bytes>,
    #[prost(uint64, optional, tag = "6")]
    staleness_ms: Option<u64>,
}

/// Vectors are flat lists: replica, sequence, replica, sequence...
#[derive(Clone, PartialEq, prost::Message)]
struct Hello {
    #[prost(uint32, tag = "1")]
    replica: u32,
    #[prost(uint64, repeated, tag = "2")]
    durable: Vec<u64>,
    #[prost(uint64, tag = "3")]
    placement: u64,
    #[prost(message, optional, tag = "4")]
    journal: Option<JournalMessage>,
}

/// Who does not send it does not know of records by ranges.
#[derive(Clone, PartialEq, prost::Message)]
struct JournalMessage {
    #[prost(uint64, repeated, tag = "1")]
    begins_after: Vec<u64>,
    #[prost(bool, tag = "2")]
    paused: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Have {
    #[prost(uint32, tag = "1")]
    replica: u32,
    #[prost(uint64, repeated, tag = "2")]
    durable: Vec<u64>,
    #[prost(uint64, repeated, tag = "3")]
    applied: Vec<u64>,
    #[prost(bytes = "vec", tag = "4")]
    digest: Vec<u8>,
    #[prost(fixed64, tag = "5")]
    hlc: u64,
    #[prost(fixed64, tag = "6")]
    sent_ns: u64,
    #[prost(fixed64, optional, tag = "7")]
    echo_ns: Option<u64>,
    #[prost(uint64, tag = "8")]
    held_ns: u64,
    /// Replica, sequence, age in ms, and again.
    #[prost(uint64, repeated, tag = "9")]
    known: Vec<u64>,
    /// The catalogue's version by which the digest's rows were chosen.
    #[prost(uint64, tag = "10")]
    compared_by: u64,
    /// The catalogue's version by which parts of what is durable were left out.
    #[prost(uint64, tag = "11")]
    placement: u64,
    /// What the sender's wall clock showed; 0 from one that does not tell.
    #[prost(uint64, tag = "12")]
    wall_ms: u64,
    #[prost(message, optional, tag = "13")]
    journal: Option<JournalMessage>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Want {
    #[prost(uint32, tag = "1")]
    origin: u32,
    #[prost(uint64, tag = "2")]
    after: u64,
}

#[cfg(test)]
mod tests {
    use super::{Frame, decode, encode};
    use bytes::Bytes;
    use lc_core::{Hlc, ReplicaId, VersionVector};
    use lc_repl::{JournalState, Known, Message, Pulse, Shared};

    #[test]
    fn control_messages_come_back() {
        let durable: VersionVector = [(ReplicaId(1), 7), (ReplicaId(3), 9)].into_iter().collect();
        for message in [
            Message::Hello { replica: ReplicaId(3), durable: durable.clone(), placement: 8, journal: None },
            Message::Have {
                replica: ReplicaId(1),
                durable: durable.clone(),
                placement: 9,
                journal: Some(JournalState { begins_after: durable.clone(), paused: true }),
                applied: Some(Shared { at: durable.clone(), digest: 1 << 100, placement: 7 }),
                hlc: Hlc(99),
                pulse: Pulse { sent_ns: 5, echo: Some((1 << 60, 7)), wall_ms: 1_800_000_000_000 },
                known: vec![Known { origin: ReplicaId(4), seq: 9, age_ms: 300 }],
            },
            Message::Have {
                replica: ReplicaId(1),
                durable,
                placement: 9,
                journal: None,
                applied: None,
                hlc: Hlc(99),
                pulse: Pulse::default(),
                known: Vec::new(),
            },
            Message::Want { origin: ReplicaId(2), after: 0 },
        ] {
            assert!(matches!(decode(encode(&message)), Ok(Frame::Control(back)) if back == message), "{message:?}");
        }
    }

    #[test]
    fn entries_come_back_and_a_lying_count_is_refused() {
        let entries: std::sync::Arc<[Bytes]> = vec![Bytes::from_static(b"a"), Bytes::from_static(b"bc")].into();
        for hurry in [false, true] {
            let frame = encode(&Message::Entries { entries: entries.clone(), urgent: hurry });
            let back = decode(frame);
            assert!(
                matches!(back, Ok(Frame::Entries { entries: back, urgent }) if back == entries.to_vec() && urgent == hurry)
            );
        }
        assert!(decode(Bytes::from_static(&[2, 0xff, 0xff, 0x03, 1])).is_err());
        assert!(decode(Bytes::new()).is_err());
    }

    /// Stopped replication for good: a batch of small entries ended in one of the largest, the frame was above what a
    /// link takes, and it was made again in the same way for ever.
    #[test]
    fn the_largest_batch_fits_a_frame() {
        let batch_bytes = lc_repl::Settings::default().batch_bytes;
        let small = Bytes::from(vec![0; super::ENTRY_BYTES_MIN]);
        let mut entries = vec![small; batch_bytes / super::ENTRY_BYTES_MIN];
        entries.push(Bytes::from(vec![0; lc_core::limits::ENTRY_BYTES_MAX]));
        let frame = encode(&Message::Entries { entries: entries.into(), urgent: false });
        assert!(frame.len() <= super::MAX_FRAME_BYTES, "{} bytes", frame.len());
        assert!(decode(frame).is_ok());
    }
}
