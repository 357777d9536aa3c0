//! Whole numbers and floats in one order, without turning one into the other.

use std::cmp::Ordering;

use crate::Number;

/// A number as it was written. Floats are finite.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Exact {
    Whole(i128),
    Float(f64),
}

impl From<Number> for Exact {
    fn from(number: Number) -> Exact {
        match number {
            Number::Int(value) => Exact::Whole(value.into()),
            Number::Float(value) => Exact::Float(value),
        }
    }
}

impl From<&serde_json::Number> for Exact {
    fn from(number: &serde_json::Number) -> Exact {
        match number.as_i128() {
            Some(value) => Exact::Whole(value),
            None => Exact::Float(number.as_f64().unwrap_or_default()),
        }
    }
}

impl Exact {
    /// Equal means the same value, so that minus zero is zero and 1.0 is 1.
    pub(crate) fn compare(self, other: Exact) -> Ordering {
        match (self, other) {
            (Exact::Whole(one), Exact::Whole(other)) => one.cmp(&other),
            (Exact::Whole(one), Exact::Float(other)) => against_float(one, other),
            (Exact::Float(one), Exact::Whole(other)) => against_float(other, one).reverse(),
            (Exact::Float(one), Exact::Float(other)) => (one + 0.0).total_cmp(&(other + 0.0)),
        }
    }
}

fn against_float(whole: i128, float: f64) -> Ordering {
    // Whole numbers have at most 64 bits here, so further out the float decides alone.
    if float >= BEYOND {
        return Ordering::Less;
    }
    if float <= -BEYOND {
        return Ordering::Greater;
    }
    // Cutting off the fraction is exact, and the fraction decides only between equals.
    whole.cmp(&(float.trunc() as i128)).then_with(|| 0.0.partial_cmp(&float.fract()).unwrap_or(Ordering::Equal))
}

/// 2^100.
const BEYOND: f64 = (1u128 << 100) as f64;

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use super::Exact;

    #[test]
    fn numbers_that_a_float_cannot_tell_apart_are_told_apart() {
        let (max, near) = (Exact::Whole(i64::MAX.into()), Exact::Float(i64::MAX as f64));
        assert_eq!(max.compare(near), Ordering::Less);
        assert_eq!(near.compare(max), Ordering::Greater);
        let (even, odd) = (Exact::Float((1i64 << 53) as f64), Exact::Whole((1 << 53) + 1));
        assert_eq!(even.compare(odd), Ordering::Less);
    }

    #[test]
    fn fractions_zeros_and_very_large_floats_have_their_place() {
        let ascending = [
            Exact::Float(-1e300),
            Exact::Whole(-2),
            Exact::Float(-1.5),
            Exact::Whole(-1),
            Exact::Float(-0.5),
            Exact::Whole(0),
            Exact::Float(5e-324),
            Exact::Whole(1),
            Exact::Float(1.5),
            Exact::Whole(u64::MAX.into()),
            Exact::Float(1e300),
        ];
        for (at, one) in ascending.iter().enumerate() {
            for (other_at, other) in ascending.iter().enumerate() {
                assert_eq!(one.compare(*other), at.cmp(&other_at), "{one:?} {other:?}");
            }
        }
        assert_eq!(Exact::Float(-0.0).compare(Exact::Whole(0)), Ordering::Equal);
        assert_eq!(Exact::Float(-0.0).compare(Exact::Float(0.0)), Ordering::Equal);
        assert_eq!(Exact::Float(2.0).compare(Exact::Whole(2)), Ordering::Equal);
    }
}
