//! Bytes as letters, digits, `-` and `_` (RFC 4648, section 5, without padding): safe in headers, commands and URLs.

/// Four letters for three bytes.
pub(super) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0u32, |group, &byte| group << 8 | u32::from(byte)) << (8 * (3 - chunk.len()));
        for at in 0..=chunk.len() {
            text.push(char::from(LETTERS[(group >> (18 - 6 * at)) as usize & 63]));
        }
    }
    text
}

/// What [`encode`] wrote; `None` for everything else, spare bits that are not 0 included, so that a value has one text.
pub(super) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 2);
    for chunk in text.chunks(4) {
        let count = chunk.len().checked_sub(1).filter(|&count| count > 0)?;
        let mut group = 0u32;
        for &letter in chunk {
            group = group << 6 | value_of(letter)?;
        }
        group <<= 6 * (4 - chunk.len());
        let [_, three @ ..] = group.to_be_bytes();
        if three[count..].iter().any(|&spare| spare != 0) {
            return None;
        }
        bytes.extend_from_slice(&three[..count]);
    }
    Some(bytes)
}

fn value_of(letter: u8) -> Option<u32> {
    let value = match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'-' => 62,
        b'_' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop, proptest};
    use proptest::prop_assert_eq;

    use super::{decode, encode};

    #[test]
    fn the_vectors_of_the_standard_hold() {
        let vectors = [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("fooba", "Zm9vYmE")];
        for (bytes, text) in vectors {
            assert_eq!((encode(bytes.as_bytes()).as_str(), decode(text.as_bytes()).unwrap()), (text, bytes.into()));
        }
        assert_eq!(encode(&[0xfb, 0xff, 0xfe]), "-__-");
        // Spare bits, a lone letter, padding, the other alphabet.
        for text in ["Zh", "Z", "Zg==", "+//+"] {
            assert_eq!(decode(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn bytes_come_back_and_have_one_text(bytes in prop::collection::vec(any::<u8>(), 0..40), text in "[A-Za-z0-9_-]{0,12}") {
            prop_assert_eq!(decode(encode(&bytes).as_bytes()), Some(bytes));
            if let Some(bytes) = decode(text.as_bytes()) {
                prop_assert_eq!(encode(&bytes), text);
            }
        }
    }
}
