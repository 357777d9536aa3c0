//! What counters count in: whole numbers as long as they can, floating point once somebody adds a fraction.

use lc_core::wire::{Malformed, Reader, put_signed};

/// An amount. Sums are formed in a fixed order, so every replica gets the same bits.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Number {
    /// A whole number.
    Int(i64),
    /// A 64-bit float; never NaN in a stored row.
    Float(f64),
}

impl Number {
    /// Nothing yet.
    pub const ZERO: Number = Number::Int(0);

    /// As a float; exact up to 2^53.
    pub fn as_f64(self) -> f64 {
        match self {
            Number::Int(value) => value as f64,
            Number::Float(value) => value,
        }
    }

    /// The sum; whole numbers saturate at 64 bits.
    pub fn plus(self, other: Number) -> Number {
        match (self, other) {
            (Number::Int(a), Number::Int(b)) => Number::Int(a.saturating_add(b)),
            (a, b) => Number::Float(a.as_f64() + b.as_f64()),
        }
    }

    /// The difference; whole numbers saturate at 64 bits.
    pub fn minus(self, other: Number) -> Number {
        match (self, other) {
            (Number::Int(a), Number::Int(b)) => Number::Int(a.saturating_sub(b)),
            (a, b) => Number::Float(a.as_f64() - b.as_f64()),
        }
    }

    /// Reads a whole number as Redis does: no spaces, no sign but `-`, no leading zeros.
    pub fn parse_int(text: &[u8]) -> Option<i64> {
        let digits = text.strip_prefix(b"-").unwrap_or(text);
        let canonical = match digits {
            [] => false,
            [b'0'] => digits.len() == text.len(),
            [first, ..] => *first != b'0' && digits.iter().all(u8::is_ascii_digit),
        };
        if !canonical {
            return None;
        }
        std::str::from_utf8(text).ok()?.parse().ok()
    }

    /// Reads a finite or infinite decimal; not NaN, no spaces.
    pub fn parse_float(text: &[u8]) -> Option<f64> {
        let value: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
        if value.is_nan() { None } else { Some(value) }
    }

    /// A whole number if it is one, else a finite decimal.
    pub fn parse(text: &[u8]) -> Option<Number> {
        if let Some(value) = Number::parse_int(text) {
            return Some(Number::Int(value));
        }
        Number::parse_float(text).filter(|value| value.is_finite()).map(Number::Float)
    }

    /// Appends its bytes.
    pub fn encode(self, out: &mut Vec<u8>) {
        match self {
            Number::Int(value) => {
                out.push(0);
                put_signed(out, value);
            }
            Number::Float(value) => {
                out.push(1);
                out.extend_from_slice(&value.to_bits().to_le_bytes());
            }
        }
    }

    /// Reads what [`Number::encode`] wrote; NaN is refused.
    pub fn decode(reader: &mut Reader) -> Result<Number, Malformed> {
        match reader.byte("number tag")? {
            0 => Ok(Number::Int(reader.signed("number")?)),
            1 => match f64::from_bits(reader.fixed_u64("number")?) {
                value if value.is_nan() => Err(Malformed::OutOfBounds("number")),
                value => Ok(Number::Float(value)),
            },
            _ => Err(Malformed::Unknown("number tag")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Number;

    #[test]
    fn only_canonical_whole_numbers_are_read() {
        for (text, value) in [
            ("0", Some(0)),
            ("-1", Some(-1)),
            ("12", Some(12)),
            ("-0", None),
            ("012", None),
            ("+1", None),
            ("", None),
            ("-", None),
            (" 1", None),
        ] {
            assert_eq!(Number::parse_int(text.as_bytes()), value, "{text:?}");
        }
        assert_eq!(Number::parse_int(b"9223372036854775808"), None);
    }
}
