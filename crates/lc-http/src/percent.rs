//! Percent-encoding, as paths and queries carry any bytes.

/// Decodes `%XX`; `None` if a `%` is not followed by two hex digits.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut left = text.as_bytes();
    while let Some((&first, rest)) = left.split_first() {
        left = match first {
            b'%' => {
                let (digits, rest) = rest.split_at_checked(2)?;
                bytes.push(digit(digits[0])? << 4 | digit(digits[1])?);
                rest
            }
            _ => {
                bytes.push(first);
                rest
            }
        };
    }
    Some(bytes)
}

/// Decodes a name or value of a query, where a blank may stand as `+`.
pub(crate) fn decode_query(text: &str) -> Option<String> {
    String::from_utf8(decode(&text.replace('+', " "))?).ok()
}

fn digit(character: u8) -> Option<u8> {
    char::from(character).to_digit(16).map(|digit| digit as u8)
}

#[cfg(test)]
mod tests {
    use super::{decode, decode_query};

    #[test]
    fn any_byte_can_be_written() {
        assert_eq!(decode("a%2Fb%3a%ff+"), Some(b"a/b:\xff+".to_vec()));
        assert_eq!(decode_query("a+b%2B%C3%A9"), Some("a b+é".to_owned()));
    }

    #[test]
    fn half_an_escape_is_refused() {
        for text in ["%", "a%2", "%zz", "%+1"] {
            assert_eq!(decode(text), None, "{text}");
        }
        assert_eq!(decode_query("%ff"), None);
    }
}
