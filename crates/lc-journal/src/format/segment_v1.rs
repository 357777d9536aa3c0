//! A segment file's name and header.

pub(crate) const SEGMENT_HEADER_BYTES: u64 = 512;

/// Why a header cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum HeaderError {
    /// Not a header, or not all of it.
    Broken,
    /// A whole header of a format this release does not know.
    Version(u32),
}

/// Sorted by name is sorted by position.
pub(crate) fn segment_name(first: u64) -> String {
    format!("{first:020}.journal")
}

pub(crate) fn segment_first(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".journal")?;
    if digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok() } else { None }
}

pub(crate) fn encode_header(first: u64) -> [u8; SEGMENT_HEADER_BYTES as usize] {
    let mut header = [0; SEGMENT_HEADER_BYTES as usize];
    header[..8].copy_from_slice(&MAGIC);
    header[8..12].copy_from_slice(&VERSION.to_le_bytes());
    header[12..20].copy_from_slice(&first.to_le_bytes());
    let sum = crc32c::crc32c(&header[..20]);
    header[20..24].copy_from_slice(&sum.to_le_bytes());
    header
}

/// The first position of the segment.
pub(crate) fn decode_header(header: &[u8]) -> Result<u64, HeaderError> {
    let bytes = header.get(..24).ok_or(HeaderError::Broken)?;
    let number = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
    if bytes[..8] != MAGIC || number(20) != crc32c::crc32c(&bytes[..20]) {
        return Err(HeaderError::Broken);
    }
    if number(8) != VERSION {
        return Err(HeaderError::Version(number(8)));
    }
    Ok(u64::from_le_bytes(bytes[12..20].try_into().expect("eight bytes")))
}

const MAGIC: [u8; 8] = *b"LCJRNL\r\n";
const VERSION: u32 = 1;

#[cfg(test)]
mod tests {
    use super::{HeaderError, decode_header, encode_header, segment_first, segment_name};

    #[test]
    fn a_name_gives_back_its_position_and_sorts_by_it() {
        assert_eq!(segment_first(&segment_name(42)), Some(42));
        assert!(segment_name(9) < segment_name(10));
        for foreign in ["identity", "1.journal", "0000000000000000000x.journal", "99999999999999999999.journal"] {
            assert_eq!(segment_first(foreign), None);
        }
    }

    #[test]
    fn a_header_with_any_byte_changed_is_refused() {
        let good = encode_header(7);
        assert_eq!(decode_header(&good), Ok(7));
        for at in 0..24 {
            let mut bad = good;
            bad[at] ^= 0x10;
            assert_eq!(decode_header(&bad), Err(HeaderError::Broken), "byte {at}");
        }
        assert_eq!(decode_header(&good[..23]), Err(HeaderError::Broken));
    }
}
