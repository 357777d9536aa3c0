//! Bytes in and out: variable-length integers and length-prefixed bytes, used by entries, rows and vectors.
//!
//! Integers are little-endian base 128 (as in Protocol Buffers); every read is bounds-checked.

use bytes::Bytes;

/// Bytes that do not mean what they should.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Malformed {
    /// The bytes end too early.
    #[error("bytes end inside {0}")]
    Truncated(&'static str),
    /// A number is outside its bounds.
    #[error("{0} is out of bounds")]
    OutOfBounds(&'static str),
    /// A tag that this version does not know.
    #[error("unknown {0}")]
    Unknown(&'static str),
    /// A version, layout or tag of another release.
    #[error("{what} {found}; this release reads up to {known}")]
    Version {
        /// Of what.
        what: &'static str,
        /// What the bytes say.
        found: u8,
        /// The newest that is known here.
        known: u8,
    },
    /// More bytes than the value needs.
    #[error("bytes left over after {0}")]
    LeftOver(&'static str),
}

/// Appends `value` in 1 to 10 bytes.
pub fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a signed number, small magnitudes in few bytes (zigzag).
pub fn put_signed(out: &mut Vec<u8>, value: i64) {
    put_varint(out, ((value << 1) ^ (value >> 63)) as u64);
}

/// Appends a length and the bytes.
pub fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Reads from the front of a shared buffer; byte strings come out as cheap slices of it.
#[derive(Clone, Debug)]
pub struct Reader {
    left: Bytes,
}

impl Reader {
    /// Reads `bytes` from the start.
    pub fn new(bytes: Bytes) -> Reader {
        Reader { left: bytes }
    }

    /// How many bytes are left.
    pub fn remaining(&self) -> usize {
        self.left.len()
    }

    /// One byte.
    pub fn byte(&mut self, what: &'static str) -> Result<u8, Malformed> {
        let first = *self.left.first().ok_or(Malformed::Truncated(what))?;
        let _ = self.left.split_to(1);
        Ok(first)
    }

    /// A byte that names the version of what follows, which must be the one that is known.
    pub fn version(&mut self, known: u8, what: &'static str) -> Result<(), Malformed> {
        let found = self.byte(what)?;
        if found == known { Ok(()) } else { Err(Malformed::Version { what, found, known }) }
    }

    /// An unsigned number of up to 64 bits.
    pub fn varint(&mut self, what: &'static str) -> Result<u64, Malformed> {
        let (value, used) = varint_of(&self.left, what)?;
        let _ = self.left.split_to(used);
        Ok(value)
    }

    /// A number no larger than `max`.
    pub fn bounded(&mut self, max: u64, what: &'static str) -> Result<u64, Malformed> {
        let value = self.varint(what)?;
        if value > max { Err(Malformed::OutOfBounds(what)) } else { Ok(value) }
    }

    /// A signed number.
    pub fn signed(&mut self, what: &'static str) -> Result<i64, Malformed> {
        let raw = self.varint(what)?;
        Ok((raw >> 1) as i64 ^ -((raw & 1) as i64))
    }

    /// Exactly `count` bytes.
    pub fn take(&mut self, count: usize, what: &'static str) -> Result<Bytes, Malformed> {
        if count > self.left.len() {
            return Err(Malformed::Truncated(what));
        }
        Ok(self.left.split_to(count))
    }

    /// Eight bytes, little-endian.
    pub fn fixed_u64(&mut self, what: &'static str) -> Result<u64, Malformed> {
        let bytes = self.take(8, what)?;
        Ok(u64::from_le_bytes(bytes.as_ref().try_into().expect("take() gave eight bytes")))
    }

    /// A length and that many bytes, at most `max`.
    pub fn bytes(&mut self, max: usize, what: &'static str) -> Result<Bytes, Malformed> {
        let length = self.bounded(max as u64, what)?;
        self.take(length as usize, what)
    }

    /// All that is left.
    pub fn rest(self) -> Bytes {
        self.left
    }

    /// Checks that nothing is left.
    pub fn end(&self, what: &'static str) -> Result<(), Malformed> {
        if self.left.is_empty() { Ok(()) } else { Err(Malformed::LeftOver(what)) }
    }
}

/// A number at the start of `bytes`, and how many bytes it takes.
pub fn varint_of(bytes: &[u8], what: &'static str) -> Result<(u64, usize), Malformed> {
    let mut value = 0u64;
    for (index, &byte) in bytes.iter().take(10).enumerate() {
        if index == 9 && byte > 1 {
            return Err(Malformed::OutOfBounds(what));
        }
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte < 0x80 {
            return Ok((value, index + 1));
        }
    }
    Err(if bytes.len() >= 10 { Malformed::OutOfBounds(what) } else { Malformed::Truncated(what) })
}

#[cfg(test)]
mod tests {
    use super::{Bytes, Malformed, Reader, put_bytes, put_signed, put_varint};

    #[test]
    fn numbers_and_bytes_come_back_as_they_went() {
        let mut out = Vec::new();
        for value in [0, 1, 127, 128, 300, u64::MAX] {
            put_varint(&mut out, value);
        }
        for value in [0, -1, 1, i64::MIN, i64::MAX] {
            put_signed(&mut out, value);
        }
        put_bytes(&mut out, b"key");
        let mut reader = Reader::new(Bytes::from(out));
        for value in [0, 1, 127, 128, 300, u64::MAX] {
            assert_eq!(reader.varint("n"), Ok(value));
        }
        for value in [0, -1, 1, i64::MIN, i64::MAX] {
            assert_eq!(reader.signed("n"), Ok(value));
        }
        assert_eq!(reader.bytes(3, "key").unwrap().as_ref(), b"key");
        assert_eq!(reader.end("all"), Ok(()));
    }

    #[test]
    fn a_number_of_eleven_bytes_is_refused() {
        let mut reader = Reader::new(Bytes::from_static(&[0xff; 11]));
        assert_eq!(reader.varint("n"), Err(Malformed::OutOfBounds("n")));
    }

    #[test]
    fn a_length_beyond_the_end_is_refused_before_anything_is_allocated() {
        let mut out = Vec::new();
        put_varint(&mut out, 1 << 40);
        assert_eq!(Reader::new(Bytes::from(out)).bytes(100, "key"), Err(Malformed::OutOfBounds("key")));
    }
}
