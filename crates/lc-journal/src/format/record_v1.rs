//! One record: a header of fixed size, then the payload.

use lc_core::limits::ENTRY_BYTES_MAX;

/// Bytes before the payload of each record.
pub const RECORD_HEADER_BYTES: usize = 19;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// An origin's entry.
    Entry,
    /// The journal was closed in good order here.
    CleanShutdown,
}

/// What stands before a payload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Head {
    pub kind: Kind,
    /// The first record of one write to disk: everything before it was durable when it was written.
    pub first_of_write: bool,
    pub replica: u16,
    pub seq: u64,
    pub payload_bytes: usize,
}

impl Head {
    pub(crate) fn record_bytes(&self) -> usize {
        RECORD_HEADER_BYTES + self.payload_bytes
    }
}

/// Why no record could be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Broken {
    /// It may be a record, but that many bytes are needed to know.
    Needs(usize),
    /// It is none.
    Invalid,
}

/// Appends the record that will stand at `position`.
pub(crate) fn encode(out: &mut Vec<u8>, position: u64, head: Head, payload: &[u8]) {
    debug_assert_eq!(head.payload_bytes, payload.len());
    let length = u32::try_from(payload.len()).expect("append() bounds the payload");
    let start = out.len();
    let mut bytes = [0; RECORD_HEADER_BYTES];
    bytes[4..8].copy_from_slice(&length.to_le_bytes());
    bytes[8..16].copy_from_slice(&head.seq.to_le_bytes());
    bytes[16..18].copy_from_slice(&head.replica.to_le_bytes());
    bytes[18] = tag(head);
    out.extend_from_slice(&bytes);
    out.extend_from_slice(payload);
    let sum = checksum(position, &out[start + 4..]);
    out[start..start + 4].copy_from_slice(&sum.to_le_bytes());
}

/// Reads the record that begins at `position` from the front of `bytes`. With `verify`, its checksum must match.
pub(crate) fn parse(bytes: &[u8], position: u64, verify: bool) -> Result<Head, Broken> {
    let header = bytes.get(..RECORD_HEADER_BYTES).ok_or(Broken::Needs(RECORD_HEADER_BYTES))?;
    let (kind, first_of_write) = kind_of(header[18]).ok_or(Broken::Invalid)?;
    let payload_bytes = u32::from_le_bytes(header[4..8].try_into().expect("four bytes")) as usize;
    if payload_bytes > ENTRY_BYTES_MAX {
        return Err(Broken::Invalid);
    }
    let seq = u64::from_le_bytes(header[8..16].try_into().expect("eight bytes"));
    let replica = u16::from_le_bytes(header[16..18].try_into().expect("two bytes"));
    let head = Head { kind, first_of_write, replica, seq, payload_bytes };
    let record = bytes.get(..head.record_bytes()).ok_or(Broken::Needs(head.record_bytes()))?;
    let sum = u32::from_le_bytes(record[..4].try_into().expect("four bytes"));
    if verify && sum != checksum(position, &record[4..]) {
        return Err(Broken::Invalid);
    }
    Ok(head)
}

/// The position is part of the sum, so a record found where it was not written is none.
fn checksum(position: u64, after_sum: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&position.to_le_bytes()), after_sum)
}

fn tag(head: Head) -> u8 {
    let kind = match head.kind {
        Kind::Entry => 1,
        Kind::CleanShutdown => 2,
    };
    if head.first_of_write { kind | FIRST_OF_WRITE } else { kind }
}

/// Zero is no kind, so zeros are never a record.
fn kind_of(tag: u8) -> Option<(Kind, bool)> {
    let kind = match tag & !FIRST_OF_WRITE {
        1 => Kind::Entry,
        2 => Kind::CleanShutdown,
        _ => return None,
    };
    Some((kind, tag & FIRST_OF_WRITE != 0))
}

const FIRST_OF_WRITE: u8 = 0x80;

#[cfg(test)]
mod tests {
    use super::{Broken, Head, Kind, RECORD_HEADER_BYTES, encode, parse};

    fn sample() -> (Vec<u8>, Head) {
        let head = Head { kind: Kind::Entry, first_of_write: true, replica: 65, seq: 1 << 40, payload_bytes: 5 };
        let mut out = Vec::new();
        encode(&mut out, 1000, head, b"hello");
        (out, head)
    }

    #[test]
    fn a_record_comes_back_as_it_went_but_only_at_its_position() {
        let (bytes, head) = sample();
        assert_eq!(bytes.len(), RECORD_HEADER_BYTES + 5);
        assert_eq!(parse(&bytes, 1000, true), Ok(head));
        assert_eq!(parse(&bytes, 1001, true), Err(Broken::Invalid));
    }

    #[test]
    fn any_flipped_bit_makes_it_no_record() {
        let (good, _) = sample();
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(parse(&bad, 1000, true).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn zeros_are_no_record_and_a_cut_one_says_what_it_needs() {
        assert_eq!(parse(&[0; 100], 0, true), Err(Broken::Invalid));
        let (good, _) = sample();
        assert_eq!(parse(&good[..20], 1000, true), Err(Broken::Needs(good.len())));
        assert_eq!(parse(&good[..7], 1000, true), Err(Broken::Needs(RECORD_HEADER_BYTES)));
    }
}
