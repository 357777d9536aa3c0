//! The bytes of a backup: records of rows and entries one after the other, as `docs/formats/backup.md` draws them. The same bytes come from
//! the node and lie in the files.

use bytes::Bytes;
use lc_core::ReplicaId;
use lc_core::wire::{Malformed, put_varint, varint_of};
use lc_crdt::Entry;

/// What a record says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Item {
    /// A row of the store, as it was when the backup began.
    Row(Bytes, Bytes),
    /// An entry of the journal, and where the next one is.
    Entry(u64, Bytes),
}

/// Where a record is not what was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the record at byte {offset} is damaged")]
pub struct Damaged {
    /// Where it begins.
    pub offset: usize,
}

/// Appends a row's record.
pub fn put_row(out: &mut Vec<u8>, key: &[u8], value: &[u8]) {
    put(out, ROW, |out| {
        put_varint(out, key.len() as u64);
        out.extend_from_slice(key);
        out.extend_from_slice(value);
    });
}

/// Appends an entry's record.
pub fn put_entry(out: &mut Vec<u8>, next: u64, entry: &[u8]) {
    put(out, ENTRY, |out| {
        put_varint(out, next);
        out.extend_from_slice(entry);
    });
}

/// The records in `bytes` from `start` on. After a damaged one there is no other.
pub fn items(bytes: &Bytes, start: usize) -> Items {
    Items { bytes: bytes.clone(), offset: start }
}

/// Whose entry it is, and its sequence.
pub fn dot_of(entry: &Bytes) -> Result<(ReplicaId, u64), Malformed> {
    let entry = Entry::decode(entry.clone())?;
    Ok((entry.dot.replica, entry.dot.seq))
}

/// Records, one after the other.
pub struct Items {
    bytes: Bytes,
    offset: usize,
}

impl Items {
    /// Where the next record begins.
    pub fn offset(&self) -> usize {
        self.offset
    }

    fn one(&self) -> Option<(Item, usize)> {
        let rest = self.bytes.get(self.offset..)?;
        let (head, body) = rest.split_at_checked(HEAD_BYTES)?;
        let length = u32::from_le_bytes(head[..4].try_into().ok()?) as usize;
        let sum = u32::from_le_bytes(head[4..].try_into().ok()?);
        let body = body.get(..length)?;
        if crc32c::crc32c(body) != sum {
            return None;
        }
        let start = self.offset + HEAD_BYTES;
        let end = start + length;
        let (&kind, content) = body.split_first()?;
        let (number, used) = varint_of(content, "record of a backup").ok()?;
        let content = start + 1 + used;
        let item = match kind {
            ROW => {
                let key_end = content.checked_add(usize::try_from(number).ok()?).filter(|key_end| *key_end <= end)?;
                Item::Row(self.bytes.slice(content..key_end), self.bytes.slice(key_end..end))
            }
            ENTRY => Item::Entry(number, self.bytes.slice(content..end)),
            _ => return None,
        };
        Some((item, end))
    }
}

impl Iterator for Items {
    type Item = Result<Item, Damaged>;

    fn next(&mut self) -> Option<Result<Item, Damaged>> {
        if self.offset >= self.bytes.len() {
            return None;
        }
        match self.one() {
            Some((item, end)) => {
                self.offset = end;
                Some(Ok(item))
            }
            None => {
                let offset = std::mem::replace(&mut self.offset, usize::MAX);
                Some(Err(Damaged { offset }))
            }
        }
    }
}

fn put(out: &mut Vec<u8>, kind: u8, content: impl FnOnce(&mut Vec<u8>)) {
    let head = out.len();
    out.extend_from_slice(&[0; HEAD_BYTES]);
    out.push(kind);
    content(out);
    let body = &out[head + HEAD_BYTES..];
    // A row or an entry has a few tens of MiB at most.
    let (length, sum) = (body.len() as u32, crc32c::crc32c(body));
    out[head..head + 4].copy_from_slice(&length.to_le_bytes());
    out[head + 4..head + HEAD_BYTES].copy_from_slice(&sum.to_le_bytes());
}

/// Length and sum of what follows.
const HEAD_BYTES: usize = 8;
const ROW: u8 = b'r';
const ENTRY: u8 = b'e';

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{Damaged, Item, items, put_entry, put_row};

    #[test]
    fn records_come_back_and_any_changed_byte_is_found_where_its_record_begins() {
        let mut bytes = Vec::new();
        put_row(&mut bytes, b"key", b"value");
        let second = bytes.len();
        put_entry(&mut bytes, 700, b"entry");
        let good = Bytes::from(bytes);
        let read: Vec<_> = items(&good, 0).map(Result::unwrap).collect();
        let row = Item::Row(Bytes::from_static(b"key"), Bytes::from_static(b"value"));
        assert_eq!(read, [row, Item::Entry(700, Bytes::from_static(b"entry"))]);
        for at in 0..good.len() {
            let mut bad = good.to_vec();
            bad[at] ^= 8;
            let found = items(&Bytes::from(bad), 0).find_map(Result::err);
            assert_eq!(found, Some(Damaged { offset: if at < second { 0 } else { second } }), "byte {at}");
        }
        for end in 1..good.len() {
            let cut = items(&good.slice(..end), 0).find_map(Result::err);
            assert!(cut.is_some() || end == second, "cut at {end}");
        }
    }
}
