//! Byte strings of a known length, in hexadecimal: short enough, and a person can compare two.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};

/// Lower-case digits.
pub(crate) fn text(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes of exactly `2 * N` lower-case digits, so that equal bytes have one text.
pub(crate) fn parse<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits: Option<Vec<u8>> = text.bytes().map(digit).collect();
    let digits = digits.filter(|digits| digits.len() == 2 * N)?;
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        *byte = pair[0] << 4 | pair[1];
    }
    Some(bytes)
}

pub(crate) fn serialize<S: Serializer, const N: usize>(bytes: &[u8; N], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&text(bytes))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>, const N: usize>(deserializer: D) -> Result<[u8; N], D::Error> {
    let text = String::deserialize(deserializer).map_err(|_| D::Error::custom("expected hexadecimal digits"))?;
    // The text may be a secret, so the error does not repeat it.
    parse(&text).ok_or_else(|| D::Error::custom(format!("expected {} hexadecimal digits", 2 * N)))
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{parse, text};

    #[test]
    fn bytes_survive_and_anything_else_is_none() {
        assert_eq!(parse::<3>(&text(&[0, 171, 255])), Some([0, 171, 255]));
        for wrong in ["", "00ab", "00abf", "00abff0", "00ABff", "00abfg", "é0abf"] {
            assert_eq!(parse::<3>(wrong), None, "{wrong}");
        }
    }
}
