//! Where a truncated journal begins, and what came before that.

use std::collections::BTreeMap;

use super::HeaderError;

/// For each replica the highest sequence among some records.
pub(crate) type Highest = BTreeMap<u16, u64>;

/// Takes one more record into account.
pub(crate) fn raise(highest: &mut Highest, replica: u16, seq: u64) {
    let known = highest.entry(replica).or_insert(seq);
    *known = seq.max(*known);
}

/// The file that says it.
pub(crate) const BEGINNING_FILE: &str = "journal-beginning";

/// What is left of records that were dropped.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Beginning {
    /// No record before this position is kept.
    pub first: u64,
    /// Of the records before it.
    pub dropped: Highest,
}

impl Beginning {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEAD_BYTES + self.dropped.len() * REPLICA_BYTES + SUM_BYTES);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&self.first.to_le_bytes());
        // Replicas have sixteen bits, so their count fits.
        bytes.extend_from_slice(&(self.dropped.len() as u32).to_le_bytes());
        for (replica, seq) in &self.dropped {
            bytes.extend_from_slice(&replica.to_le_bytes());
            bytes.extend_from_slice(&seq.to_le_bytes());
        }
        let sum = crc32c::crc32c(&bytes);
        bytes.extend_from_slice(&sum.to_le_bytes());
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Beginning, HeaderError> {
        let (body, sum) = bytes.split_last_chunk::<SUM_BYTES>().ok_or(HeaderError::Broken)?;
        if body.len() < HEAD_BYTES || body[..8] != MAGIC || u32::from_le_bytes(*sum) != crc32c::crc32c(body) {
            return Err(HeaderError::Broken);
        }
        let version = u32::from_le_bytes(body[8..12].try_into().expect("four bytes"));
        if version != VERSION {
            return Err(HeaderError::Version(version));
        }
        let first = u64::from_le_bytes(body[12..20].try_into().expect("eight bytes"));
        let count = u32::from_le_bytes(body[20..24].try_into().expect("four bytes")) as usize;
        let (replicas, rest) = body[HEAD_BYTES..].as_chunks::<REPLICA_BYTES>();
        if replicas.len() != count || !rest.is_empty() {
            return Err(HeaderError::Broken);
        }
        let dropped = replicas.iter().map(|one| {
            let replica = u16::from_le_bytes([one[0], one[1]]);
            (replica, u64::from_le_bytes(one[2..].try_into().expect("eight bytes")))
        });
        Ok(Beginning { first, dropped: dropped.collect() })
    }
}

const MAGIC: [u8; 8] = *b"LCJBEG\r\n";
const VERSION: u32 = 1;
const HEAD_BYTES: usize = 24;
const REPLICA_BYTES: usize = 10;
const SUM_BYTES: usize = 4;

#[cfg(test)]
mod tests {
    use super::{Beginning, Highest};
    use crate::format::HeaderError;

    #[test]
    fn what_was_dropped_comes_back_and_any_changed_byte_is_noticed() {
        let beginning = Beginning { first: 77, dropped: Highest::from([(1, 5), (65, u64::MAX)]) };
        let good = beginning.encode();
        assert_eq!(Beginning::decode(&good), Ok(beginning));
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 4;
            assert_eq!(Beginning::decode(&bad), Err(HeaderError::Broken), "byte {at}");
            assert_eq!(Beginning::decode(&good[..at]), Err(HeaderError::Broken));
        }
    }

    #[test]
    fn a_later_format_is_called_by_its_number() {
        let mut bytes = Beginning::default().encode();
        bytes.truncate(bytes.len() - 4);
        bytes[8] = 9;
        let sum = crc32c::crc32c(&bytes);
        bytes.extend_from_slice(&sum.to_le_bytes());
        assert_eq!(Beginning::decode(&bytes), Err(HeaderError::Version(9)));
    }
}
