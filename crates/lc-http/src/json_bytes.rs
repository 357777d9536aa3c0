//! Bytes of records as JSON: text where they are UTF-8, base64 where they are not.

use std::fmt;

use bytes::Bytes;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Number, Value, json};

use crate::base64;

/// Bytes as a JSON value: a string, or `{"base64": ...}`.
pub(crate) fn show(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => Value::from(text),
        Err(_) => json!({ "base64": base64::encode(bytes) }),
    }
}

/// Named values as a JSON object; as a list of pairs if a name is not UTF-8, because an object cannot have it.
pub(crate) fn show_named(pairs: &[(Bytes, Bytes)]) -> Value {
    let named: Option<serde_json::Map<String, Value>> =
        pairs.iter().map(|(name, value)| Some((String::from_utf8(name.to_vec()).ok()?, show(value)))).collect();
    match named {
        Some(object) => Value::Object(object),
        None => pairs.iter().map(|(name, value)| json!([show(name), show(value)])).collect(),
    }
}

/// A score as a JSON number, whole ones without a point; `"inf"` and `"-inf"`, for which JSON has no number.
pub(crate) fn show_score(score: f64) -> Value {
    if score.fract() == 0.0 && score.abs() < EXACT_BELOW {
        return Value::from(score as i64);
    }
    Number::from_f64(score).map_or_else(|| Value::from(lc_db::float::format(score)), Value::Number)
}

/// A number that a command answered as text.
pub(crate) fn show_number(text: &str) -> Value {
    match text.parse::<i64>() {
        Ok(whole) => Value::from(whole),
        Err(_) => text.parse().map_or_else(|_| Value::from(text), show_score),
    }
}

/// Bytes that a body carries: a string, `{"base64": ...}`, or a number, which stands for its digits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Sent(pub Bytes);

impl<'de> Deserialize<'de> for Sent {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Sent, D::Error> {
        from.deserialize_any(SentVisitor)
    }
}

/// Refuses other JSON at its first character: a tree of it would take many times the body's bytes.
struct SentVisitor;

impl<'de> Visitor<'de> for SentVisitor {
    type Value = Sent;

    fn expecting(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        text.write_str(
            "a string, a number or {\"base64\": \"...\"} (send a JSON document's text as application/octet-stream)",
        )
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Sent, E> {
        Ok(Sent(Bytes::copy_from_slice(text.as_bytes())))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Sent, E> {
        Ok(Sent(text.into()))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Sent, E> {
        Ok(Sent(number.to_string().into()))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Sent, E> {
        Ok(Sent(number.to_string().into()))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Sent, E> {
        Ok(Sent(lc_db::float::format(number).into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Sent, A::Error> {
        let wrong = || de::Error::custom("bytes are {\"base64\": \"...\"}, in the standard alphabet, with padding");
        let bytes = match map.next_key::<String>()?.as_deref() {
            Some("base64") => base64::decode(&map.next_value::<String>()?).ok_or_else(wrong)?,
            _ => return Err(wrong()),
        };
        match map.next_key::<String>()? {
            None => Ok(Sent(bytes.into())),
            Some(_) => Err(wrong()),
        }
    }
}

/// Below this every whole number has a float of its own.
const EXACT_BELOW: f64 = 9_007_199_254_740_992.0;

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::{Value, json};

    use super::{Sent, show, show_named, show_number, show_score};

    fn sent(value: Value) -> Option<Bytes> {
        serde_json::from_value::<Sent>(value).ok().map(|sent| sent.0)
    }

    #[test]
    fn what_is_shown_can_be_sent_back() {
        for bytes in [&b"hello"[..], "\u{e9}\n\0".as_bytes(), b"", b"\xff\x00", b"{}"] {
            assert_eq!(sent(show(bytes)).as_deref(), Some(bytes));
        }
        assert_eq!(show(b"\xff"), json!({ "base64": "/w==" }));
    }

    #[test]
    fn a_number_stands_for_its_digits_and_other_json_is_refused() {
        assert_eq!(sent(json!(42)).as_deref(), Some(&b"42"[..]));
        assert_eq!(sent(json!(1.5)).as_deref(), Some(&b"1.5"[..]));
        for wrong in [json!(null), json!(true), json!([1]), json!({ "a": 1 }), json!({ "base64": "%" }), json!({})] {
            assert_eq!(sent(wrong), None);
        }
    }

    #[test]
    fn names_that_are_no_text_make_a_list_of_pairs() {
        let pair = |name: &'static [u8]| (Bytes::from_static(name), Bytes::from_static(b"v"));
        assert_eq!(show_named(&[pair(b"a")]), json!({ "a": "v" }));
        assert_eq!(show_named(&[pair(b"a"), pair(b"\xff")]), json!([["a", "v"], [{ "base64": "/w==" }, "v"]]));
    }

    #[test]
    fn numbers_keep_their_digits() {
        assert_eq!(show_score(3.0).to_string(), "3");
        assert_eq!(show_score(2.5).to_string(), "2.5");
        assert_eq!(show_score(f64::INFINITY), json!("inf"));
        assert_eq!(show_number("9223372036854775807").to_string(), "9223372036854775807");
        assert_eq!(show_number("0.3").to_string(), "0.3");
    }
}
