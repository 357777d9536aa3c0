//! Where a cell stands among all cells of a replica, as bytes that sort: by the hash of its key, then key by key, the
//! head first, then elements by kind and the hash of their field. That is the order in which rows are scanned, so a
//! [`Span`] of places is a stretch of records that can be sent, compared and covered on its own. A collection that is
//! too large for one message is several stretches.
//!
//! ```text
//! hash32(key)  key, with 0 as 0 255  0 0  kind  [hash32(field) field]
//! ```

use bytes::Bytes;
use lc_core::Span;

use crate::row::hash32;
use crate::{Address, Kind};

/// Longest place: a key of nothing but zeros, doubled, and the longest field.
pub const PLACE_BYTES_MAX: usize = 2 * lc_core::limits::KEY_BYTES_MAX + lc_core::limits::FIELD_BYTES_MAX + 16;

/// The place of a cell; a key's string, counter and expiry stand in its head.
pub fn place_of(key: &[u8], kind: Kind, field: &[u8]) -> Vec<u8> {
    let mut place = key_place(key, 6 + field.len());
    place.push(kind as u8);
    if kind != Kind::String {
        place.extend_from_slice(&hash32(field));
        place.extend_from_slice(field);
    }
    place
}

/// The place that an address names.
pub fn place_at(at: &Address) -> Vec<u8> {
    place_of(&at.key, at.kind, &at.field)
}

/// The address that a place names; `None`: it is not the place of a cell.
pub fn address_of(place: &[u8]) -> Option<Address> {
    let (_, key, rest) = key_of_place(place);
    let (&tag, hash_and_field) = rest.split_first()?;
    let kind = Kind::from_tag(tag).ok()?;
    let field = if kind == Kind::String { &[] } else { hash_and_field.get(4..)? };
    Some(Address { key: key.into(), kind, field: Bytes::copy_from_slice(field) })
}

/// The cell alone.
pub fn cell_span(at: &Address) -> Span {
    let from = place_at(at);
    let mut to = from.clone();
    to.push(0);
    Span::new(from, to)
}

/// All cells of a key.
pub fn key_span(key: &[u8]) -> Span {
    let from = key_place(key, 0);
    let mut to = from.clone();
    *to.last_mut().expect("a key's place ends in a zero") = 1;
    Span::new(from, to)
}

/// All cells of all keys whose hash is at least `from` and, if there is an end, below `to`.
pub fn hash_span(from: u32, to: Option<u32>) -> Span {
    let place = |hash: u32| Bytes::copy_from_slice(&hash.to_be_bytes());
    Span { from: if from == 0 { Bytes::new() } else { place(from) }, to: to.map_or_else(Bytes::new, place) }
}

/// The hash and the key of a place, and the rest of it; a place that stops short of them stops the key there.
pub(crate) fn key_of_place(place: &[u8]) -> (u32, Vec<u8>, &[u8]) {
    let mut hash = [0; 4];
    let known = place.len().min(4);
    hash[..known].copy_from_slice(&place[..known]);
    let (mut key, mut at) = (Vec::new(), known);
    while let Some(&byte) = place.get(at) {
        match (byte, place.get(at + 1)) {
            (0, Some(255)) => at += 1,
            (0, _) => return (u32::from_be_bytes(hash), key, place.get(at + 2..).unwrap_or_default()),
            _ => {}
        }
        key.push(byte);
        at += 1;
    }
    (u32::from_be_bytes(hash), key, &[])
}

/// The hash that a place, or what follows the tag of a head row, begins with.
pub(crate) fn hash32_of(bytes: &[u8]) -> u32 {
    bytes.get(..4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_be_bytes)
}

fn key_place(key: &[u8], room: usize) -> Vec<u8> {
    let mut place = Vec::with_capacity(key.len() + 6 + room);
    place.extend_from_slice(&hash32(key));
    for &byte in key {
        place.push(byte);
        if byte == 0 {
            place.push(255);
        }
    }
    place.extend_from_slice(&[0, 0]);
    place
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{address_of, hash_span, key_of_place, key_span, place_of};
    use crate::{Address, Kind, head_row};

    #[test]
    fn places_sort_as_head_rows_do_and_a_key_is_one_stretch() {
        let mut keys: Vec<&[u8]> = vec![b"", b"\0", b"\0\0", b"\0\xff", b"a", b"a\0", b"a\0b", b"ab", b"\xff"];
        keys.sort_by_key(|key| head_row(key));
        let place = |key: &[u8]| place_of(key, Kind::String, b"");
        assert!(keys.windows(2).all(|pair| place(pair[0]) < place(pair[1])));
        for (at, key) in keys.iter().enumerate() {
            let span = key_span(key);
            assert!(span.contains(&place(key)) && span.contains(&place_of(key, Kind::Sorted, &[255; 40])));
            assert!(keys.iter().enumerate().all(|(other, key)| other == at || !span.contains(&place(key))));
            assert_eq!(key_of_place(&place_of(key, Kind::Hash, b"f")).1, *key);
            for (kind, field) in [(Kind::String, ""), (Kind::Set, ""), (Kind::Sorted, "\0f")] {
                let at = Address { key: Bytes::copy_from_slice(key), kind, field: field.into() };
                assert_eq!(address_of(&super::place_at(&at)), Some(at));
            }
        }
    }

    #[test]
    fn a_stretch_of_hashes_holds_its_keys() {
        let hash = u32::from_be_bytes(place_of(b"k", Kind::String, b"")[..4].try_into().unwrap());
        assert!(hash_span(hash, Some(hash + 1)).contains(&place_of(b"k", Kind::Set, b"x")));
        assert!(!hash_span(hash + 1, None).contains(&place_of(b"k", Kind::String, b"")));
        assert!(hash_span(0, None).contains(&place_of(b"k", Kind::String, b"")));
    }
}
