//! The bytes of messages between members: control messages evolve (Protocol Buffers), entries have their own format.
//!
//! ```text
//! frame = 1  control (protobuf)
//!       | 2  count  (length entry)*
//! ```

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use lc_core::wire::{Malformed, Reader};
use lc_core::{Hlc, ReplicaId, VersionVector, limits};
use lc_repl::Message;
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
    Entries(Vec<Bytes>),
}

/// The bytes of a message.
pub fn encode(message: &Message) -> Bytes {
    let control = match message {
        Message::Entries { entries } => return encode_entries(entries),
        Message::Hello { replica, durable } => {
            Control { hello: Some(Hello { replica: replica.0.into(), durable: pairs(durable) }), ..Control::default() }
        }
        Message::Have { replica, durable, applied, hlc } => Control {
            have: Some(Have {
                replica: replica.0.into(),
                durable: pairs(durable),
                applied: applied.as_ref().map_or_else(Vec::new, |(vector, _)| pairs(vector)),
                digest: applied.as_ref().map_or_else(Vec::new, |(_, digest)| digest.to_le_bytes().to_vec()),
                hlc: hlc.0,
            }),
            ..Control::default()
        },
        Message::Want { origin, after } => {
            Control { want: Some(Want { origin: origin.0.into(), after: *after }), ..Control::default() }
        }
    };
    let mut out = BytesMut::with_capacity(1 + control.encoded_len());
    out.put_u8(CONTROL);
    control.encode(&mut out).expect("a BytesMut grows");
    out.freeze()
}

fn encode_entries(entries: &Arc<[Bytes]>) -> Bytes {
    let bytes: usize = entries.iter().map(|entry| entry.len() + 5).sum();
    let mut out = Vec::with_capacity(bytes + 6);
    out.push(ENTRIES);
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
        CONTROL => decode_control(reader.rest()).map(Frame::Control),
        ENTRIES => {
            let count = reader.bounded(MAX_FRAME_BYTES as u64, "entry count")?;
            // A lying count must not reserve more than the bytes at hand could fill.
            let mut entries = Vec::with_capacity((count as usize).min(reader.remaining() / ENTRY_BYTES_MIN));
            for _ in 0..count {
                entries.push(reader.bytes(limits::ENTRY_BYTES_MAX, "entry")?);
            }
            reader.end("entries")?;
            Ok(Frame::Entries(entries))
        }
        _ => Err(Malformed::Unknown("frame tag").into()),
    }
}

fn decode_control(bytes: Bytes) -> Result<Message, FrameError> {
    let control = Control::decode(bytes).map_err(|error| FrameError::Control(error.to_string()))?;
    if let Some(hello) = control.hello {
        return Ok(Message::Hello { replica: replica(hello.replica)?, durable: vector(&hello.durable)? });
    }
    if let Some(have) = control.have {
        let digest = <[u8; 16]>::try_from(have.digest.as_slice()).ok().map(u128::from_le_bytes);
        let applied = vector(&have.applied)?;
        return Ok(Message::Have {
            replica: replica(have.replica)?,
            durable: vector(&have.durable)?,
            applied: digest.map(|digest| (applied, digest)),
            hlc: Hlc(have.hlc),
        });
    }
    match control.want {
        Some(want) => Ok(Message::Want { origin: replica(want.origin)?, after: want.after }),
        None => Err(Malformed::Unknown("control message").into()),
    }
}

fn pairs(vector: &VersionVector) -> Vec<u64> {
    vector.iter().flat_map(|(replica, seq)| [u64::from(replica.0), seq]).collect()
}

fn vector(pairs: &[u64]) -> Result<VersionVector, FrameError> {
    if pairs.len() % 2 == 1 || pairs.len() > 2 * limits::REPLICAS_MAX {
        return Err(Malformed::OutOfBounds("vector").into());
    }
    pairs.chunks_exact(2).map(|pair| Ok((replica(pair[0] as u32)?, pair[1]))).collect()
}

fn replica(id: u32) -> Result<ReplicaId, FrameError> {
    u16::try_from(id).map(ReplicaId).map_err(|_| Malformed::OutOfBounds("replica").into())
}

/// Version, replica, sequence, gap, stamp, dependencies and ops at their shortest.
const ENTRY_BYTES_MIN: usize = 14;
const CONTROL: u8 = 1;
const ENTRIES: u8 = 2;

#[derive(Clone, PartialEq, prost::Message)]
struct Control {
    #[prost(message, optional, tag = "1")]
    hello: Option<Hello>,
    #[prost(message, optional, tag = "2")]
    have: Option<Have>,
    #[prost(message, optional, tag = "3")]
    want: Option<Want>,
}

/// Vectors are flat lists: replica, sequence, replica, sequence...
#[derive(Clone, PartialEq, prost::Message)]
struct Hello {
    #[prost(uint32, tag = "1")]
    replica: u32,
    #[prost(uint64, repeated, tag = "2")]
    durable: Vec<u64>,
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
    use lc_repl::Message;

    #[test]
    fn control_messages_come_back() {
        let durable: VersionVector = [(ReplicaId(1), 7), (ReplicaId(3), 9)].into_iter().collect();
        for message in [
            Message::Hello { replica: ReplicaId(3), durable: durable.clone() },
            Message::Have {
                replica: ReplicaId(1),
                durable: durable.clone(),
                applied: Some((durable.clone(), 1 << 100)),
                hlc: Hlc(99),
            },
            Message::Have { replica: ReplicaId(1), durable, applied: None, hlc: Hlc(99) },
            Message::Want { origin: ReplicaId(2), after: 0 },
        ] {
            assert!(matches!(decode(encode(&message)), Ok(Frame::Control(back)) if back == message), "{message:?}");
        }
    }

    #[test]
    fn entries_come_back_and_a_lying_count_is_refused() {
        let entries: std::sync::Arc<[Bytes]> = vec![Bytes::from_static(b"a"), Bytes::from_static(b"bc")].into();
        let frame = encode(&Message::Entries { entries: entries.clone() });
        assert!(matches!(decode(frame), Ok(Frame::Entries(back)) if back == entries.to_vec()));
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
        let frame = encode(&Message::Entries { entries: entries.into() });
        assert!(frame.len() <= super::MAX_FRAME_BYTES, "{} bytes", frame.len());
        assert!(decode(frame).is_ok());
    }
}
